//! The nightly report of one clinic and date: its lease, its messages and how many of them were sent
//! (docs/rules/sheet.md#nightly-report). An item of the sessions table, in no index.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

use super::Tables;
use super::errors::store_error;
use super::lease::SESSION_TTL;
use super::session::{Item, instant};
use crate::domain::ids::ClinicId;
use crate::error::StoreError;

/// The sort key of every report.
const REPORT: &str = "REPORT";

/// How long a claim lasts after the last write: longer than sending one message of the report may take.
const CLAIM_DURATION: TimeDelta = TimeDelta::seconds(60);

/// A report that only the owner of its lease may send, until the lease expires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedReport {
    pk: String,
    owner: String,
    /// The messages, if an earlier run stored them: after a crash the rest is sent unchanged.
    pub messages: Option<Vec<String>>,
    /// What was sent.
    pub progress: ReportProgress,
}

/// Which messages of a report were sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReportProgress {
    /// How many of the messages were sent, from the first one on.
    pub sent: usize,
    /// How often each of these messages was sent without a complete answer of the provider, by its index.
    pub unknown: BTreeMap<usize, u32>,
}

impl Tables {
    /// Claims the report of a clinic and date. `None`: it was sent, or another run has claimed it.
    pub async fn claim_report(
        &self,
        clinic: &ClinicId,
        date: NaiveDate,
        owner: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<ClaimedReport>, StoreError> {
        const ACTION: &str = "claim a report";
        let pk = format!("REPORT#{clinic}#{date}");
        let claimed = self
            .update_report(&pk)
            .update_expression("SET leaseOwner = :owner, leaseUntil = :until, #ttl = :ttl")
            .condition_expression(
                "attribute_not_exists(sentAt) AND (attribute_not_exists(leaseUntil) OR leaseUntil < :now)",
            )
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":owner", AttributeValue::S(owner.to_owned()))
            .expression_attribute_values(":until", AttributeValue::S(instant(now + CLAIM_DURATION)))
            .expression_attribute_values(":now", AttributeValue::S(instant(now)))
            .expression_attribute_values(
                ":ttl",
                AttributeValue::N((now + SESSION_TTL).timestamp().to_string()),
            )
            .return_values(aws_sdk_dynamodb::types::ReturnValue::AllNew)
            .send()
            .await;
        match claimed {
            Ok(answer) => {
                let item = answer.attributes.unwrap_or_default();
                let (messages, progress) = parse_progress(&item)
                    .ok_or_else(|| StoreError::internal(ACTION, "the item cannot be parsed"))?;
                Ok(Some(ClaimedReport { pk, owner: owner.to_owned(), messages, progress }))
            }
            Err(error) => match error.as_service_error() {
                Some(refused) if refused.is_conditional_check_failed_exception() => Ok(None),
                _ => Err(store_error(ACTION, error)),
            },
        }
    }

    /// Stores the messages of a report, so that every later run sends the same ones.
    pub async fn store_report_messages(
        &self,
        report: &ClaimedReport,
        messages: &[String],
    ) -> Result<(), StoreError> {
        let texts = messages.iter().cloned().map(AttributeValue::S).collect();
        self.update_claimed_report(report)
            .update_expression("SET messages = :messages")
            .expression_attribute_values(":messages", AttributeValue::L(texts))
            .send()
            .await
            .map_err(|error| store_error("store a report's messages", error))?;
        Ok(())
    }

    /// Stores which messages were sent, and extends the claim.
    pub async fn store_report_progress(
        &self,
        report: &ClaimedReport,
        progress: &ReportProgress,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let count = |count: &u32| AttributeValue::N(count.to_string());
        let unknown: HashMap<String, AttributeValue> =
            progress.unknown.iter().map(|(index, sends)| (index.to_string(), count(sends))).collect();
        self.update_claimed_report(report)
            .update_expression("SET sentMessages = :sent, unknownMessages = :unknown, leaseUntil = :until")
            .expression_attribute_values(":sent", AttributeValue::N(progress.sent.to_string()))
            .expression_attribute_values(":unknown", AttributeValue::M(unknown))
            .expression_attribute_values(":until", AttributeValue::S(instant(now + CLAIM_DURATION)))
            .send()
            .await
            .map_err(|error| store_error("mark messages of a report as sent", error))?;
        Ok(())
    }

    /// Marks the whole report as sent, so that no run claims it again, and drops its text, which the history
    /// keeps.
    pub async fn finish_report(&self, report: &ClaimedReport, now: DateTime<Utc>) -> Result<(), StoreError> {
        let update = self
            .update_claimed_report(report)
            .update_expression("SET sentAt = :now REMOVE leaseOwner, leaseUntil, messages")
            .expression_attribute_values(":now", AttributeValue::S(instant(now)));
        // If the report is finished, this is our own write, whose answer was lost.
        end_claim("finish a report", update, |item| item.contains_key("sentAt")).await
    }

    /// Releases a report, so that a later run can claim it.
    pub async fn release_report(&self, report: &ClaimedReport) -> Result<(), StoreError> {
        let update = self.update_claimed_report(report).update_expression("REMOVE leaseOwner, leaseUntil");
        // If we no longer hold the claim, it needs no release.
        end_claim("release a report", update, |_| true).await
    }

    fn update_report(&self, pk: &str) -> UpdateItemFluentBuilder {
        self.client
            .update_item()
            .table_name(&self.sessions)
            .key("pk", AttributeValue::S(pk.to_owned()))
            .key("sk", AttributeValue::S(REPORT.into()))
    }

    /// An update that fails if another run has claimed the report since.
    fn update_claimed_report(&self, report: &ClaimedReport) -> UpdateItemFluentBuilder {
        self.update_report(&report.pk)
            .condition_expression("leaseOwner = :owner")
            .expression_attribute_values(":owner", AttributeValue::S(report.owner.clone()))
    }
}

/// Sends the last write of a claim. It succeeds as well if the claim is lost and `may_be_lost` says that this
/// does no harm.
async fn end_claim(
    action: &'static str,
    update: UpdateItemFluentBuilder,
    may_be_lost: impl FnOnce(&Item) -> bool,
) -> Result<(), StoreError> {
    let update = update.return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
    let Err(error) = update.send().await else { return Ok(()) };
    match error.as_service_error() {
        Some(UpdateItemError::ConditionalCheckFailedException(check))
            if check.item.as_ref().is_some_and(may_be_lost) =>
        {
            Ok(())
        }
        _ => Err(store_error(action, error)),
    }
}

fn parse_progress(item: &Item) -> Option<(Option<Vec<String>>, ReportProgress)> {
    let messages = match item.get("messages") {
        None => None,
        Some(texts) => {
            let texts = texts.as_l().ok()?.iter();
            Some(texts.map(|text| text.as_s().ok().cloned()).collect::<Option<Vec<_>>>()?)
        }
    };
    let sent = match item.get("sentMessages") {
        None => 0,
        Some(sent) => sent.as_n().ok()?.parse().ok()?,
    };
    let unknown = match item.get("unknownMessages") {
        None => BTreeMap::new(),
        Some(unknown) => {
            let sends = |(index, sends): (&String, &AttributeValue)| {
                Some((index.parse().ok()?, sends.as_n().ok()?.parse().ok()?))
            };
            unknown.as_m().ok()?.iter().map(sends).collect::<Option<_>>()?
        }
    };
    Some((messages, ReportProgress { sent, unknown }))
}
