//! DynamoDB fails (quality 3, row 14): tried again within bounds, the webhook inside its deadline, no
//! state without its event.

use std::time::Duration;

use chrono::TimeDelta;
use scheduler_local::dynamodb::Embedded;
use scheduler_tests::{BadDynamoDb, Fault, Manner, Product, Proxy, Setting, Speaks, text, until};

const MARIA: &str = "5511999990000";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dynamodb_away_is_told_inside_the_webhooks_deadline() {
    let embedded = Embedded::start(None, 0).await.expect("DynamoDB starts");
    let target = embedded.endpoint().trim_start_matches("http://").parse().expect("an address");
    let proxy = Proxy::start(target, Speaks::DynamoDb).await;
    let dynamodb = Some(format!("http://{}", proxy.address()));
    let product = Product::with(Setting { dynamodb, ..Setting::default() }).await;
    let mut maria = product.patient(MARIA, "Maria Silva");
    maria.says("Olá").await;
    for (how, manner) in [("refuses", Manner::Refuse), ("hangs", Manner::Hang)] {
        proxy.treats(manner);
        if manner == Manner::Hang {
            proxy.silence()
        } else {
            proxy.cut()
        }
        let webhook = maria.webhook(scheduler_tests::text("dúvidas"));
        let answer = product.webhook(&webhook).await;
        println!("DynamoDB {how}: {} after {:?} (deadline 12 s)", answer.status, answer.took);
        assert_eq!(answer.status, 503, "{how}: it is stored nowhere: {}", answer.body);
        assert!(answer.took < Duration::from_secs(12), "{how}: {:?}", answer.took);

        proxy.treats(Manner::Carry);
        proxy.cut();
        maria.replies();
        // z-api sends it again, or not; the patient may write again in any case.
        let again = async || product.webhook(&webhook).await.status == 200;
        until("taken", Duration::from_secs(15), again).await;
        until("answered", Duration::from_secs(15), async || !maria.replies().is_empty()).await;
    }
    drop(product);
    embedded.stop().await;
}

/// The state that stands is one that the history tells of.
async fn state_has_its_event(product: &Product, how: &str) {
    let chat = product.chat(MARIA).await;
    let events = chat["events"].as_array().expect("a history");
    let told = events
        .iter()
        .rev()
        .find(|event| event["direction"] == "INBOUND" && event["metadata"]["stateAfter"].is_string());
    let told = told.map(|event| event["metadata"]["stateAfter"].clone());
    assert_eq!(Some(chat["session"]["currentState"].clone()), told, "{how}: {chat:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_goes_wrong_once_or_twice_is_tried_again() {
    let embedded = Embedded::start(None, 0).await.expect("DynamoDB starts");
    let bad = BadDynamoDb::start(embedded.endpoint()).await;
    let product = Product::with(Setting { dynamodb: Some(bad.endpoint()), ..Setting::default() }).await;
    let mut maria = product.patient(MARIA, "Maria Silva");
    maria.says("Olá").await;
    let slow = Fault::Slow(Duration::from_secs(5));
    for (operation, fault, times) in [
        ("UpdateItem", Fault::Throttled, 2),
        ("UpdateItem", Fault::Conflict, 3),
        ("UpdateItem", Fault::Broken, 2),
        ("UpdateItem", slow, 1),
        ("TransactWriteItems", Fault::Throttled, 2),
        ("TransactWriteItems", Fault::Conflict, 3),
        ("TransactWriteItems", Fault::Broken, 2),
        ("TransactWriteItems", slow, 1),
    ] {
        let how = format!("{operation} {fault:?} × {times}");
        let inbound = |events: &[serde_json::Value]| {
            events.iter().filter(|event| event["direction"] == "INBOUND").count()
        };
        let before = inbound(&product.events(MARIA).await);
        bad.take_asked();
        bad.fails(operation, fault, times);
        let answered = maria.tries(text("menu")).await;
        bad.heals();
        let asked = bad.take_asked();
        let replies = maria.replies().len();
        let heard = inbound(&product.events(MARIA).await) - before;
        println!(
            "{how}: {} after {:?}, {replies} reply, {heard} inbound event, {asked:?}",
            answered.status, answered.took
        );
        assert_eq!(answered.status, 200, "{how}: {}", answered.body);
        assert!(answered.took < Duration::from_secs(12), "{how}: {:?}", answered.took);
        assert_eq!((replies, heard), (1, 1), "{how}");
        state_has_its_event(&product, &how).await;
    }
    drop(product);
    embedded.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_goes_wrong_for_long_is_given_up_in_time_and_made_good_later() {
    let embedded = Embedded::start(None, 0).await.expect("DynamoDB starts");
    let bad = BadDynamoDb::start(embedded.endpoint()).await;
    let mut product = Product::with(Setting { dynamodb: Some(bad.endpoint()), ..Setting::default() }).await;
    product.patient(MARIA, "Maria Silva").says("Olá").await;
    let slow = Fault::Slow(Duration::from_secs(5));
    for fault in [Fault::Throttled, Fault::Conflict, Fault::Broken, slow] {
        let sent = product.zapi.outbox(Some(MARIA)).len();
        product.reconcile().await;
        bad.take_asked();
        bad.fails("TransactWriteItems", fault, usize::MAX);
        let answered = product.patient(MARIA, "Maria Silva").tries(text("menu")).await;
        let asked = bad.take_asked().remove("TransactWriteItems").unwrap_or_default();
        println!(
            "TransactWriteItems {fault:?} for long: {} after {:?}, {asked} tries",
            answered.status, answered.took
        );
        // It is stored, and so it is ours.
        assert_eq!(answered.status, 200, "{fault:?}: {}", answered.body);
        assert!(answered.took < Duration::from_secs(12), "{fault:?}: {:?}", answered.took);
        assert_eq!(
            product.zapi.outbox(Some(MARIA)).len(),
            sent,
            "{fault:?}: nothing is said before it is committed"
        );
        if !matches!(fault, Fault::Slow(_)) {
            state_has_its_event(&product, &format!("{fault:?}")).await;
        }

        // The index does not show the chat yet: nobody can know, and nothing breaks.
        bad.heals();
        bad.fails("Query", Fault::Stale, usize::MAX);
        product.passes(TimeDelta::minutes(1)).await;
        product.reconcile().await;
        bad.heals();
        let answered = async || {
            product.reconcile().await;
            product.zapi.outbox(Some(MARIA)).len() > sent
        };
        until("answered", Duration::from_secs(30), answered).await;
        // And then it shows the chat still, when nothing is left to do.
        bad.fails("Query", Fault::Stale, usize::MAX);
        product.reconcile().await;
        bad.heals();
        assert_eq!(product.zapi.outbox(Some(MARIA)).len(), sent + 1, "{fault:?}: answered once");
        state_has_its_event(&product, &format!("{fault:?}, made good")).await;
    }
    drop(product);
    embedded.stop().await;
}
