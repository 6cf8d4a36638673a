//! A PostgreSQL of one's own, from the programs this machine has.

mod programs;
mod supervisor;
mod user;

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgSslMode};
use sqlx::{ConnectOptions, Connection, Executor};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use uuid::Uuid;

use self::supervisor::{PATIENCE, Supervisor, wait_for_former};
use self::user::User;
use crate::folder::{DataFolder, FolderError};

const SUPERUSER: &str = "scheduler";
/// Between looking for a free port and PostgreSQL's taking it, somebody else may.
const PORTS_TRIED: usize = 5;

/// Why there is no PostgreSQL. Each text is for the operator, as it stands.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// None of its programs is here.
    #[error(
        "PostgreSQL is not installed. On Debian or Ubuntu: apt install postgresql. On Fedora: dnf install \
         postgresql-server postgresql-contrib. On macOS: brew install postgresql@17. Or set DATABASE_URL to one \
         that runs elsewhere."
    )]
    NotInstalled,
    /// The data needs programs of another version.
    #[error(
        "{} was made by PostgreSQL {made_by}, which is not installed: install it, or remove that folder \
         to begin anew", data.display()
    )]
    OtherVersion {
        /// The data.
        data: PathBuf,
        /// A major version.
        made_by: String,
    },
    /// We are root and can become nobody else.
    #[error(
        "PostgreSQL refuses to run as root, and neither unshare nor setpriv works here: run this as another \
         user, or set DATABASE_URL"
    )]
    Root,
    /// The folder cannot be had.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The password of data that is there is gone.
    #[error("{} is missing: put it back, or remove its folder to begin anew", .0.display())]
    PasswordMissing(PathBuf),
    /// `initdb` failed.
    #[error("PostgreSQL's data could not be made:\n{0}")]
    Initdb(String),
    /// It ended, or did not answer in time.
    #[error("PostgreSQL did not start:\n{0}")]
    NotStarted(String),
    /// It did not end in time.
    #[error("PostgreSQL is still shutting down")]
    StillRunning,
    /// The machine refused.
    #[error("cannot use {}: {source}", path.display())]
    Io {
        /// What could not be used.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A statement of the setup failed.
    #[error("PostgreSQL refused: {0}")]
    Refused(#[from] sqlx::Error),
}

/// How much is done against a loss of power.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Durability {
    Kept,
    Thrown,
}

/// A running PostgreSQL. It ends when this is dropped, and when the process dies in whatever way;
/// [`Cluster::stop`] also waits for that.
pub struct Cluster {
    supervisor: Supervisor,
    port: u16,
    password: String,
    log: PathBuf,
    notices: Vec<String>,
    _folder: DataFolder,
}

impl Cluster {
    /// Starts a PostgreSQL whose data is kept in `folder`, made if it is not there. Waits for a
    /// former one of this folder that is shutting down still.
    pub async fn start(folder: &Path) -> Result<Self, ClusterError> {
        Self::run(folder, Durability::Kept).await
    }

    /// The same for data that need not survive the machine: quicker, as nothing is flushed.
    pub async fn temporary(folder: &Path) -> Result<Self, ClusterError> {
        Self::run(folder, Durability::Thrown).await
    }

    async fn run(folder: &Path, durability: Durability) -> Result<Self, ClusterError> {
        let folder = DataFolder::take(folder)?;
        let user = User::find()?;
        let home = user.home(folder.path())?;
        let data = home.join("data");
        let programs = programs::find(&data)?;
        let password_file = folder.path().join("password");
        if !data.join("PG_VERSION").exists() {
            init(&programs, &user, &home, &password_file, durability)?;
        }
        let password = fs::read_to_string(&password_file)
            .map_err(|_| ClusterError::PasswordMissing(password_file.clone()))?;
        wait_for_former(&data).await?;
        let log = folder.path().join("log");
        let mut notices = Vec::new();
        if let User::Other { name, .. } = &user {
            notices.push(format!(
                "PostgreSQL refuses to run as root: it runs as {name}, with its data in {}",
                home.display()
            ));
        }
        let mut tried = 1;
        loop {
            let port = free_port()?;
            let mut supervisor = launch(&programs, &user, &data, &log, port, durability)?;
            match until_ready(&mut supervisor, &options(port, &password, "postgres")).await {
                Ok(()) => return Ok(Self { supervisor, port, password, log, notices, _folder: folder }),
                Err(_) if tried < PORTS_TRIED && said(&log).contains("could not bind") => tried += 1,
                Err(why) => return Err(ClusterError::NotStarted(format!("{why}\n{}", said(&log)))),
            }
        }
    }

    /// The address of a database of this cluster, password included.
    pub fn url(&self, database: &str) -> String {
        let Self { port, password, .. } = self;
        format!("postgres://{SUPERUSER}:{password}@127.0.0.1:{port}/{database}?sslmode=disable")
    }

