//! Every function as AWS starts it, with a fake Runtime API.

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use scheduler_api::auth::Auth;
use scheduler_api::jobs::JOBS;
use scheduler_api::routes::ROUTES;
use scheduler_core::domain::clinic::Secret;
use scheduler_core::webhook_url::WebhookMasters;
use scheduler_local::dynamodb::EmbeddedDynamoDb;
use scheduler_tests::clock::TestClock;
use scheduler_tests::google::FakeGoogle;
use scheduler_tests::http::KEY;
use scheduler_tests::messages::INSTANCE;
use scheduler_tests::runtime_api::{
    InvocationResult, LambdaProcess, WEBHOOK_MASTER, binary_path, gateway_event, store_settings,
};
use scheduler_tests::tables::create_tables;
use scheduler_tests::{FakeSsm, Protocol, Proxy, TestDatabase, database, fill_placeholders};
use serde_json::{Value, json};

/// Nothing listens on these addresses.
const NO_DATABASE: &str = "postgres://nobody:nothing@127.0.0.1:9/none";
const NO_SERVER: &str = "http://127.0.0.1:9";

fn settings(database_url: &str, dynamodb: &str) -> Vec<(&'static str, String)> {
    let mut settings = store_settings(database_url, dynamodb, NO_SERVER);
    settings.push(("SCHEDULER_API_KEY", KEY.to_owned()));
    settings
}

fn settings_without_stores() -> Vec<(&'static str, String)> {
    settings(NO_DATABASE, NO_SERVER)
}

/// The token of the example clinic's instance.
fn webhook_token() -> Secret {
    WebhookMasters::new(Secret::new(WEBHOOK_MASTER)).token_of(INSTANCE)
}

/// A key or token from SSM, which must be long.
const LONG_KEY: &str = "a-key-of-more-than-24-characters";

/// Settings without stores in which every secret is left to `ssm`.
fn settings_without_secrets(ssm: &FakeSsm) -> Vec<(&'static str, String)> {
    let mut settings = settings_without_stores();
    settings.retain(|(name, _)| !["DATABASE_URL", "SCHEDULER_API_KEY", "WEBHOOK_TOKEN"].contains(name));
    let database = [("RDS_HOST", "127.0.0.1"), ("RDS_PORT", "9"), ("RDS_DATABASE", "none")];
    settings.extend(database.map(|(name, value)| (name, value.to_owned())));
    settings.push(("RDS_USERNAME", "nobody".to_owned()));
    settings.extend(ssm.settings());
    settings
}

/// Status and body of an answer, whose headers forbid storing and sniffing.
fn status(result: InvocationResult) -> (u64, Value) {
    let answer = result.expect("an answer, not an error");
    let headers = &answer["multiValueHeaders"];
    assert_eq!(headers["cache-control"], serde_json::json!(["no-store"]), "{answer}");
    assert_eq!(headers["x-content-type-options"], serde_json::json!(["nosniff"]), "{answer}");
    let body = answer["body"].as_str().and_then(|body| serde_json::from_str(body).ok());
    (answer["statusCode"].as_u64().unwrap_or_default(), body.unwrap_or_default())
}

#[tokio::test]
async fn every_route_answers_with_and_without_a_stage_when_no_store_is_available() {
    for route in ROUTES {
        let function = LambdaProcess::start(&route.binary(), &settings_without_stores()).await;
        println!("{}: first poll after {:?}", route.function, function.startup_time());
        let path = fill_placeholders(route.path, |_| uuid::Uuid::nil().to_string());
        let token = webhook_token();
        let (credentials, sent) = match route.auth {
            Auth::Key => ([("api_key", KEY)], json!({})),
            Auth::Token => ([("token", token.expose())], json!({ "instanceId": INSTANCE })),
        };
        let sent = sent.to_string();
        for stage in [None, Some("dev")] {
            let ask = |query: &[(&str, &str)]| {
                let headers = [("Content-Type", "application/json")];
                gateway_event(route.method, &path, stage, query, &headers, Some(&sent))
            };
            let (code, body) = status(function.invoke(ask(&[])).await);
            assert_eq!((code, &body["status"]), (401, &Value::from("ERROR")), "{}", route.function);
            let (code, body) = status(function.invoke(ask(&credentials)).await);
            match route.auth {
                // A useless webhook is answered 200, so that z-api does not send it again.
                Auth::Token => assert_eq!((code, &body["status"]), (200, &"SUCCESS".into()), "{body}"),
                Auth::Key => {
                    assert!([400, 503].contains(&code), "{} {stage:?}: {code} {body}", route.function)
                }
            }
        }
    }
}

