//! Leases of spreadsheets and their pauses (docs/rules/sheet.md#sheet-quota).

use chrono::TimeDelta;
use scheduler_core::ports::Clock;

use super::{SHEET, TAB, start};

#[tokio::test]
async fn a_repeated_write_whose_answer_was_lost_is_no_error() {
    let (function, _google) = start().await;
    let tables = &function.contexts.job.chats.tables;
    let now = function.clock.now();
    let claim = async |owner: &str, at| tables.claim_sheet(SHEET, TAB, owner, at).await.unwrap();
    // The SDK repeats a write if it gets no answer. The first one took effect.
    let first = claim("first", now).await.expect("a lease");
    assert_eq!(claim("first", now).await, Some(first.clone()), "the lease is the caller's already");
    assert_eq!(claim("second", now).await, None);
    for _ in 0..2 {
        tables.release_sheet(&first).await.expect("released");
    }
    let second = claim("second", now).await.expect("a lease");
    for _ in 0..2 {
        tables.back_off_sheet(&second, TAB, now + TimeDelta::minutes(1)).await.expect("paused");
    }
    assert_eq!(claim("third", now).await, None, "paused");
    let third = claim("third", now + TimeDelta::minutes(1)).await.expect("a lease");
    assert_eq!(third.failures, 1, "one failure, written twice");
    for _ in 0..2 {
        tables.reset_sheet(&third).await.expect("reset");
    }
    assert_eq!(claim("fourth", now).await.expect("a lease").failures, 0);
    function.stop().await;
}

#[tokio::test]
async fn only_a_success_ends_a_pause_and_forgets_the_failures() {
    let (function, _google) = start().await;
    let tables = &function.contexts.job.chats.tables;
    let now = function.clock.now();
    let claim = async |owner: &str, at| tables.claim_sheet(SHEET, TAB, owner, at).await.unwrap();
    let first = claim("first", now).await.expect("a lease");
    tables.back_off_sheet(&first, TAB, now + TimeDelta::minutes(1)).await.unwrap();
    let later = now + TimeDelta::minutes(1);
    let second = claim("second", later).await.expect("a lease");
    tables.release_sheet(&second).await.unwrap();
    assert_eq!(claim("third", later).await.expect("a lease").failures, 1);
    function.stop().await;
}

#[tokio::test]
async fn a_lease_that_expired_is_neither_ended_nor_paused_by_its_old_owner() {
    let (function, _google) = start().await;
    let tables = &function.contexts.job.chats.tables;
    let now = function.clock.now();
    let old = tables.claim_sheet(SHEET, TAB, "old", now).await.unwrap().expect("a lease");
    let later = now + TimeDelta::minutes(2);
    let new = tables.claim_sheet(SHEET, TAB, "new", later).await.unwrap().expect("a lease");
    tables.reset_sheet(&old).await.unwrap();
    tables.back_off_sheet(&old, TAB, later + TimeDelta::days(1)).await.unwrap();
    assert_eq!(tables.claim_sheet(SHEET, TAB, "third", later).await.unwrap(), None, "still the new owner's");
    tables.release_sheet(&new).await.unwrap();
    assert!(tables.claim_sheet(SHEET, TAB, "third", later).await.unwrap().is_some(), "not paused");
    function.stop().await;
}
