//! Figures for CloudWatch, as lines of its embedded metric format on standard output
//! (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>).

use std::io::Write;

use chrono::{DateTime, Utc};
use scheduler_core::domain::ids::ClinicId;
use serde_json::{Value, json};

/// A figure that is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric {
    /// A clinic's connection to WhatsApp does not work: token, subscription or phone.
    InstanceFaults,
    /// Rows of a clinic's sheet that are behind its visits.
    SheetRowsBehind,
    /// For how many seconds the oldest of them has been.
    SheetBacklogAge,
}

impl Metric {
    fn name(self) -> &'static str {
        match self {
            Self::InstanceFaults => "InstanceFaults",
            Self::SheetRowsBehind => "SheetRowsBehind",
            Self::SheetBacklogAge => "SheetBacklogAge",
        }
    }

    fn unit(self) -> &'static str {
        match self {
            Self::InstanceFaults | Self::SheetRowsBehind => "Count",
            Self::SheetBacklogAge => "Seconds",
        }
    }
}

/// Writes one figure of a clinic. It counts once over all clinics, for the alarm, and once for the
/// clinic, for whoever looks into it.
pub fn emit(metric: Metric, value: u32, clinic: &ClinicId, at: DateTime<Utc>) {
    let line = line(metric, value, clinic, at);
    // A line at once: lines of two threads must not mingle. Nothing is to be done where it fails.
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

fn line(metric: Metric, value: u32, clinic: &ClinicId, at: DateTime<Utc>) -> Value {
    let name = metric.name();
    json!({
        "_aws": {
            "Timestamp": at.timestamp_millis(),
            "CloudWatchMetrics": [{
                "Namespace": "Scheduler",
                "Dimensions": [[], ["clinicId"]],
                "Metrics": [{ "Name": name, "Unit": metric.unit() }],
            }],
        },
        "clinicId": clinic,
        name: value,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_as_cloudwatch_reads_it() {
        let at = DateTime::from_timestamp_millis(1_771_243_200_000).unwrap_or_default();
        let line = line(Metric::InstanceFaults, 1, &ClinicId("a-clinic".to_owned()), at);
        assert_eq!(line["_aws"]["Timestamp"], 1_771_243_200_000_i64);
        let metrics = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(metrics["Metrics"], json!([{ "Name": "InstanceFaults", "Unit": "Count" }]));
        assert_eq!((&line["InstanceFaults"], &line["clinicId"]), (&json!(1), &json!("a-clinic")));
    }
}
