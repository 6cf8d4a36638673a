//! The local server as a child process that a test can kill and start again while its stores keep running.

use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use serde_json::Value;

/// Environment variables of the test run that the server must not inherit.
const NOT_INHERITED: [&str; 30] = [
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
    "SEND_DAILY_LIMIT",
    "SEND_DAILY_LIMIT_NEW",
    "WEBHOOK_TOKEN",
    "WEBHOOK_ACCEPT_MASTER",
    "WEBHOOK_BASE_URL",
    "SCHEDULER_API_KEY",
    "SCHEDULER_END_AT",
    "CONVERSATION_SESSIONS_TABLE",
    "MESSAGE_EVENTS_TABLE",
    "SCHEDULED_REMINDERS_TABLE",
    "GOOGLE_SHEETS_SERVICE_ACCOUNT",
    "GOOGLE_SHEETS_BASE_URL",
    "PORT",
    "STAGE",
    "LOCAL_ADDRESS",
    "LOCAL_HOSTS",
    "LOCAL_ORIGINS",
    "LOCAL_JOBS",
];

/// A running server.
pub struct Process {
    child: Child,
    base_url: String,
    log: PathBuf,
}

impl Process {
    /// Starts the server in `folder` and waits until it is healthy. Panics with its log after one minute.
    pub async fn start(folder: &Path, settings: &[(&str, String)]) -> Self {
        Self::start_with_command(&[program().as_os_str()], folder, settings).await
    }

    /// Like [`Self::start`], with another command line, such as one that switches to another user first.
    pub async fn start_with_command(line: &[&OsStr], folder: &Path, settings: &[(&str, String)]) -> Self {
        let port = free_port();
        let log = folder.join("log");
        let child = command(line, folder, &log)
            .envs(settings.iter().map(|(name, value)| (*name, value)))
            .env("PORT", port.to_string())
            .env("DYNAMODB_PORT", free_port().to_string())
            .spawn()
            .expect("the server starts");
        let mut process = Self { child, base_url: format!("http://127.0.0.1:{port}"), log };
        process.wait_until_healthy(Duration::from_secs(60)).await;
        process
    }

    /// Runs a subcommand such as `setup-database` and returns its exit status and output.
    pub fn run(folder: &Path, settings: &[(&str, String)], subcommand: &str) -> (ExitStatus, String) {
        let output = clean_environment(&mut Command::new(program()))
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
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// Everything that this server and earlier ones in the same folder wrote to the log.
    pub fn log(&self) -> String {
        std::fs::read(&self.log).map(|log| String::from_utf8_lossy(&log).into_owned()).unwrap_or_default()
    }

    /// Kills the process, like `kill -9`.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Sends a signal such as `-TERM` and waits for the process to exit.
    pub fn terminate(&mut self, signal: &str) -> ExitStatus {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args([signal, &pid]).status().expect("kill runs");
        assert!(sent.success());
        self.child.wait().expect("the process exits")
    }

    /// The most memory that the process has held so far, in bytes.
    pub fn peak_memory(&self) -> u64 {
        memory_kib(self.child.id(), "VmHWM:") * 1024
    }

    /// Whether the process has exited.
    pub fn has_exited(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(Some(_)))
    }

    /// Waits until the health route answers 200, so all stores are up.
    pub async fn wait_until_healthy(&mut self, at_most: Duration) {
        let client = crate::http::client();
        let url = format!("{}/_local/health", self.base_url);
        let started = Instant::now();
        loop {
            let response = crate::http::ask(&client, reqwest::Method::GET, &url, None).await;
            if response.is_ok_and(|response| response.status == 200) {
                return;
            }
            assert!(!self.has_exited(), "the server exited:\n{}", self.log());
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
    clean_environment(&mut command)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(append())
        .stderr(append());
    command
}

fn clean_environment(command: &mut Command) -> &mut Command {
    for name in NOT_INHERITED {
        command.env_remove(name);
    }
    command
}

/// A field of `/proc/<pid>/status` in KiB, such as `VmHWM:`.
pub(crate) fn memory_kib(pid: u32, field: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("a running process on Linux");
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let figure = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    figure.unwrap_or_else(|| panic!("no {field} in {status}"))
}

/// A TCP port that is free at the moment.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("an address").port()
}

/// Builds the server once per test process and returns its path.
pub fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        build(&["--bin", "scheduler-local"])
            .iter()
            .filter(|artifact| artifact["target"]["name"] == "scheduler-local")
            .find_map(|artifact| artifact["executable"].as_str().map(PathBuf::from))
            .expect("cargo reports the server's path")
    })
}

/// Builds binaries of the workspace and returns cargo's messages about them.
///
/// The running test is built along with them. Without it the workspace would have other features, and
/// cargo would compile every dependency again.
pub(crate) fn build(binaries: &[&str]) -> Vec<Value> {
    let built = Command::new(env!("CARGO"))
        .args(["build", "--workspace"])
        .args(binaries)
        .args(["--test", "suite", "--message-format=json-render-diagnostics"])
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
        .stderr(Stdio::inherit())
        .output()
        .expect("cargo runs");
    assert!(built.status.success(), "cargo build failed");
    let messages = String::from_utf8_lossy(&built.stdout);
    messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()).collect()
}
