//! People work in the sheet between two calls: nothing of theirs is lost, and every appointment stands once
//! (docs/rules/sheet.md#rows-that-staff-move).

use chrono::TimeDelta;
use scheduler_core::domain::sheet::columns::{ID_COLUMN, NOTES_COLUMN};
use scheduler_tests::function::InProcessFunction;
use scheduler_tests::google::{FakeGoogle, GoogleMode, Grid};
use uuid::Uuid;

use super::{SHEET, TAB, book, change, connect, run, start};

/// A function with a sheet of three appointments, each with a note that names it, and a row that staff typed.
async fn start_with_notes() -> (InProcessFunction, FakeGoogle, Vec<Uuid>) {
    let (function, google) = start().await;
    connect(function.database(), Some(SHEET)).await;
    let ids = book(function.database(), 3).await;
    run(&function).await;
    google.change_tab(SHEET, TAB, |grid| {
        for (row, number) in (1..4).zip(["um", "dois", "três"]) {
            grid.set(row, NOTES_COLUMN, number);
        }
        type_lunch(grid, 4);
    });
    run(&function).await;
    (function, google, ids)
}

fn type_lunch(grid: &mut Grid, row: usize) {
    grid.set(row, 0, "17/02/2026");
    grid.set(row, 2, "almoço");
    grid.set(row, NOTES_COLUMN, "sala 2");
}

fn find<'a>(rows: &'a [Vec<String>], id: &Uuid) -> Vec<&'a Vec<String>> {
    rows.iter().filter(|row| row.get(ID_COLUMN).is_some_and(|cell| *cell == id.to_string())).collect()
}

/// Checks that each appointment has one row with its note, and that the typed row is as it was.
fn check(google: &FakeGoogle, ids: &[Uuid]) {
    let rows = google.rows(SHEET, TAB);
    for (id, note) in ids.iter().zip(["um", "dois", "três"]) {
        let [row] = find(&rows, id)[..] else { panic!("{id}: {rows:?}") };
        assert_eq!(row[NOTES_COLUMN], note, "{rows:?}");
    }
    let lunch = |row: &&Vec<String>| row.get(2).is_some_and(|text| text == "almoço");
    let [lunch] = rows.iter().filter(lunch).collect::<Vec<_>>()[..] else { panic!("{rows:?}") };
    assert_eq!((lunch[0].as_str(), lunch[NOTES_COLUMN].as_str()), ("17/02/2026", "sala 2"), "{rows:?}");
    assert!(lunch[3..NOTES_COLUMN].iter().all(String::is_empty), "{lunch:?}");
}

/// Turns the rows below the header upside down.
fn reverse(grid: &mut Grid) {
    let rows: Vec<Vec<String>> = grid.content()[1..].iter().rev().cloned().collect();
    for (row, texts) in (1..).zip(rows) {
        for column in 0..12 {
            grid.set(row, column, texts.get(column).map_or("", String::as_str));
        }
    }
}

#[tokio::test]
async fn a_cancellation_reaches_its_own_row_although_staff_sort_before_every_call() {
    let (function, google, ids) = start_with_notes().await;
    for (number, id) in ids.iter().enumerate() {
        change(function.database(), *id, "status = 'CANCELLED'").await;
        google.let_staff_work(SHEET, TAB, reverse);
        let disturbed = run(&function).await;
        google.send_staff_home();
        let quiet = run(&function).await;
        println!("appointment {number}: {disturbed}, then {quiet}");
        check(&google, &ids);
        let rows = google.rows(SHEET, TAB);
        for (other, id) in ids.iter().enumerate() {
            let expected = if other <= number { "CANCELLED" } else { "CONFIRMED" };
            assert_eq!(find(&rows, id)[0][6], expected, "{rows:?}");
        }
        function.clock.advance(TimeDelta::seconds(80));
    }
    assert_eq!(google.hidden_tabs(SHEET), 1, "the log");
    function.stop().await;
}

