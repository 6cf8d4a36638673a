//! Chooses the user that PostgreSQL runs as, because it refuses to run as root.

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::error::{ClusterError, io};

/// Name of the file that stores the path of the data's folder under `/var/tmp`. The file is in the folder
/// given to [`User::data_home`].
const DATA_HOME_FILE: &str = "elsewhere";

/// The user that PostgreSQL runs as.
#[derive(Debug, Clone)]
pub(super) enum User {
    /// The current user, who is not root.
    Current,
    /// Root, mapped to this user id in a user namespace. Files belong to root.
    Mapped(u32),
    /// Another user, who cannot enter root's folders.
    Other { name: String, uid: u32, gid: u32 },
}

impl User {
    /// The current user, unless that is root. For root: another user's id in a user namespace, or that
    /// user itself where user namespaces are forbidden.
    pub(super) fn choose() -> Result<Self, ClusterError> {
        let id = Command::new("id").arg("-u").output().map_err(|source| io("id", source))?;
        if String::from_utf8_lossy(&id.stdout).trim() != "0" {
            return Ok(Self::Current);
        }
        // `initdb` looks up its user's name, so the user must exist.
        let users = fs::read_to_string("/etc/passwd").map_err(|source| io("/etc/passwd", source))?;
        Self::choose_among(&users, |user| {
            let mut probe = user.command(OsStr::new("true"));
            probe.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            probe.status().is_ok_and(|status| status.success())
        })
    }

    /// The user for root: `users` is the content of `/etc/passwd`, and `works` tries to run a program.
    fn choose_among(users: &str, works: impl Fn(&Self) -> bool) -> Result<Self, ClusterError> {
        let users: Vec<Self> = users.lines().filter_map(read_user).collect();
        let named = |wanted: &str| users.iter().find(|user| is_named(user, wanted));
        let chosen = named("postgres").or_else(|| named("nobody"));
        let Some(other @ Self::Other { uid, .. }) = chosen.or_else(|| users.first()) else {
            return Err(ClusterError::NoOtherUser);
        };
        let mapped = Self::Mapped(*uid);
        [&mapped, other].into_iter().find(|user| works(user)).cloned().ok_or(ClusterError::Root)
    }

    /// A command that runs `program` as this user. The program replaces `unshare` or `setpriv`, so it has
    /// the process id of the started command.
    pub(super) fn command(&self, program: &OsStr) -> Command {
        let prefix = self.command_prefix();
        match prefix.split_first() {
            None => Command::new(program),
            Some((first, rest)) => {
                let mut command = Command::new(first);
                command.args(rest).arg(program);
                command
            }
        }
    }

    /// Words to put before a command line so that it runs as this user.
    pub(super) fn command_prefix(&self) -> Vec<String> {
        match self {
            Self::Current => Vec::new(),
            Self::Mapped(uid) => {
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

    /// A folder for PostgreSQL's data that this user can enter. For [`User::Other`], it is a folder under
    /// `/var/tmp`, created once, and `folder` stores its path. For every other user, it is `folder`.
    pub(super) fn data_home(&self, folder: &Path) -> Result<PathBuf, ClusterError> {
        let Self::Other { uid, .. } = self else {
            return Ok(folder.to_owned());
        };
        let note = folder.join(DATA_HOME_FILE);
        if let Ok(written) = fs::read_to_string(&note) {
            let home = PathBuf::from(written.trim());
            // Everybody may create folders in /var/tmp: use it only if it belongs to this user.
            if fs::symlink_metadata(&home).is_ok_and(|found| found.is_dir() && found.uid() == *uid) {
                return Ok(home);
            }
        }
        let made = tempfile::Builder::new()
            .prefix("scheduler-local-")
            .permissions(Permissions::from_mode(0o700))
            .tempdir_in("/var/tmp")
            .map_err(|source| io("/var/tmp", source))?;
        self.make_owner_of(made.path())?;
        let home = made.keep();
        fs::write(&note, home.as_os_str().as_encoded_bytes()).map_err(|source| io(&note, source))?;
        Ok(home)
    }

    /// Makes this user the owner of a file or folder.
    pub(super) fn make_owner_of(&self, path: &Path) -> Result<(), ClusterError> {
        match self {
            Self::Other { uid, gid, .. } => {
                chown(path, Some(*uid), Some(*gid)).map_err(|source| io(path, source))
            }
            Self::Current | Self::Mapped(_) => Ok(()),
        }
    }
}

fn is_named(user: &User, wanted: &str) -> bool {
    matches!(user, User::Other { name, .. } if name == wanted)
}

/// Parses a line `name:x:uid:gid:…` of `/etc/passwd`; `None` for root.
fn read_user(line: &str) -> Option<User> {
    let mut fields = line.split(':');
    let name = fields.next()?.to_owned();
    let uid = fields.nth(1)?.parse().ok().filter(|uid| *uid != 0)?;
    let gid = fields.next()?.parse().ok()?;
    Some(User::Other { name, uid, gid })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &str = "root:x:0:0:root:/root:/bin/bash\n";

    #[test]
    fn root_takes_the_first_user_that_works_and_says_why_there_is_none() {
        let machine = format!("{ROOT}daemon:x:1:1::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n");
        let mapped = User::choose_among(&machine, |_| true).unwrap();
        assert!(matches!(mapped, User::Mapped(65534)), "{mapped:?}");
        let other = User::choose_among(&machine, |user| matches!(user, User::Other { .. })).unwrap();
        assert!(matches!(&other, User::Other { name, uid: 65534, .. } if name == "nobody"), "{other:?}");
        let tools = User::choose_among(&machine, |_| false).unwrap_err();
        assert!(tools.to_string().contains("neither unshare nor setpriv works"), "{tools}");
        let alone = User::choose_among(ROOT, |_| true).unwrap_err();
        assert!(alone.to_string().contains("/etc/passwd lists no other user"), "{alone}");
    }
}
