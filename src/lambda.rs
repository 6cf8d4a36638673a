//! What every Lambda does: read the environment and its secrets, open the connections, answer requests or
//! events.

use std::process::ExitCode;
use std::sync::Arc;

use http::Request;
use lambda_http::{Body, Error, service_fn};
use lambda_runtime::LambdaEvent;
use scheduler_core::adapters::clock::SystemClock;
use scheduler_core::config::environment;
use serde_json::Value;
use tracing::Instrument;

use crate::context::HttpContext;
use crate::job::ScheduledJob;
use crate::live_context::LiveContext;
use crate::logging::{self, LogFormat};
use crate::route::{Route, respond};
use crate::secrets::ReadsSecrets;

/// Serves one route until AWS ends the process.
pub async fn run<C: HttpContext + ReadsSecrets>(route: &'static Route<C>) -> ExitCode {
    let Some(live) = start::<C>().await else { return ExitCode::FAILURE };
    let live = &live;
    let served = lambda_http::run(service_fn(move |request: lambda_http::Request| async move {
        let context = live.current().await;
        Ok::<_, Error>(respond(&context, route, with_bytes(request)).await)
    }));
    exit_code(served.await)
}

/// Runs one job on every event until AWS ends the process. The answer is the job's summary; a failed run is
/// an error, which AWS counts and retries.
pub async fn run_job<C: ReadsSecrets>(job: &'static ScheduledJob<C>) -> ExitCode {
    let Some(live) = start::<C>().await else { return ExitCode::FAILURE };
    let live = &live;
    let served = lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| async move {
        let context = live.current().await;
        let span = tracing::info_span!("job", trace_id = event.context.request_id, function = job.function);
        let summary = job.run(&context).instrument(span).await;
        summary.map_err(|error| {
            tracing::error!(step = "job", error = &error as &dyn std::error::Error, "the run failed");
            Error::from(error.to_string())
        })
    }));
    exit_code(served.await)
}

async fn start<C: ReadsSecrets>() -> Option<LiveContext<C>> {
    logging::start(LogFormat::Json);
    #[cfg(debug_assertions)]
    if let Some(point) = scheduler_core::config::failpoint() {
        scheduler_core::failpoints::abort_at(&point);
    }
    match LiveContext::<C>::start(environment, Arc::new(SystemClock)).await {
        Ok(live) => {
            live.warm_up().await;
            Some(live)
        }
        Err(error) => {
            tracing::error!(step = "start", error = &error as &dyn std::error::Error, "cannot start");
            None
        }
    }
}

fn exit_code(served: Result<(), Error>) -> ExitCode {
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(step = "runtime", error = %error, "the Lambda runtime failed");
            ExitCode::FAILURE
        }
    }
}

/// The same request with its body as bytes. `lambda_http` has decoded base64; the path may begin with the
/// stage.
fn with_bytes(request: lambda_http::Request) -> Request<Vec<u8>> {
    let (parts, body) = request.into_parts();
    let bytes = match body {
        Body::Empty => Vec::new(),
        Body::Text(text) => text.into_bytes(),
        Body::Binary(bytes) => bytes,
        _ => Vec::new(),
    };
    Request::from_parts(parts, bytes)
}
