//! Secrets when a function starts.

use std::sync::Arc;

use scheduler_tests::{FakeSsm, SsmFault, TestClock};

use super::{KEY, PASSWORD, Settings, chain, start};

/// Variables of a database where nothing listens.
fn no_database() -> Settings {
    [
        ("RDS_HOST", "127.0.0.1"),
        ("RDS_PORT", "9"),
        ("RDS_DATABASE", "none"),
        ("RDS_USERNAME", "nobody"),
        ("RDS_SSL_MODE", "disable"),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .into()
}

/// Starts with the secrets that `ssm` has, and returns why that fails.
async fn failure(ssm: &FakeSsm, variables: Settings) -> String {
    let started = start([variables, ssm.settings()].concat(), Arc::new(TestClock::new())).await;
    let error = chain(&started.err().expect("the function does not start"));
    assert!(!error.contains("marked"), "{error}");
    error
}

#[tokio::test]
async fn a_variable_that_is_set_wins_and_ssm_is_not_asked_if_all_are_set() {
    let ssm = FakeSsm::start(&[("RDS_PASSWORD", PASSWORD), ("SCHEDULER_API_KEY", KEY)]).await;
    let mut variables = no_database();
    // A key in a variable may be short.
    variables.push(("SCHEDULER_API_KEY", "short".to_owned()));
    let clock = || Arc::new(TestClock::new());
    start([variables.clone(), ssm.settings()].concat(), clock()).await.map(drop).expect("a start");
    assert_eq!(ssm.take_calls(), [["RDS_PASSWORD"]]);
    variables.push(("RDS_PASSWORD", PASSWORD.to_owned()));
    start([variables, ssm.settings()].concat(), clock()).await.map(drop).expect("a start");
    assert_eq!(ssm.take_calls().len(), 0);
}

#[tokio::test]
async fn throttling_and_server_errors_are_retried_within_the_start() {
    let ssm = FakeSsm::start(&[("RDS_PASSWORD", PASSWORD), ("SCHEDULER_API_KEY", KEY)]).await;
    ssm.fail_next(SsmFault::Throttled);
    ssm.fail_next(SsmFault::Unavailable);
    let settings = [no_database(), ssm.settings()].concat();
    start(settings, Arc::new(TestClock::new())).await.map(drop).expect("a start");
    assert_eq!(ssm.take_calls().len(), 3);
}

#[tokio::test]
async fn a_refusal_ends_the_start_at_once_with_code_and_request_id_alone() {
    let ssm = FakeSsm::start(&[("RDS_PASSWORD", "marked-password"), ("SCHEDULER_API_KEY", KEY)]).await;
    ssm.fail_next(SsmFault::Denied);
    let error = failure(&ssm, no_database()).await;
    assert!(error.contains("AccessDeniedException") && error.contains("request-1"), "{error}");
    assert_eq!(ssm.take_calls().len(), 1);
}

#[tokio::test]
async fn missing_secrets_and_variables_are_named_together() {
    let ssm = FakeSsm::start(&[("WEBHOOK_TOKEN", "marked-token")]).await;
    let mut variables = no_database();
    variables.retain(|(name, _)| *name != "RDS_HOST");
    let error = failure(&ssm, variables).await;
    for expected in
        ["RDS_HOST is not set;", "RDS_PASSWORD is not set, and", "SCHEDULER_API_KEY is not set, and"]
    {
        assert!(error.contains(expected), "{expected}: {error}");
    }
}

#[tokio::test]
async fn a_short_key_from_ssm_is_refused() {
    for (keys, refused) in [
        ("marked-short", true),
        ("the-first-key-of-this-clinic, marked-short", true),
        ("a-clinic-with-a-long-name:marked-short", true),
        ("23-characters-are-few--", true),
        ("24-characters-are-enough", false),
        ("a-clinic:24-characters-are-enough,24-characters-are-enough", false),
    ] {
        let ssm = FakeSsm::start(&[("RDS_PASSWORD", "x"), ("SCHEDULER_API_KEY", keys)]).await;
        if refused {
            let error = failure(&ssm, no_database()).await;
            assert!(error.contains("SCHEDULER_API_KEY has a key of fewer than 24 characters"), "{error}");
        } else {
            let settings = [no_database(), ssm.settings()].concat();
            start(settings, Arc::new(TestClock::new())).await.map(drop).expect(keys);
        }
    }
}
