//! A managed PostgreSQL, started from the programs installed on this machine.

mod error;
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

pub use self::error::ClusterError;
use self::error::io;
use self::supervisor::{START_STOP_TIMEOUT, Supervisor, stop_leftover};
use self::user::User;
use crate::folder::DataFolder;

const SUPERUSER: &str = "scheduler";
/// Ports tried for one start. Another process may take a free port before PostgreSQL binds it.
const MAX_ATTEMPTS: usize = 5;

/// Whether committed data survives a power failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Durability {
    Full,
    Off,
}

/// A running PostgreSQL. It stops when this is dropped and when the process ends, even if it is killed.
/// [`Cluster::stop`] also waits until it has stopped.
pub struct Cluster {
    supervisor: Supervisor,
    port: u16,
    password: String,
    log: PathBuf,
    notices: Vec<String>,
    _folder: DataFolder,
}

impl Cluster {
    /// Starts PostgreSQL with its data in `folder`, which is created if missing. First stops a PostgreSQL
    /// that an earlier process left running on this data.
    pub async fn start(folder: &Path) -> Result<Self, ClusterError> {
        Self::start_with(folder, Durability::Full).await
    }

    /// Like [`Self::start`], but faster: without fsync, so a power failure may destroy the data.
    pub async fn temporary(folder: &Path) -> Result<Self, ClusterError> {
        Self::start_with(folder, Durability::Off).await
    }

    async fn start_with(folder: &Path, durability: Durability) -> Result<Self, ClusterError> {
        let folder = DataFolder::lock(folder)?;
        let user = User::choose()?;
        let home = user.data_home(folder.path())?;
        let data = home.join("data");
        let programs = programs::find(&data)?;
        let password_file = folder.path().join("password");
        if !data.join("PG_VERSION").exists() {
            init_data(&programs, &user, &home, &password_file, durability)?;
        }
        let password = fs::read_to_string(&password_file)
            .map_err(|_| ClusterError::PasswordMissing(password_file.clone()))?;
        stop_leftover(&data).await?;
        let log = folder.path().join("log");
        let mut notices = Vec::new();
        if let User::Other { name, .. } = &user {
            notices.push(format!(
                "PostgreSQL refuses to run as root, so it runs as {name} with its data in {}",
                home.display()
            ));
        }
        let mut attempt = 1;
        loop {
            let port = free_port()?;
            let mut supervisor = launch(&programs, &user, &data, &log, port, durability)?;
            match wait_until_ready(&mut supervisor, &options(port, &password, "postgres")).await {
                Ok(()) => return Ok(Self { supervisor, port, password, log, notices, _folder: folder }),
                Err(_) if attempt < MAX_ATTEMPTS && read_log(&log).contains("could not bind") => attempt += 1,
                Err(why) => return Err(ClusterError::NotStarted(format!("{why}\n{}", read_log(&log)))),
            }
        }
    }

    /// Connection URL of a database of this cluster, with the password.
    pub fn url(&self, database: &str) -> String {
        let Self { port, password, .. } = self;
        format!("postgres://{SUPERUSER}:{password}@127.0.0.1:{port}/{database}?sslmode=disable")
    }

    /// The port that PostgreSQL listens on, on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Creates a database if it does not exist.
    pub async fn create_database(&self, name: &str) -> Result<(), ClusterError> {
        let mut connection = options(self.port, &self.password, "postgres").connect().await?;
        let exists: bool = sqlx::query_scalar("select exists (select from pg_database where datname = $1)")
            .bind(name)
            .fetch_one(&mut connection)
            .await?;
        if !exists {
            let quoted = name.replace('"', "\"\"");
            connection.execute(sqlx::raw_sql(&format!("create database \"{quoted}\""))).await?;
        }
        Ok(connection.close().await?)
    }

    /// PostgreSQL's log since this start.
    pub fn log(&self) -> String {
        read_log(&self.log)
    }

    /// Sentences for the operator, such as about the user that PostgreSQL runs as.
    pub fn notices(&self) -> &[String] {
        &self.notices
    }