#[tokio::test]
async fn a_webhook_connects_to_postgresql_only_when_the_token_is_right() {
    let database = database().await;
    let postgres = Proxy::start(database.address(), Protocol::Postgres).await;
    let settings = settings(&database.url_via(postgres.address()), NO_SERVER);
    let connected = json!({ "type": "ConnectedCallback", "instanceId": INSTANCE }).to_string();
    for (binary, path) in
        [("whatsapp-webhook", "/webhook/whatsapp"), ("whatsapp-status-webhook", "/webhook/whatsapp/status")]
    {
        let function = LambdaProcess::start(binary, &settings).await;
        let ask = async |token: &str| {
            let query = [("token", token)];
            status(function.invoke(gateway_event("POST", path, None, &query, &[], Some(&connected))).await).0
        };
        for wrong in ["", WEBHOOK_MASTER, "wrong"] {
            assert_eq!(ask(wrong).await, 401, "{binary} {wrong}");
        }
        assert_eq!(postgres.take_traffic().connections, 0, "{binary}");
        assert_eq!(ask(webhook_token().expose()).await, 200, "{binary}");
        assert_eq!(postgres.take_traffic().connections, 1, "{binary}");
    }
}

#[tokio::test]
async fn every_function_reads_exactly_its_secrets_by_one_call_of_ssm() {
    let required = [("RDS_PASSWORD", "x"), ("SCHEDULER_API_KEY", LONG_KEY), ("WEBHOOK_TOKEN", LONG_KEY)];
    let ssm = FakeSsm::start(&required).await;
    let settings = settings_without_secrets(&ssm);
    for route in ROUTES {
        let function = LambdaProcess::start(&route.binary(), &settings).await;
        println!("{}: first poll after {:?}", route.function, function.startup_time());
        assert_eq!(ssm.take_calls(), [route.secrets()], "{}", route.function);
        let path = fill_placeholders(route.path, |_| uuid::Uuid::nil().to_string());
        let event = json!({ "instanceId": INSTANCE }).to_string();
        let ask = |credentials: &[(&str, &str)]| {
            let headers = [("Content-Type", "application/json")];
            gateway_event(route.method, &path, None, credentials, &headers, Some(&event))
        };
        let token = WebhookMasters::new(Secret::new(LONG_KEY)).token_of(INSTANCE);
        let (name, secret) = match route.auth {
            Auth::Key => ("api_key", LONG_KEY),
            Auth::Token => ("token", token.expose()),
        };
        let (code, body) = status(function.invoke(ask(&[(name, "test-token")])).await);
        assert_eq!(code, 401, "{}: {body}", route.function);
        let (code, body) = status(function.invoke(ask(&[(name, secret)])).await);
        assert_ne!(code, 401, "{}: {body}", route.function);
    }
    for job in JOBS {
        let function = LambdaProcess::start(job.name, &settings).await;
        println!("{}: first poll after {:?}", job.function, function.startup_time());
        assert_eq!(ssm.take_calls(), [job.secrets()], "{}", job.function);
    }
}

/// The event with which EventBridge invokes a scheduled function
/// (<https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-run-lambda-schedule.html>).
fn scheduled_event() -> Value {
    json!({
        "version": "0",
        "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa",
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": "123456789012",
        "time": "2026-02-16T23:00:00Z",
        "region": "sa-east-1",
        "resources": ["arn:aws:events:sa-east-1:123456789012:rule/my-schedule"],
        "detail": {}
    })
}

/// Books an appointment three days from now, by the real clock that a Lambda uses, for a clinic with a sheet.
async fn book(database: &TestDatabase) {
    let appointment = "update scheduler.clinics set google_spreadsheet_id = 'spreadsheet';
        insert into scheduler.patients (clinic_id, match_key, phone)
            values ('laser-beauty-sp', '5511999990000', '5511999990000');
        insert into scheduler.appointments (clinic_id, patient_id, service_id, appointment_date, start_time,
            end_time, buffer_minutes)
        select p.clinic_id, p.id, s.id, current_date + 3, '09:00', '09:30', 0
        from scheduler.patients p join scheduler.services s using (clinic_id)";
    sqlx::raw_sql(appointment).execute(&database.pool).await.expect("an appointment");
}

