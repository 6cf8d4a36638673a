//! The routes that only the local server has (contract 5): the outbox, the jobs, the clock, a look
//! into a chat.

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use chrono::{DateTime, Utc};
use scheduler_api::jobs::JOBS;
use scheduler_core::domain::ids::ClinicId;
use scheduler_core::domain::phone::{Address, Phone};
use scheduler_core::error::StoreError;
use scheduler_core::ports::Clock;
use serde::Deserialize;
use serde_json::json;
use tracing::Instrument;

use crate::server::Here;

pub(crate) fn router() -> Router<Here> {
    Router::new()
        .route("/_local/health", get(health))
        .route("/_local/outbox", get(outbox).delete(clear_outbox))
        .route("/_local/jobs", get(jobs))
        .route("/_local/jobs/{name}", post(run_job))
        .route("/_local/clock", get(clock).put(set_clock))
        .route("/_local/changes", get(changes))
        .route("/_local/chats/{phone}", get(chat))
}

async fn health(State(here): State<Here>) -> Response {
    let Ok(chats) = here.world.chats() else { return StatusCode::INTERNAL_SERVER_ERROR.into_response() };
    let (database, tables) = tokio::join!(here.world.db.ping(), chats.tables.ping());
    match database.and(tables) {
        Ok(()) => Json(json!({"status": "SUCCESS", "message": "ok"})).into_response(),
        Err(error) => away(&error),
    }
}

#[derive(Deserialize)]
struct OutboxQuery {
    phone: Option<String>,
}

async fn outbox(State(here): State<Here>, Query(query): Query<OutboxQuery>) -> Response {
    match &here.zapi {
        Some(zapi) => Json(zapi.outbox(query.phone.as_deref())).into_response(),
        None => no_stand_in(),
    }
}

async fn clear_outbox(State(here): State<Here>) -> Response {
    match &here.zapi {
        Some(zapi) => {
            zapi.clear();
            here.changes.tell();
            Json(json!({"status": "SUCCESS", "message": "empty"})).into_response()
        }
        None => no_stand_in(),
    }
}

async fn jobs() -> Response {
    let names: Vec<&str> = JOBS.iter().map(|job| job.name).collect();
    Json(names).into_response()
}

async fn run_job(State(here): State<Here>, Path(name): Path<String>) -> Response {
    let Some(job) = JOBS.iter().find(|job| job.name == name) else {
        return refused(StatusCode::NOT_FOUND, "no such job");
    };
    let span = tracing::info_span!("job", trace_id = %uuid::Uuid::new_v4());
    let ran = job.run(&here.world).instrument(span).await;
    here.changes.tell();
    match ran {
        Ok(summary) => Json(summary).into_response(),
        Err(error) => refused(error.status(), &error.to_string()),
    }
}

/// `now` must be there, even as null: an empty body does not let the clock run by mistake.
#[derive(Deserialize)]
struct ClockBody {
    #[serde(deserialize_with = "Option::deserialize")]
    now: Option<DateTime<Utc>>,
}

async fn set_clock(State(here): State<Here>, body: String) -> Response {
    let Ok(body) = serde_json::from_str::<ClockBody>(&body) else {
        return refused(
            StatusCode::BAD_REQUEST,
            r#"expected {"now": "2026-02-14T12:00:00Z"} or {"now": null}"#,
        );
    };
    here.clock.set(body.now);
    here.changes.tell();
    clock(State(here)).await
}

async fn clock(State(here): State<Here>) -> Response {
    Json(json!({"now": here.clock.now(), "stopped": here.clock.is_stopped()})).into_response()
}

#[derive(Deserialize)]
struct ChangesQuery {
    #[serde(default)]
    after: u64,
}

/// Held until something happens, or the server ends.
async fn changes(State(here): State<Here>, Query(query): Query<ChangesQuery>) -> Response {
    let mut stopping = here.stopping.clone();
    tokio::select! {
        change = here.changes.after(query.after) => Json(json!({"change": change})).into_response(),
        _ = stopping.wait_for(|stop| *stop) => refused(StatusCode::SERVICE_UNAVAILABLE, "stopping"),
    }
}

#[derive(Deserialize)]
struct ChatQuery {
    #[serde(rename = "clinicId")]
    clinic_id: Option<String>,
}

async fn chat(
    State(here): State<Here>,
    Path(phone): Path<String>,
    Query(query): Query<ChatQuery>,
) -> Response {
    let Some(clinic) = query.clinic_id else {
        return refused(StatusCode::BAD_REQUEST, "which clinic? add ?clinicId=");
    };
    let person = Address(phone.clone())
        .match_key()
        .or_else(|| Phone::parse(&phone).ok().map(|phone| phone.match_key()));
    let Some(person) = person else { return refused(StatusCode::BAD_REQUEST, "not a phone number") };
    let Ok(chats) = here.world.chats() else { return StatusCode::INTERNAL_SERVER_ERROR.into_response() };
    match chats.tables.read_chat(&ClinicId(clinic), &person).await {
        Ok(view) => Json(view).into_response(),
        Err(error) => away(&error),
    }
}

fn no_stand_in() -> Response {
    refused(StatusCode::NOT_FOUND, "ZAPI_BASE_URL is set: messages go there, nothing is kept here")
}

fn away(error: &StoreError) -> Response {
    tracing::warn!(step = "local", error = error as &dyn std::error::Error, "a store is away");
    refused(StatusCode::SERVICE_UNAVAILABLE, &error.to_string())
}

fn refused(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({"status": "ERROR", "message": message}))).into_response()
}
