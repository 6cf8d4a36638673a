//! Converts failed DynamoDB calls into [`StoreError`]s and decides which writes are retried.

use std::time::Duration;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::RequestId;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;

use crate::error::StoreError;

/// Longest delays, in milliseconds, before the retries of a write that conflicted with another write
/// (docs/rules/speed.md#budgets).
const MAX_RETRY_DELAYS_MS: [u64; 4] = [15, 40, 100, 250];

/// What is kept of a failed call. The error itself may quote keys and whole items, and with them phones, names
/// and texts (docs/rules/security.md#logs).
#[derive(Debug, thiserror::Error)]
enum CallError {
    /// DynamoDB answered with an error.
    #[error("DynamoDB error {code}, request id {request_id}")]
    Refused { code: String, request_id: String },
    /// There was no answer that the SDK could read.
    #[error("{0}")]
    NoAnswer(&'static str),
}

/// The error of a failed call. Throttling, server faults and timeouts are `Unavailable`; the SDK has
/// already retried them.
pub(super) fn store_error<E, R>(action: &'static str, error: SdkError<E, R>) -> StoreError
where
    E: ProvideErrorMetadata,
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
    let cause = without_contents(&error);
    if unavailable { StoreError::unavailable(action, cause) } else { StoreError::internal(action, cause) }
}

fn without_contents<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> CallError {
    match error {
        SdkError::ServiceError(service) => {
            let meta = service.err().meta();
            CallError::Refused {
                code: meta.code().unwrap_or("-").to_owned(),
                request_id: meta.request_id().unwrap_or("-").to_owned(),
            }
        }
        SdkError::ConstructionFailure(_) => CallError::NoAnswer("the call could not be built"),
        SdkError::TimeoutError(_) => CallError::NoAnswer("no answer in time"),
        SdkError::DispatchFailure(failure) if failure.is_timeout() => {
            CallError::NoAnswer("no connection in time")
        }
        SdkError::DispatchFailure(_) => CallError::NoAnswer("no connection, or it broke"),
        _ => CallError::NoAnswer("the answer could not be read"),
    }
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

#[cfg(test)]
mod tests {
    use std::error::Error;

    use aws_sdk_dynamodb::error::{ConnectorError, ErrorMetadata};
    use aws_sdk_dynamodb::operation::put_item::PutItemError;
    use aws_sdk_dynamodb::types::error::{ConditionalCheckFailedException, TransactionCanceledException};
    use aws_sdk_dynamodb::types::{AttributeValue, CancellationReason};

    use super::*;

    const MARK: &str = "marked-5511999990000-texto";

    /// The error with its whole chain of causes, as the log writes it, and as `Debug` prints it.
    fn written(error: &StoreError) -> String {
        let mut written = format!("{error:?} {error}");
        let mut cause = error.source();
        while let Some(error) = cause {
            written.push_str(&format!(": {error} {error:?}"));
            cause = error.source();
        }
        written
    }

    fn meta(code: &str) -> ErrorMetadata {
        let message = format!("The key {MARK} is not valid");
        ErrorMetadata::builder().code(code).message(message).custom("aws_request_id", "REQ123").build()
    }

    #[track_caller]
    fn check<E: ProvideErrorMetadata>(error: SdkError<E, ()>, expected: &str) {
        let error = store_error("store a message", error);
        let written = written(&error);
        assert!(written.contains(expected) && written.contains("could not store a message"), "{written}");
        assert!(!written.contains("marked"), "{written}");
    }

    #[test]
    fn neither_keys_nor_texts_of_items_are_in_an_error() {
        let refused = PutItemError::generic(meta("ValidationException"));
        check(SdkError::service_error(refused, ()), "DynamoDB error ValidationException, request id REQ123");
        let failed = ConditionalCheckFailedException::builder()
            .message(MARK)
            .item("text", AttributeValue::S(MARK.to_owned()))
            .meta(meta("ConditionalCheckFailedException"))
            .build();
        check(
            SdkError::service_error(PutItemError::ConditionalCheckFailedException(failed), ()),
            "DynamoDB error ConditionalCheckFailedException, request id REQ123",
        );
        let reason =
            CancellationReason::builder().message(MARK).item("pk", AttributeValue::S(MARK.to_owned()));
        let cancelled = TransactionCanceledException::builder()
            .cancellation_reasons(reason.build())
            .meta(meta("TransactionCanceledException"))
            .build();
        check(
            SdkError::service_error(TransactWriteItemsError::TransactionCanceledException(cancelled), ()),
            "DynamoDB error TransactionCanceledException, request id REQ123",
        );
        check(SdkError::<PutItemError, ()>::timeout_error(MARK), "no answer in time");
        check(SdkError::<PutItemError, ()>::construction_failure(MARK), "the call could not be built");
        check(SdkError::<PutItemError, ()>::response_error(MARK, ()), "the answer could not be read");
        let broken = ConnectorError::io(MARK.into());
        check(SdkError::<PutItemError, ()>::dispatch_failure(broken), "no connection, or it broke");
    }
}
