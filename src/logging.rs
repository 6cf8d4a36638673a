//! The format of log lines (docs/rules/security.md#logs): `[traceId: …] [step] message` and the same values
//! as fields; JSON in Lambda, text locally.

use std::fmt::{self, Write};

use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

/// The format of the log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// A line of text.
    Text,
}

/// Starts the log on standard error. Libraries log warnings and errors only, because their debug lines may
/// quote a patient. The embedded DynamoDB logs errors only: it warns about every failed condition, and a
/// condition fails in normal operation whenever a chat is already leased.
pub fn start(form: LogFormat) {
    let ours = ["scheduler_core", "scheduler_api", "scheduler_local"].map(|name| (name, LevelFilter::INFO));
    let filter = Targets::new()
        .with_default(LevelFilter::WARN)
        .with_target("dynoxide", LevelFilter::ERROR)
        .with_targets(ours);
    let lines = tracing_subscriber::fmt::layer()
        .event_format(LineFormat(form))
        .with_writer(std::io::stderr as fn() -> std::io::Stderr);
    // A second call, which tests make, has no effect.
    let _ = tracing_subscriber::registry().with(filter).with(TraceIdLayer).with(lines).try_init();
}

/// Stores the trace id of each span in the span, where [`LineFormat`] finds it.
struct TraceIdLayer;

struct TraceId(String);

impl<S: Subscriber + for<'a> LookupSpan<'a>> tracing_subscriber::Layer<S> for TraceIdLayer {
    fn on_new_span(
        &self,
        attributes: &tracing::span::Attributes<'_>,
        id: &tracing::Id,
        context: Context<'_, S>,
    ) {
        let mut fields = EventFields::default();
        attributes.record(&mut fields);
        if let (Some(span), Some(trace_id)) = (context.span(id), fields.take("trace_id")) {
            span.extensions_mut().insert(TraceId(trace_id));
        }
    }
}

struct LineFormat(LogFormat);

impl<S, N> FormatEvent<S, N> for LineFormat
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut to: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut fields = EventFields::default();
        event.record(&mut fields);
        let trace_id = context
            .event_scope()
            .and_then(|mut scope| {
                scope.find_map(|span| span.extensions().get::<TraceId>().map(|id| id.0.clone()))
            })
            .unwrap_or_else(|| "-".to_owned());
        let step = fields.take("step").unwrap_or_else(|| "library".to_owned());
        let message = fields.take("message").unwrap_or_default();
        let line = one_line(&format!("[traceId: {trace_id}] [{step}] {message}"));
        let level = event.metadata().level();
        match self.0 {
            LogFormat::Json => {
                let mut object = serde_json::Map::new();
                object.insert("level".into(), level.as_str().into());
                object.insert("message".into(), line.into());
                object.insert("traceId".into(), trace_id.into());
                object.insert("step".into(), step.into());
                for (name, value) in fields.0 {
                    object.entry(name).or_insert_with(|| value.into());
                }
                writeln!(to, "{}", serde_json::Value::Object(object))
            }
            LogFormat::Text => {
                write!(to, "{line}")?;
                for (name, value) in &fields.0 {
                    write!(to, " {name}={}", one_line(value))?;
                }
                writeln!(to, " ({level})")
            }
        }
    }
}

/// An event's fields as text, in order.
#[derive(Default)]
struct EventFields(Vec<(String, String)>);

impl EventFields {
    fn take(&mut self, name: &str) -> Option<String> {
        let at = self.0.iter().position(|(field, _)| field == name)?;
        Some(self.0.remove(at).1)
    }
}

impl Visit for EventFields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.push((field.name().to_owned(), format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.push((field.name().to_owned(), value.to_owned()));
    }

    /// Records the error with its whole chain of causes.
    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        let mut chain = value.to_string();
        let mut cause = value.source();
        while let Some(error) = cause {
            let _ = write!(chain, ": {error}");
            cause = error.source();
        }
        self.0.push((field.name().to_owned(), chain));
    }
}

fn one_line(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
}
