//! How many network waits in sequence a message needs (`docs/rules/speed.md#network-waits`). The counts are
//! the same on every machine; the benchmark `waits` measures times.

use std::time::Duration;

use scheduler_tests::BOOKING_STEPS;
use scheduler_tests::function::{Cost, InProcessFunction};

const PHONE: &str = "5511999990000";

fn check(what: &str, cost: &Cost, limit: usize, statements: usize) {
    println!("{what}: {} sequential waits (limit {limit}), {cost:?}", cost.sequential_waits);
    assert!(cost.sequential_waits <= limit, "{what}: {cost:?}");
    assert_eq!(cost.statements, statements, "{what}: {cost:?}");
    // The function's own count can be lower. It counts waits that overlap or touch as one, so a wait in
    // parallel with two sequential ones hides the second of them.
    assert!((1..=cost.sequential_waits).contains(&cost.waits_in_metrics), "{what}: {cost:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_needs_no_more_sequential_waits_than_its_limit() {
    let function = InProcessFunction::start().await;
    // The first messages load the clinic, open connections and prepare statements.
    function.says("5511988880001", "Olá").await;
    for step in BOOKING_STEPS {
        function.presses("5511988880001", step).await;
    }
    for words in ["ok", "dúvidas"] {
        function.says("5511988880001", words).await;
    }
    // With the delay, parallel calls always overlap. Without it, one of them could end on a busy machine
    // before the other starts, and would count as a second wait.
    function.set_delay(Duration::from_millis(40));

    check("a greeting, two replies", &function.says(PHONE, "Olá").await, 6, 1);
    check("a message without PostgreSQL", &function.presses(PHONE, "schedule").await, 4, 0);
    check("the services", &function.presses(PHONE, "available_days").await, 5, 1);
    check("the days of two weeks", &function.presses(PHONE, "skip_areas").await, 5, 1);
    check("the times of a day", &function.presses(PHONE, "day_").await, 5, 1);
    function.presses(PHONE, "time_").await;
    check("a name", &function.presses(PHONE, "use_profile_name").await, 4, 0);
    // Two statements check and book. The third marks the reminder as projected, in parallel with the replies.
    check("a booking", &function.presses(PHONE, "book_").await, 6, 3);
    // One statement reads the patient's appointments; another call reads whether a reminder was sent.
    check("what may answer a reminder", &function.says(PHONE, "ok").await, 6, 1);
    function.stop().await;
}
