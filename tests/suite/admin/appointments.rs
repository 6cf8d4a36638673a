//! Appointments over the API: pages of a list, idempotent booking, and changes on top of an old version.

use std::time::Duration;

use reqwest::Method;
use scheduler_tests::http::{KEY, ask as ask_http};
use scheduler_tests::{CLINIC, TestApp, wait_until};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{ask, column, error_fields, get, in_clinic, post, put, text};

async fn booking(app: &TestApp, date: &str, time: &str) -> Value {
    json!({ "clinicId": CLINIC, "phone": "5511999990000", "serviceId": app.service_id().await,
        "date": date, "time": time })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn appointments_are_listed_by_date_and_time_and_each_page_continues_the_one_before() {
    let app = TestApp::start().await;
    let slots = [
        ("2026-02-19", "09:00"),
        ("2026-02-18", "10:00"),
        ("2026-02-18", "09:00"),
        ("2026-05-04", "09:00"),
        ("2026-02-20", "15:00"),
    ];
    for (date, time) in slots {
        post(&app, "/appointments", booking(&app, date, time).await).await;
    }
    let mut expected = slots.map(|(date, time)| (json!(date), json!(time)));
    expected.sort_by_key(|(date, time)| format!("{date} {time}"));

    let list = in_clinic("appointments");
    let (mut listed, mut pages, mut cursor) = (Vec::new(), 0, String::new());
    loop {
        let page = get(&app, &format!("{list}?limit=2{cursor}")).await;
        let page_rows = column(&page, "appointments", "appointment_date").into_iter().zip(column(
            &page,
            "appointments",
            "start_time",
        ));
        listed.extend(page_rows);
        pages += 1;
        match page["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!((pages, listed), (3, expected.to_vec()));

    put(&app, &path_of_first(&app).await, json!({ "status": "CANCELLED" })).await;
    for (query, expected) in [
        ("", 5),
        ("?date=2026-02-18", 2),
        ("?date=2026-02-18&status=CONFIRMED", 1),
        ("?status=CANCELLED", 1),
        ("?from=2026-02-19&to=2026-04-20", 2),
        ("?from=2026-05-01", 1),
        ("?from=2026-02-19", 2),
        ("?to=2026-02-19", 3),
        ("?date=2026-02-17", 0),
    ] {
        let found = get(&app, &format!("{list}{query}")).await;
        assert_eq!(found["appointments"].as_array().map(Vec::len), Some(expected), "{query}: {found}");
        assert_eq!(found["nextCursor"], Value::Null, "{query}");
    }
    let refused =
        ask(&app, Method::GET, &format!("{list}?from=2026-02-01&to=2026-04-05"), Value::Null, 400).await;
    assert_eq!(error_fields(&refused), ["to"]);
}

async fn path_of_first(app: &TestApp) -> String {
    let listed = get(app, &in_clinic("appointments?limit=1")).await;
    format!("/appointments/{}", text(&listed["appointments"][0], "appointment_id"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idempotency_key_books_one_appointment() {
    let app = TestApp::start().await;
    let book = async |key: &str, body: &Value| {
        let sent = app.client().post(app.url("/appointments")).header("x-api-key", KEY);
        let response = sent.header("Idempotency-Key", key).json(body).send().await.expect("an answer");
        let status = response.status().as_u16();
        (status, serde_json::from_slice::<Value>(&response.bytes().await.expect("a body")).expect("JSON"))
    };
    let request = booking(&app, "2026-02-18", "10:00").await;
    let (first, booked) = book("reception-1", &request).await;
    let (second, repeated) = book("reception-1", &request).await;
    assert_eq!((first, second), (201, 201), "{repeated}");
    assert_eq!(booked["appointmentId"], repeated["appointmentId"]);
    let (other_body, _) = book("reception-1", &booking(&app, "2026-02-18", "15:00").await).await;
    let (other_key, _) = book("reception-2", &request).await;
    assert_eq!((other_body, other_key), (409, 409));
    assert_eq!(app.database.number("select count(*) from scheduler.appointments").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_on_top_of_an_old_version_is_refused() {
    let app = TestApp::start().await;
    let booked = post(&app, "/appointments", booking(&app, "2026-02-18", "10:00").await).await;
    let path = format!("/appointments/{}", text(&booked, "appointmentId"));
    let version = booked["appointment"]["version"].clone();
    let changed = put(&app, &path, json!({ "notes": "Alergia", "version": version })).await;
    assert_eq!(changed["appointment"]["version"], 2);
    let before = app.database.fingerprint().await;
    ask(&app, Method::PUT, &path, json!({ "notes": "Nada", "version": version }), 409).await;
    ask(&app, Method::PUT, &path, json!({ "status": "CANCELLED", "version": version }), 409).await;
    assert_eq!(app.database.fingerprint().await, before);
    put(&app, &path, json!({ "status": "CANCELLED", "version": 2 })).await;
    ask(&app, Method::PUT, &path, json!({ "status": "CONFIRMED" }), 409).await;
    put(&app, &path, json!({ "status": "CANCELLED" })).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_appointment_past_midnight_is_refused_whether_booked_or_moved() {
    let app = TestApp::start().await;
    let booked = post(&app, "/appointments", booking(&app, "2026-02-18", "23:00").await).await;
    let path = format!("/appointments/{}", text(&booked, "appointmentId"));
    let before = app.database.fingerprint().await;
    for time in ["23:15", "23:30", "23:59"] {
        ask(&app, Method::POST, "/appointments", booking(&app, "2026-02-19", time).await, 400).await;
        ask(&app, Method::PUT, &path, json!({ "date": "2026-02-19", "time": time }), 400).await;
    }
    assert_eq!(app.database.fingerprint().await, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_change_leaves_the_patients_name_as_it_is() {
    let app = TestApp::start().await;
    let booked = post(&app, "/appointments", booking(&app, "2026-02-18", "10:00").await).await;
    let path = format!("/appointments/{}", text(&booked, "appointmentId"));
    put(&app, &path, json!({ "status": "CANCELLED" })).await;
    let before = app.database.fingerprint().await;
    for change in [
        json!({ "status": "CONFIRMED" }),
        json!({ "status": "COMPLETED" }),
        json!({ "date": "2026-02-19", "time": "10:00" }),
    ] {
        let mut renamed = change.clone();
        renamed["patient_name"] = json!("Outro Nome");
        ask(&app, Method::PUT, &path, renamed, 409).await;
    }
    assert_eq!(app.database.fingerprint().await, before);
    let renamed = put(&app, &path, json!({ "patient_name": "Outro Nome" })).await;
    assert_eq!(renamed["appointment"]["patient_name"], "Outro Nome");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeated_change_succeeds_and_changes_nothing() {
    let app = TestApp::start().await;
    for (time, changes) in [
        ("09:00", json!({ "status": "CANCELLED", "patient_name": "Ana Lima" })),
        ("10:00", json!({ "date": "2026-02-19", "time": "10:00", "status": "CANCELLED" })),
        ("11:00", json!({ "date": "2026-02-19", "time": "11:00", "status": "NO_SHOW", "notes": "Ligou" })),
        ("13:00", json!({ "date": "2026-02-19", "time": "13:00", "patient_name": "Ana Souza" })),
        ("14:00", json!({ "date": "2026-02-18", "time": "14:00", "status": "COMPLETED" })),
    ] {
        let booked = post(&app, "/appointments", booking(&app, "2026-02-18", time).await).await;
        let path = format!("/appointments/{}", text(&booked, "appointmentId"));
        let changed = put(&app, &path, changes.clone()).await;
        assert_eq!(changed["appointment"]["version"], 2, "{changes}");
        let before = app.database.fingerprint().await;
        let again = put(&app, &path, changes.clone()).await;
        assert_eq!(again["appointment"], changed["appointment"], "{changes}");
        let mut with_old_version = changes.clone();
        with_old_version["version"] = json!(1);
        put(&app, &path, with_old_version).await;
        assert_eq!(app.database.fingerprint().await, before, "{changes}");
    }
    // Moving a cancelled appointment to the time that it has is no repetition: it was not moved there.
    let booked = post(&app, "/appointments", booking(&app, "2026-02-20", "09:00").await).await;
    let path = format!("/appointments/{}", text(&booked, "appointmentId"));
    put(&app, &path, json!({ "status": "CANCELLED" })).await;
    ask(&app, Method::PUT, &path, json!({ "date": "2026-02-20", "time": "09:00" }), 409).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_change_sent_twice_at_once_is_applied_once() {
    let app = TestApp::start().await;
    let booked = post(&app, "/appointments", booking(&app, "2026-02-18", "10:00").await).await;
    let url = app.url(&format!("/appointments/{}", text(&booked, "appointmentId")));
    let change = json!({ "status": "CANCELLED", "patient_name": "Ana Lima" });
    // Both requests wait for this lock, so both have seen the appointment as it was before.
    let mut lock = app.database.pool.begin().await.expect("a transaction");
    let locked =
        "select 1 from scheduler.appointments a join scheduler.patients p on p.id = a.patient_id for update";
    sqlx::query(locked).fetch_all(&mut *lock).await.expect("locks");
    let mut requests = JoinSet::new();
    for _ in 0..2 {
        let (client, url, change) = (app.client().clone(), url.clone(), change.clone());
        requests.spawn(async move { ask_http(&client, Method::PUT, &url, Some(&change)).await });
    }
    let waiting = "select count(*) from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock'";
    wait_until("two waiting requests", Duration::from_secs(10), async || {
        app.database.number(waiting).await == 2
    })
    .await;
    lock.rollback().await.expect("released");
    for response in requests.join_all().await {
        let response = response.expect("an answer");
        assert_eq!(response.status, 200, "{}", response.body);
        let appointment = &response.body["appointment"];
        assert_eq!(
            (&appointment["status"], &appointment["patient_name"]),
            (&json!("CANCELLED"), &json!("Ana Lima"))
        );
        assert_eq!(appointment["version"], 2, "the second request changed nothing");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_date_is_from_2000_to_2100() {
    let app = TestApp::start().await;
    let list = in_clinic("appointments");
    for (year, refused) in [
        ("%2B262142", true),
        ("-262143", true),
        ("%2B10000", true),
        ("9999", true),
        ("2101", true),
        ("2100", false),
        ("2000", false),
        ("1999", true),
        ("0000", true),
    ] {
        for query in ["date", "from", "to"] {
            let status = if refused { 400 } else { 200 };
            ask(&app, Method::GET, &format!("{list}?{query}={year}-12-31"), Value::Null, status).await;
        }
        let cursor = format!("{year}-12-31_09:00_00000000-0000-0000-0000-000000000000");
        let status = if refused { 400 } else { 200 };
        ask(&app, Method::GET, &format!("{list}?cursor={cursor}"), Value::Null, status).await;
    }
    let before = app.database.fingerprint().await;
    for date in ["+262142-12-31", "-0001-01-01", "+10000-01-01", "9999-12-31", "2101-01-01", "1999-12-31"] {
        ask(&app, Method::POST, "/appointments", booking(&app, date, "10:00").await, 400).await;
        let blocked = json!({ "exception_date": date, "exception_type": "BLOCKED" });
        ask(&app, Method::POST, &in_clinic("availability-exceptions"), blocked, 400).await;
    }
    assert_eq!(app.database.fingerprint().await, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_appointment_is_booked_and_moved_at_most_five_years_ahead() {
    let app = TestApp::start().await;
    let booked = post(&app, "/appointments", booking(&app, "2031-02-16", "10:00").await).await;
    let path = format!("/appointments/{}", text(&booked, "appointmentId"));
    let before = app.database.fingerprint().await;
    for date in ["2031-02-17", "2032-01-01", "2100-12-31"] {
        let refused = ask(&app, Method::POST, "/appointments", booking(&app, date, "10:00").await, 400).await;
        assert_eq!(error_fields(&refused), ["date"], "{date}");
        let refused = ask(&app, Method::PUT, &path, json!({ "date": date, "time": "10:00" }), 400).await;
        assert_eq!(error_fields(&refused), ["date"], "{date}");
    }
    assert_eq!(app.database.fingerprint().await, before);
}
