//! Every function as AWS starts it, under a stand-in for its Runtime API.

use std::sync::Arc;

use scheduler_api::jobs::JOBS;
use scheduler_api::routes::{Auth, ROUTES};
use scheduler_core::adapters::dynamodb::Tables;
use scheduler_core::config::TablesConfig;
use scheduler_local::dynamodb::Embedded;
use scheduler_local::tables;
use scheduler_tests::clock::TestClock;
use scheduler_tests::google::Google;
use scheduler_tests::runtime_api::{Function, Outcome, gateway_event};
use scheduler_tests::{TestDatabase, database, filled};
use serde_json::Value;

const NO_DATABASE: &str = "postgres://nobody:nothing@127.0.0.1:9/none";

fn settings() -> Vec<(&'static str, String)> {
    [
        ("DATABASE_URL", NO_DATABASE),
        ("RDS_SSL_MODE", "disable"),
        ("CONVERSATION_SESSIONS_TABLE", "sessions"),
        ("MESSAGE_EVENTS_TABLE", "events"),
        ("SCHEDULED_REMINDERS_TABLE", "reminders"),
        ("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:9"),
        ("ZAPI_BASE_URL", "http://127.0.0.1:9"),
        ("SCHEDULER_API_KEY", "test-api-key"),
        ("WEBHOOK_TOKEN", "test-token"),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .into()
}

fn status(outcome: Outcome) -> (u64, Value) {
    let answer = outcome.expect("an answer, not an error");
    let body = answer["body"].as_str().and_then(|body| serde_json::from_str(body).ok());
    (answer["statusCode"].as_u64().unwrap_or_default(), body.unwrap_or_default())
}

#[tokio::test]
async fn every_route_answers_with_and_without_a_stage_though_no_store_is_there() {
    for route in ROUTES {
        let function = Function::start(&route.binary(), &settings()).await;
        println!("{}: first poll after {:?}", route.function, function.to_first_poll());
        let path = filled(route.path, |_| uuid::Uuid::nil().to_string());
        for stage in [None, Some("dev")] {
            let ask = |query: &'static [(&str, &str)]| {
                let headers = [("Content-Type", "application/json")];
                gateway_event(route.method, &path, stage, query, &headers, Some("{}"))
            };
            let (code, body) = status(function.invoke(ask(&[])).await);
            assert_eq!((code, &body["status"]), (401, &Value::from("ERROR")), "{}", route.function);
            let let_in: &'static [(&str, &str)] = match route.auth {
                Auth::Key => &[("api_key", "test-api-key")],
                Auth::Token => &[("token", "test-token")],
            };
            let (code, body) = status(function.invoke(ask(let_in)).await);
            match route.auth {
                // Garbage is of no use to anybody, and no reason to send it again.
                Auth::Token => assert_eq!((code, &body["status"]), (200, &"SUCCESS".into()), "{body}"),
                Auth::Key => {
                    assert!([400, 503].contains(&code), "{} {stage:?}: {code} {body}", route.function)
                }
            }
        }
    }
}

/// As EventBridge invokes a scheduled function
/// (<https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-run-lambda-schedule.html>).
fn scheduled_event() -> Value {
    serde_json::json!({
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

/// A visit in three days by the real clock, which a Lambda has, of a clinic with a spreadsheet.
async fn book(database: &TestDatabase) {
    let visit = "update scheduler.clinics set google_spreadsheet_id = 'spreadsheet';
        insert into scheduler.patients (clinic_id, match_key, phone)
            values ('laser-beauty-sp', '5511999990000', '5511999990000');
        insert into scheduler.appointments (clinic_id, patient_id, service_id, appointment_date, start_time,
            end_time, buffer_minutes)
        select p.clinic_id, p.id, s.id, current_date + 3, '09:00', '09:30', 0
        from scheduler.patients p join scheduler.services s using (clinic_id)";
    sqlx::raw_sql(visit).execute(&database.pool).await.expect("a visit");
}

#[tokio::test]
async fn every_job_runs_on_eventbridges_own_event_and_answers_its_summary() {
    let database = database().await;
    book(&database).await;
    let google = Google::start(Arc::new(TestClock::new())).await;
    google.has("spreadsheet", "Agenda", 1_000);
    let dynamodb = Embedded::start(None, 0).await.expect("DynamoDB starts");
    let mut settings = settings();
    for (name, value) in &mut settings {
        match *name {
            "DATABASE_URL" => value.clone_from(&database.url),
            "AWS_ENDPOINT_URL_DYNAMODB" => *value = dynamodb.endpoint(),
            _ => {}
        }
    }
    settings.push(("GOOGLE_SHEETS_SERVICE_ACCOUNT", google.service_account()));
    settings.push(("GOOGLE_SHEETS_BASE_URL", google.base_url()));
    let stores = Tables::new(TablesConfig {
        sessions: "sessions".into(),
        events: "events".into(),
        reminders: "reminders".into(),
        endpoint: Some(dynamodb.endpoint()),
        region: "us-east-1".into(),
    });
    tables::create(stores.client(), stores.names()).await.expect("the tables");
    for (job, figures) in [
        ("reconciler", &[("chats_finished", 0), ("reminders_projected", 1), ("rows_written", 1)][..]),
        ("reminder-processor", &[("processed", 0), ("sent", 0), ("failed", 0), ("held", 0), ("left", 0)]),
        ("daily-report-sender", &[("sent", 0), ("failed", 0)]),
    ] {
        let function = Function::start(job, &settings).await;
        let summary = function.invoke(scheduled_event()).await.expect("a summary");
        println!("{job}: {summary}");
        for (figure, expected) in figures {
            assert_eq!(summary[figure], *expected, "{job}: {figure}");
        }
    }
    assert_eq!(google.rows("spreadsheet", "Agenda").len(), 2, "a header and the visit");
    dynamodb.stop().await;
}

#[tokio::test]
async fn a_job_that_fails_is_an_error_to_aws() {
    for job in JOBS {
        let function = Function::start(job.name, &settings()).await;
        println!("{}: first poll after {:?}", job.function, function.to_first_poll());
        assert!(function.invoke(scheduled_event()).await.is_err(), "{}", job.function);
    }
}

#[tokio::test]
async fn a_function_that_lacks_variables_names_them_all_and_ends() {
    for (binary, names) in [
        ("get-clinic", &["RDS_HOST", "RDS_PASSWORD", "SCHEDULER_API_KEY"][..]),
        (
            "whatsapp-webhook",
            &["RDS_HOST", "CONVERSATION_SESSIONS_TABLE", "MESSAGE_EVENTS_TABLE", "WEBHOOK_TOKEN"],
        ),
    ] {
        let ended = Function::fail_to_start(binary, &[("RDS_USERNAME", "marked-user".to_owned())]).await;
        assert!(!ended.status.success(), "{binary} ended well");
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        for name in names {
            assert!(said.contains(name), "{name} is not named: {said}");
        }
        assert!(!said.contains("marked-user"), "{said}");
    }
}

#[tokio::test]
async fn a_reconciler_whose_service_account_is_none_says_so_and_shows_nothing_of_it() {
    let mut settings = settings();
    settings.push(("GOOGLE_SHEETS_SERVICE_ACCOUNT", r#"{"private_key": "marked-key"}"#.to_owned()));
    let ended = Function::fail_to_start("reconciler", &settings).await;
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(!ended.status.success() && said.contains("GOOGLE_SHEETS_SERVICE_ACCOUNT"), "{said}");
    assert!(!said.contains("marked-key"), "{said}");
}
