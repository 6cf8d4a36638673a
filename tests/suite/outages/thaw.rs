//! The connection that a function holds dies while the function is frozen
//! (docs/rules/reliability.md#frozen-connections).

use std::time::Duration;

use chrono::TimeDelta;
use scheduler_tests::function::InProcessFunction;

const PHONE: &str = "5511999990000";

#[tokio::test]
async fn a_connection_that_died_during_a_freeze_is_replaced_immediately() {
    let function = InProcessFunction::start().await;
    function.says(PHONE, "Olá").await;
    function.presses(PHONE, "schedule").await;

    // The function gets no error: its packets are just not answered any more.
    function.postgres().hang_connections();
    function.connection_clock.advance(TimeDelta::seconds(61));

    let cost = function.presses(PHONE, "available_days").await;
    println!("first message after a freeze, on a dead connection: {:?} (target 1 s)", cost.took);
    let offered = function.prompt(PHONE).options;
    assert!(offered.iter().any(|option| option.id == "skip_areas"), "the services were read: {offered:?}");
    // Waiting for the dead connection would take the full 3.5 seconds of a statement.
    assert!(cost.took < Duration::from_secs(3), "{:?}", cost.took);
    function.stop().await;
}
