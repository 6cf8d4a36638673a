//! The routes of the Sheets API (<https://developers.google.com/workspace/sheets/api/reference/rest>),
//! and how they are refused.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, RawPathParams, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Json, middleware};
use scheduler_core::ports::Clock;
use serde_json::{Value, json};

use super::grid::{cells, columns, whole};
use super::{Mood, Shared};

/// Counts a call that is dropped before its answer: its caller has gone.
struct Awaited(Arc<Shared>, bool);

impl Drop for Awaited {
    fn drop(&mut self) {
        if !self.1 {
            self.0.kept().given_up += 1;
        }
    }
}

/// Every call passes here first.
pub(super) async fn judge(
    State(shared): State<Arc<Shared>>,
    params: RawPathParams,
    request: Request,
    next: middleware::Next,
) -> Response {
    let (known, mood) = {
        let mut kept = shared.kept();
        let now = shared.clock.now();
        kept.calls.push(now);
        let token = request.headers().get("authorization").and_then(|value| value.to_str().ok());
        let token = token.and_then(|value| value.strip_prefix("Bearer token-")?.parse::<usize>().ok());
        let known = token.is_some_and(|token| (kept.outdated + 1..=kept.tokens).contains(&token));
        let id = params.iter().find(|(name, _)| *name == "id").map(|(_, id)| id);
        let own = id.and_then(|id| kept.moods.get(id.strip_suffix(":batchUpdate").unwrap_or(id)));
        (known, own.copied().unwrap_or(kept.mood))
    };
    let mut awaited = Awaited(shared, false);
    let answer = match mood {
        Mood::Hangs => {
            tokio::time::sleep(Duration::from_secs(600)).await;
            StatusCode::GATEWAY_TIMEOUT.into_response()
        }
        Mood::Answers(status) => failure(status, "as the test wants it"),
        Mood::Slow(_) | Mood::Well if !known => {
            failure(401, "Request had invalid authentication credentials.")
        }
        Mood::Slow(by) => {
            tokio::time::sleep(by).await;
            next.run(request).await
        }
        Mood::Well => next.run(request).await,
    };
    awaited.1 = true;
    answer
}

/// <https://developers.google.com/workspace/sheets/api/reference/rest/v4/spreadsheets/get>
pub(super) async fn properties(State(shared): State<Arc<Shared>>, Path(id): Path<String>) -> Response {
    let kept = shared.kept();
    let Some(tabs) = kept.spreadsheets.get(&id) else { return not_found() };
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
    let mut kept = shared.kept();
    let Some(tabs) = kept.spreadsheets.get_mut(id) else { return not_found() };
    for request in body["requests"].as_array().into_iter().flatten() {
        let append = &request["appendDimension"];
        let number = append["sheetId"].as_u64().and_then(|number| usize::try_from(number).ok());
        let grid = number.and_then(|number| tabs.values_mut().nth(number));
        let more = append["length"].as_u64().and_then(|more| usize::try_from(more).ok());
        match (grid, more) {
            (Some(grid), Some(more)) if append["dimension"] == "ROWS" => grid.rows += more,
            _ => return failure(400, "Invalid requests[0].appendDimension"),
        }
    }
    Json(json!({"spreadsheetId": id, "replies": [{}]})).into_response()
}

/// <https://developers.google.com/workspace/sheets/api/reference/rest/v4/spreadsheets.values/get>
pub(super) async fn read(
    State(shared): State<Arc<Shared>>,
    Path((id, range)): Path<(String, String)>,
) -> Response {
    let kept = shared.kept();
    let Some(tabs) = kept.spreadsheets.get(&id) else { return not_found() };
    let named = columns(&range).and_then(|(tab, first, last)| {
        let grid = tabs.get(&tab)?;
        Some((tab, grid, first, last))
    });
    let Some((tab, grid, first, last)) = named else { return unknown_range(&range) };
    let rows = grid.told(first, last);
    let mut answer = json!({"range": whole(&tab, first, last, grid.rows), "majorDimension": "ROWS"});
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
    let mut kept = shared.kept();
    let Some(tabs) = kept.spreadsheets.get_mut(&id) else { return not_found() };
    if body["valueInputOption"] != "RAW" {
        return failure(400, "'valueInputOption' is required, and RAW in these tests");
    }
    // All or nothing: what is wrong is found before anything is written.
    let mut writes = Vec::new();
    for data in body["data"].as_array().into_iter().flatten() {
        let range = data["range"].as_str().unwrap_or_default();
        let Some((tab, first, last, row)) = cells(range) else { return unknown_range(range) };
        let Some(grid) = tabs.get(&tab) else { return unknown_range(range) };
        if !grid.holds(row, last) {
            let limits = format!("Range ({range}) exceeds grid limits. Max rows: {}", grid.rows);
            return failure(400, &limits);
        }
        let values = data["values"][0].as_array().cloned().unwrap_or_default();
        if values.len() > last + 1 - first {
            return failure(400, &format!("Requested writing within range [{range}], but tried more"));
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
    failure(400, &format!("Unable to parse range: {range}"))
}

fn not_found() -> Response {
    failure(404, "Requested entity was not found.")
}

/// <https://google.aip.dev/193>
fn failure(status: u16, message: &str) -> Response {
    let word = match status {
        400 => "INVALID_ARGUMENT",
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        429 => "RESOURCE_EXHAUSTED",
        _ => "UNAVAILABLE",
    };
    let body = json!({"error": {"code": status, "message": message, "status": word}});
    let code = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (code, Json(body)).into_response()
}
