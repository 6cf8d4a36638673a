//! One row per appointment: its place, its cells, and the staff's column (docs/rules/sheet.md#sheet-rows).

use scheduler_core::domain::sheet::HEADER;
use serde_json::{Value, json};

use super::{SHEET, TAB, book, change, connect, ids, run, start};

#[tokio::test]
async fn a_row_follows_its_appointment_and_the_staff_column_is_never_overwritten() {
    let (function, google) = start().await;
    connect(function.database(), Some(SHEET)).await;
    let id = book(function.database(), 1).await[0];
    assert_eq!(run(&function).await["rows_written"], 1);
    let rows = google.rows(SHEET, TAB);
    assert_eq!(rows[0], HEADER);
    let service = rows[1][4].as_str();
    let first = ["17/02/2026", "00:00", "Maria Silva", "(11) 99999-0000", service, "Pernas", "CONFIRMED"];
    assert_eq!(rows[1][..7], first);
    assert_eq!((rows[1][7].as_str(), &rows[1][8]), ("", &id.to_string()));
    assert_eq!(rows[1][9], "16/02/2026 12:00");

    google.edit_cell(SHEET, TAB, 2, 8, "trouxe acompanhante");
    // A row that staff typed has no id and stays where it is.
    google.edit_cell(SHEET, TAB, 3, 1, "18/02/2026 reunião");
    for (what, column, expected) in [
        ("appointment_date = '2026-02-18'", 0, "18/02/2026"),
        ("patient_confirmed_at = now()", 6, "CONFIRMED ✔"),
        ("status = 'CANCELLED'", 6, "CANCELLED"),
    ] {
        change(function.database(), id, what).await;
        assert_eq!(run(&function).await["rows_written"], 1, "{what}");
        let rows = google.rows(SHEET, TAB);
        println!("{what}: {} rows, {:?}", rows.len(), rows[1]);
        assert_eq!((rows.len(), rows[1][column].as_str()), (3, expected), "{what}");
        assert_eq!((&rows[1][7], &rows[1][8]), (&"trouxe acompanhante".to_owned(), &id.to_string()));
    }
    assert_eq!(google.rows(SHEET, TAB)[2], ["18/02/2026 reunião"]);

    let (reads, writes) = (google.reads(), google.writes());
    for _ in 0..3 {
        run(&function).await;
    }
    assert_eq!(google.writes(), writes, "nothing is behind");
    assert_eq!(
        google.reads(),
        reads + 1,
        "the tab is read once more after the last write, and then not again"
    );
    function.stop().await;
}

#[tokio::test]
async fn a_name_like_a_formula_stays_text_in_a_row_below_what_staff_typed() {
    let (function, google) = start().await;
    connect(function.database(), Some(SHEET)).await;
    google.edit_cell(SHEET, TAB, 4, 2, "reunião");
    let rename = "update scheduler.patients set name = '=1+1'";
    sqlx::query(rename).execute(&function.database().pool).await.unwrap();
    let id = book(function.database(), 1).await[0];
    run(&function).await;
    let rows = google.rows(SHEET, TAB);
    assert_eq!((rows.len(), &rows[3][1]), (5, &"reunião".to_owned()));
    assert_eq!((&rows[4][2], &rows[4][8]), (&"'=1+1".to_owned(), &id.to_string()));
    function.stop().await;
}

#[tokio::test]
async fn without_a_spreadsheet_google_is_not_called_and_a_new_one_gets_the_future_appointments() {
    let (function, google) = start().await;
    let appointments = book(function.database(), 3).await;
    change(function.database(), appointments[0], "appointment_date = '2026-02-01'").await;
    let summary = run(&function).await;
    assert_eq!((&summary["sheets_behind"], google.calls()), (&Value::from(0), 0), "{summary}");

    let future = [appointments[1].to_string(), appointments[2].to_string()];
    for spreadsheet in [SHEET, "another"] {
        google.add_tab(spreadsheet, TAB, 1_000);
        connect(function.database(), Some(spreadsheet)).await;
        assert_eq!(run(&function).await["rows_written"], 2, "{spreadsheet}");
        assert_eq!(ids(&google, spreadsheet), future, "{spreadsheet}");
    }
    println!("3 appointments, 2 in the future: no call without a spreadsheet, then 2 rows in each new one");

    connect(function.database(), None).await;
    change(function.database(), appointments[1], "status = 'CANCELLED'").await;
    let calls = google.calls();
    run(&function).await;
    assert_eq!(google.calls(), calls);
    function.stop().await;
}

