//! Converts failed DynamoDB calls into [`StoreError`]s and decides which writes are retried.

use std::time::Duration;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;

use crate::error::StoreError;

/// Longest delays, in milliseconds, before the retries of a write that conflicted with another write
/// (docs/rules/speed.md#budgets).
const MAX_RETRY_DELAYS_MS: [u64; 4] = [15, 40, 100, 250];

/// The error of a failed call. Throttling, server faults and timeouts are `Unavailable`; the SDK has
/// already retried them.
pub(super) fn store_error<E, R>(action: &'static str, error: SdkError<E, R>) -> StoreError
where
    E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    let unavailable = match &error {
        SdkError::ServiceError(service) => matches!(
            service.err().code(),
            Some(
                "ProvisionedThroughputExceededException"
                    | "RequestLimitExceeded"
                    | "ThrottlingException"
                    | "ThrottlingError"
                    | "TransactionConflictException"
                    | "TransactionCanceledException"
                    | "TransactionInProgressException"
                    | "InternalServerError"
                    | "ServiceUnavailable"
                    | "ItemCollectionSizeLimitExceededException"
            ) | None
        ),
        _ => true,
    };
    if unavailable { StoreError::unavailable(action, error) } else { StoreError::internal(action, error) }
}

/// Whether a write conflicted with another write on the same item. Nothing was written, so a retry may
/// succeed.
pub(super) fn is_conflict<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> bool {
    let SdkError::ServiceError(service) = error else { return false };
    service.err().code() == Some("TransactionConflictException")
}

/// Whether a transaction failed because of a conflict or throttling. False if a condition failed as well,
/// because a retry would fail again.
pub(super) fn is_transaction_retryable<R>(error: &SdkError<TransactWriteItemsError, R>) -> bool {
    let SdkError::ServiceError(service) = error else { return false };
    let TransactWriteItemsError::TransactionCanceledException(cancelled) = service.err() else {
        return false;
    };
    let codes = || cancelled.cancellation_reasons().iter().filter_map(|reason| reason.code());
    codes().any(|code| {
        matches!(code, "TransactionConflict" | "ThrottlingError" | "ProvisionedThroughputExceeded")
    }) && codes().all(|code| code != "ConditionalCheckFailed")
}

/// Waits before the next retry; `retries` were made so far. `false`: no retry is left.
pub(super) async fn wait_before_retry(retries: usize) -> bool {
    let Some(delay) = MAX_RETRY_DELAYS_MS.get(retries) else { return false };
    // Random delays keep two conflicting writers from conflicting again.
    let jitter = u64::from(uuid::Uuid::new_v4().as_bytes()[0]) * delay / 512;
    tokio::time::sleep(Duration::from_millis(delay / 2 + jitter)).await;
    true
}
