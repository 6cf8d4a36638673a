//! What a message costs in write units of DynamoDB does not grow with the messages before it
//! (`docs/rules/speed.md#write-units`). The units are the same on every machine.

use chrono::TimeDelta;
use scheduler_core::ports::Clock;
use scheduler_tests::function::InProcessFunction;
use scheduler_tests::{WriteUnits, text};

const PHONE: &str = "5511999990000";
/// So that the 500th message is one of the eighth day.
const MESSAGES_A_DAY: usize = 63;
/// From this message of a day on, the chat is in the state in which it stays: the first one starts a new session,
/// and of the last texts that were sent ten are remembered.
const SETTLED: usize = 10;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_500th_message_of_a_person_costs_as_many_write_units_as_the_10th() {
    let (function, counter) = InProcessFunction::start_with_unit_counter().await;
    // As in production, no two writes have the same time: an index entry that is sorted by it moves, which costs
    // twice.
    function.clock.tick(TimeDelta::milliseconds(1));
    let first_day = function.clock.now();
    let mut days: Vec<Vec<WriteUnits>> = Vec::new();
    for day in 0..9 {
        function.clock.set(first_day + TimeDelta::days(day));
        let messages = if day == 8 { SETTLED } else { MESSAGES_A_DAY };
        let mut costs = Vec::new();
        for _ in 0..messages {
            function.says(PHONE, "Olá").await;
            costs.push(counter.take());
        }
        days.push(costs);
    }
    let all: Vec<&WriteUnits> = days.iter().flatten().collect();
    for number in [2, 10, 100, 500] {
        println!("message {number}: {}", all[number - 1]);
    }
    let tenth = all[9];
    assert!(tenth.total() > 0.0, "{tenth}");
    assert_eq!(tenth.refused, 0, "a message alone in its chat meets no failed condition");
    assert_eq!(all[499], tenth);
    for (day, costs) in days.iter().enumerate() {
        for (index, cost) in costs.iter().enumerate().skip(SETTLED - 1) {
            assert_eq!(cost, tenth, "message {} of day {}", index + 1, day + 1);
        }
    }
    function.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeat_is_known_a_day_and_a_week_later_and_writes_no_history() {
    let (function, counter) = InProcessFunction::start_with_unit_counter().await;
    let repeated = function.next_webhook(PHONE, text("Olá"));
    function.delivers(&repeated).await;
    for _ in 0..MESSAGES_A_DAY {
        function.says(PHONE, "Olá").await;
    }
    let sent = || function.zapi.outbox(Some(PHONE)).len();
    for days in [1, 6] {
        function.clock.advance(TimeDelta::days(days));
        let before = sent();
        counter.take();
        function.delivers(&repeated).await;
        let cost = counter.take();
        println!("a repeat: {cost}, {} writes refused", cost.refused);
        assert_eq!(sent(), before, "nobody is answered");
        assert!(!cost.by_place.contains_key("events"), "{cost}");
        // It is known by its id: the same text, written when it was, is answered under another id.
        let mut other = repeated.clone();
        other["messageId"] = format!("3EB0DAY{days}").into();
        function.delivers(&other).await;
        assert!(sent() > before, "a message is answered");
        assert!(counter.take().by_place.contains_key("events"));
    }
    function.stop().await;
}
