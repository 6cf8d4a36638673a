//! The connection that a function holds dies while it is frozen (quality 3, row 13).

use std::time::Duration;

use scheduler_tests::function::Function;

const PHONE: &str = "5511999990000";

#[tokio::test]
async fn after_a_thaw_a_dead_connection_is_given_up_at_once() {
    let function = Function::start().await;
    function.says(PHONE, "Olá").await;
    function.presses(PHONE, "schedule").await;

    // Nothing tells the function: its packets get no answer any more.
    function.postgres().silence();
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(61)).await;
    tokio::time::resume();

    let cost = function.presses(PHONE, "available_days").await;
    println!("after a thaw on a dead connection: {:?} (bar 1 s)", cost.took);
    let offered = function.prompt(PHONE).options;
    assert!(offered.iter().any(|option| option.id == "skip_areas"), "the services were read: {offered:?}");
    // Waiting for the dead connection itself would take all of a statement's 3.5 seconds.
    assert!(cost.took < Duration::from_secs(3), "{:?}", cost.took);
    function.stop().await;
}
