//! The routes that only the local server has (docs/rules/api.md#local-routes).

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use chrono::{DateTime, Utc};
use scheduler_api::jobs::JOBS;
use scheduler_core::domain::date_limits::is_accepted;
use scheduler_core::domain::ids::ClinicId;
use scheduler_core::domain::phone::{Address, Phone};
use scheduler_core::error::StoreError;
use scheduler_core::ports::Clock;
use serde::Deserialize;
use serde_json::json;
use tracing::Instrument;

use crate::state::LocalState;

pub(crate) fn router() -> Router<LocalState> {
    Router::new()
        .route("/_local/health", get(health))
        .route("/_local/outbox", get(outbox).delete(clear_outbox))
        .route("/_local/jobs", get(jobs))
        .route("/_local/jobs/{name}", post(run_job))
        .route("/_local/clock", get(clock).put(set_clock))
        .route("/_local/changes", get(changes))
        .route("/_local/chats/{phone}", get(chat))
}

async fn health(State(state): State<LocalState>) -> Response {
    let chats = &state.contexts.job.chats;
    let (database, tables) = tokio::join!(chats.db.ping(), chats.tables.ping());
    match database.and(tables) {
        Ok(()) => Json(json!({"status": "SUCCESS", "message": "ok"})).into_response(),
        Err(error) => store_unavailable(&error),
    }
}

#[derive(Deserialize)]
struct OutboxQuery {
    phone: Option<String>,
}

async fn outbox(State(state): State<LocalState>, Query(query): Query<OutboxQuery>) -> Response {
    match &state.zapi {
        Some(zapi) => Json(zapi.outbox(query.phone.as_deref())).into_response(),
        None => no_fake_zapi(),
    }
}

async fn clear_outbox(State(state): State<LocalState>) -> Response {
    match &state.zapi {
        Some(zapi) => {
            zapi.clear();
            state.changes.notify();
            Json(json!({"status": "SUCCESS", "message": "empty"})).into_response()
        }
        None => no_fake_zapi(),
    }
}

async fn jobs() -> Response {
    let names: Vec<&str> = JOBS.iter().map(|job| job.name).collect();
    Json(names).into_response()
}

async fn run_job(State(state): State<LocalState>, Path(name): Path<String>) -> Response {
    let Some(job) = JOBS.iter().find(|job| job.name == name) else {
        return error_response(StatusCode::NOT_FOUND, "no such job");
    };
    let span = tracing::info_span!("job", trace_id = %uuid::Uuid::new_v4());
    let outcome = job.run_in(&state.contexts).instrument(span).await;
    state.changes.notify();
    match outcome {
        Ok(summary) => Json(summary).into_response(),
        Err(error) => error_response(error.status(), &error.to_string()),
    }
}

/// `now` is required but may be null, so that `{}` does not restart the clock by mistake.
#[derive(Deserialize)]
struct ClockBody {
    #[serde(deserialize_with = "Option::deserialize")]
    now: Option<DateTime<Utc>>,
}

async fn set_clock(State(state): State<LocalState>, body: String) -> Response {
    let read = serde_json::from_str::<ClockBody>(&body).ok();
    // All sums of times start from the clock, so it stays where none of them overflows.
    let Some(body) = read.filter(|body| body.now.is_none_or(|now| is_accepted(now.date_naive()))) else {
        return error_response(
            StatusCode::BAD_REQUEST,
            r#"expected {"now": "2026-02-14T12:00:00Z"}, from 2000 to 2100, or {"now": null}"#,
        );
    };
    state.clock.set(body.now);
    state.changes.notify();
    clock(State(state)).await
}

async fn clock(State(state): State<LocalState>) -> Response {
    Json(json!({"now": state.clock.now(), "stopped": state.clock.is_stopped()})).into_response()
}

#[derive(Deserialize)]
struct ChangesQuery {
    #[serde(default)]
    after: u64,
}

/// Long poll: answers at the next change, after 20 seconds, or when the server stops.
async fn changes(State(state): State<LocalState>, Query(query): Query<ChangesQuery>) -> Response {
    let mut stopping = state.stopping.clone();
    tokio::select! {
        change = state.changes.wait_for_change(query.after) => {
            Json(json!({"change": change})).into_response()
        }
        _ = stopping.wait_for(|stop| *stop) => {
            error_response(StatusCode::SERVICE_UNAVAILABLE, "the server is stopping")
        }
    }
}

#[derive(Deserialize)]
struct ChatQuery {
    #[serde(rename = "clinicId")]
    clinic_id: Option<String>,
}

async fn chat(
    State(state): State<LocalState>,
    Path(phone): Path<String>,
    Query(query): Query<ChatQuery>,
) -> Response {
    let Some(clinic) = query.clinic_id else {
        return error_response(StatusCode::BAD_REQUEST, "the query parameter clinicId is missing");
    };
    let person = Address(phone.clone())
        .match_key()
        .or_else(|| Phone::parse(&phone).ok().map(|phone| phone.match_key()));
    let Some(person) = person else { return error_response(StatusCode::BAD_REQUEST, "not a phone number") };
    match state.contexts.job.chats.tables.read_chat(&ClinicId(clinic), &person).await {
        Ok(view) => Json(view).into_response(),
        Err(error) => store_unavailable(&error),
    }
}

fn no_fake_zapi() -> Response {
    error_response(StatusCode::NOT_FOUND, "there is no outbox, because ZAPI_BASE_URL is set")
}

fn store_unavailable(error: &StoreError) -> Response {
    tracing::warn!(step = "local", error = error as &dyn std::error::Error, "a store is unavailable");
    error_response(StatusCode::SERVICE_UNAVAILABLE, &error.to_string())
}

fn error_response(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({"status": "ERROR", "message": message}))).into_response()
}