#[tokio::test]
async fn a_tab_that_is_too_short_gets_more_rows() {
    let (function, google) = start().await;
    connect(function.database(), Some(SHEET)).await;
    google.add_tab(SHEET, TAB, 3);
    book(function.database(), 10).await;
    assert_eq!(run(&function).await["rows_written"], 10);
    assert_eq!(google.rows(SHEET, TAB).len(), 11);
    function.stop().await;
}

#[tokio::test]
async fn a_tab_name_may_have_quotes_colons_and_accents() {
    let (function, google) = start().await;
    connect(function.database(), Some(SHEET)).await;
    let name = "D'Ávila: 2026/1 & mais!";
    let rename = "update scheduler.clinics set google_sheet_name = $1";
    sqlx::query(rename).bind(name).execute(&function.database().pool).await.unwrap();
    google.add_tab(SHEET, name, 1_000);
    book(function.database(), 1).await;
    assert_eq!(run(&function).await["rows_written"], 1);
    assert_eq!((google.rows(SHEET, name).len(), google.rows(SHEET, TAB).len()), (2, 0));
    function.stop().await;
}

#[tokio::test]
async fn a_row_written_to_the_old_spreadsheet_does_not_count_for_the_new_one() {
    let (function, google) = start().await;
    connect(function.database(), Some(SHEET)).await;
    let appointments = book(function.database(), 2).await;
    let db = &function.contexts.job.chats.db;
    let old = db.list_sheet_backlogs().await.unwrap().remove(0);
    run(&function).await;
    let read = {
        change(function.database(), appointments[0], "areas = 'Braços'").await;
        db.list_sheet_appointments(&old.clinic, 10).await.unwrap()
    };
    // A run that read its rows for the old spreadsheet marks them only now.
    google.add_tab("another", TAB, 1_000);
    connect(function.database(), Some("another")).await;
    let new = db.list_sheet_backlogs().await.unwrap().remove(0);
    db.switch_sheet(&new, "2026-02-16".parse().unwrap()).await.unwrap();
    db.mark_rows_written(&old, &read, true).await.unwrap();
    assert_eq!(run(&function).await["rows_written"], 2);
    assert_eq!(ids(&google, "another"), [appointments[0].to_string(), appointments[1].to_string()]);
    function.stop().await;
}

#[tokio::test]
async fn a_backlog_reports_its_number_of_rows_and_its_age() {
    let (function, _google) = start().await;
    connect(function.database(), Some(SHEET)).await;
    let appointments = book(function.database(), 2).await;
    assert_eq!(run(&function).await["rows_behind"], 0, "a new sheet has no backlog yet");
    change(function.database(), appointments[0], "areas = 'Braços'").await;
    change(function.database(), appointments[1], "areas = 'Braços'").await;
    // Makes the changes look older; the trigger would reset `updated_at` of the projections to now.
    let backdate = "alter table scheduler.sheet_projections disable trigger touch_updated_at;
        update scheduler.sheet_projections set updated_at = now() - interval '2 hours';
        update scheduler.appointments set updated_at = now() - interval '1 hour'
            where id = (select id from scheduler.appointments order by start_time limit 1)";
    sqlx::raw_sql(backdate).execute(&function.database().pool).await.unwrap();
    let backlog = function.contexts.job.chats.db.list_sheet_backlogs().await.unwrap().remove(0);
    assert_eq!(backlog.behind, 2);
    assert!((3_600..7_200).contains(&backlog.seconds), "{}", backlog.seconds);
    assert_eq!(run(&function).await["rows_behind"], json!(2));
    assert_eq!(run(&function).await["rows_behind"], json!(0));
    function.stop().await;
}
