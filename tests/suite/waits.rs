//! How often a message waits for the network, one wait after the other (quality 1). Counts do not
//! vary between machines; the times are the benchmark's.

use std::time::Duration;

use scheduler_tests::function::{Cost, Function};

const PHONE: &str = "5511999990000";

fn check(what: &str, cost: &Cost, bar: usize, statements: usize) {
    println!("{what}: {} waits in a row (bar {bar}), {cost:?}", cost.waits_in_a_row);
    assert!(cost.waits_in_a_row <= bar, "{what}: {cost:?}");
    assert_eq!(cost.statements, statements, "{what}: {cost:?}");
    // The function counts for its metrics without knowing what follows from what: two waits that
    // follow each other beside a third are one to it where they touch.
    assert!((1..=cost.waits_in_a_row).contains(&cost.waits_counted), "{what}: {cost:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_waits_no_more_often_than_it_must() {
    let function = Function::start().await;
    // The first message of all reads the clinic, and makes statements and connections ready.
    function.says("5511988880001", "Olá").await;
    for way in ["schedule", "available_days", "skip_areas", "day_", "time_", "use_profile_name", "book_"] {
        function.presses("5511988880001", way).await;
    }
    for words in ["ok", "dúvidas"] {
        function.says("5511988880001", words).await;
    }
    // Calls that run together must be seen together: on a busy machine one of them may be over
    // before the other is out, and would count as a second wait.
    function.delays(Duration::from_millis(40));

    check("a greeting, two replies", &function.says(PHONE, "Olá").await, 6, 1);
    check("a message without PostgreSQL", &function.presses(PHONE, "schedule").await, 4, 0);
    check("the services", &function.presses(PHONE, "available_days").await, 5, 1);
    check("the days of two weeks", &function.presses(PHONE, "skip_areas").await, 5, 1);
    check("the times of a day", &function.presses(PHONE, "day_").await, 5, 1);
    function.presses(PHONE, "time_").await;
    check("a name", &function.presses(PHONE, "use_profile_name").await, 4, 0);
    // Two to check and book; the third marks the reminder's projection, beside the replies.
    check("a booking", &function.presses(PHONE, "book_").await, 6, 3);
    // Her visits, and whether she was reminded of one.
    check("what may answer a reminder", &function.says(PHONE, "ok").await, 6, 1);
    function.stop().await;
}
