//! The local server as its own process and inside the test's process.

use std::ffi::OsStr;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use reqwest::Method;
use scheduler_local::postgres::Cluster;
use scheduler_local::server::Server;
use scheduler_local::settings::Settings;
use scheduler_tests::Process;
use scheduler_tests::http::{ask, client};
use scheduler_tests::process::{free_port, program};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::{Instant, interval};

/// The user id of `nobody` on Linux.
const NOBODY: u32 = 65534;

fn settings(folder: &Path, port: u16, dynamodb_port: u16) -> Settings {
    let read = Settings::read(&|_| None).unwrap();
    Settings { folder: folder.join(".local"), port, dynamodb_port, ..read }
}

async fn says_hello(base: &str, phone: &str) -> Vec<Value> {
    let client = client();
    let hello = json!({
        "type": "ReceivedCallback", "instanceId": "instance-123", "messageId": "HELLO", "phone": phone,
        "fromMe": false, "senderName": "Maria Silva", "text": { "message": "Olá" },
    });
    let url = format!("{base}/webhook/whatsapp");
    assert_eq!(ask(&client, Method::POST, &url, Some(&hello)).await.unwrap().status, 200);
    outbox(base).await
}

async fn outbox(base: &str) -> Vec<Value> {
    let answered = ask(&client(), Method::GET, &format!("{base}/_local/outbox"), None).await.unwrap();
    answered.body.as_array().unwrap().clone()
}

/// The process id of the PostgreSQL that the server of this folder started.
fn postmaster(folder: &Path) -> String {
    let pid_file = std::fs::read_to_string(folder.join(".local/postgres/data/postmaster.pid")).unwrap();
    pid_file.lines().next().unwrap().to_owned()
}

fn is_running(pid: &str) -> bool {
    let found = Command::new("kill").args(["-0", pid]).stderr(Stdio::null()).status();
    found.unwrap().success()
}

async fn wait_until_stopped(pid: &str) {
    let deadline = Instant::now() + Duration::from_secs(30);
    let mut polls = interval(Duration::from_millis(20));
    while is_running(pid) {
        assert!(Instant::now() < deadline, "PostgreSQL still runs 30 seconds after the server ended");
        polls.tick().await;
    }
}

#[tokio::test]
async fn a_taken_port_is_replaced_and_two_folders_share_nothing() {
    let (one, other) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let port = free_port();
    let taken = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let first = Server::start(settings(one.path(), port, port)).await.unwrap();
    assert_ne!(first.url, format!("http://127.0.0.1:{port}"));
    for name in ["PORT", "DYNAMODB_PORT"] {
        let notice_start = format!("{name} {port} is taken");
        assert!(first.notices.iter().any(|notice| notice.starts_with(&notice_start)), "{:?}", first.notices);
    }
    let second = Server::start(settings(other.path(), port, port)).await.unwrap();
    assert!(!says_hello(&first.url, "5511999990000").await.is_empty());
    assert_eq!(outbox(&second.url).await.len(), 0);

    let refused = Server::start(settings(one.path(), port, port)).await.err().unwrap().to_string();
    assert!(refused.contains("another server runs in"), "{refused}");
    drop(taken);
    first.stop().await;
    second.stop().await;
}

#[tokio::test]
async fn the_server_listens_on_local_address() {
    let read =
        |address: &'static str| Settings::read(&|name| (name == "LOCAL_ADDRESS").then(|| address.to_owned()));
    let folder = TempDir::new().unwrap();
    let settings =
        Settings { host: read("127.0.0.2").unwrap().host, ..settings(folder.path(), free_port(), 0) };
    let server = Server::start(settings).await.unwrap();
    assert!(server.url.starts_with("http://127.0.0.2:"), "{}", server.url);
    assert!(!says_hello(&server.url, "5511999990000").await.is_empty());
    server.stop().await;
    let refused = read("the internet").unwrap_err().to_string();
    assert_eq!(refused, "LOCAL_ADDRESS is not an IP address");
}

