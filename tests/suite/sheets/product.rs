//! The whole way: what reception and the patient do, and what the clinic reads in its sheet.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::Method;
use scheduler_tests::google::Google;
use scheduler_tests::{CLINIC, Product, until};
use serde_json::{Value, json};

use super::{SHEET, TAB, connect, ids};

const MARIA: &str = "5511999990000";

/// The product with a Google, and the example clinic's sheet.
async fn start() -> (Product, Google) {
    let mut product = Product::start().await;
    let google = Google::start(product.clock.clone()).await;
    google.has(SHEET, TAB, 1_000);
    product.set("GOOGLE_SHEETS_SERVICE_ACCOUNT", google.service_account());
    product.set("GOOGLE_SHEETS_BASE_URL", google.base_url());
    connect(&product.database, Some(SHEET)).await;
    (product, google)
}

async fn wish(product: &Product, name: &str, time: &str) -> Value {
    json!({
        "clinicId": CLINIC, "phone": MARIA, "name": name, "areas": "Pernas",
        "serviceId": product.service_id().await, "date": "2026-02-20", "time": time,
    })
}

/// Runs the Reconciler and gives a visit's row.
async fn row(product: &Product, google: &Google, visit: &str) -> Vec<String> {
    product.reconcile().await;
    let rows = google.rows(SHEET, TAB);
    let mut of_visit = rows.into_iter().filter(|row| row[8] == visit);
    let row = of_visit.next().expect("a row");
    assert!(of_visit.next().is_none(), "one row");
    row
}

#[tokio::test]
async fn created_moved_confirmed_by_the_patient_and_cancelled_it_is_one_row() {
    let (mut product, google) = start().await;
    product.restart(None).await;
    let booking = wish(&product, "=1+1", "09:00").await;
    let answered = product.ask(Method::POST, "/appointments", Some(&booking)).await;
    assert_eq!(answered.status, 201, "{}", answered.body);
    let visit = answered.body["appointmentId"].as_str().expect("an id").to_owned();
    let path = format!("/appointments/{visit}");
    let change = async |product: &Product, change: Value| {
        let answered = product.ask(Method::PUT, &path, Some(&change)).await;
        assert_eq!(answered.status, 200, "{}", answered.body);
    };
    let created = row(&product, &google, &visit).await;
    assert_eq!(created[..3], ["20/02/2026", "09:00", "'=1+1"]);
    assert_eq!((created[6].as_str(), created[7].as_str()), ("CONFIRMED", ""));
    google.types(SHEET, TAB, 2, 8, "trouxe acompanhante");

    change(&product, json!({ "date": "2026-02-21", "time": "10:00", "patient_name": "Maria Silva" })).await;
    let moved = row(&product, &google, &visit).await;
    assert_eq!(moved[..3], ["21/02/2026", "10:00", "Maria Silva"]);

    let due: DateTime<Utc> = "2026-02-20T13:00:00Z".parse().expect("an instant");
    let ahead = due - product.now();
    product.passes(ahead).await;
    let ran = product.ask(Method::POST, "/_local/jobs/reminder-processor", None).await;
    assert_eq!(ran.body["sent"], 1, "{}", ran.body);
    product.patient(MARIA, "Maria").says("OK").await;
    let confirmed = row(&product, &google, &visit).await;
    assert_eq!(confirmed[6], "CONFIRMED ✔");

    change(&product, json!({ "status": "CANCELLED" })).await;
    let cancelled = row(&product, &google, &visit).await;
    println!("created, moved, confirmed, cancelled: {} row, {cancelled:?}", ids(&google, SHEET).len());
    assert_eq!((cancelled[6].as_str(), cancelled[7].as_str()), ("CANCELLED", "trouxe acompanhante"));
    assert_eq!(ids(&google, SHEET), [visit]);
}

#[tokio::test]
async fn a_process_that_dies_anywhere_on_a_visits_way_leaves_it_one_row() {
    for point in ["visit_committed", "reminder_projected", "sheet_written"] {
        let (mut product, google) = start().await;
        let booking = wish(&product, "Maria Silva", "09:00").await;
        product.restart(Some(point)).await;
        let booked = product.try_ask(Method::POST, "/appointments", Some(&booking)).await;
        let reconciled = product.try_ask(Method::POST, "/_local/jobs/reconciler", None).await;
        assert!(booked.is_err() || reconciled.is_err(), "{point}");
        until("it has died", Duration::from_secs(60), async || product.server().has_ended()).await;
        let written = google.rows(SHEET, TAB).len();
        assert_eq!(written, if point == "sheet_written" { 2 } else { 0 }, "{point}");

        product.restart(None).await;
        // The dead process's lease has to run out.
        product.passes(TimeDelta::minutes(1)).await;
        let summary = product.reconcile().await;
        let behind = "select count(*) from scheduler.appointments
            where least(sheet_version, reminder_version) < version";
        println!("died at {point}: {} row, {summary}", ids(&google, SHEET).len());
        assert_eq!((ids(&google, SHEET).len(), product.database.number(behind).await), (1, 0), "{point}");
        assert_eq!(product.chat(MARIA).await["reminders"].as_array().map(Vec::len), Some(1), "{point}");
    }
}
