//! Two hundred random rounds in which people work in the sheet between any two calls
//! (docs/rules/sheet.md#rows-that-staff-move).

mod staff;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::TimeDelta;
use scheduler_core::domain::ids::{AppointmentId, ClinicId};
use scheduler_core::domain::sheet::columns::{ID_COLUMN, row, same_details};
use scheduler_core::ports::Clock;
use scheduler_tests::CLINIC;
use scheduler_tests::function::InProcessFunction;
use scheduler_tests::google::FakeGoogle;
use uuid::Uuid;

use super::{SHEET, TAB, book, change, connect, run, start, writer};
use staff::{Dice, Staff};

const ROUNDS: usize = 200;
const APPOINTMENTS: i32 = 12;

/// Changes one to three appointments, and now and then the name of their patient.
async fn change_some(function: &InProcessFunction, ids: &[Uuid], dice: &mut Dice, round: usize) {
    for _ in 0..=dice.below(3) {
        let id = ids[dice.below(ids.len())];
        let areas = format!("areas = 'Área {round} {}'", dice.below(100));
        change(function.database(), id, &areas).await;
    }
    if dice.below(10) == 0 {
        let rename = "update scheduler.patients set name = $1";
        let name = format!("Maria {round}");
        sqlx::query(rename).bind(name).execute(&function.database().pool).await.unwrap();
    }
}

/// Checks that every appointment has one row with its current data.
async fn check_appointments(function: &InProcessFunction, google: &FakeGoogle, ids: &[Uuid], round: &str) {
    let ids: Vec<AppointmentId> = ids.iter().copied().map(AppointmentId).collect();
    let db = &function.contexts.job.chats.db;
    let appointments = db.find_sheet_appointments(&ClinicId(CLINIC.into()), &ids).await.unwrap();
    let rows = google.rows(SHEET, TAB);
    for appointment in &appointments {
        let id = appointment.id.to_string();
        let found: Vec<&Vec<String>> = rows.iter().filter(|row| row.get(ID_COLUMN) == Some(&id)).collect();
        let [found] = found.as_slice() else { panic!("{round}: {} rows of {id}", found.len()) };
        let shown = std::array::from_fn(|column| found.get(column).cloned().unwrap_or_default());
        let expected = row(appointment, function.clock.now());
        assert!(same_details(&shown, &expected), "{round}: {shown:?} instead of {expected:?}");
    }
    assert_eq!(appointments.len(), ids.len(), "{round}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_or_mixed_up_in_200_rounds_of_people_at_work_between_any_two_calls() {
    let seed = Uuid::new_v4().as_u64_pair().0;
    println!("seed {seed:#x}");
    let (function, google) = start().await;
    connect(function.database(), Some(SHEET)).await;
    let ids = book(function.database(), APPOINTMENTS).await;
    run(&function).await;
    let staff = Arc::new(Mutex::new(Staff::new(seed)));
    let mut dice = Dice::new(seed ^ 1);
    let (mut disturbed, mut strangers) = (0, 0);
    for number in 0..ROUNDS {
        let round = format!("seed {seed:#x}, round {number}");
        // In the second half they copy rows too.
        staff.lock().unwrap().copies = number >= ROUNDS / 2;
        change_some(&function, &ids, &mut dice, number).await;
        let at_work = staff.clone();
        google.let_staff_work(SHEET, TAB, move |grid| at_work.lock().unwrap().work(grid));
        let writes = google.writes();
        writer(&function).write_sheets(Duration::from_secs(60)).await.expect("a run");
        disturbed += usize::from(google.writes() > writes + 1);
        google.send_staff_home();
        let summary = writer(&function).write_sheets(Duration::from_secs(60)).await.expect("a run");
        assert_eq!((summary.sheets_failed, summary.sheets_left), (0, 0), "{round}");

        check_appointments(&function, &google, &ids, &round).await;
        let unknown = staff.lock().unwrap().check(&google.rows(SHEET, TAB), &round);
        assert!(number >= ROUNDS / 2 || unknown.is_empty(), "{round}: nobody typed {unknown:?}");
        strangers = unknown.len();
        let behind = "select count(*) from scheduler.appointments where sheet_version < version";
        assert_eq!(function.database().number(behind).await, 0, "{round}");
        function.clock.advance(TimeDelta::seconds(80));
    }
    println!(
        "{ROUNDS} rounds, {disturbed} with more than one write: {} reads, {} writes, {strangers} copies left to \
         the staff",
        google.reads(),
        google.writes()
    );
    assert!(disturbed > ROUNDS / 10, "the staff hardly ever came between a read and its write: {disturbed}");
    function.stop().await;
}
