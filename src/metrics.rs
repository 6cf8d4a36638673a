//! Metrics for CloudWatch, as lines of its embedded metric format on standard output
//! (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>).

use std::io::Write;
use std::time::Duration;

use chrono::{DateTime, Utc};
use scheduler_core::call_stats::CallStats;
use scheduler_core::domain::ids::ClinicId;
use serde_json::{Map, Value, json};

/// A CloudWatch metric in the namespace `Scheduler`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric {
    /// Seconds for which the oldest unfinished work has been due: a chat, or a webhook whose clinic is not
    /// yet known.
    OldestChatDueAge,
    /// Seconds for which the oldest reminder has been due.
    OldestReminderDueAge,
    /// Messages that did not reach their patients.
    FailedMessages,
    /// Messages of which it stays unknown whether the provider accepted them.
    UnknownMessages,
    /// Items that a job read or knew of and did not come to, such as chats, reminders and reports. Each run writes
    /// a value.
    ItemsLeft,
    /// Items of a job that panicked or cannot be read.
    PoisonedItems,
    /// 1 for each clinic and run if the clinic's WhatsApp connection does not work (token, subscription or
    /// phone).
    InstanceFaults,
    /// Rows of a clinic's sheet that are behind its appointments.
    SheetRowsBehind,
    /// Seconds for which the oldest of those rows has been behind. A run that finds no such row writes 0 for
    /// the whole stage, which shows that the job runs.
    SheetBacklogAge,
    /// Duration of a call that worked on a chat.
    TurnMilliseconds,
    /// Number of network waits in a call that worked on a chat. Waits that overlap count once.
    TurnWaits,
    /// 1 for each webhook whose token is a master instead of the instance's own.
    MasterTokenUses,
}

/// Writes metrics to standard output. Without a stage, as on the local server, it writes nothing.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    stage: Option<String>,
}

impl Metric {
    fn name(self) -> &'static str {
        match self {
            Self::OldestChatDueAge => "OldestChatDueAge",
            Self::OldestReminderDueAge => "OldestReminderDueAge",
            Self::FailedMessages => "FailedMessages",
            Self::UnknownMessages => "UnknownMessages",
            Self::ItemsLeft => "ItemsLeft",
            Self::PoisonedItems => "PoisonedItems",
            Self::InstanceFaults => "InstanceFaults",
            Self::SheetRowsBehind => "SheetRowsBehind",
            Self::SheetBacklogAge => "SheetBacklogAge",
            Self::TurnMilliseconds => "TurnMilliseconds",
            Self::TurnWaits => "TurnWaits",
            Self::MasterTokenUses => "MasterTokenUses",
        }
    }

    fn unit(self) -> &'static str {
        match self {
            Self::FailedMessages
            | Self::UnknownMessages
            | Self::ItemsLeft
            | Self::PoisonedItems
            | Self::InstanceFaults
            | Self::SheetRowsBehind
            | Self::TurnWaits
            | Self::MasterTokenUses => "Count",
            Self::OldestChatDueAge | Self::OldestReminderDueAge | Self::SheetBacklogAge => "Seconds",
            Self::TurnMilliseconds => "Milliseconds",
        }
    }
}

impl Metrics {
    /// Writes nothing.
    pub const OFF: Self = Self { stage: None };

    /// Writes the metrics of a stage (the variable `STAGE`).
    pub fn of(stage: Option<String>) -> Self {
        Self { stage }
    }

    /// Writes one value for the whole stage.
    pub fn emit(&self, metric: Metric, value: u32, at: DateTime<Utc>) {
        self.write(&[(metric, value)], None, at);
    }

    /// Writes one value for a clinic. CloudWatch counts it for the whole stage, which the alarm watches, and
    /// for the clinic, which shows where the cause is.
    pub fn emit_for_clinic(&self, metric: Metric, value: u32, clinic: &ClinicId, at: DateTime<Utc>) {
        self.write(&[(metric, value)], Some(("clinicId", clinic.as_str())), at);
    }

    /// Writes the metrics of a call: duration and network waits if it worked on a chat, and the number of
    /// failed messages if there are any.
    pub fn emit_call(&self, stats: &CallStats, took: Duration, at: DateTime<Utc>) {
        if let Some(outcome) = stats.run {
            let took = u32::try_from(took.as_millis()).unwrap_or(u32::MAX);
            let values = [(Metric::TurnMilliseconds, took), (Metric::TurnWaits, stats.waits)];
            self.write(&values, Some(("outcome", outcome.as_str())), at);
        }
        self.emit_messages(stats, at);
    }

    /// Writes the number of failed messages, and of those whose outcome stays unknown, if there are any.
    pub fn emit_messages(&self, stats: &CallStats, at: DateTime<Utc>) {
        self.emit_count(Metric::FailedMessages, stats.failed_messages, at);
        self.emit_count(Metric::UnknownMessages, stats.unknown_messages, at);
    }

    /// Writes a count unless it is zero.
    pub fn emit_count(&self, metric: Metric, count: usize, at: DateTime<Utc>) {
        if count > 0 {
            self.emit(metric, u32::try_from(count).unwrap_or(u32::MAX), at);
        }
    }

    fn write(&self, values: &[(Metric, u32)], extra_dimension: Option<(&str, &str)>, at: DateTime<Utc>) {
        let Some(stage) = &self.stage else { return };
        let line = line(stage, values, extra_dimension, at);
        // Lock standard output, so that lines of two threads do not mix. A failed write is ignored.
        let _ = writeln!(std::io::stdout().lock(), "{line}");
    }
}

fn line(
    stage: &str,
    values: &[(Metric, u32)],
    extra_dimension: Option<(&str, &str)>,
    at: DateTime<Utc>,
) -> Value {
    let mut dimensions = vec![vec!["stage"]];
    dimensions.extend(extra_dimension.map(|(name, _)| vec!["stage", name]));
    let definition = |(metric, _): &(Metric, u32)| json!({ "Name": metric.name(), "Unit": metric.unit() });
    let mut line = Map::new();
    line.insert(
        "_aws".into(),
        json!({
            "Timestamp": at.timestamp_millis(),
            "CloudWatchMetrics": [{
                "Namespace": "Scheduler",
                "Dimensions": dimensions,
                "Metrics": values.iter().map(definition).collect::<Vec<_>>(),
            }],
        }),
    );
    line.insert("stage".into(), stage.into());
    line.extend(extra_dimension.map(|(name, value)| (name.to_owned(), value.into())));
    line.extend(values.iter().map(|(metric, value)| (metric.name().to_owned(), (*value).into())));
    line.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_follows_the_embedded_metric_format() {
        let at = DateTime::from_timestamp_millis(1_771_243_200_000).unwrap_or_default();
        let values = [(Metric::TurnMilliseconds, 12), (Metric::TurnWaits, 4)];
        let line = line("dev", &values, Some(("outcome", "answered")), at);
        let expected = json!({
            "_aws": {
                "Timestamp": 1_771_243_200_000_i64,
                "CloudWatchMetrics": [{
                    "Namespace": "Scheduler",
                    "Dimensions": [["stage"], ["stage", "outcome"]],
                    "Metrics": [
                        { "Name": "TurnMilliseconds", "Unit": "Milliseconds" },
                        { "Name": "TurnWaits", "Unit": "Count" },
                    ],
                }],
            },
            "stage": "dev",
            "outcome": "answered",
            "TurnMilliseconds": 12,
            "TurnWaits": 4,
        });
        assert_eq!(line, expected);
    }
}
