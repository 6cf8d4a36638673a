//! A process that dies between a sheet and its mark (contract 7, `sheet_written`).

use std::time::Duration;

use chrono::TimeDelta;
use reqwest::Method;
use scheduler_tests::google::Google;
use scheduler_tests::{CLINIC, Product, until};
use serde_json::json;

use super::{SHEET, TAB, connect, ids};

#[tokio::test]
async fn a_row_that_was_written_and_not_marked_is_there_once() {
    let mut product = Product::start().await;
    let google = Google::start(product.clock.clone()).await;
    google.has(SHEET, TAB, 1_000);
    product.set("GOOGLE_SHEETS_SERVICE_ACCOUNT", google.service_account());
    product.set("GOOGLE_SHEETS_BASE_URL", google.base_url());
    connect(&product.database, Some(SHEET)).await;
    let wish = json!({
        "clinicId": CLINIC, "phone": "11999990000", "name": "Maria Silva",
        "serviceId": product.service_id().await, "date": "2026-02-20", "time": "09:00",
    });
    let answered = product.ask(Method::POST, "/appointments", Some(&wish)).await;
    assert_eq!(answered.status, 201, "{}", answered.body);
    let visit = answered.body["appointmentId"].as_str().expect("an id").to_owned();

    product.restart(Some("sheet_written")).await;
    let ran = product.try_ask(Method::POST, "/_local/jobs/reconciler", None).await;
    assert!(ran.is_err(), "{ran:?}");
    until("it has died", Duration::from_secs(60), async || product.server().has_ended()).await;
    assert_eq!(ids(&google, SHEET), std::slice::from_ref(&visit));
    let behind = "select count(*) from scheduler.appointments where sheet_version < version";
    assert_eq!(product.database.number(behind).await, 1);

    product.restart(None).await;
    // The dead process's lease has to run out.
    product.passes(TimeDelta::minutes(1)).await;
    let summary = product.reconcile().await;
    println!("died at sheet_written: {} row, {summary}", ids(&google, SHEET).len());
    assert_eq!(summary["rows_written"], 1, "{summary}");
    assert_eq!(ids(&google, SHEET), [visit]);
    assert_eq!(product.database.number(behind).await, 0);
}
