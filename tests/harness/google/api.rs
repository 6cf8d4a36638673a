//! The routes of the Sheets API (<https://developers.google.com/workspace/sheets/api/reference/rest>) and
//! their errors.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, Query, RawPathParams, Request, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Json, middleware};
use scheduler_core::ports::Clock;
use serde_json::{Value, json};

use super::grid::{column_cells, columns, range_name};
use super::spreadsheet::Spreadsheet;
use super::{CallKind, GoogleMode, Shared};

/// Counts a call as abandoned if it is dropped before its answer, because the client has gone.
struct CallGuard {
    shared: Arc<Shared>,
    answered: bool,
}

impl Drop for CallGuard {
    fn drop(&mut self) {
        if !self.answered {
            self.shared.state().abandoned_calls += 1;
        }
    }
}

/// Middleware: records the call, checks its token, applies the mode, and lets the staff work before the call
/// is answered.
pub(super) async fn check(
    State(shared): State<Arc<Shared>>,
    params: RawPathParams,
    request: Request,
    next: middleware::Next,
) -> Response {
    let (authorized, mode) = {
        let mut state = shared.state();
        let now = shared.clock.now();
        let kind = if request.method() == Method::GET { CallKind::Read } else { CallKind::Write };
        state.calls.push((now, kind));
        let token = request.headers().get("authorization").and_then(|value| value.to_str().ok());
        let token = token.and_then(|value| value.strip_prefix("Bearer token-")?.parse::<usize>().ok());
        let valid = state.revoked_tokens + 1..=state.issued_tokens;
        let authorized = token.is_some_and(|token| valid.contains(&token));
        let id = params.iter().find(|(name, _)| *name == "id").map(|(_, id)| id);
        let id = id.map(|id| id.strip_suffix(":batchUpdate").unwrap_or(id));
        let mode = id.and_then(|id| state.spreadsheet_modes.get(id)).copied().unwrap_or(state.mode);
        (authorized, mode)
    };
    let mut guard = CallGuard { shared: shared.clone(), answered: false };
    let answer = match mode {
        GoogleMode::Hang => {
            tokio::time::sleep(Duration::from_secs(600)).await;
            StatusCode::GATEWAY_TIMEOUT.into_response()
        }
        GoogleMode::Status(status) => error(status, "requested by the test"),
        _ if !authorized => error(401, "Request had invalid authentication credentials."),
        GoogleMode::RefusedWrites if request.method() == Method::POST => {
            error(400, "You are trying to edit a protected cell or object.")
        }
        GoogleMode::Slow(by) => {
            tokio::time::sleep(by).await;
            next.run(request).await
        }
        GoogleMode::LostAnswers | GoogleMode::RefusedWrites | GoogleMode::Normal => {
            shared.state().let_staff_work();
            let is_lost = mode == GoogleMode::LostAnswers && request.method() == Method::POST;
            let answer = next.run(request).await;
            if is_lost { error(503, "The service is currently unavailable.") } else { answer }
        }
    };
    guard.answered = true;
    answer
}

/// <https://developers.google.com/workspace/sheets/api/reference/rest/v4/spreadsheets/get>
pub(super) async fn properties(State(shared): State<Arc<Shared>>, Path(id): Path<String>) -> Response {
    let state = shared.state();
    let Some(spreadsheet) = state.spreadsheets.get(&id) else { return not_found() };
    let properties = spreadsheet
        .tabs
        .iter()
        .map(|tab| json!({"properties": {"sheetId": tab.id, "title": tab.title, "hidden": tab.hidden}}));
    Json(json!({ "sheets": properties.collect::<Vec<_>>() })).into_response()
}

/// <https://developers.google.com/workspace/sheets/api/reference/rest/v4/spreadsheets/batchUpdate>
pub(super) async fn change(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    Json(body): Json<Value>,
) -> Response {
    let Some(id) = id.strip_suffix(":batchUpdate") else { return not_found() };
    let mut state = shared.state();
    let Some(spreadsheet) = state.spreadsheets.get_mut(id) else { return not_found() };
    if let Err(message) = spreadsheet.apply(&body["requests"]) {
        return error(400, &message);
    }
    let replies = body["requests"].as_array().map_or(0, Vec::len);
    let mut answer = json!({"spreadsheetId": id, "replies": vec![json!({}); replies]});
    if body["includeSpreadsheetInResponse"] == true {
        let range = body["responseRanges"][0].as_str().unwrap_or_default();
        let Some(data) = grid_data(spreadsheet, range) else { return unknown_range(range) };
        answer["updatedSpreadsheet"] = json!({ "sheets": [{ "data": [data] }] });
    }
    Json(answer).into_response()
}

/// <https://developers.google.com/workspace/sheets/api/reference/rest/v4/spreadsheets.values/batchGet>
pub(super) async fn read(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    Query(query): Query<Vec<(String, String)>>,
) -> Response {
    let state = shared.state();
    let Some(spreadsheet) = state.spreadsheets.get(&id) else { return not_found() };
    let mut ranges = Vec::new();
    for (_, range) in query.iter().filter(|(name, _)| name == "ranges") {
        let found = columns(range).and_then(|(title, columns)| Some((spreadsheet.tab(&title)?, columns)));
        let Some((tab, columns)) = found else { return unknown_range(range) };
        let name = range_name(&tab.title, columns, tab.grid.rows);
        let mut answer = json!({"range": name, "majorDimension": "ROWS"});
        let rows = tab.grid.values(columns);
        if !rows.is_empty() {
            answer["values"] = json!(rows);
        }
        ranges.push(answer);
    }
    Json(json!({"spreadsheetId": id, "valueRanges": ranges})).into_response()
}

/// The cells of a column as `GridData`: without empty rows at the end.
fn grid_data(spreadsheet: &Spreadsheet, range: &str) -> Option<Value> {
    let (title, rows, column) = column_cells(range)?;
    let grid = &spreadsheet.tab(&title)?.grid;
    let mut texts: Vec<&str> = rows.map(|row| grid.text(row, column)).collect();
    texts.truncate(texts.iter().rposition(|text| !text.is_empty()).map_or(0, |last| last + 1));
    let row = |text: &&str| match *text {
        "" => json!({}),
        text => json!({"values": [{"formattedValue": text}]}),
    };
    Some(json!({ "rowData": texts.iter().map(row).collect::<Vec<_>>() }))
}

fn unknown_range(range: &str) -> Response {
    error(400, &format!("Unable to parse range: {range}"))
}

fn not_found() -> Response {
    error(404, "Requested entity was not found.")
}

/// An error body as <https://google.aip.dev/193> describes it.
fn error(status: u16, message: &str) -> Response {
    let name = match status {
        400 => "INVALID_ARGUMENT",
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        429 => "RESOURCE_EXHAUSTED",
        _ => "UNAVAILABLE",
    };
    let body = json!({"error": {"code": status, "message": message, "status": name}});
    let code = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (code, Json(body)).into_response()
}
