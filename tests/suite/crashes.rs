//! A process that dies in the middle of a confirmation, and a database that is away when a message
//! comes: nothing is lost, nothing is done twice (quality 3).

use std::time::Duration;

use chrono::TimeDelta;
use scheduler_tests::{Manner, Product, Proxy, Setting, Speaks, database, text, until};

const MARIA: &str = "5511999990000";

/// Contract 7, in the order in which a confirmation passes them.
const POINTS: [&str; 6] = [
    "message_stored",
    "visit_committed",
    "session_committed",
    "reply_accepted",
    "reply_marked",
    "replies_cleared",
];

/// How many replies a confirmation gets where nobody dies.
async fn undisturbed() -> usize {
    let product = Product::start().await;
    let mut maria = product.patient(MARIA, "Maria Silva");
    maria.goes_to("book_").await;
    maria.says("sim").await.len()
}

async fn dies_at(point: &str, expected: usize) {
    let mut product = Product::start().await;
    // The first time that is offered is then still ahead when the Reconciler comes.
    product.passes(TimeDelta::minutes(5)).await;
    product.patient(MARIA, "Maria Silva").goes_to("book_").await;
    assert_eq!(product.state(MARIA).await, "CONFIRM_BOOKING");
    let before = product.zapi.outbox(Some(MARIA)).len();

    product.restart(Some(point)).await;
    let yes = product.patient(MARIA, "Maria Silva").webhook(text("sim"));
    let answered = product.try_webhook(&yes).await;
    assert!(answered.is_err(), "{point}: the connection breaks, {answered:?}");
    until("the process has ended", Duration::from_secs(10), async || product.server().has_ended()).await;

    product.restart(None).await;
    product.passes(TimeDelta::minutes(1)).await;
    let summary = product.reconcile().await;
    let chat = product.chat(MARIA).await;
    assert!(chat["session"]["dueAt"].is_null(), "{point}: one run leaves nothing to do: {chat:#}");

    let visits = product.visits().await;
    let replies: Vec<String> =
        product.zapi.outbox(Some(MARIA)).into_iter().skip(before).map(|reply| reply.message).collect();
    let mut once = replies.clone();
    once.dedup();
    let repeated = replies.len() - once.len();
    let events = product.events(MARIA).await;
    let heard = events
        .iter()
        .filter(|event| event["direction"] == "INBOUND" && event["messageId"] == yes["messageId"])
        .count();
    let state = product.state(MARIA).await;
    println!(
        "died at {point}: {} visit, {} replies of which {repeated} repeated, {heard} inbound event, {state}, {summary}",
        visits.len(),
        replies.len(),
    );
    assert_eq!(visits.len(), 1, "{point}: {visits:?}");
    assert_eq!(visits[0]["status"], "CONFIRMED", "{point}");
    assert_eq!(once.len(), expected, "{point}: what was read: {replies:?}");
    assert!(repeated <= 1, "{point}: {replies:?}");
    assert_eq!(heard, 1, "{point}: {events:#?}");
    assert_eq!(state, "BOOKED", "{point}");
}

#[tokio::test]
async fn a_confirmation_survives_a_death_at_every_point() {
    let expected = undisturbed().await;
    assert!((1..=2).contains(&expected), "{expected}");
    for point in POINTS {
        dies_at(point, expected).await;
    }
}

#[tokio::test]
async fn a_message_that_comes_while_postgres_is_away_is_answered_when_it_is_back() {
    let database = database().await;
    let proxy = Proxy::start(database.address(), Speaks::Postgres).await;
    let setting = Setting { database_url: Some(database.url_by(proxy.address())), ..Setting::default() };
    // Nothing was asked of the clinic yet: it is not in memory.
    let mut product = Product::on(database, setting).await;
    proxy.treats(Manner::Refuse);
    proxy.cut();
    let mut maria = product.patient(MARIA, "Maria Silva");
    let replies = maria.says("Olá").await;
    assert_eq!(replies, [], "nothing is known to answer with");

    proxy.treats(Manner::Carry);
    product.passes(TimeDelta::minutes(1)).await;
    let summary = product.reconcile().await;
    assert_eq!(product.zapi.outbox(Some(MARIA)).len(), 2, "the greeting and the menu: {summary}");
    println!("PostgreSQL was away: 2 replies after its return, {summary}");
    assert_eq!(product.state(MARIA).await, "MAIN_MENU");
}
