//! Secrets that change while a function runs.

use chrono::TimeDelta;
use scheduler_tests::SsmFault;

use super::{Function, KEY, OTHER_KEY};

const OTHER_PASSWORD: &str = "the second password";

#[tokio::test]
async fn a_rotated_key_holds_after_five_minutes_without_a_restart() {
    let function = Function::start().await;
    assert_eq!(function.call(KEY).await, 200);
    function.ssm.set("SCHEDULER_API_KEY", OTHER_KEY);
    function.clock.advance(TimeDelta::seconds(299));
    assert_eq!((function.call(KEY).await, function.call(OTHER_KEY).await), (200, 401));
    assert_eq!(function.ssm.take_calls().len(), 0, "the secrets are not old yet");
    function.clock.advance(TimeDelta::seconds(1));
    assert_eq!((function.call(KEY).await, function.call(OTHER_KEY).await), (401, 200));
    assert_eq!(function.ssm.take_calls().len(), 1, "one call for all requests");
}

#[tokio::test]
async fn secrets_are_read_again_by_the_wall_clock_also_if_it_is_set_back() {
    let function = Function::start().await;
    function.ssm.set("SCHEDULER_API_KEY", OTHER_KEY);
    function.clock.advance(TimeDelta::hours(-3));
    assert_eq!(function.call(OTHER_KEY).await, 200);
    assert_eq!(function.ssm.take_calls().len(), 1);
}

#[tokio::test]
async fn secrets_that_cannot_be_read_again_stay_in_use_and_ssm_is_asked_again_half_a_minute_later() {
    let function = Function::start().await;
    function.ssm.set("SCHEDULER_API_KEY", OTHER_KEY);
    function.ssm.fail_next(SsmFault::Denied);
    function.clock.advance(TimeDelta::minutes(5));
    assert_eq!((function.call(KEY).await, function.call(KEY).await), (200, 200));
    assert_eq!(function.ssm.take_calls().len(), 1, "the second request does not ask");
    function.clock.advance(TimeDelta::seconds(30));
    assert_eq!(function.call(OTHER_KEY).await, 200);
    assert_eq!(function.ssm.take_calls().len(), 1);
}

#[tokio::test]
async fn secrets_that_are_not_valid_are_not_used() {
    let function = Function::start().await;
    let change_after_five_minutes = |key: Option<&'static str>| {
        match key {
            Some(key) => function.ssm.set("SCHEDULER_API_KEY", key),
            None => function.ssm.remove("SCHEDULER_API_KEY"),
        }
        function.clock.advance(TimeDelta::minutes(5));
    };
    change_after_five_minutes(Some("short"));
    assert_eq!((function.call("short").await, function.call(KEY).await), (401, 200));
    change_after_five_minutes(None);
    assert_eq!(function.call(KEY).await, 200);
    change_after_five_minutes(Some(OTHER_KEY));
    assert_eq!((function.call(OTHER_KEY).await, function.call(KEY).await), (200, 401));
}

#[tokio::test]
async fn a_rotated_password_is_read_again_when_postgresql_refuses_the_old_one() {
    let function = Function::start().await;
    assert_eq!(function.call(KEY).await, 200);
    function.ssm.set("RDS_PASSWORD", OTHER_PASSWORD);
    function.change_password(OTHER_PASSWORD).await;
    assert_eq!(function.call(KEY).await, 200, "the same request connects with the new password");
    assert_eq!(function.ssm.take_calls().len(), 1);
    assert_eq!(function.call(KEY).await, 200);
    assert_eq!(function.ssm.take_calls().len(), 0);
}

#[tokio::test]
async fn a_password_that_ssm_does_not_have_yet_is_503_and_ssm_is_not_asked_all_the_time() {
    let function = Function::start().await;
    assert_eq!(function.call(KEY).await, 200);
    function.change_password(OTHER_PASSWORD).await;
    for _ in 0..3 {
        assert_eq!(function.call(KEY).await, 503);
    }
    assert_eq!(function.ssm.take_calls().len(), 1);
    function.ssm.set("RDS_PASSWORD", OTHER_PASSWORD);
    function.clock.advance(TimeDelta::seconds(5));
    assert_eq!(function.call(KEY).await, 200);
    assert_eq!(function.ssm.take_calls().len(), 1);
}
