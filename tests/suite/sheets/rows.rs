//! One visit, one row: where it stands, what it holds, and what staff wrote beside it.

use scheduler_core::domain::sheet::HEADER;
use serde_json::{Value, json};

use super::{SHEET, TAB, book, change, connect, ids, run, start};

#[tokio::test]
async fn one_row_follows_its_visit_and_staffs_column_is_never_written() {
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

    google.types(SHEET, TAB, 2, 8, "trouxe acompanhante");
    // Staff's own row has no id, and stays where it is.
    google.types(SHEET, TAB, 3, 1, "18/02/2026 reunião");
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

    let calls = google.calls();
    run(&function).await;
    assert_eq!(google.calls(), calls, "nothing is behind, nobody is asked");
    function.stop().await;
}

#[tokio::test]
async fn a_patient_called_like_a_formula_stays_words_below_what_staff_wrote() {
    let (function, google) = start().await;
    connect(function.database(), Some(SHEET)).await;
    google.types(SHEET, TAB, 4, 2, "reunião");
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
async fn without_a_spreadsheet_nobody_is_called_and_one_set_later_gets_the_future_visits() {
    let (function, google) = start().await;
    let visits = book(function.database(), 3).await;
    change(function.database(), visits[0], "appointment_date = '2026-02-01'").await;
    let summary = run(&function).await;
    assert_eq!((&summary["sheets_behind"], google.calls()), (&Value::from(0), 0), "{summary}");

    let ahead = [visits[1].to_string(), visits[2].to_string()];
    for spreadsheet in [SHEET, "another"] {
        google.has(spreadsheet, TAB, 1_000);
        connect(function.database(), Some(spreadsheet)).await;
        assert_eq!(run(&function).await["rows_written"], 2, "{spreadsheet}");
        assert_eq!(ids(&google, spreadsheet), ahead, "{spreadsheet}");
    }
    println!("3 visits, 2 of them ahead: 0 calls without a spreadsheet, then 2 rows in each of two");

    connect(function.database(), None).await;
    change(function.database(), visits[1], "status = 'CANCELLED'").await;
    let calls = google.calls();
    run(&function).await;
    assert_eq!(google.calls(), calls);
    function.stop().await;
}

#[tokio::test]
async fn a_full_tab_is_made_longer() {
    let (function, google) = start().await;
    connect(function.database(), Some(SHEET)).await;
    google.has(SHEET, TAB, 3);
    book(function.database(), 10).await;
    assert_eq!(run(&function).await["rows_written"], 10);
    assert_eq!(google.rows(SHEET, TAB).len(), 11);
    function.stop().await;
}

#[tokio::test]
async fn a_tabs_name_may_hold_anything() {
    let (function, google) = start().await;
    connect(function.database(), Some(SHEET)).await;
    let name = "D'Ávila: 2026/1 & mais!";
    let rename = "update scheduler.clinics set google_sheet_name = $1";
    sqlx::query(rename).bind(name).execute(&function.database().pool).await.unwrap();
    google.has(SHEET, name, 1_000);
    book(function.database(), 1).await;
    assert_eq!(run(&function).await["rows_written"], 1);
    assert_eq!((google.rows(SHEET, name).len(), google.rows(SHEET, TAB).len()), (2, 0));
    function.stop().await;
}

#[tokio::test]
async fn what_was_written_to_the_old_spreadsheet_is_not_taken_for_the_new_ones() {
    let (function, google) = start().await;
    connect(function.database(), Some(SHEET)).await;
    let visits = book(function.database(), 2).await;
    let db = &function.world.db;
    let old = db.list_sheet_backlogs().await.unwrap().remove(0);
    run(&function).await;
    let read = {
        change(function.database(), visits[0], "areas = 'Braços'").await;
        db.list_sheet_visits(&old.clinic, 10).await.unwrap()
    };
    // Whoever read this for the old one comes to its mark only now.
    google.has("another", TAB, 1_000);
    connect(function.database(), Some("another")).await;
    let new = db.list_sheet_backlogs().await.unwrap().remove(0);
    db.begin_sheet(&new, "2026-02-16".parse().unwrap()).await.unwrap();
    db.mark_sheet_visits(&old, &read).await.unwrap();
    assert_eq!(run(&function).await["rows_written"], 2);
    assert_eq!(ids(&google, "another"), [visits[0].to_string(), visits[1].to_string()]);
    function.stop().await;
}

#[tokio::test]
async fn a_backlog_tells_how_many_rows_it_has_and_how_old_it_is() {
    let (function, _google) = start().await;
    connect(function.database(), Some(SHEET)).await;
    let visits = book(function.database(), 2).await;
    assert_eq!(run(&function).await["rows_behind"], 0, "a new sheet has no backlog yet");
    change(function.database(), visits[0], "areas = 'Braços'").await;
    change(function.database(), visits[1], "areas = 'Braços'").await;
    // Nothing but a change of the visit moves updated_at on, so the test sets it without one.
    let older = "alter table scheduler.sheet_projections disable trigger touch_updated_at;
        update scheduler.sheet_projections set updated_at = now() - interval '2 hours';
        update scheduler.appointments set updated_at = now() - interval '1 hour'
            where id = (select id from scheduler.appointments order by start_time limit 1)";
    sqlx::raw_sql(older).execute(&function.database().pool).await.unwrap();
    let backlog = function.world.db.list_sheet_backlogs().await.unwrap().remove(0);
    assert_eq!(backlog.behind, 2);
    assert!((3_600..7_200).contains(&backlog.seconds), "{}", backlog.seconds);
    assert_eq!(run(&function).await["rows_behind"], json!(2));
    assert_eq!(run(&function).await["rows_behind"], json!(0));
    function.stop().await;
}
