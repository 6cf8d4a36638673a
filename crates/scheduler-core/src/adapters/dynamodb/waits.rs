//! Counts every DynamoDB call as a network wait.

use aws_sdk_dynamodb::config::interceptors::BeforeSerializationInterceptorContextRef;
use aws_sdk_dynamodb::config::{ConfigBag, Intercept};
use aws_sdk_dynamodb::error::BoxError;
use aws_smithy_types::config_bag::{Storable, StoreReplace};

use crate::call_stats::{self, WaitGuard};

/// Stores the guard of the wait with the call, so that the wait ends when the call ends or is dropped.
#[derive(Debug)]
pub(super) struct CountWaits;

impl Storable for WaitGuard {
    type Storer = StoreReplace<Self>;
}

impl Intercept for CountWaits {
    fn name(&self) -> &'static str {
        "CountWaits"
    }

    fn read_before_execution(
        &self,
        _: &BeforeSerializationInterceptorContextRef<'_>,
        call: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        call.interceptor_state().store_put(call_stats::start_wait());
        Ok(())
    }
}
