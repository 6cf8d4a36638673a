//! Counts the messages that reception sends per clinic and day (docs/rules/api.md#send). An item of the
//! sessions table, in no index.

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

use super::Tables;
use super::errors::store_error;
use super::session::Item;
use crate::domain::ids::ClinicId;
use crate::domain::send_limits::SendLimits;
use crate::error::StoreError;

/// How long a day's count is kept: until the day is over everywhere.
const COUNT_TTL: TimeDelta = TimeDelta::days(3);

/// Result of [`Tables::count_send`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendCount {
    /// The message is counted.
    Counted,
    /// Not counted: the clinic's messages of this day are used up.
    DailyLimit,
    /// Not counted: the messages of this day to people who never wrote are used up.
    NewLimit,
}

impl Tables {
    /// Counts a message of the clinic on this day of its calendar, unless a limit is reached. `is_new`: the
    /// receiver never wrote. One conditional write, so that messages at the same time pass no limit. If its
    /// answer is lost and the SDK repeats it, the message counts twice.
    pub async fn count_send(
        &self,
        clinic: &ClinicId,
        day: NaiveDate,
        is_new: bool,
        limits: SendLimits,
        now: DateTime<Utc>,
    ) -> Result<SendCount, StoreError> {
        // The conditions below let the first message of a day pass.
        if limits.daily == 0 {
            return Ok(SendCount::DailyLimit);
        }
        if is_new && limits.daily_to_new == 0 {
            return Ok(SendCount::NewLimit);
        }
        let mut expression = "SET #ttl = :ttl ADD sends :one".to_owned();
        let mut condition = "(attribute_not_exists(sends) OR sends < :daily)".to_owned();
        let number = |number: i64| AttributeValue::N(number.to_string());
        let mut update = self
            .client
            .update_item()
            .table_name(&self.sessions)
            .key("pk", AttributeValue::S(format!("SENDS#{clinic}")))
            .key("sk", AttributeValue::S(day.to_string()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":ttl", number((now + COUNT_TTL).timestamp()))
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":daily", number(limits.daily.into()));
        if is_new {
            expression.push_str(", sendsToNew :one");
            condition.push_str(" AND (attribute_not_exists(sendsToNew) OR sendsToNew < :dailyToNew)");
            update = update.expression_attribute_values(":dailyToNew", number(limits.daily_to_new.into()));
        }
        let error = match update.update_expression(expression).condition_expression(condition).send().await {
            Ok(_) => return Ok(SendCount::Counted),
            Err(error) => error,
        };
        match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(refused)) => {
                let sends = refused.item().and_then(sends_in).unwrap_or_default();
                Ok(if sends < limits.daily { SendCount::NewLimit } else { SendCount::DailyLimit })
            }
            _ => Err(store_error("count a message", error)),
        }
    }
}

fn sends_in(item: &Item) -> Option<u32> {
    item.get("sends")?.as_n().ok()?.parse().ok()
}
