//! Eight Lambdas send 500 due reminders (docs/rules/reliability.md#reminder-load).

use chrono::{TimeDelta, Timelike};
use scheduler_core::adapters::clock::SystemClock;
use scheduler_core::ports::Clock;
use scheduler_local::dynamodb::EmbeddedDynamoDb;
use scheduler_tests::runtime_api::LambdaProcess;
use scheduler_tests::{CLINIC, TestApp, TestConfig};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::reminders_behind;

/// Books one-minute appointments from midnight on, each for another patient, and creates their reminders.
/// Returns the patients' phones.
pub(super) async fn book_many(app: &TestApp, appointments: i32, date: &str, timezone: &str) -> Vec<String> {
    let pool = &app.database.pool;
    let phones: Vec<String> =
        (0..appointments).map(|number| format!("55119{:08}", 80_000_000 + number)).collect();
    sqlx::query("update scheduler.clinics set timezone = $1").bind(timezone).execute(pool).await.unwrap();
    sqlx::query(
        "with person as (
            insert into scheduler.patients (clinic_id, match_key, phone, wa_id, name)
            select $1, phone, phone, phone, 'Maria Silva' from unnest($2::text[]) phone
            returning id
        ), numbered as (select id, row_number() over () - 1 as minute from person)
        insert into scheduler.appointments (
            clinic_id, patient_id, service_id, appointment_date, start_time, end_time, buffer_minutes
        )
        select $1, numbered.id, (select id from scheduler.services limit 1), $3::date,
            time '00:00' + make_interval(mins => minute::int),
            time '00:00' + make_interval(mins => minute::int + 1), 0
        from numbered",
    )
    .bind(CLINIC)
    .bind(&phones)
    .bind(date)
    .execute(pool)
    .await
    .unwrap();
    while reminders_behind(app).await > 0 {
        app.reconcile().await;
    }
    phones
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_lambdas_send_500_reminders_once_each() {
    let embedded = EmbeddedDynamoDb::start(None, 0).await.expect("DynamoDB starts");
    let dynamodb = Some(embedded.endpoint());
    let app = TestApp::with(TestConfig { dynamodb, ..TestConfig::default() }).await;
    // The Lambdas use the real clock. The clinic gets a time zone where it is now between 12:00 and 13:00,
    // so the reminders of its early morning appointments have been due since 08:00.
    let now = SystemClock.now();
    let east = 12 - i64::from(now.hour());
    let timezone = format!("Etc/GMT{:+}", -east);
    let tomorrow = (now + TimeDelta::hours(east)).date_naive() + TimeDelta::days(1);
    let two_days_ago = json!({ "now": now - TimeDelta::days(2) });
    app.ask(reqwest::Method::PUT, "/_local/clock", Some(&two_days_ago)).await;
    let phones = book_many(&app, 500, &tomorrow.to_string(), &timezone).await;

    let prefix = "clinic-scheduler-infra-local";
    let settings = [
        ("DATABASE_URL", app.database.url.clone()),
        ("RDS_SSL_MODE", "disable".to_owned()),
        ("CONVERSATION_SESSIONS_TABLE", format!("{prefix}-conversation-sessions")),
        ("MESSAGE_EVENTS_TABLE", format!("{prefix}-message-events")),
        ("SCHEDULED_REMINDERS_TABLE", format!("{prefix}-scheduled-reminders")),
        ("AWS_ENDPOINT_URL_DYNAMODB", embedded.endpoint()),
        ("ZAPI_BASE_URL", app.zapi.base_url()),
        ("ALLOWED_PHONES", "*".to_owned()),
    ];
    let mut runs = JoinSet::new();
    for _ in 0..8 {
        let settings = settings.clone();
        runs.spawn(async move {
            let function = LambdaProcess::start("reminder-processor", &settings).await;
            let mut summaries = Vec::new();
            // On a busy machine a run may use up its time; the next one continues.
            while summaries.last().is_none_or(|summary: &Value| summary["left"] != 0) {
                summaries.push(function.invoke(event()).await.expect("a summary"));
            }
            summaries
        });
    }
    let summaries = runs.join_all().await.concat();
    let in_all = |name: &str| -> u64 { summaries.iter().filter_map(|summary| summary[name].as_u64()).sum() };
    let outbox = app.zapi.outbox(None);
    println!(
        "eight Lambdas on 500 reminders, {} runs in all: {} sent, {} in the outbox",
        summaries.len(),
        in_all("sent"),
        outbox.len()
    );
    let mut reached: Vec<&str> = outbox.iter().map(|sent| sent.phone.as_str()).collect();
    reached.sort_unstable();
    assert_eq!(reached, phones, "each once");
    assert_eq!((in_all("sent"), in_all("failed"), in_all("expired")), (500, 0, 0));
    drop(app);
    embedded.stop().await;
}

/// A scheduled event as EventBridge sends it
/// (<https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-rule-schedule.html>).
fn event() -> Value {
    json!({
        "version": "0",
        "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa",
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": "123456789012",
        "time": "2026-02-22T12:00:00Z",
        "region": "sa-east-1",
        "resources": ["arn:aws:events:sa-east-1:123456789012:rule/ReminderProcessor"],
        "detail": {},
    })
}
