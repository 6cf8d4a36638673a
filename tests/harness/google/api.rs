//! The routes of the Sheets API (<https://developers.google.com/workspace/sheets/api/reference/rest>) and
//! their errors.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, RawPathParams, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Json, middleware};
use scheduler_core::ports::Clock;
use serde_json::{Value, json};

use super::grid::{cells, columns, range_name};
use super::{GoogleMode, Shared};

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

/// Middleware: records the call, checks its token and applies the mode.
pub(super) async fn check(
    State(shared): State<Arc<Shared>>,
    params: RawPathParams,
    request: Request,
    next: middleware::Next,
) -> Response {
    let (authorized, mode) = {
        let mut state = shared.state();
        let now = shared.clock.now();
        state.calls.push(now);
        let token = request.headers().get("authorization").and_then(|value| value.to_str().ok());
        let token = token.and_then(|value| value.strip_prefix("Bearer token-")?.parse::<usize>().ok());
        let valid = state.revoked_tokens + 1..=state.issued_tokens;
        let authorized = token.is_some_and(|token| valid.contains(&token));
        let id = params.iter().find(|(name, _)| *name == "id").map(|(_, id)| id);
        let id = id.map(|id| id.strip_suffix(":batchUpdate").unwrap_or(id));
        let mode = id.and_then(|id| state.spreadsheet_modes.get(id)).copied().unwrap_or(state.mode);
        (authorized, mode)
    };
    let mut guard = CallGuard { shared, answered: false };
    let answer = match mode {
        GoogleMode::Hang => {
            tokio::time::sleep(Duration::from_secs(600)).await;
            StatusCode::GATEWAY_TIMEOUT.into_response()
        }
        GoogleMode::Status(status) => error(status, "requested by the test"),
        GoogleMode::Slow(_) | GoogleMode::Normal if !authorized => {
            error(401, "Request had invalid authentication credentials.")
        }
        GoogleMode::Slow(by) => {
            tokio::time::sleep(by).await;
            next.run(request).await
        }
        GoogleMode::Normal => next.run(request).await,
    };
    guard.answered = true;
    answer
}

/// <https://developers.google.com/workspace/sheets/api/reference/rest/v4/spreadsheets/get>
pub(super) async fn properties(State(shared): State<Arc<Shared>>, Path(id): Path<String>) -> Response {
    let state = shared.state();
    let Some(tabs) = state.spreadsheets.get(&id) else { return not_found() };
    let sheets: Vec<Value> = tabs
        .keys()
        .enumerate()
        .map(|(number, title)| json!({"properties": {"sheetId": number, "title": title}}))
        .collect();
    Json(json!({ "sheets": sheets })).into_response()
}

/// <https://developers.google.com/workspace/sheets/api/reference/rest/v4/spreadsheets/batchUpdate>
pub(super) async fn change(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    Json(body): Json<Value>,
) -> Response {
    let Some(id) = id.strip_suffix(":batchUpdate") else { return not_found() };
    let mut state = shared.state();
    let Some(tabs) = state.spreadsheets.get_mut(id) else { return not_found() };
    for request in body["requests"].as_array().into_iter().flatten() {
        let append = &request["appendDimension"];
        let number = append["sheetId"].as_u64().and_then(|number| usize::try_from(number).ok());
        let grid = number.and_then(|number| tabs.values_mut().nth(number));
        let more = append["length"].as_u64().and_then(|more| usize::try_from(more).ok());
        match (grid, more) {
            (Some(grid), Some(more)) if append["dimension"] == "ROWS" => grid.rows += more,
            _ => return error(400, "Invalid requests[0].appendDimension"),
        }
    }
    Json(json!({"spreadsheetId": id, "replies": [{}]})).into_response()
}

/// <https://developers.google.com/workspace/sheets/api/reference/rest/v4/spreadsheets.values/get>
pub(super) async fn read(
    State(shared): State<Arc<Shared>>,
    Path((id, range)): Path<(String, String)>,
) -> Response {
    let state = shared.state();
    let Some(tabs) = state.spreadsheets.get(&id) else { return not_found() };
    let found = columns(&range).and_then(|(tab, first, last)| {
        let grid = tabs.get(&tab)?;
        Some((tab, grid, first, last))
    });
    let Some((tab, grid, first, last)) = found else { return unknown_range(&range) };
    let rows = grid.values(first, last);
    let mut answer = json!({"range": range_name(&tab, first, last, grid.rows), "majorDimension": "ROWS"});
    if !rows.is_empty() {
        answer["values"] = json!(rows);
    }
    Json(answer).into_response()
}

/// <https://developers.google.com/workspace/sheets/api/reference/rest/v4/spreadsheets.values/batchUpdate>
pub(super) async fn write(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    Json(body): Json<Value>,
) -> Response {
    let mut state = shared.state();
    let Some(tabs) = state.spreadsheets.get_mut(&id) else { return not_found() };
    if body["valueInputOption"] != "RAW" {
        return error(400, "'valueInputOption' is required, and must be RAW in these tests");
    }
    // All ranges are checked before anything is written, because a batch is applied completely or not at all.
    let mut writes = Vec::new();
    for data in body["data"].as_array().into_iter().flatten() {
        let range = data["range"].as_str().unwrap_or_default();
        let Some((tab, first, last, row)) = cells(range) else { return unknown_range(range) };
        let Some(grid) = tabs.get(&tab) else { return unknown_range(range) };
        if !grid.contains(row, last) {
            let limits = format!("Range ({range}) exceeds grid limits. Max rows: {}", grid.rows);
            return error(400, &limits);
        }
        let values = data["values"][0].as_array().cloned().unwrap_or_default();
        if values.len() > last + 1 - first {
            return error(400, &format!("Requested writing within range [{range}], but tried more"));
        }
        writes.push((tab, first, row, values));
    }
    let mut cells = 0;
    for (tab, first, row, values) in &writes {
        for (column, value) in values.iter().enumerate() {
            if let (Some(grid), Some(text)) = (tabs.get_mut(tab), value.as_str()) {
                grid.set(row - 1, first + column, text);
                cells += 1;
            }
        }
    }
    Json(json!({"spreadsheetId": id, "totalUpdatedCells": cells})).into_response()
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
