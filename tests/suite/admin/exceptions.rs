//! Availability exceptions over the API: creating, listing and changing them, their conflicts with
//! appointments, and the slots they leave.

use reqwest::Method;
use scheduler_tests::{CLINIC, TestApp};
use serde_json::{Value, json};

use super::{ask, column, error_fields, february, get, in_clinic, post, put, text};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_exception_is_stored_and_lists_the_appointments_it_conflicts_with_also_when_changed() {
    let app = TestApp::start().await;
    let day = february(18);
    let usual = app.slots(day).await;
    let appointment = json!({ "clinicId": CLINIC, "phone": "5511999990000", "date": "2026-02-18", "time": "10:00",
        "serviceId": app.service_id().await });
    let appointment = post(&app, "/appointments", appointment).await["appointmentId"].clone();
    let body = json!({ "exception_date": "2026-02-18", "exception_type": "BLOCKED", "start_time": "09:00",
        "end_time": "10:30", "reason": "Manutenção" });
    let made = post(&app, &in_clinic("availability-exceptions"), body).await;
    let conflicts = |answer: &Value| column(answer, "conflicts", "appointment_id");
    assert_eq!(conflicts(&made), std::slice::from_ref(&appointment));

    let path = format!("/availability-exceptions/{}", text(&made, "exceptionId"));
    for (change, conflicting, first_slot) in [
        (json!({ "end_time": "10:00" }), false, "10:55"),
        (json!({ "start_time": null, "end_time": null }), true, ""),
        (
            json!({ "exception_type": "SPECIAL_HOURS", "start_time": "11:00", "end_time": "15:00" }),
            true,
            "11:00",
        ),
        (json!({ "start_time": "10:00", "reason": null }), false, "10:55"),
        (json!({ "exception_date": "2026-02-19" }), false, "09:00"),
        (json!({ "exception_date": "2026-02-18", "start_time": "12:00" }), true, "12:00"),
        (json!({ "active": false }), false, "09:00"),
    ] {
        let changed = put(&app, &path, change.clone()).await;
        let expected = if conflicting { vec![appointment.clone()] } else { Vec::new() };
        assert_eq!(conflicts(&changed), expected, "{change}");
        let slots = app.slots(day).await;
        assert_eq!(slots.first().map_or("", String::as_str), first_slot, "{change}: {slots:?}");
    }
    let appointment_path = format!("/appointments/{}", appointment.as_str().expect("an id"));
    put(&app, &appointment_path, json!({ "status": "CANCELLED" })).await;
    assert_eq!(app.slots(day).await, usual);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exceptions_are_listed_by_date_within_a_range() {
    let app = TestApp::start().await;
    let list = in_clinic("availability-exceptions");
    for day in ["2026-03-02", "2026-02-17", "2026-02-20", "2026-01-01"] {
        post(&app, &list, json!({ "exception_date": day, "exception_type": "BLOCKED" })).await;
    }
    for (range, expected) in [
        ("", &["2026-01-01", "2026-02-17", "2026-02-20", "2026-03-02"][..]),
        ("?from=2026-02-17&to=2026-02-20", &["2026-02-17", "2026-02-20"]),
        ("?from=2026-02-18", &["2026-02-20", "2026-03-02"]),
        ("?to=2026-02-16", &["2026-01-01"]),
        ("?from=2026-02-18&to=2026-02-18", &[]),
    ] {
        let listed = get(&app, &format!("{list}{range}")).await;
        assert_eq!(column(&listed, "exceptions", "exception_date"), expected, "{range}");
    }
    for (range, named) in [("?from=2026-02-18&to=2026-02-17", "to"), ("?from=2026-02-31", "from")] {
        let refused = ask(&app, Method::GET, &format!("{list}{range}"), Value::Null, 400).await;
        assert_eq!(error_fields(&refused), [named]);
    }
    let first = get(&app, &list).await["exceptions"][0]["exception_id"].clone();
    let path = format!("/availability-exceptions/{}", first.as_str().expect("an id"));
    put(&app, &path, json!({ "active": false })).await;
    assert_eq!(column(&get(&app, &list).await, "exceptions", "exception_date").len(), 3);
    ask(&app, Method::GET, "/clinics/nowhere/availability-exceptions", Value::Null, 404).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_that_contradicts_the_stored_exception_is_refused_with_the_field_name() {
    let app = TestApp::start().await;
    let list = in_clinic("availability-exceptions");
    let day = json!({ "exception_date": "2026-02-18", "exception_type": "BLOCKED" });
    let whole = post(&app, &list, day.clone()).await;
    let mut part = day;
    part["start_time"] = json!("09:00");
    part["end_time"] = json!("12:00");
    let part = post(&app, &list, part).await;
    let before = app.database.fingerprint().await;
    for (exception, change, named) in [
        (&part, json!({ "end_time": "09:00" }), &["end_time"][..]),
        (&part, json!({ "start_time": "12:00" }), &["end_time"]),
        (&part, json!({ "start_time": null }), &["start_time"]),
        (&part, json!({ "end_time": null }), &["end_time"]),
        (&whole, json!({ "start_time": "09:00" }), &["end_time"]),
        (&whole, json!({ "exception_type": "SPECIAL_HOURS" }), &["start_time", "end_time"]),
        (&whole, json!({ "exception_type": "HOLIDAY", "active": "no" }), &["exception_type", "active"]),
    ] {
        let path = format!("/availability-exceptions/{}", text(exception, "exceptionId"));
        let refused = ask(&app, Method::PUT, &path, change.clone(), 400).await;
        assert_eq!(error_fields(&refused), named, "{change}");
    }
    assert_eq!(app.database.fingerprint().await, before);
}