#[tokio::test]
async fn a_row_that_is_typed_meanwhile_is_not_overwritten_by_a_new_one() {
    let (function, google) = start().await;
    connect(function.database(), Some(SHEET)).await;
    let ids = book(function.database(), 2).await;
    let mut number = 0;
    google.let_staff_work(SHEET, TAB, move |grid| {
        number += 1;
        grid.set(grid.content().len(), 1, &format!("reunião {number}"));
    });
    run(&function).await;
    google.send_staff_home();
    let rows = google.rows(SHEET, TAB);
    let meetings =
        rows.iter().filter(|row| row.get(1).is_some_and(|text| text.starts_with("reunião"))).count();
    assert_eq!((meetings, find(&rows, &ids[0]).len(), find(&rows, &ids[1]).len()), (3, 1, 1), "{rows:?}");
    function.stop().await;
}

#[tokio::test]
async fn an_upcoming_row_that_staff_deleted_comes_back_and_a_past_one_does_not() {
    let (function, google, ids) = start_with_notes().await;
    change(function.database(), ids[1], "areas = 'Braços'").await;
    run(&function).await;
    change(function.database(), ids[1], "areas = 'Costas'").await;
    let mut calls = 0;
    google.let_staff_work(SHEET, TAB, move |grid| {
        calls += 1;
        // Between the read and the write, staff delete the rows of the other two.
        if calls == 2 {
            grid.delete_row(3);
            grid.delete_row(1);
        }
    });
    run(&function).await;
    google.send_staff_home();
    run(&function).await;
    let rows = google.rows(SHEET, TAB);
    assert_eq!(ids.iter().map(|id| find(&rows, id).len()).collect::<Vec<_>>(), [1, 1, 1], "{rows:?}");
    let kept = find(&rows, &ids[1])[0];
    assert_eq!((kept[5].as_str(), kept[NOTES_COLUMN].as_str()), ("Costas", "dois"));

    function.clock.advance(TimeDelta::days(2));
    google.change_tab(SHEET, TAB, |grid| {
        let first = grid.content().iter().position(|row| row.get(ID_COLUMN) == Some(&ids[0].to_string()));
        grid.delete_row(first.expect("its row"));
    });
    change(function.database(), ids[1], "areas = 'Pernas'").await;
    run(&function).await;
    assert_eq!(find(&google.rows(SHEET, TAB), &ids[0]).len(), 0, "it is past, and nobody misses it");
    function.stop().await;
}

#[tokio::test]
async fn of_several_rows_with_one_id_one_is_kept() {
    let (function, google, ids) = start_with_notes().await;
    google.change_tab(SHEET, TAB, |grid| {
        // An exact copy, and one that became something else.
        grid.copy_row(1, 5);
        grid.copy_row(1, 6);
        grid.set(6, 2, "Reunião com a equipe");
        grid.set(6, NOTES_COLUMN, "sala 3");
    });
    change(function.database(), ids[1], "areas = 'Braços'").await;
    run(&function).await;
    check(&google, &ids);
    let rows = google.rows(SHEET, TAB);
    let meeting = rows.iter().find(|row| row.get(2).is_some_and(|text| text.starts_with("Reunião")));
    let meeting = meeting.expect("the changed copy");
    assert_eq!((meeting[NOTES_COLUMN].as_str(), meeting[ID_COLUMN].as_str()), ("sala 3", ""));
    let of_first = |row: &&Vec<String>| row.get(1).is_some_and(|time| time == "00:00");
    assert_eq!(rows.iter().filter(of_first).count(), 2, "the row and the changed copy: {rows:?}");
    function.stop().await;
}

#[tokio::test]
async fn a_write_whose_answer_was_lost_is_not_repeated() {
    let (function, google, ids) = start_with_notes().await;
    change(function.database(), ids[0], "areas = 'Braços'").await;
    run(&function).await;
    change(function.database(), ids[0], "areas = 'Costas'").await;
    google.set_mode(GoogleMode::LostAnswers);
    assert_eq!(run(&function).await["rows_written"], 0);
    google.set_mode(GoogleMode::Normal);
    let writes = google.writes();
    function.clock.advance(TimeDelta::minutes(1));
    assert_eq!(run(&function).await["rows_written"], 1);
    assert_eq!(google.writes(), writes, "the row was right already");
    check(&google, &ids);
    function.stop().await;
}

