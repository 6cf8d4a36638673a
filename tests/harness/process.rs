//! The real local server as a process of its own, which a test may kill and start again while its
//! stores live on.

use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use serde_json::Value;

/// Settings that must not reach the server from the outside.
const SETTINGS: [&str; 23] = [
    "DATABASE_URL",
    "RDS_HOST",
    "RDS_PORT",
    "RDS_DATABASE",
    "RDS_USERNAME",
    "RDS_PASSWORD",
    "RDS_SSL_MODE",
    "AWS_ENDPOINT_URL_DYNAMODB",
    "AWS_ENDPOINT_URL",
    "ZAPI_BASE_URL",
    "ZAPI_CLIENT_TOKEN",
    "ALLOWED_PHONES",
    "WEBHOOK_TOKEN",
    "SCHEDULER_API_KEY",
    "SCHEDULER_END_AT",
    "CONVERSATION_SESSIONS_TABLE",
    "MESSAGE_EVENTS_TABLE",
    "SCHEDULED_REMINDERS_TABLE",
    "GOOGLE_SHEETS_SERVICE_ACCOUNT",
    "GOOGLE_SHEETS_BASE_URL",
    "PORT",
    "STAGE",
    "LOCAL_JOBS",
];

/// A running server.
pub struct Process {
    child: Child,
    base: String,
    log: PathBuf,
}

impl Process {
    /// Starts it in a folder of its own and waits until it is healthy. Panics with its log if that
    /// takes over a minute.
    pub async fn start(folder: &Path, settings: &[(&str, String)]) -> Self {
        Self::start_by(&[program().as_os_str()], folder, settings).await
    }

    /// The same by another command line, such as one that becomes another user first.
    pub async fn start_by(line: &[&OsStr], folder: &Path, settings: &[(&str, String)]) -> Self {
        let port = free_port();
        let log = folder.join("log");
        let child = command(line, folder, &log)
            .envs(settings.iter().map(|(name, value)| (*name, value)))
            .env("PORT", port.to_string())
            .env("DYNAMODB_PORT", free_port().to_string())
            .spawn()
            .expect("the server starts");
        let mut process = Self { child, base: format!("http://127.0.0.1:{port}"), log };
        process.until_healthy(Duration::from_secs(60)).await;
        process
    }

    /// Runs a subcommand such as `setup-database` to its end and answers what it printed.
    pub fn run(folder: &Path, settings: &[(&str, String)], subcommand: &str) -> (ExitStatus, String) {
        let output = clean(&mut Command::new(program()))
            .current_dir(folder)
            .envs(settings.iter().map(|(name, value)| (*name, value)))
            .arg(subcommand)
            .stdin(Stdio::null())
            .output()
            .expect("the program runs");
        let printed = [output.stdout, output.stderr].concat();
        (output.status, String::from_utf8_lossy(&printed).into_owned())
    }

    /// Such as `http://127.0.0.1:9000`.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Everything it and its forerunners in this folder have written.
    pub fn log(&self) -> String {
        std::fs::read(&self.log).map(|log| String::from_utf8_lossy(&log).into_owned()).unwrap_or_default()
    }

    /// As by `kill -9`.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Asks it to end, as by `kill -TERM`, and answers how it ended.
    pub fn end(&mut self, signal: &str) -> ExitStatus {
        let pid = self.child.id().to_string();
        let told = Command::new("kill").args([signal, &pid]).status().expect("kill runs");
        assert!(told.success());
        self.child.wait().expect("it ends")
    }

    /// The most memory it has had at once, in bytes (Linux's `VmHWM`).
    pub fn most_memory(&self) -> u64 {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).expect("a process of Linux");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a figure");
        let kilobytes: u64 = line.trim().trim_end_matches("kB").trim().parse().expect("kilobytes");
        kilobytes * 1024
    }

    /// Whether it has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(Some(_)))
    }

    /// Waits until its stores answer.
    pub async fn until_healthy(&mut self, at_most: Duration) {
        let client = crate::http::client();
        let url = format!("{}/_local/health", self.base);
        let started = Instant::now();
        loop {
            let answered = crate::http::ask(&client, reqwest::Method::GET, &url, None).await;
            if answered.is_ok_and(|answer| answer.status == 200) {
                return;
            }
            assert!(!self.has_ended(), "the server ended:\n{}", self.log());
            assert!(started.elapsed() < at_most, "the server is not healthy:\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

fn command(line: &[&OsStr], folder: &Path, log: &Path) -> Command {
    let append = || -> File { OpenOptions::new().create(true).append(true).open(log).expect("a log") };
    let (first, rest) = line.split_first().expect("a command");
    let mut command = Command::new(first);
    command.args(rest);
    clean(&mut command).current_dir(folder).stdin(Stdio::null()).stdout(append()).stderr(append());
    command
}

fn clean(command: &mut Command) -> &mut Command {
    for setting in SETTINGS {
        command.env_remove(setting);
    }
    command
}

/// Where nothing listens now.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("an address").port()
}

/// Builds the server, once, and answers where it is.
pub fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let built = Command::new(env!("CARGO"))
            .args([
                "build",
                "--workspace",
                "--bin",
                "scheduler-local",
                // As the running test was built, or every dependency is compiled again.
                "--test",
                "suite",
                "--message-format=json-render-diagnostics",
            ])
            .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
            .stderr(Stdio::inherit())
            .output()
            .expect("cargo runs");
        assert!(built.status.success(), "the server does not compile");
        String::from_utf8_lossy(&built.stdout)
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .filter(|made| made["target"]["name"] == "scheduler-local")
            .find_map(|made| made["executable"].as_str().map(PathBuf::from))
            .expect("cargo says where the server is")
    })
}
