//! Runs PostgreSQL so that it stops when this process ends, even if it is killed.

use std::ffi::OsString;
use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};

use super::error::{ClusterError, io};

/// Limit for a start and for a stop. A fast shutdown writes a checkpoint, which may take seconds on a
/// slow disk.
pub(super) const START_STOP_TIMEOUT: Duration = Duration::from_secs(60);
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Starts PostgreSQL and sends it SIGINT, a fast shutdown, when standard input ends.
///
/// Standard input is a pipe that only this process holds open. The kernel closes it however the process
/// ends, on Linux and macOS. The shell's builtin `read` waits for that, because an external program could
/// outlive the shell. See docs/adr/0005-supervise-the-local-postgresql-with-a-shell-script.md.
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
# A signal ends the wait while PostgreSQL still runs: wait again.
while kill -0 $postmaster 2>/dev/null; do wait $postmaster; status=$?; done
kill $watcher 2>/dev/null
exit $status
"#;

/// The shell that runs [`SCRIPT`].
pub(super) struct Supervisor {
    shell: Child,
}

impl Supervisor {
    /// Starts PostgreSQL with this command line, in a separate process group. A terminal's Ctrl-C then does
    /// not reach PostgreSQL, and running requests can finish.
    pub(super) fn start(command_line: &[OsString], folder: &Path, log: &File) -> Result<Self, ClusterError> {
        let log = || log.try_clone().map_err(|source| io(folder, source));
        let shell = Command::new("sh")
            .args(["-c", SCRIPT, "sh"])
            .args(command_line)
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(log()?)
            .stderr(log()?)
            .process_group(0)
            .spawn()
            .map_err(|source| io("sh", source))?;
        Ok(Self { shell })
    }

    /// PostgreSQL's exit status, or `None` while it runs.
    pub(super) fn exit_status(&mut self) -> Option<ExitStatus> {
        self.shell.try_wait().ok().flatten()
    }

    /// Closes the pipe and waits until PostgreSQL has stopped.
    pub(super) async fn stop(mut self) -> Result<(), ClusterError> {
        drop(self.shell.stdin.take());
        if poll_until(|| self.exit_status().is_some()).await {
            Ok(())
        } else {
            Err(ClusterError::StillRunning)
        }
    }
}

/// Stops a PostgreSQL that an earlier process left running on this data, and waits for its end.
pub(super) async fn stop_leftover(data: &Path) -> Result<(), ClusterError> {
    let Some(pid) = running_pid(data) else { return Ok(()) };
    // Safe, because this process holds the folder's lock: no other server uses that PostgreSQL.
    let sent = Command::new("kill").args(["-INT", &pid]).status();
    sent.map_err(|source| io("kill", source))?;
    if poll_until(|| running_pid(data).is_none()).await { Ok(()) } else { Err(ClusterError::StillRunning) }
}

/// Id of the process that runs on this data. After a reboot, the id in the pid file may belong to any
/// process, so its command line must contain the data folder.
fn running_pid(data: &Path) -> Option<String> {
    let pid_file = fs::read_to_string(data.join("postmaster.pid")).ok()?;
    let pid = pid_file.lines().next()?.trim().to_owned();
    pid.parse::<u32>().ok()?;
    let command_line = match fs::read(PathBuf::from("/proc").join(&pid).join("cmdline")) {
        Ok(command_line) => command_line,
        Err(_) if Path::new("/proc/self").exists() => return None,
        Err(_) => Command::new("ps").args(["-ww", "-o", "args=", "-p", &pid]).output().ok()?.stdout,
    };
    let data = data.as_os_str().as_encoded_bytes();
    command_line.windows(data.len()).any(|part| part == data).then_some(pid)
}

async fn poll_until(mut condition: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + START_STOP_TIMEOUT;
    let mut polls = interval(POLL_INTERVAL);
    polls.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while !condition() {
        if Instant::now() > deadline {
            return false;
        }
        polls.tick().await;
    }
    true
}
