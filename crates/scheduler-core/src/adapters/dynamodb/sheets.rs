//! Who writes a spreadsheet, how long one that failed is left alone, and how often Google was
//! called. Items of the sessions table, in no index.

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use chrono::{DateTime, TimeDelta, Utc};

use super::Tables;
use super::errors::{another_try, store_error};
use super::lease::{LEASE, SESSION_KEPT};
use super::session::{Item, instant};
use crate::error::StoreError;

/// Calls of a service account within [`WINDOW`]. Google lets 60 pass in a minute, and tokens are
/// asked for besides.
const CALLS: usize = 50;
/// A minute, and what may lie between the permission and the call.
const WINDOW: TimeDelta = TimeDelta::seconds(75);
/// Both keys of the item that counts the calls.
const GOOGLE: &str = "GOOGLE#CALLS";

/// A spreadsheet that is ours to write until its lease runs out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedSheet {
    pk: String,
    owner: String,
    /// How often in a row it failed.
    pub failures: u32,
}

impl Tables {
    /// Takes a spreadsheet; `None`: somebody else is at it, or the tab is left alone for a while.
    pub async fn claim_sheet(
        &self,
        spreadsheet: &str,
        tab: &str,
        owner: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<ClaimedSheet>, StoreError> {
        let pk = format!("SHEET#{spreadsheet}");
        let claimed = self
            .change_sheet(&pk)
            .update_expression("SET leaseOwner = :owner, leaseUntil = :until, #ttl = :ttl")
            .condition_expression(
                "(attribute_not_exists(leaseUntil) OR leaseUntil < :now) \
                 AND (attribute_not_exists(restUntil) OR restUntil <= :now OR restTab <> :tab)",
            )
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":owner", AttributeValue::S(owner.to_owned()))
            .expression_attribute_values(":until", AttributeValue::S(instant(now + LEASE)))
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

    /// Gives a spreadsheet back after all went well.
    pub async fn release_sheet(&self, sheet: &ClaimedSheet) -> Result<(), StoreError> {
        self.own_sheet(sheet)
            .update_expression("REMOVE leaseOwner, leaseUntil, restUntil, restTab, failures")
            .send()
            .await
            .map_err(|error| store_error("give a sheet back", error))?;
        Ok(())
    }

    /// Gives a spreadsheet back after a failure: the tab is left alone until then.
    pub async fn rest_sheet(
        &self,
        sheet: &ClaimedSheet,
        tab: &str,
        until: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let failures = sheet.failures.saturating_add(1).to_string();
        self.own_sheet(sheet)
            .update_expression(
                "SET restUntil = :until, restTab = :tab, failures = :failures REMOVE leaseOwner, leaseUntil",
            )
            .expression_attribute_values(":until", AttributeValue::S(instant(until)))
            .expression_attribute_values(":tab", AttributeValue::S(tab.to_owned()))
            .expression_attribute_values(":failures", AttributeValue::N(failures))
            .send()
            .await
            .map_err(|error| store_error("leave a sheet alone", error))?;
        Ok(())
    }

    /// Asks to call Google so many times; `false`: not now. Counted for all processes together.
    pub async fn may_call_google(&self, calls: usize, now: DateTime<Utc>) -> Result<bool, StoreError> {
        const ACTION: &str = "count the calls to Google";
        let mut tried = 0;
        loop {
            let found = self
                .client
                .get_item()
                .table_name(&self.sessions)
                .key("pk", AttributeValue::S(GOOGLE.into()))
                .key("sk", AttributeValue::S(GOOGLE.into()))
                .consistent_read(true)
                .send()
                .await
                .map_err(|error| store_error(ACTION, error))?
                .item
                .unwrap_or_default();
            let mut made = calls_of(&found);
            made.retain(|at| *at > (now - WINDOW).timestamp_millis());
            if made.len() + calls > CALLS {
                return Ok(false);
            }
            made.extend(std::iter::repeat_n(now.timestamp_millis(), calls));
            let seen = number(&found, "version").unwrap_or(0);
            if self.keep_calls(&made, seen, now).await? {
                return Ok(true);
            }
            if !another_try(tried).await {
                return Ok(false);
            }
            tried += 1;
        }
    }

    /// `false`: somebody else counted meanwhile.
    async fn keep_calls(&self, made: &[i64], seen: i64, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let calls = made.iter().map(|at| AttributeValue::N(at.to_string())).collect();
        let kept = self
            .client
            .update_item()
            .table_name(&self.sessions)
            .key("pk", AttributeValue::S(GOOGLE.into()))
            .key("sk", AttributeValue::S(GOOGLE.into()))
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
                _ => Err(store_error("count the calls to Google", error)),
            },
        }
    }

    fn change_sheet(&self, pk: &str) -> UpdateItemFluentBuilder {
        self.client
            .update_item()
            .table_name(&self.sessions)
            .key("pk", AttributeValue::S(pk.to_owned()))
            .key("sk", AttributeValue::S("SHEET".into()))
    }

    /// A change that fails once somebody else took the spreadsheet over.
    fn own_sheet(&self, sheet: &ClaimedSheet) -> UpdateItemFluentBuilder {
        self.change_sheet(&sheet.pk)
            .condition_expression("leaseOwner = :owner")
            .expression_attribute_values(":owner", AttributeValue::S(sheet.owner.clone()))
    }
}

fn ttl(now: DateTime<Utc>) -> AttributeValue {
    AttributeValue::N((now + SESSION_KEPT).timestamp().to_string())
}

fn number(item: &Item, name: &str) -> Option<i64> {
    item.get(name)?.as_n().ok()?.parse().ok()
}

fn calls_of(item: &Item) -> Vec<i64> {
    let calls = item.get("calls").and_then(|calls| calls.as_l().ok());
    calls.into_iter().flatten().filter_map(|at| at.as_n().ok()?.parse().ok()).collect()
}
