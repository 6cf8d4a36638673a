//! Why the managed PostgreSQL does not run.

use std::path::{Path, PathBuf};

use crate::folder::FolderError;

/// The texts are printed to the operator unchanged.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// No `initdb` and `postgres` were found.
    #[error(
        "PostgreSQL is not installed. On Debian or Ubuntu: apt install postgresql. On Fedora: dnf install \
         postgresql-server postgresql-contrib. On macOS: brew install postgresql@17. Or set DATABASE_URL to \
         a PostgreSQL that already runs."
    )]
    NotInstalled,
    /// The data folder was made by a major version that is not installed.
    #[error(
        "{} was made by PostgreSQL {data_version}, which is not installed: install it, or remove that folder \
         to start with an empty database", data.display()
    )]
    OtherVersion {
        /// The data folder.
        data: PathBuf,
        /// The major version, such as `17`.
        data_version: String,
    },
    /// The process is root, and the machine has no other user.
    #[error(
        "PostgreSQL refuses to run as root, and /etc/passwd lists no other user that it could run as: create one \
         (useradd --system postgres), run this as another user, or set DATABASE_URL"
    )]
    NoOtherUser,
    /// The process is root and cannot switch to another user.
    #[error(
        "PostgreSQL refuses to run as root, and neither unshare nor setpriv works here: run this as another \
         user, or set DATABASE_URL"
    )]
    Root,
    /// The folder could not be locked.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The data exists, but the file with its password does not.
    #[error("{} is missing: restore it, or remove its folder to start with an empty database", .0.display())]
    PasswordMissing(PathBuf),
    /// `initdb` failed; its error output.
    #[error("PostgreSQL could not create its data:\n{0}")]
    Initdb(String),
    /// PostgreSQL exited or accepted no connection in time; the reason and its log.
    #[error("PostgreSQL did not start:\n{0}")]
    NotStarted(String),
    /// PostgreSQL did not stop in time.
    #[error("PostgreSQL is still shutting down after a minute")]
    StillRunning,
    /// A file, program or address could not be used.
    #[error("cannot use {}: {source}", path.display())]
    Io {
        /// The file, program or address.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// A database could not be looked up or created.
    #[error("could not create a database in PostgreSQL: {0}")]
    CreateDatabase(#[from] sqlx::Error),
}

pub(super) fn io(path: impl AsRef<Path>, source: std::io::Error) -> ClusterError {
    ClusterError::Io { path: path.as_ref().to_owned(), source }
}
