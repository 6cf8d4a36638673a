//! The requests as Google gets them.

use serde_json::{Value, json};

use super::*;
use crate::domain::sheet::columns::{ColumnSet, Row};
use crate::domain::sheet::log::Aim;

const ID: &str = "00000000-0000-0000-0000-000000000001";

/// The requests as the client sends them, without the fields that are not set.
fn sent(requests: Vec<Request>) -> Vec<Value> {
    let mut sent = serde_json::to_value(requests).unwrap();
    google_sheets4::common::remove_json_null_values(&mut sent);
    sent.as_array().unwrap().clone()
}

fn overwrite(row: usize, columns: ColumnSet, aim: Aim) -> Overwrite {
    let mut text = Row::default();
    text[0] = "=1+1".into();
    let written = if matches!(aim, Aim::Empty(_)) { Row::default() } else { text.clone() };
    Overwrite { row, columns, aim, written, meant: text, back: Vec::new() }
}

#[test]
fn neighbouring_rows_are_copied_into_the_log_and_then_changed_together() {
    let update = || Aim::Update(ID.parse().unwrap());
    let overwrites = [3, 4, 9].map(|row| overwrite(row, ColumnSet::DETAILS, update()));
    let plan = Plan { overwrites: overwrites.into(), log_start: 1, ..Plan::default() };
    let sent = sent(changes(0, 7, &plan, &Log { size: 1_000, ..Log::default() }));
    let names: Vec<&String> = sent.iter().filter_map(|request| request.as_object()?.keys().next()).collect();
    let expected =
        ["copyPaste", "copyPaste", "updateCells", "updateCells", "updateCells", "updateCells", "updateCells"];
    assert_eq!(names, expected);
    let range = |sheet: i32, rows: Range<usize>, columns: Range<usize>| {
        json!({"sheetId": sheet, "startRowIndex": rows.start, "endRowIndex": rows.end,
            "startColumnIndex": columns.start, "endColumnIndex": columns.end})
    };
    let copied = &sent[0]["copyPaste"];
    assert_eq!((&copied["source"], &copied["destination"]), (&range(0, 3..5, 0..10), &range(7, 1..3, 0..10)));
    let entries = &sent[2]["updateCells"];
    assert_eq!(
        (&entries["range"], &entries["fields"]),
        (&range(7, 1..4, 10..23), &json!("userEnteredValue"))
    );
    let first = &entries["rows"][0]["values"];
    assert_eq!(first[0], json!({"userEnteredValue": {"stringValue": "ABCDEFGJ"}}));
    assert_eq!(first[1], json!({"userEnteredValue": {"stringValue": format!("update {ID}")}}));
    let changed = &sent[3]["updateCells"];
    assert_eq!(changed["range"], range(0, 3..5, 0..7));
    let values = &changed["rows"][1]["values"];
    assert_eq!(values.as_array().map(Vec::len), Some(7));
    assert_eq!((&values[0], &values[1]), (&json!({"userEnteredValue": {"stringValue": "=1+1"}}), &json!({})));
    assert_eq!(sent[4]["updateCells"]["range"], range(0, 3..5, 9..10));
}

#[test]
fn a_row_that_is_emptied_gets_no_text() {
    let plan = Plan {
        overwrites: vec![overwrite(5, ColumnSet::ALL, Aim::Empty(ID.parse().unwrap()))],
        log_start: 1,
        clears_log: true,
        ..Plan::default()
    };
    let sent = sent(changes(0, 7, &plan, &Log { size: 2, end: 2, ..Log::default() }));
    assert_eq!(sent[0]["unmergeCells"]["range"]["endRowIndex"], 2);
    assert_eq!(sent[1]["updateCells"]["rows"], json!([]));
    let emptied = sent[4]["updateCells"]["rows"][0]["values"].as_array().unwrap();
    assert_eq!((emptied.len(), &emptied[0]), (COLUMNS, &json!({})));
}

#[test]
fn a_full_log_gets_more_rows() {
    let update = Aim::Update(ID.parse().unwrap());
    let overwrites = vec![overwrite(5, ColumnSet::DETAILS, update)];
    let plan = Plan { overwrites, log_start: 1_000, ..Plan::default() };
    let sent = sent(changes(0, 7, &plan, &Log { size: 1_000, end: 1_000, ..Log::default() }));
    assert_eq!(sent[0]["appendDimension"], json!({"sheetId": 7, "dimension": "ROWS", "length": 1_000}));
}