#[tokio::test]
async fn every_job_runs_on_the_event_of_eventbridge_and_answers_its_summary() {
    let database = database().await;
    book(&database).await;
    let google = FakeGoogle::start(Arc::new(TestClock::new())).await;
    google.add_tab("spreadsheet", "Agenda", 1_000);
    let dynamodb = EmbeddedDynamoDb::start(None, 0).await.expect("DynamoDB starts");
    let mut settings = settings(&database.url, &dynamodb.endpoint());
    settings.push(("GOOGLE_SHEETS_SERVICE_ACCOUNT", google.service_account()));
    settings.push(("GOOGLE_SHEETS_BASE_URL", google.base_url()));
    create_tables(dynamodb.endpoint()).await;
    for (job, counts) in [
        ("reconciler", &[("chats_finished", 0), ("reminders_projected", 1)][..]),
        ("sheet-writer", &[("sheets_written", 1), ("rows_written", 1)]),
        ("reminder-processor", &[("processed", 0), ("sent", 0), ("failed", 0), ("held", 0), ("left", 0)]),
        ("daily-report-sender", &[("sent", 0), ("failed", 0)]),
    ] {
        let function = LambdaProcess::start(job, &settings).await;
        let summary = function.invoke(scheduled_event()).await.expect("a summary");
        println!("{job}: {summary}");
        for (count, expected) in counts {
            assert_eq!(summary[count], *expected, "{job}: {count}");
        }
    }
    assert_eq!(google.rows("spreadsheet", "Agenda").len(), 2, "a header and the appointment");
    dynamodb.stop().await;
}

#[tokio::test]
async fn a_failed_job_is_reported_to_aws_as_an_error() {
    let google = FakeGoogle::start(Arc::new(TestClock::new())).await;
    let mut settings = settings_without_stores();
    // Without an account the SheetWriter would have nothing to do.
    settings.push(("GOOGLE_SHEETS_SERVICE_ACCOUNT", google.service_account()));
    for job in JOBS {
        let function = LambdaProcess::start(job.name, &settings).await;
        println!("{}: first poll after {:?}", job.function, function.startup_time());
        assert!(function.invoke(scheduled_event()).await.is_err(), "{}", job.function);
    }
}

#[tokio::test]
async fn a_function_with_missing_variables_names_all_of_them_and_exits() {
    for (binary, names) in [
        ("get-clinic", &["RDS_HOST", "RDS_PASSWORD", "SCHEDULER_API_KEY"][..]),
        (
            "whatsapp-webhook",
            &["RDS_HOST", "CONVERSATION_SESSIONS_TABLE", "MESSAGE_EVENTS_TABLE", "WEBHOOK_TOKEN"],
        ),
    ] {
        let output =
            LambdaProcess::fail_to_start(binary, &[("RDS_USERNAME", "marked-user".to_owned())]).await;
        assert!(!output.status.success(), "{binary} exited without an error");
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        for name in names {
            assert!(stderr.contains(name), "{name} is not named: {stderr}");
        }
        assert!(!stderr.contains("marked-user"), "{stderr}");
    }
}

#[tokio::test]
async fn a_sheet_writer_with_an_invalid_service_account_names_the_variable_and_prints_no_part_of_it() {
    let mut settings = settings_without_stores();
    settings.push(("GOOGLE_SHEETS_SERVICE_ACCOUNT", r#"{"private_key": "marked-key"}"#.to_owned()));
    let output = LambdaProcess::fail_to_start("sheet-writer", &settings).await;
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && stderr.contains("GOOGLE_SHEETS_SERVICE_ACCOUNT"), "{stderr}");
    assert!(!stderr.contains("marked-key"), "{stderr}");
}

#[tokio::test]
async fn a_sheet_writer_without_a_service_account_runs_and_needs_no_store() {
    let function = LambdaProcess::start("sheet-writer", &settings_without_stores()).await;
    let summary = function.invoke(scheduled_event()).await.expect("a summary");
    assert_eq!(summary["sheets_behind"], 0, "{summary}");
}

#[test]
fn only_the_sheet_writer_links_googles_client() {
    let names = ROUTES.iter().map(|route| route.binary()).chain(JOBS.iter().map(|job| job.name.to_owned()));
    let binaries: Vec<PathBuf> = names.map(|name| binary_path(&name)).collect();
    // The client's default address.
    let found = Command::new("grep")
        .args(["--files-with-matches", "--fixed-strings", "https://sheets.googleapis.com/"])
        .args(&binaries)
        .output()
        .expect("grep runs");
    let listed = String::from_utf8_lossy(&found.stdout).into_owned();
    println!("{} binaries searched for Google's client, found in: {listed}", binaries.len());
    assert_eq!(listed.lines().collect::<Vec<_>>(), [binary_path("sheet-writer").to_str().expect("a path")]);
}