#[tokio::test]
async fn the_clock_stands_at_the_time_that_was_set_until_it_is_reset() {
    let folder = TempDir::new().unwrap();
    let server = Server::start(settings(folder.path(), 0, 0)).await.unwrap();
    let url = format!("{}/_local/clock", server.url);
    let put = async |body: Value| ask(&client(), Method::PUT, &url, Some(&body)).await.unwrap();
    let stopped = put(json!({ "now": "2026-02-14T12:00:00Z" })).await;
    assert_eq!((stopped.status, &stopped.body["now"]), (200, &json!("2026-02-14T12:00:00Z")));
    says_hello(&server.url, "5511999990000").await;
    assert_eq!(outbox(&server.url).await[0]["sentAt"], "2026-02-14T12:00:00.000Z");
    assert_ne!(put(json!({ "now": null })).await.body["now"], "2026-02-14T12:00:00Z");
    for nonsense in [json!({}), json!({ "now": "tomorrow" })] {
        assert_eq!(put(nonsense.clone()).await.status, 400, "{nonsense}");
    }
    server.stop().await;
}

#[tokio::test]
async fn the_local_routes_answer_and_refuse_unknown_paths() {
    let folder = TempDir::new().unwrap();
    let server = Server::start(settings(folder.path(), 0, 0)).await.unwrap();
    says_hello(&server.url, "5511999990000").await;
    let rows = [
        (Method::GET, "/_local/health", 200),
        (Method::GET, "/_local/chats/5511999990000?clinicId=laser-beauty-sp", 200),
        (Method::GET, "/_local/chats/5511999990000", 400),
        (Method::GET, "/_local/chats/x?clinicId=laser-beauty-sp", 400),
        (Method::GET, "/_local/jobs", 200),
        (Method::POST, "/_local/jobs/reconciler", 200),
        (Method::POST, "/_local/jobs/sheet-writer", 200),
        (Method::POST, "/_local/jobs/nothing", 404),
        (Method::GET, "/_local/nothing", 404),
        (Method::GET, "/dev/clinics/laser-beauty-sp", 200),
        (Method::DELETE, "/_local/outbox", 200),
    ];
    for (method, path, expected) in rows {
        let answered = ask(&client(), method.clone(), &format!("{}{path}", server.url), None).await.unwrap();
        assert_eq!(answered.status, expected, "{method} {path}: {}", answered.body);
    }
    assert_eq!(outbox(&server.url).await.len(), 0);
    let jobs = ask(&client(), Method::GET, &format!("{}/_local/jobs", server.url), None).await.unwrap().body;
    assert_eq!(jobs, json!(["reconciler", "sheet-writer", "reminder-processor", "daily-report-sender"]));
    server.stop().await;
}

#[tokio::test]
async fn postgres_stops_with_the_server_on_any_signal_and_the_next_start_works() {
    let folder = TempDir::new().unwrap();
    for signal in ["-TERM", "-INT", "-HUP", "-KILL", "-TERM"] {
        let mut server = Process::start(folder.path(), &[]).await;
        let postgres = postmaster(folder.path());
        assert!(is_running(&postgres));
        let ended = server.terminate(signal);
        assert_eq!(ended.success(), signal != "-KILL", "{signal}: {ended}");
        if ended.success() {
            // The server waits for PostgreSQL before it exits.
            assert!(!is_running(&postgres), "{signal}");
        }
        wait_until_stopped(&postgres).await;
    }
}

#[tokio::test]
async fn an_immediate_restart_after_a_kill_finds_the_stored_data() {
    let folder = TempDir::new().unwrap();
    let mut server = Process::start(folder.path(), &[]).await;
    says_hello(server.base_url(), "5511999990000").await;
    server.kill();
    let mut server = Process::start(folder.path(), &[]).await;
    let chat = format!("{}/_local/chats/5511999990000?clinicId=laser-beauty-sp", server.base_url());
    let chat = ask(&client(), Method::GET, &chat, None).await.unwrap();
    assert_eq!(chat.body["session"]["currentState"], "MAIN_MENU", "{}", chat.body);
    let postgres = postmaster(folder.path());
    server.terminate("-TERM");
    wait_until_stopped(&postgres).await;
}

