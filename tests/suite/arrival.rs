//! What counts is when a message arrived, not when it is worked on (docs/rules/conversation.md#sessions).

mod before_the_question;
mod floods;
mod late;
mod same_message;
mod together;

use std::time::Duration;

use chrono::TimeDelta;
use reqwest::Method;
use scheduler_local::fake_zapi::ScriptedAnswer;
use scheduler_tests::{CLINIC, Patient, TestApp, wait_until};
use serde_json::{Value, json};

const MARIA: &str = "5511999990000";

/// How long z-api takes for a reply during which other messages arrive: less than it is given.
const SLOW: Duration = Duration::from_secs(3);

/// The phone of one of several patients.
fn phone(number: usize) -> String {
    format!("551199999{number:04}")
}

/// Moves the clock forward. Unlike [`TestApp::advance_clock`] it works while requests are being answered.
pub(crate) async fn pass(app: &TestApp, time: TimeDelta) {
    app.clock.advance(time);
    let now = json!({ "now": app.now() });
    app.ask_expecting(Method::PUT, "/_local/clock", Some(&now), 200).await;
}

/// A patient whose name is on record.
async fn known<'a>(app: &'a TestApp, phone: &str) -> Patient<'a> {
    let sql = "insert into scheduler.patients (clinic_id, phone, match_key, name)
        values ('laser-beauty-sp', $1, $1, 'Maria Silva')";
    sqlx::query(sql).bind(phone).execute(&app.database.pool).await.expect("a patient");
    app.patient(phone, "Maria Silva")
}

/// A known patient who was just asked for a time on the second day that was offered.
async fn asked_for_time<'a>(app: &'a TestApp, phone: &str) -> Patient<'a> {
    let mut patient = known(app, phone).await;
    patient.goes_to("day_").await;
    let days = patient.prompt().options.into_iter().filter(|option| option.id.starts_with("day_"));
    let second = days.map(|option| option.id).nth(1).expect("a second day");
    patient.presses(&second).await;
    assert_eq!(app.state(phone).await, "SELECT_TIME", "{:?}", patient.outbox());
    patient
}

/// A known patient who was just asked to confirm a booking on the second day that was offered.
async fn asked_to_confirm<'a>(app: &'a TestApp, phone: &str) -> Patient<'a> {
    let mut patient = asked_for_time(app, phone).await;
    patient.goes_to("book_").await;
    assert_eq!(app.state(phone).await, "CONFIRM_BOOKING", "{:?}", patient.outbox());
    patient.replies();
    patient
}

/// Posts a message whose first reply z-api takes only after [`SLOW`]. Meanwhile the others arrive and wait in the
/// chat, and then the clock goes on by `time`, so that all of this is before z-api has taken the reply.
async fn post_in_quick_succession(
    app: &TestApp,
    phone: &str,
    first: &Value,
    others: &[Value],
    time: TimeDelta,
) {
    let calls = app.zapi.calls().len();
    app.zapi.answer_next(ScriptedAnswer::success().after(SLOW));
    let meanwhile = async {
        let called = async || app.zapi.calls().len() > calls;
        wait_until("z-api has the first reply", Duration::from_secs(10), called).await;
        for other in others {
            assert_eq!(app.webhook(other).await.status, 200);
        }
        pass(app, time).await;
        assert_eq!(app.zapi.calls().len(), calls + 1, "the others came while the first was worked on");
    };
    let (answered, ()) = tokio::join!(app.webhook(first), meanwhile);
    assert_eq!(answered.status, 200, "{}", answered.body);
    settle(app, phone).await;
}

/// Lets the Reconciler finish what is left in a chat.
async fn settle(app: &TestApp, phone: &str) {
    let has_work = async || !app.chat(phone).await["session"]["dueAt"].is_null();
    for _ in 0..3 {
        if !has_work().await {
            return;
        }
        pass(app, TimeDelta::minutes(1)).await;
        app.reconcile().await;
    }
    assert!(!has_work().await, "{:#}", app.chat(phone).await);
}

/// The states before and after a message. Panics unless it is in the history exactly once.
async fn states_around(app: &TestApp, phone: &str, webhook: &Value) -> (String, String) {
    let events = app.events(phone).await;
    let is_it =
        |event: &&Value| event["direction"] == "INBOUND" && event["messageId"] == webhook["messageId"];
    let found: Vec<&Value> = events.iter().filter(is_it).collect();
    assert_eq!(found.len(), 1, "{webhook}: {events:#?}");
    let state = |name: &str| found[0]["metadata"][name].as_str().unwrap_or_default().to_owned();
    (state("stateBefore"), state("stateAfter"))
}

/// Ends the process at the failpoint while it works on this message, and starts it again.
async fn crash(app: &mut TestApp, failpoint: &str, webhook: &Value) {
    app.restart(Some(failpoint)).await;
    let answered = app.try_webhook(webhook).await;
    assert!(answered.is_err(), "{failpoint}: the connection must fail: {answered:?}");
    wait_until("the process has exited", Duration::from_secs(10), async || app.server().has_exited()).await;
    app.restart(None).await;
}

/// Waits until requests reach PostgreSQL again.
pub(crate) async fn wait_for_postgres(app: &TestApp) {
    let path = format!("/clinics/{CLINIC}");
    let answers = async || app.ask(Method::GET, &path, None).await.status == 200;
    wait_until("PostgreSQL is used again", Duration::from_secs(15), answers).await;
}
