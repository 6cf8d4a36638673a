//! Leases of spreadsheets, their pauses after a failure, and the counts of Google calls
//! (docs/rules/sheet.md#sheet-quota). Items of the sessions table, in no index.

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use chrono::{DateTime, TimeDelta, Utc};

use super::Tables;
use super::errors::{store_error, wait_before_retry};
use super::lease::SESSION_TTL;
use super::session::{Item, instant};
use crate::error::StoreError;

/// How long a claim lasts: longer than the SheetWriter's function may run (75 s), so that no two runs write the
/// same spreadsheet. After a crash the spreadsheet waits for the rest of this time.
const CLAIM_DURATION: TimeDelta = TimeDelta::seconds(90);
/// Maximum calls of the service account of each kind within [`QUOTA_WINDOW`]. Google allows 60 reads and 60
/// writes per minute; requests for tokens count as neither.
const MAX_CALLS: usize = 50;
/// One minute, plus the time that may pass between reserving a call and making it.
const QUOTA_WINDOW: TimeDelta = TimeDelta::seconds(75);

/// A kind of calls, for which Google has a quota of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GoogleCalls {
    /// Calls that read a spreadsheet.
    Reads,
    /// Calls that change one.
    Writes,
}

impl GoogleCalls {
    /// Partition and sort key of the item that counts these calls.
    fn key(self) -> AttributeValue {
        let key = match self {
            Self::Reads => "GOOGLE#READS",
            Self::Writes => "GOOGLE#WRITES",
        };
        AttributeValue::S(key.into())
    }
}

/// A spreadsheet that only the owner of its lease may write, until the lease expires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedSheet {
    pk: String,
    owner: String,
    /// Number of consecutive failures before this claim.
    pub failures: u32,
}

impl Tables {
    /// Claims a spreadsheet. `None`: another run has claimed it, or the tab is paused after a failure.
    pub async fn claim_sheet(
        &self,
        spreadsheet: &str,
        tab: &str,
        owner: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<ClaimedSheet>, StoreError> {
        let pk = format!("SHEET#{spreadsheet}");
        let claimed = self
            .update_sheet(&pk)
            .update_expression("SET leaseOwner = :owner, leaseUntil = :until, #ttl = :ttl")
            // The SDK repeats a claim whose answer was lost: then the lease is the caller's own already.
            .condition_expression(
                "(attribute_not_exists(leaseUntil) OR leaseUntil < :now OR leaseOwner = :owner) \
                 AND (attribute_not_exists(restUntil) OR restUntil <= :now OR restTab <> :tab)",
            )
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":owner", AttributeValue::S(owner.to_owned()))
            .expression_attribute_values(":until", AttributeValue::S(instant(now + CLAIM_DURATION)))
            .expression_attribute_values(":now", AttributeValue::S(instant(now)))
            .expression_attribute_values(":tab", AttributeValue::S(tab.to_owned()))
            .expression_attribute_values(":ttl", ttl(now))
            .return_values(ReturnValue::AllNew)
            .send()
            .await;
        match claimed {
            Ok(answer) => {
                let failures = answer.attributes.as_ref().and_then(|item| number(item, "failures"));
                let failures = failures.and_then(|number| number.try_into().ok()).unwrap_or(0);
                Ok(Some(ClaimedSheet { pk, owner: owner.to_owned(), failures }))
            }
            Err(error) => match error.as_service_error() {
                Some(refused) if refused.is_conditional_check_failed_exception() => Ok(None),
                _ => Err(store_error("claim a sheet", error)),
            },
        }
    }

    /// Releases a spreadsheet. Its failures and its pause stay as they are: Google was not asked.
    pub async fn release_sheet(&self, sheet: &ClaimedSheet) -> Result<(), StoreError> {
        let update = self.update_claimed_sheet(sheet).update_expression("REMOVE leaseOwner, leaseUntil");
        end_lease("release a sheet", update).await
    }

    /// Releases a spreadsheet after a success, and resets its failures and its pause.
    pub async fn reset_sheet(&self, sheet: &ClaimedSheet) -> Result<(), StoreError> {
        let update = self
            .update_claimed_sheet(sheet)
            .update_expression("REMOVE leaseOwner, leaseUntil, restUntil, restTab, failures");
        end_lease("reset a sheet", update).await
    }