    /// The port of 127.0.0.1 where it answers.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Makes a database unless it is there.
    pub async fn make_database(&self, name: &str) -> Result<(), ClusterError> {
        let mut connection = options(self.port, &self.password, "postgres").connect().await?;
        let there: bool = sqlx::query_scalar("select exists (select from pg_database where datname = $1)")
            .bind(name)
            .fetch_one(&mut connection)
            .await?;
        if !there {
            let quoted = name.replace('"', "\"\"");
            connection.execute(sqlx::raw_sql(&format!("create database \"{quoted}\""))).await?;
        }
        Ok(connection.close().await?)
    }

    /// What PostgreSQL has written since this start: tests look for deadlocks here.
    pub fn log(&self) -> String {
        said(&self.log)
    }

    /// What the operator should know.
    pub fn notices(&self) -> &[String] {
        &self.notices
    }

    /// Ends it: open connections are closed, everything is written. An error means that it is still
    /// at it after a minute; it ends by itself then.
    pub async fn stop(self) -> Result<(), ClusterError> {
        self.supervisor.stop().await
    }
}

fn init(
    programs: &Path,
    user: &User,
    home: &Path,
    password_file: &Path,
    durability: Durability,
) -> Result<(), ClusterError> {
    // A half-made folder is never taken for data: it gets its name last.
    let making = home.join("data.making");
    if making.exists() {
        fs::remove_dir_all(&making).map_err(|source| io(&making, source))?;
    }
    let password = Uuid::new_v4().simple().to_string();
    write_secret(password_file, &password)?;
    let handed = home.join("password.handed");
    write_secret(&handed, &password)?;
    user.give(&handed)?;
    let mut initdb = user.command(programs.join("initdb").as_os_str());
    initdb.arg("--pgdata").arg(&making).arg("--pwfile").arg(&handed);
    initdb.args(["--username", SUPERUSER, "--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C"]);
    if durability == Durability::Thrown {
        initdb.arg("--no-sync");
    }
    let output = initdb.current_dir(home).output().map_err(|source| io("initdb", source));
    fs::remove_file(&handed).map_err(|source| io(&handed, source))?;
    let output = output?;
    if !output.status.success() {
        return Err(ClusterError::Initdb(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    let data = home.join("data");
    fs::rename(&making, &data).map_err(|source| io(&data, source))
}

fn launch(
    programs: &Path,
    user: &User,
    data: &Path,
    log: &Path,
    port: u16,
    durability: Durability,
) -> Result<Supervisor, ClusterError> {
    // The former run's log stays readable for one start.
    if log.exists() {
        fs::rename(log, log.with_extension("former")).map_err(|source| io(log, source))?;
    }
    let opened = OpenOptions::new().create(true).append(true).mode(0o600).open(log);
    let opened: File = opened.map_err(|source| io(log, source))?;
    let mut line: Vec<OsString> = user.words().into_iter().map(OsString::from).collect();
    line.extend([programs.join("postgres").into(), "-D".into(), data.into()]);
    let port = format!("port={port}");
    let mut settings = vec![
        port.as_str(),
        "listen_addresses=127.0.0.1",
        // A socket's path may have 103 bytes at most on macOS; nobody needs one.
        "unix_socket_directories=",
        "max_connections=200",
        // Details and statements carry patients' names and phones.
        "log_error_verbosity=terse",
        "log_min_error_statement=panic",
    ];
    if durability == Durability::Thrown {
        settings.extend(["fsync=off", "synchronous_commit=off", "full_page_writes=off"]);
    }
    line.extend(settings.iter().flat_map(|setting| [OsString::from("-c"), OsString::from(setting)]));
    Supervisor::start(&line, data, &opened)
}

async fn until_ready(supervisor: &mut Supervisor, options: &PgConnectOptions) -> Result<(), String> {
    let deadline = Instant::now() + PATIENCE;
    let mut attempts = interval(Duration::from_millis(25));
    attempts.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        attempts.tick().await;
        if let Ok(Ok(connection)) = timeout(Duration::from_secs(5), options.connect()).await {
            return connection.close().await.map_err(|error| error.to_string());
        }
        if let Some(status) = supervisor.ended() {
            return Err(format!("it ended with {status}"));
        }
        if Instant::now() > deadline {
            return Err("it does not answer".to_owned());
        }
    }
}

fn options(port: u16, password: &str, database: &str) -> PgConnectOptions {
    PgConnectOptions::new_without_pgpass()
        .host("127.0.0.1")
        .port(port)
        .username(SUPERUSER)
        .password(password)
        .database(database)
        .ssl_mode(PgSslMode::Disable)
        .disable_statement_logging()
}

fn free_port() -> Result<u16, ClusterError> {
    let found = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    found.map(|address| address.port()).map_err(|source| io("127.0.0.1", source))
}

fn said(log: &Path) -> String {
    fs::read(log).map(|log| String::from_utf8_lossy(&log).into_owned()).unwrap_or_default()
}

fn write_secret(path: &Path, secret: &str) -> Result<(), ClusterError> {
    let opened = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(path);
    opened.and_then(|mut file| file.write_all(secret.as_bytes())).map_err(|source| io(path, source))
}

fn io(path: impl AsRef<Path>, source: std::io::Error) -> ClusterError {
    ClusterError::Io { path: path.as_ref().to_owned(), source }
}
