//! Visits are listed page by page, booked once under one key, and changed only as they were read.

use reqwest::Method;
use scheduler_tests::http::KEY;
use scheduler_tests::{CLINIC, Product};
use serde_json::{Value, json};

use super::{ask, below, column, fields, get, post, put, text};

async fn visit(product: &Product, date: &str, time: &str) -> Value {
    json!({ "clinicId": CLINIC, "phone": "5511999990000", "serviceId": product.service_id().await,
        "date": date, "time": time })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_is_by_date_and_time_and_goes_on_where_it_ended() {
    let product = Product::start().await;
    let places = [
        ("2026-02-19", "09:00"),
        ("2026-02-18", "10:00"),
        ("2026-02-18", "09:00"),
        ("2026-05-04", "09:00"),
        ("2026-02-20", "15:00"),
    ];
    for (date, time) in places {
        post(&product, "/appointments", visit(&product, date, time).await).await;
    }
    let mut expected = places.map(|(date, time)| (json!(date), json!(time)));
    expected.sort_by_key(|(date, time)| format!("{date} {time}"));

    let list = below("appointments");
    let (mut listed, mut pages, mut cursor) = (Vec::new(), 0, String::new());
    loop {
        let page = get(&product, &format!("{list}?limit=2{cursor}")).await;
        let of_page = column(&page, "appointments", "appointment_date").into_iter().zip(column(
            &page,
            "appointments",
            "start_time",
        ));
        listed.extend(of_page);
        pages += 1;
        match page["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!((pages, listed), (3, expected.to_vec()));

    put(&product, &first_path(&product).await, json!({ "status": "CANCELLED" })).await;
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
        let found = get(&product, &format!("{list}{query}")).await;
        assert_eq!(found["appointments"].as_array().map(Vec::len), Some(expected), "{query}: {found}");
        assert_eq!(found["nextCursor"], Value::Null, "{query}");
    }
    let refused =
        ask(&product, Method::GET, &format!("{list}?from=2026-02-01&to=2026-04-05"), Value::Null, 400).await;
    assert_eq!(fields(&refused), ["to"]);
}

async fn first_path(product: &Product) -> String {
    let listed = get(product, &below("appointments?limit=1")).await;
    format!("/appointments/{}", text(&listed["appointments"][0], "appointment_id"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_idempotency_key_books_one_visit() {
    let product = Product::start().await;
    let book = async |key: &str, body: &Value| {
        let request = product.client().post(product.url("/appointments")).header("x-api-key", KEY);
        let response = request.header("Idempotency-Key", key).json(body).send().await.expect("an answer");
        let status = response.status().as_u16();
        (status, serde_json::from_slice::<Value>(&response.bytes().await.expect("a body")).expect("JSON"))
    };
    let wanted = visit(&product, "2026-02-18", "10:00").await;
    let (first, made) = book("reception-1", &wanted).await;
    let (second, again) = book("reception-1", &wanted).await;
    assert_eq!((first, second), (201, 201), "{again}");
    assert_eq!(made["appointmentId"], again["appointmentId"]);
    let (other_body, _) = book("reception-1", &visit(&product, "2026-02-18", "15:00").await).await;
    let (other_key, _) = book("reception-2", &wanted).await;
    assert_eq!((other_body, other_key), (409, 409));
    assert_eq!(product.database.number("select count(*) from scheduler.appointments").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_on_top_of_an_old_version_is_refused() {
    let product = Product::start().await;
    let made = post(&product, "/appointments", visit(&product, "2026-02-18", "10:00").await).await;
    let path = format!("/appointments/{}", text(&made, "appointmentId"));
    let version = made["appointment"]["version"].clone();
    let noted = put(&product, &path, json!({ "notes": "Alergia", "version": version })).await;
    assert_eq!(noted["appointment"]["version"], 2);
    let before = product.database.fingerprint().await;
    ask(&product, Method::PUT, &path, json!({ "notes": "Nada", "version": version }), 409).await;
    ask(&product, Method::PUT, &path, json!({ "status": "CANCELLED", "version": version }), 409).await;
    assert_eq!(product.database.fingerprint().await, before);
    put(&product, &path, json!({ "status": "CANCELLED", "version": 2 })).await;
    ask(&product, Method::PUT, &path, json!({ "status": "CONFIRMED" }), 409).await;
    put(&product, &path, json!({ "status": "CANCELLED" })).await;
}