#[test]
fn setup_database_and_seed_clinic_may_run_twice() {
    let folder = TempDir::new().unwrap();
    let rows = [
        ("setup-database", "migration 0001"),
        ("setup-database", "already run"),
        ("seed-clinic", "laser-beauty-sp: made"),
        ("seed-clinic", "laser-beauty-sp: already there"),
    ];
    for (subcommand, expected) in rows {
        let (status, printed) = Process::run(folder.path(), &[], subcommand);
        assert!(status.success() && printed.contains(expected), "{subcommand}: {printed}");
    }
    let (status, printed) = Process::run(folder.path(), &[], "set-up");
    assert!(!status.success() && printed.contains("Usage"), "{printed}");
}

#[test]
fn an_unreachable_database_is_reported_without_its_password() {
    let folder = TempDir::new().unwrap();
    let url = format!("postgres://somebody:marked-word@127.0.0.1:{}/clinic", free_port());
    let (status, printed) = Process::run(folder.path(), &[("DATABASE_URL", url)], "setup-database");
    assert!(!status.success() && printed.starts_with("error: could not "), "{printed}");
    assert!(!printed.contains("marked-word"), "{printed}");
}

#[tokio::test]
async fn a_configured_database_is_filled_if_empty_and_otherwise_left_unchanged() {
    let folder = TempDir::new().unwrap();
    let cluster = Cluster::temporary(&folder.path().join("named")).await.unwrap();
    for (name, made_before, clinics) in [("empty", false, 200), ("somebodys", true, 404)] {
        cluster.create_database(name).await.unwrap();
        let named = [("DATABASE_URL", cluster.url(name))];
        if made_before {
            assert!(Process::run(folder.path(), &named, "setup-database").0.success());
        }
        let read = Settings::read(&|name| {
            named.iter().find(|(key, _)| *key == name).map(|(_, value)| value.clone())
        });
        let own = folder.path().join(".local");
        let settings = Settings { folder: own, port: 0, dynamodb_port: 0, ..read.unwrap() };
        let server = Server::start(settings).await.unwrap();
        let url = format!("{}/clinics/laser-beauty-sp", server.url);
        assert_eq!(ask(&client(), Method::GET, &url, None).await.unwrap().status, clinics, "{name}");
        server.stop().await;
    }
    cluster.stop().await.unwrap();
}

/// If the tests run as root, this one runs the server as `nobody`, in a folder that `nobody` owns. It
/// copies the program there, because `nobody` may not be able to enter the clone.
#[tokio::test]
async fn the_server_runs_as_a_user_other_than_root() {
    let folder = TempDir::new().unwrap();
    if folder.path().metadata().unwrap().uid() != 0 {
        println!("skipped: the tests do not run as root, so the others cover this");
        return;
    }
    let own = folder.path().join("scheduler-local");
    std::fs::copy(program(), &own).unwrap();
    chown(folder.path(), Some(NOBODY), Some(NOBODY)).unwrap();
    let user = [format!("--reuid={NOBODY}"), format!("--regid={NOBODY}"), "--clear-groups".to_owned()];
    let mut line: Vec<&OsStr> = vec![OsStr::new("setpriv")];
    line.extend(user.iter().map(OsStr::new));
    line.push(own.as_os_str());
    let mut server = Process::start_with_command(&line, folder.path(), &[]).await;
    assert_eq!(folder.path().join(".local/postgres/data").metadata().unwrap().uid(), NOBODY);
    assert!(!says_hello(server.base_url(), "5511999990000").await.is_empty());
    let postgres = postmaster(folder.path());
    assert!(server.terminate("-TERM").success());
    assert!(!is_running(&postgres));
}
