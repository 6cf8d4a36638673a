//! As whom PostgreSQL runs: it refuses to run as root.

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{ClusterError, io};

/// Names, in this folder, the one under `/var/tmp` that holds the data instead.
const ELSEWHERE: &str = "elsewhere";

/// Whose PostgreSQL it is.
#[derive(Debug, Clone)]
pub(super) enum User {
    /// Ours.
    Same,
    /// Root's, who looks like this user from within a namespace: files stay root's.
    Seeming(u32),
    /// Another user's, who cannot enter root's folders.
    Other { name: String, uid: u32, gid: u32 },
}

impl User {
    /// Ours unless we are root.
    pub(super) fn find() -> Result<Self, ClusterError> {
        let id = Command::new("id").arg("-u").output().map_err(|source| io("id", source))?;
        if String::from_utf8_lossy(&id.stdout).trim() != "0" {
            return Ok(Self::Same);
        }
        // `initdb` looks its user up, so it must be one that exists.
        let users = fs::read_to_string("/etc/passwd").map_err(|source| io("/etc/passwd", source))?;
        let users: Vec<Self> = users.lines().filter_map(read_user).collect();
        let is = |name: &'static str| move |user: &&Self| matches!(user, Self::Other { name: its, .. } if its == name);
        let chosen = users.iter().find(is("postgres")).or_else(|| users.iter().find(is("nobody")));
        let Some(other @ Self::Other { uid, .. }) = chosen.or_else(|| users.first()) else {
            return Err(ClusterError::Root);
        };
        let seeming = Self::Seeming(*uid);
        let can = |user: &Self| {
            let mut probe = user.command(OsStr::new("true"));
            probe.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            probe.status().is_ok_and(|status| status.success())
        };
        [&seeming, other].into_iter().find(|user| can(user)).cloned().ok_or(ClusterError::Root)
    }

    /// A command that runs `program` as this user, in the process it is started in.
    pub(super) fn command(&self, program: &OsStr) -> Command {
        let words = self.words();
        match words.split_first() {
            None => Command::new(program),
            Some((first, rest)) => {
                let mut command = Command::new(first);
                command.args(rest).arg(program);
                command
            }
        }
    }

    /// What stands in front of a command line.
    pub(super) fn words(&self) -> Vec<String> {
        match self {
            Self::Same => Vec::new(),
            Self::Seeming(uid) => {
                vec!["unshare".into(), "--user".into(), format!("--map-user={uid}"), "--".into()]
            }
            Self::Other { uid, gid, .. } => vec![
                "setpriv".into(),
                format!("--reuid={uid}"),
                format!("--regid={gid}"),
                "--clear-groups".into(),
                "--".into(),
            ],
        }
    }

    /// Where this user can keep what belongs into `folder`.
    pub(super) fn home(&self, folder: &Path) -> Result<PathBuf, ClusterError> {
        let Self::Other { uid, .. } = self else {
            return Ok(folder.to_owned());
        };
        let note = folder.join(ELSEWHERE);
        if let Ok(noted) = fs::read_to_string(&note) {
            let home = PathBuf::from(noted.trim());
            // A folder that somebody else has put there is not taken.
            if fs::symlink_metadata(&home).is_ok_and(|found| found.is_dir() && found.uid() == *uid) {
                return Ok(home);
            }
        }
        let made = tempfile::Builder::new()
            .prefix("scheduler-local-")
            .permissions(Permissions::from_mode(0o700))
            .tempdir_in("/var/tmp")
            .map_err(|source| io("/var/tmp", source))?;
        self.give(made.path())?;
        let home = made.keep();
        fs::write(&note, home.as_os_str().as_encoded_bytes()).map_err(|source| io(&note, source))?;
        Ok(home)
    }

    /// Gives a file to this user.
    pub(super) fn give(&self, path: &Path) -> Result<(), ClusterError> {
        match self {
            Self::Other { uid, gid, .. } => {
                chown(path, Some(*uid), Some(*gid)).map_err(|source| io(path, source))
            }
            Self::Same | Self::Seeming(_) => Ok(()),
        }
    }
}

/// `name:x:uid:gid:…`, unless it is root.
fn read_user(line: &str) -> Option<User> {
    let mut fields = line.split(':');
    let name = fields.next()?.to_owned();
    let uid = fields.nth(1)?.parse().ok().filter(|uid| *uid != 0)?;
    let gid = fields.next()?.parse().ok()?;
    Some(User::Other { name, uid, gid })
}
