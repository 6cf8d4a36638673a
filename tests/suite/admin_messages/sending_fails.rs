//! A message of reception's own that does not go out: reception is told, and so is the history.

use reqwest::Method;
use scheduler_local::dynamodb::Embedded;
use scheduler_local::zapi_stand_in::Answer;
use scheduler_tests::{CLINIC, Manner, Product, Proxy, Setting, Speaks};
use serde_json::{Value, json};

use super::{MARIA, ask};

fn letter() -> Value {
    json!({ "clinicId": CLINIC, "phone": MARIA, "type": "text", "content": "Até já!" })
}

async fn statuses(product: &Product) -> Vec<Value> {
    product.events(MARIA).await.iter().map(|event| event["status"].clone()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_may_not_be_written_to_is_not_and_that_is_recorded() {
    let product = Product::with(Setting { allowed: "", ..Setting::default() }).await;
    let answer = ask(&product, Method::POST, "/send", &letter(), 200).await;
    assert_eq!(answer["providerStatus"], "BLOCKED", "{answer}");
    assert_eq!(product.zapi.calls(), []);
    assert_eq!(statuses(&product).await, ["BLOCKED"]);
    assert_eq!(product.events(MARIA).await[0]["messageId"], answer["messageId"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_provider_refuses_is_a_502_and_recorded_as_failed() {
    let product = Product::start().await;
    for (status, words) in [(400, "message is empty"), (403, "Client-Token not allowed"), (500, "oops")] {
        let refusal = Answer::says(status, json!({ "error": words }).to_string());
        product.zapi.answer_endpoint("send-", refusal);
        let answer = ask(&product, Method::POST, "/send", &letter(), 502).await;
        assert_eq!(answer["status"], "ERROR");
        assert!(!answer.to_string().contains(words), "{answer}");
        product.zapi.behave();
    }
    product.zapi.knows(MARIA, None);
    ask(&product, Method::POST, "/send", &letter(), 502).await;
    assert_eq!(product.zapi.outbox(None), []);
    assert_eq!(statuses(&product).await, ["QUEUED", "FAILED"].repeat(4));
    let events = product.events(MARIA).await;
    assert!(events.iter().filter(|event| event["status"] == "FAILED").all(|e| e["errorDetails"].is_string()));
    assert!(events.is_sorted_by_key(|event| event["statusTimestamp"].as_str().map(str::to_owned)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clinic_without_an_instance_is_a_409_and_no_clinic_a_404() {
    let product = Product::start().await;
    let unknown = json!({ "clinicId": "nowhere", "phone": MARIA, "type": "text", "content": "Oi" });
    ask(&product, Method::POST, "/send", &unknown, 404).await;
    let none = json!({ "zapi_instance_id": null });
    ask(&product, Method::PUT, &format!("/clinics/{CLINIC}"), &none, 200).await;
    ask(&product, Method::POST, "/send", &letter(), 409).await;
    assert_eq!(product.zapi.calls(), []);
    assert_eq!(statuses(&product).await, Vec::<Value>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_recorded_does_not_go_out() {
    let embedded = Embedded::start(None, 0).await.expect("DynamoDB starts");
    let target = embedded.endpoint().trim_start_matches("http://").parse().expect("an address");
    let proxy = Proxy::start(target, Speaks::DynamoDb).await;
    let dynamodb = Some(format!("http://{}", proxy.address()));
    let product = Product::with(Setting { dynamodb, ..Setting::default() }).await;
    proxy.treats(Manner::Refuse);
    proxy.cut();
    ask(&product, Method::POST, "/send", &letter(), 503).await;
    assert_eq!(product.zapi.outbox(None), []);
    proxy.treats(Manner::Carry);
    proxy.cut();
    drop(product);
    embedded.stop().await;
}
