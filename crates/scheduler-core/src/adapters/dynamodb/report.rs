//! The nightly report of one clinic and day: who sends it, what it says, how far it went out. An item
//! of the sessions table, in no index.

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, NaiveDate, Utc};

use super::Tables;
use super::errors::store_error;
use super::lease::{LEASE, SESSION_KEPT};
use super::session::{Item, instant};
use crate::domain::ids::ClinicId;
use crate::error::StoreError;

/// The sort key of every report.
const REPORT: &str = "REPORT";

/// A report that is ours to send until its lease runs out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedReport {
    pk: String,
    owner: String,
    /// What it says, once that is fixed: after a crash the rest goes out, cut as it was begun.
    pub messages: Option<Vec<String>>,
    /// How many of the messages went out.
    pub sent: usize,
}

impl Tables {
    /// Takes the report of a clinic's day; `None`: it went out, or somebody else is at it.
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
            .change_report(&pk)
            .update_expression("SET leaseOwner = :owner, leaseUntil = :until, #ttl = :ttl")
            .condition_expression(
                "attribute_not_exists(sentAt) AND (attribute_not_exists(leaseUntil) OR leaseUntil < :now)",
            )
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":owner", AttributeValue::S(owner.to_owned()))
            .expression_attribute_values(":until", AttributeValue::S(instant(now + LEASE)))
            .expression_attribute_values(":now", AttributeValue::S(instant(now)))
            .expression_attribute_values(
                ":ttl",
                AttributeValue::N((now + SESSION_KEPT).timestamp().to_string()),
            )
            .return_values(aws_sdk_dynamodb::types::ReturnValue::AllNew)
            .send()
            .await;
        match claimed {
            Ok(answer) => {
                let item = answer.attributes.unwrap_or_default();
                let (messages, sent) =
                    progress(&item).ok_or_else(|| StoreError::internal(ACTION, "it cannot be read"))?;
                Ok(Some(ClaimedReport { pk, owner: owner.to_owned(), messages, sent }))
            }
            Err(error) => match error.as_service_error() {
                Some(refused) if refused.is_conditional_check_failed_exception() => Ok(None),
                _ => Err(store_error(ACTION, error)),
            },
        }
    }

    /// Fixes what a report says.
    pub async fn fix_report(&self, report: &ClaimedReport, messages: &[String]) -> Result<(), StoreError> {
        let texts = messages.iter().cloned().map(AttributeValue::S).collect();
        self.own_report(report)
            .update_expression("SET messages = :messages")
            .expression_attribute_values(":messages", AttributeValue::L(texts))
            .send()
            .await
            .map_err(|error| store_error("fix what a report says", error))?;
        Ok(())
    }

    /// Marks that so many of its messages went out.
    pub async fn mark_report(&self, report: &ClaimedReport, sent: usize) -> Result<(), StoreError> {
        self.own_report(report)
            .update_expression("SET sentMessages = :sent")
            .expression_attribute_values(":sent", AttributeValue::N(sent.to_string()))
            .send()
            .await
            .map_err(|error| store_error("mark a report", error))?;
        Ok(())
    }

    /// The whole report went out: nobody takes it again, and its words are kept in the history alone.
    pub async fn finish_report(&self, report: &ClaimedReport, now: DateTime<Utc>) -> Result<(), StoreError> {
        self.own_report(report)
            .update_expression("SET sentAt = :now REMOVE leaseOwner, leaseUntil, messages")
            .expression_attribute_values(":now", AttributeValue::S(instant(now)))
            .send()
            .await
            .map_err(|error| store_error("finish a report", error))?;
        Ok(())
    }

    /// Gives a report back: a later run may take it.
    pub async fn release_report(&self, report: &ClaimedReport) -> Result<(), StoreError> {
        self.own_report(report)
            .update_expression("REMOVE leaseOwner, leaseUntil")
            .send()
            .await
            .map_err(|error| store_error("give a report back", error))?;
        Ok(())
    }

    fn change_report(
        &self,
        pk: &str,
    ) -> aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder {
        self.client
            .update_item()
            .table_name(&self.sessions)
            .key("pk", AttributeValue::S(pk.to_owned()))
            .key("sk", AttributeValue::S(REPORT.into()))
    }

    /// A change that fails once somebody else took the report over.
    fn own_report(
        &self,
        report: &ClaimedReport,
    ) -> aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder {
        self.change_report(&report.pk)
            .condition_expression("leaseOwner = :owner")
            .expression_attribute_values(":owner", AttributeValue::S(report.owner.clone()))
    }
}

fn progress(item: &Item) -> Option<(Option<Vec<String>>, usize)> {
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
    Some((messages, sent))
}
