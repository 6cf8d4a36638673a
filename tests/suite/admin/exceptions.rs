//! Special days are listed, changed and taken back; visits they stand over are told, the slots follow.

use reqwest::Method;
use scheduler_tests::{CLINIC, Product};
use serde_json::{Value, json};

use super::{ask, below, column, february, fields, get, post, put, text};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_exception_over_visits_stands_and_tells_which_also_when_it_changes() {
    let product = Product::start().await;
    let day = february(18);
    let usual = product.slots(day).await;
    let visit = json!({ "clinicId": CLINIC, "phone": "5511999990000", "date": "2026-02-18", "time": "10:00",
        "serviceId": product.service_id().await });
    let visit = post(&product, "/appointments", visit).await["appointmentId"].clone();
    let body = json!({ "exception_date": "2026-02-18", "exception_type": "BLOCKED", "start_time": "09:00",
        "end_time": "10:30", "reason": "Manutenção" });
    let made = post(&product, &below("availability-exceptions"), body).await;
    let over = |answer: &Value| column(answer, "conflicts", "appointment_id");
    assert_eq!(over(&made), std::slice::from_ref(&visit));

    let path = format!("/availability-exceptions/{}", text(&made, "exceptionId"));
    for (change, stands_over, first_slot) in [
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
        let changed = put(&product, &path, change.clone()).await;
        let expected = if stands_over { vec![visit.clone()] } else { Vec::new() };
        assert_eq!(over(&changed), expected, "{change}");
        let slots = product.slots(day).await;
        assert_eq!(slots.first().map_or("", String::as_str), first_slot, "{change}: {slots:?}");
    }
    let freed = format!("/appointments/{}", visit.as_str().expect("an id"));
    put(&product, &freed, json!({ "status": "CANCELLED" })).await;
    assert_eq!(product.slots(day).await, usual);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exceptions_are_listed_by_day_within_a_range() {
    let product = Product::start().await;
    let list = below("availability-exceptions");
    for day in ["2026-03-02", "2026-02-17", "2026-02-20", "2026-01-01"] {
        post(&product, &list, json!({ "exception_date": day, "exception_type": "BLOCKED" })).await;
    }
    for (range, expected) in [
        ("", &["2026-01-01", "2026-02-17", "2026-02-20", "2026-03-02"][..]),
        ("?from=2026-02-17&to=2026-02-20", &["2026-02-17", "2026-02-20"]),
        ("?from=2026-02-18", &["2026-02-20", "2026-03-02"]),
        ("?to=2026-02-16", &["2026-01-01"]),
        ("?from=2026-02-18&to=2026-02-18", &[]),
    ] {
        let listed = get(&product, &format!("{list}{range}")).await;
        assert_eq!(column(&listed, "exceptions", "exception_date"), expected, "{range}");
    }
    for (range, named) in [("?from=2026-02-18&to=2026-02-17", "to"), ("?from=2026-02-31", "from")] {
        let refused = ask(&product, Method::GET, &format!("{list}{range}"), Value::Null, 400).await;
        assert_eq!(fields(&refused), [named]);
    }
    let first = get(&product, &list).await["exceptions"][0]["exception_id"].clone();
    let path = format!("/availability-exceptions/{}", first.as_str().expect("an id"));
    put(&product, &path, json!({ "active": false })).await;
    assert_eq!(column(&get(&product, &list).await, "exceptions", "exception_date").len(), 3);
    ask(&product, Method::GET, "/clinics/nowhere/availability-exceptions", Value::Null, 404).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_that_does_not_fit_what_stands_is_refused_by_its_name() {
    let product = Product::start().await;
    let list = below("availability-exceptions");
    let day = json!({ "exception_date": "2026-02-18", "exception_type": "BLOCKED" });
    let whole = post(&product, &list, day.clone()).await;
    let mut part = day;
    part["start_time"] = json!("09:00");
    part["end_time"] = json!("12:00");
    let part = post(&product, &list, part).await;
    let before = product.database.fingerprint().await;
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
        let refused = ask(&product, Method::PUT, &path, change.clone(), 400).await;
        assert_eq!(fields(&refused), named, "{change}");
    }
    assert_eq!(product.database.fingerprint().await, before);
}
