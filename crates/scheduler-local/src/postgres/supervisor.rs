//! Runs PostgreSQL so that it ends with us, however we end.

use std::ffi::OsString;
use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};

use super::{ClusterError, io};

/// A fast shutdown writes a checkpoint, which takes seconds on a slow disk at worst.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);
const GLANCE: Duration = Duration::from_millis(20);

/// Its standard input is a pipe that we alone hold open: when that ends, PostgreSQL gets SIGINT, a
/// fast shutdown. This needs neither our cooperation nor Linux, so it holds for `kill -9` and on
/// macOS. The shell's own `read` does the waiting: no helper can be left over.
const SCRIPT: &str = r#"
exec 3<&0
"$@" </dev/null 3<&- &
postmaster=$!
trap 'kill -INT $postmaster' HUP INT TERM
(trap - HUP INT TERM; while read -r _; do :; done; kill -INT $postmaster) <&3 2>/dev/null &
watcher=$!
exec 3<&-
wait $postmaster
status=$?
# A signal ends the waiting, not PostgreSQL.
while kill -0 $postmaster 2>/dev/null; do wait $postmaster; status=$?; done
kill $watcher 2>/dev/null
exit $status
"#;

/// The shell between us and PostgreSQL.
pub(super) struct Supervisor {
    shell: Child,
}

impl Supervisor {
    /// Starts this command line in a process group of its own, so that a terminal's Ctrl-C reaches
    /// us first and requests can be finished.
    pub(super) fn start(line: &[OsString], folder: &Path, log: &File) -> Result<Self, ClusterError> {
        let log = || log.try_clone().map_err(|source| io(folder, source));
        let shell = Command::new("sh")
            .args(["-c", SCRIPT, "sh"])
            .args(line)
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(log()?)
            .stderr(log()?)
            .process_group(0)
            .spawn()
            .map_err(|source| io("sh", source))?;
        Ok(Self { shell })
    }

    /// How PostgreSQL ended, if it has.
    pub(super) fn ended(&mut self) -> Option<ExitStatus> {
        self.shell.try_wait().ok().flatten()
    }

    /// Lets go of the pipe and waits for PostgreSQL to end.
    pub(super) async fn stop(mut self) -> Result<(), ClusterError> {
        drop(self.shell.stdin.take());
        if glance_until(|| self.ended().is_some()).await { Ok(()) } else { Err(ClusterError::StillRunning) }
    }
}

/// Waits for a PostgreSQL of a server that died to end; one whose supervisor died too is ended.
pub(super) async fn wait_for_former(data: &Path) -> Result<(), ClusterError> {
    let Some(pid) = running(data) else { return Ok(()) };
    // Nobody else can be using it: the folder is ours.
    let told = Command::new("kill").args(["-INT", &pid]).status();
    told.map_err(|source| io("kill", source))?;
    if glance_until(|| running(data).is_none()).await { Ok(()) } else { Err(ClusterError::StillRunning) }
}

/// The process that has this data open. The pid file alone does not say: after a crash of the
/// machine its number may be anybody's.
fn running(data: &Path) -> Option<String> {
    let noted = fs::read_to_string(data.join("postmaster.pid")).ok()?;
    let pid = noted.lines().next()?.trim().to_owned();
    pid.parse::<u32>().ok()?;
    let line = match fs::read(PathBuf::from("/proc").join(&pid).join("cmdline")) {
        Ok(line) => line,
        Err(_) if Path::new("/proc/self").exists() => return None,
        Err(_) => Command::new("ps").args(["-ww", "-o", "args=", "-p", &pid]).output().ok()?.stdout,
    };
    let data = data.as_os_str().as_encoded_bytes();
    line.windows(data.len()).any(|part| part == data).then_some(pid)
}

async fn glance_until(mut holds: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + PATIENCE;
    let mut glances = interval(GLANCE);
    glances.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while !holds() {
        if Instant::now() > deadline {
            return false;
        }
        glances.tick().await;
    }
    true
}