    /// Releases a spreadsheet after a failure and pauses the tab until `until`.
    pub async fn back_off_sheet(
        &self,
        sheet: &ClaimedSheet,
        tab: &str,
        until: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let failures = sheet.failures.saturating_add(1).to_string();
        let update = self
            .update_claimed_sheet(sheet)
            .update_expression(
                "SET restUntil = :until, restTab = :tab, failures = :failures REMOVE leaseOwner, leaseUntil",
            )
            .expression_attribute_values(":until", AttributeValue::S(instant(until)))
            .expression_attribute_values(":tab", AttributeValue::S(tab.to_owned()))
            .expression_attribute_values(":failures", AttributeValue::N(failures));
        end_lease("pause a sheet", update).await
    }

    /// Reserves this number of calls to Google, counted over all processes. `false`: the quota is used up, or
    /// other processes reserved calls at the same time in every attempt.
    pub async fn try_acquire_google_calls(
        &self,
        kind: GoogleCalls,
        calls: usize,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        const ACTION: &str = "count Google calls";
        let mut retries = 0;
        loop {
            let found = self
                .client
                .get_item()
                .table_name(&self.sessions)
                .key("pk", kind.key())
                .key("sk", kind.key())
                .consistent_read(true)
                .send()
                .await
                .map_err(|error| store_error(ACTION, error))?
                .item
                .unwrap_or_default();
            let mut made = parse_calls(&found);
            made.retain(|at| *at > (now - QUOTA_WINDOW).timestamp_millis());
            if made.len() + calls > MAX_CALLS {
                return Ok(false);
            }
            made.extend(std::iter::repeat_n(now.timestamp_millis(), calls));
            let seen = number(&found, "version").unwrap_or(0);
            if self.store_calls(kind, &made, seen, now).await? {
                return Ok(true);
            }
            if !wait_before_retry(retries).await {
                return Ok(false);
            }
            retries += 1;
        }
    }

    /// Stores the times of the calls. `false`: another process has stored its calls since.
    async fn store_calls(
        &self,
        kind: GoogleCalls,
        made: &[i64],
        seen: i64,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let calls = made.iter().map(|at| AttributeValue::N(at.to_string())).collect();
        let kept = self
            .client
            .update_item()
            .table_name(&self.sessions)
            .key("pk", kind.key())
            .key("sk", kind.key())
            .update_expression("SET calls = :calls, version = :next, #ttl = :ttl")
            .condition_expression("attribute_not_exists(version) OR version = :seen")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":calls", AttributeValue::L(calls))
            .expression_attribute_values(":next", AttributeValue::N((seen + 1).to_string()))
            .expression_attribute_values(":seen", AttributeValue::N(seen.to_string()))
            .expression_attribute_values(":ttl", ttl(now))
            .send()
            .await;
        match kept {
            Ok(_) => Ok(true),
            Err(error) => match error.as_service_error() {
                Some(refused) if refused.is_conditional_check_failed_exception() => Ok(false),
                _ => Err(store_error("count Google calls", error)),
            },
        }
    }

    fn update_sheet(&self, pk: &str) -> UpdateItemFluentBuilder {
        self.client
            .update_item()
            .table_name(&self.sessions)
            .key("pk", AttributeValue::S(pk.to_owned()))
            .key("sk", AttributeValue::S("SHEET".into()))
    }

    /// An update that is refused if the caller no longer holds the lease.
    fn update_claimed_sheet(&self, sheet: &ClaimedSheet) -> UpdateItemFluentBuilder {
        self.update_sheet(&sheet.pk)
            .condition_expression("leaseOwner = :owner")
            .expression_attribute_values(":owner", AttributeValue::S(sheet.owner.clone()))
    }
}

/// Makes the last write under a lease. If it is refused, there is nothing left to do: the SDK repeated a write
/// whose answer was lost, or the lease has expired and another run has claimed the spreadsheet.
async fn end_lease(action: &'static str, update: UpdateItemFluentBuilder) -> Result<(), StoreError> {
    match update.send().await {
        Ok(_) => Ok(()),
        Err(error) => match error.as_service_error() {
            Some(refused) if refused.is_conditional_check_failed_exception() => Ok(()),
            _ => Err(store_error(action, error)),
        },
    }
}

fn ttl(now: DateTime<Utc>) -> AttributeValue {
    AttributeValue::N((now + SESSION_TTL).timestamp().to_string())
}

fn number(item: &Item, name: &str) -> Option<i64> {
    item.get(name)?.as_n().ok()?.parse().ok()
}

fn parse_calls(item: &Item) -> Vec<i64> {
    let calls = item.get("calls").and_then(|calls| calls.as_l().ok());
    calls.into_iter().flatten().filter_map(|at| at.as_n().ok()?.parse().ok()).collect()
}
