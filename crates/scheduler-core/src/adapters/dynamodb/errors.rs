//! How a failed call to DynamoDB becomes a [`StoreError`], and which are worth another try.

use std::time::Duration;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;

use crate::error::StoreError;

/// Waits before the next tries of a write that met another one on the same item, in milliseconds.
const CONFLICT_WAITS: [u64; 4] = [15, 40, 100, 250];

/// A call failed. Throttling, server faults and timeouts mean that the store is away; the SDK has
/// tried them again already.
pub(super) fn store_error<E, R>(action: &'static str, error: SdkError<E, R>) -> StoreError
where
    E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    let away = match &error {
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
    if away { StoreError::unavailable(action, error) } else { StoreError::internal(action, error) }
}

/// Whether a write met another one on the same item: nothing was written, another try may win.
pub(super) fn is_conflict<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> bool {
    let SdkError::ServiceError(service) = error else { return false };
    service.err().code() == Some("TransactionConflictException")
}

/// The same of a transaction; not if a condition failed too, which no try will mend.
pub(super) fn is_transaction_conflict<R>(error: &SdkError<TransactWriteItemsError, R>) -> bool {
    let SdkError::ServiceError(service) = error else { return false };
    let TransactWriteItemsError::TransactionCanceledException(cancelled) = service.err() else {
        return false;
    };
    let codes = || cancelled.cancellation_reasons().iter().filter_map(|reason| reason.code());
    codes().any(|code| {
        matches!(code, "TransactionConflict" | "ThrottlingError" | "ProvisionedThroughputExceeded")
    }) && codes().all(|code| code != "ConditionalCheckFailed")
}

/// Waits before try number `tried + 1`; `false`: there is none.
pub(super) async fn another_try(tried: usize) -> bool {
    let Some(wait) = CONFLICT_WAITS.get(tried) else { return false };
    // Two writers that met must not meet again: no two wait alike.
    let jitter = u64::from(uuid::Uuid::new_v4().as_bytes()[0]) * wait / 512;
    tokio::time::sleep(Duration::from_millis(wait / 2 + jitter)).await;
    true
}