#[tokio::test]
async fn what_a_write_without_an_answer_hit_is_given_back_by_the_next_run() {
    let (function, google, ids) = start_with_notes().await;
    change(function.database(), ids[0], "areas = 'Braços'").await;
    run(&function).await;
    change(function.database(), ids[0], "status = 'CANCELLED'").await;
    let mut calls = 0;
    google.let_staff_work(SHEET, TAB, move |grid| {
        calls += 1;
        if calls == 2 {
            reverse(grid);
        }
    });
    google.set_mode(GoogleMode::LostAnswers);
    assert_eq!(run(&function).await["rows_written"], 0);
    let rows = google.rows(SHEET, TAB);
    let cancelled = rows.iter().find(|row| row.get(6).is_some_and(|text| text == "CANCELLED"));
    assert_eq!(cancelled.expect("a row")[ID_COLUMN], "", "the typed row was hit: {rows:?}");
    google.set_mode(GoogleMode::Normal);
    google.send_staff_home();
    function.clock.advance(TimeDelta::minutes(1));
    assert_eq!(run(&function).await["rows_written"], 1);
    check(&google, &ids);
    assert_eq!(find(&google.rows(SHEET, TAB), &ids[0])[0][6], "CANCELLED");
    function.stop().await;
}

#[tokio::test]
async fn a_log_that_staff_deleted_is_made_again() {
    let (function, google, ids) = start_with_notes().await;
    for areas in ["Braços", "Costas"] {
        change(function.database(), ids[0], &format!("areas = '{areas}'")).await;
        assert_eq!(run(&function).await["rows_written"], 1, "{areas}");
        assert_eq!(
            (google.hidden_tabs(SHEET), find(&google.rows(SHEET, TAB), &ids[0])[0][5].as_str()),
            (1, areas)
        );
        google.delete_hidden_tabs(SHEET);
    }
    check(&google, &ids);
    function.stop().await;
}

#[tokio::test]
async fn a_row_that_google_does_not_copy_is_brought_up_to_date_all_the_same() {
    let (function, google, ids) = start_with_notes().await;
    google.ignore_copies(SHEET);
    for areas in ["Braços", "Costas"] {
        change(function.database(), ids[0], &format!("areas = '{areas}'")).await;
        assert_eq!(run(&function).await["rows_written"], 1, "{areas}");
        assert_eq!(find(&google.rows(SHEET, TAB), &ids[0])[0][5], areas);
    }
    run(&function).await;
    check(&google, &ids);
    assert_eq!(google.rows(SHEET, TAB).len(), 5);
    function.stop().await;
}

#[tokio::test]
async fn a_new_name_reaches_every_row_of_the_person() {
    let (function, google, ids) = start_with_notes().await;
    let rename = "update scheduler.patients set name = 'Maria Souza'";
    sqlx::query(rename).execute(&function.database().pool).await.unwrap();
    assert_eq!(run(&function).await["rows_written"], 3);
    let rows = google.rows(SHEET, TAB);
    assert!(ids.iter().all(|id| find(&rows, id)[0][2] == "Maria Souza"), "{rows:?}");
    check(&google, &ids);

    // A name that changes between the read of the appointments and their mark leaves them behind.
    let db = &function.contexts.job.chats.db;
    change(function.database(), ids[0], "areas = 'Braços'").await;
    let sheet = db.list_sheet_backlogs().await.unwrap().remove(0);
    let read = db.list_sheet_appointments(&sheet.clinic, 10).await.unwrap();
    sqlx::query("update scheduler.patients set name = 'Maria Lima'")
        .execute(&function.database().pool)
        .await
        .unwrap();
    db.mark_rows_written(&sheet, &read, true).await.unwrap();
    assert_eq!(run(&function).await["rows_written"], 3);
    let rows = google.rows(SHEET, TAB);
    assert!(ids.iter().all(|id| find(&rows, id)[0][2] == "Maria Lima"), "{rows:?}");
    function.stop().await;
}