    /// Stops PostgreSQL with a fast shutdown, which closes open connections and writes all data. Fails
    /// with [`ClusterError::StillRunning`] after a minute; the shutdown then continues in the background.
    pub async fn stop(self) -> Result<(), ClusterError> {
        self.supervisor.stop().await
    }
}

fn init_data(
    programs: &Path,
    user: &User,
    home: &Path,
    password_file: &Path,
    durability: Durability,
) -> Result<(), ClusterError> {
    // Renamed only when complete, so that an interrupted `initdb` leaves no data folder.
    let unfinished = home.join("data.making");
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished).map_err(|source| io(&unfinished, source))?;
    }
    let password = Uuid::new_v4().simple().to_string();
    write_secret(password_file, &password)?;
    let password_copy = home.join("password.handed");
    write_secret(&password_copy, &password)?;
    user.make_owner_of(&password_copy)?;
    let mut initdb = user.command(programs.join("initdb").as_os_str());
    initdb.arg("--pgdata").arg(&unfinished).arg("--pwfile").arg(&password_copy);
    initdb.args(["--username", SUPERUSER, "--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C"]);
    if durability == Durability::Off {
        initdb.arg("--no-sync");
    }
    let output = initdb.current_dir(home).output().map_err(|source| io("initdb", source));
    fs::remove_file(&password_copy).map_err(|source| io(&password_copy, source))?;
    let output = output?;
    if !output.status.success() {
        return Err(ClusterError::Initdb(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    let data = home.join("data");
    fs::rename(&unfinished, &data).map_err(|source| io(&data, source))
}

fn launch(
    programs: &Path,
    user: &User,
    data: &Path,
    log: &Path,
    port: u16,
    durability: Durability,
) -> Result<Supervisor, ClusterError> {
    // Keep the previous run's log until the next start.
    if log.exists() {
        fs::rename(log, log.with_extension("former")).map_err(|source| io(log, source))?;
    }
    let opened = OpenOptions::new().create(true).append(true).mode(0o600).open(log);
    let opened: File = opened.map_err(|source| io(log, source))?;
    let mut command_line: Vec<OsString> = user.command_prefix().into_iter().map(OsString::from).collect();
    command_line.extend([programs.join("postgres").into(), "-D".into(), data.into()]);
    let port = format!("port={port}");
    let mut settings = vec![
        port.as_str(),
        "listen_addresses=127.0.0.1",
        // No Unix socket: macOS limits its path to 103 bytes, and clients use TCP.
        "unix_socket_directories=",
        "max_connections=200",
        // Error details and statements contain patients' names and phones.
        "log_error_verbosity=terse",
        "log_min_error_statement=panic",
    ];
    if durability == Durability::Off {
        settings.extend(["fsync=off", "synchronous_commit=off", "full_page_writes=off"]);
    }
    command_line.extend(settings.iter().flat_map(|setting| [OsString::from("-c"), OsString::from(setting)]));
    Supervisor::start(&command_line, data, &opened)
}

async fn wait_until_ready(supervisor: &mut Supervisor, options: &PgConnectOptions) -> Result<(), String> {
    let deadline = Instant::now() + START_STOP_TIMEOUT;
    let mut attempts = interval(Duration::from_millis(25));
    attempts.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        attempts.tick().await;
        if let Ok(Ok(connection)) = timeout(Duration::from_secs(5), options.connect()).await {
            return connection.close().await.map_err(|error| error.to_string());
        }
        if let Some(status) = supervisor.exit_status() {
            return Err(format!("the process ended with {status}"));
        }
        if Instant::now() > deadline {
            return Err("it accepted no connection within a minute".to_owned());
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

fn read_log(log: &Path) -> String {
    fs::read(log).map(|log| String::from_utf8_lossy(&log).into_owned()).unwrap_or_default()
}

fn write_secret(path: &Path, secret: &str) -> Result<(), ClusterError> {
    let opened = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(path);
    opened.and_then(|mut file| file.write_all(secret.as_bytes())).map_err(|source| io(path, source))
}
