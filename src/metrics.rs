//! Figures for CloudWatch, as lines of its embedded metric format on standard output
//! (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>).

use std::io::Write;
use std::time::Duration;

use chrono::{DateTime, Utc};
use scheduler_core::call_stats::CallStats;
use scheduler_core::domain::ids::ClinicId;
use serde_json::{Map, Value, json};

/// A figure that is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric {
    /// For how many seconds the oldest chat, or webhook without a clinic, has been due.
    OldestChatDueAge,
    /// For how many seconds the oldest reminder has been due.
    OldestReminderDueAge,
    /// Messages that did not reach their patients.
    FailedMessages,
    /// A clinic's connection to WhatsApp does not work: token, subscription or phone.
    InstanceFaults,
    /// Rows of a clinic's sheet that are behind its appointments.
    SheetRowsBehind,
    /// For how many seconds the oldest of them has been.
    SheetBacklogAge,
    /// How long a call took that ran a chat.
    TurnMilliseconds,
    /// How often it waited for the network, one wait after the other.
    TurnWaits,
}

/// Where figures go. Where no stage is named, such as on a local server, nobody watches and nothing
/// is written.
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
            Self::InstanceFaults => "InstanceFaults",
            Self::SheetRowsBehind => "SheetRowsBehind",
            Self::SheetBacklogAge => "SheetBacklogAge",
            Self::TurnMilliseconds => "TurnMilliseconds",
            Self::TurnWaits => "TurnWaits",
        }
    }

    fn unit(self) -> &'static str {
        match self {
            Self::FailedMessages | Self::InstanceFaults | Self::SheetRowsBehind | Self::TurnWaits => "Count",
            Self::OldestChatDueAge | Self::OldestReminderDueAge | Self::SheetBacklogAge => "Seconds",
            Self::TurnMilliseconds => "Milliseconds",
        }
    }
}

impl Metrics {
    /// Writes nothing.
    pub const OFF: Self = Self { stage: None };

    /// The figures of a stage (`STAGE`).
    pub fn of(stage: Option<String>) -> Self {
        Self { stage }
    }

    /// Writes one figure of the whole stage.
    pub fn emit(&self, metric: Metric, value: u32, at: DateTime<Utc>) {
        self.write(&[(metric, value)], None, at);
    }

    /// Writes one figure of a clinic. It counts once over all clinics, for the alarm, and once for
    /// the clinic, for whoever looks into it.
    pub fn emit_of(&self, metric: Metric, value: u32, clinic: &ClinicId, at: DateTime<Utc>) {
        self.write(&[(metric, value)], Some(("clinicId", clinic.as_str())), at);
    }

    /// Writes what a call met: one line for its turn, and how many messages failed, if any did.
    pub fn emit_call(&self, stats: &CallStats, took: Duration, at: DateTime<Utc>) {
        if let Some(outcome) = stats.run {
            let took = u32::try_from(took.as_millis()).unwrap_or(u32::MAX);
            let figures = [(Metric::TurnMilliseconds, took), (Metric::TurnWaits, stats.waits)];
            self.write(&figures, Some(("outcome", outcome.as_str())), at);
        }
        self.emit_failed(stats.failed_messages, at);
    }

    /// Writes how many messages failed, if any did.
    pub fn emit_failed(&self, messages: usize, at: DateTime<Utc>) {
        if messages > 0 {
            self.emit(Metric::FailedMessages, u32::try_from(messages).unwrap_or(u32::MAX), at);
        }
    }

    fn write(&self, figures: &[(Metric, u32)], also_by: Option<(&str, &str)>, at: DateTime<Utc>) {
        let Some(stage) = &self.stage else { return };
        let line = line(stage, figures, also_by, at);
        // A line at once: lines of two threads must not mingle. Nothing is to be done where it fails.
        let _ = writeln!(std::io::stdout().lock(), "{line}");
    }
}

fn line(stage: &str, figures: &[(Metric, u32)], also_by: Option<(&str, &str)>, at: DateTime<Utc>) -> Value {
    let mut dimensions = vec![vec!["stage"]];
    dimensions.extend(also_by.map(|(name, _)| vec!["stage", name]));
    let told = |(metric, _): &(Metric, u32)| json!({ "Name": metric.name(), "Unit": metric.unit() });
    let mut line = Map::new();
    line.insert(
        "_aws".into(),
        json!({
            "Timestamp": at.timestamp_millis(),
            "CloudWatchMetrics": [{
                "Namespace": "Scheduler",
                "Dimensions": dimensions,
                "Metrics": figures.iter().map(told).collect::<Vec<_>>(),
            }],
        }),
    );
    line.insert("stage".into(), stage.into());
    line.extend(also_by.map(|(name, value)| (name.to_owned(), value.into())));
    line.extend(figures.iter().map(|(metric, value)| (metric.name().to_owned(), (*value).into())));
    line.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_as_cloudwatch_reads_it() {
        let at = DateTime::from_timestamp_millis(1_771_243_200_000).unwrap_or_default();
        let figures = [(Metric::TurnMilliseconds, 12), (Metric::TurnWaits, 4)];
        let line = line("dev", &figures, Some(("outcome", "answered")), at);
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
