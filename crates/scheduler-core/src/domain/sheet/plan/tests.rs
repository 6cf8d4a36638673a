//! What is written, whatever staff did since the tab was read.

use uuid::Uuid;

use super::*;
use crate::domain::appointment::AppointmentStatus;
use crate::domain::sheet::log::{DONE, LOG_DONE};
use crate::domain::time::Slot;

fn appointment(id: u128) -> SheetAppointment {
    SheetAppointment {
        id: Uuid::from_u128(id).into(),
        version: 1,
        sheet_version: 0,
        slot: Slot { date: "2026-02-16".parse().unwrap(), time: "09:00:00".parse().unwrap() },
        patient_name: Some(format!("Paciente {id}")),
        patient_phone: None,
        service_name: "Depilação a laser".into(),
        areas: None,
        status: AppointmentStatus::Confirmed,
        confirmed: false,
    }
}

fn noon() -> DateTime<Utc> {
    "2026-02-14T12:00:00Z".parse().unwrap()
}

fn header() -> Row {
    HEADER.map(str::to_owned)
}

/// The row of an appointment with its current data.
fn current(id: u128) -> Row {
    row(&appointment(id), noon())
}

/// The row of an appointment with an old name and a note.
fn old(id: u128, note: &str) -> Row {
    let mut row = current(id);
    row[2] = "Nome antigo".into();
    row[NOTES_COLUMN] = note.into();
    row
}

/// A row that staff typed.
fn typed(text: &str) -> Row {
    let mut row = Row::default();
    row[2] = text.into();
    row
}

fn tab(rows: Vec<Row>) -> Tab {
    Tab { rows }
}

/// What Google found in the rows that a plan overwrites, if they were the rows of `tab`.
fn found(plan: &Plan, tab: &Tab) -> Vec<String> {
    plan.overwrites.iter().map(|overwrite| tab.rows[overwrite.row][ID_COLUMN].clone()).collect()
}

/// Makes the plan's write in a tab and its log, as Google does.
fn make(plan: &Plan, tab: &mut Tab, entries: &mut Vec<Vec<String>>) {
    if plan.clears_log {
        entries.clear();
    }
    for overwrite in &plan.overwrites {
        let row = &mut tab.rows[overwrite.row];
        let mut entry = row.to_vec();
        entry.extend([overwrite.columns.letters(), overwrite.aim.to_text(), String::new()]);
        entry.extend(overwrite.logged().clone());
        entries.push(entry);
        overwrite.columns.copy(&overwrite.written, row);
    }
    for insertion in &plan.insertions {
        tab.rows.insert(1, insertion.cells.clone());
        for back in &insertion.back {
            entries[back.place - FIRST_ENTRY][LOG_DONE] = DONE.to_owned();
        }
    }
    tab.rows.extend(plan.additions.iter().cloned());
}

fn log(entries: &[Vec<String>]) -> Log {
    Log::new(std::iter::once(Vec::new()).chain(entries.iter().cloned()).collect(), 1_000)
}

#[test]
fn an_empty_tab_gets_its_header_and_then_the_appointments() {
    let plan = plan(&Tab::default(), &Log::default(), &[appointment(1)], &[], noon());
    assert_eq!(plan.additions, [header(), current(1)]);
    assert!(!plan.needs_log() && plan.is_final(&[]));
    assert_eq!(plan.right(&[]), [appointment(1).id]);
}

#[test]
fn an_appointment_in_the_tab_is_changed_where_it_is_and_another_is_added() {
    let tab = tab(vec![header(), typed("reunião"), old(1, "sala 2")]);
    let plan = plan(&tab, &Log::default(), &[appointment(2), appointment(1)], &[], noon());
    assert_eq!(plan.additions, [current(2)]);
    let [overwrite] = plan.overwrites.as_slice() else { panic!("{:?}", plan.overwrites) };
    assert_eq!((overwrite.row, overwrite.columns), (2, ColumnSet::DETAILS));
    assert_eq!(overwrite.aim, Aim::Update(appointment(1).id));
    assert!(plan.is_final(&found(&plan, &tab)));
    assert_eq!(plan.right(&found(&plan, &tab)), [appointment(2).id, appointment(1).id]);
    assert_eq!(plan.right(&[String::new()]), [appointment(2).id], "the row of another was hit");
    assert!(!plan.is_final(&[String::new()]));
}

#[test]
fn a_row_that_is_right_is_not_written_and_an_unknown_one_is_not_added() {
    let tab = tab(vec![header(), current(1)]);
    let plan = plan(&tab, &Log::default(), &[appointment(1)], &[appointment(2)], noon());
    assert!(plan.is_empty());
    assert_eq!(plan.right(&[]), [appointment(1).id]);
}

#[test]
fn an_equal_copy_is_emptied_and_a_changed_copy_loses_its_id() {
    let mut template = current(1);
    template[2] = "Reunião".into();
    let mut kept = current(1);
    kept[NOTES_COLUMN] = "sala 2".into();
    let mut rows = tab(vec![header(), template.clone(), current(1), kept.clone()]);
    let plan = plan(&rows, &Log::default(), &[], &[appointment(1)], noon());
    let written: Vec<(usize, ColumnSet)> =
        plan.overwrites.iter().map(|overwrite| (overwrite.row, overwrite.columns)).collect();
    assert_eq!(written, [(1, ColumnSet::ID), (2, ColumnSet::ALL)]);
    make(&plan, &mut rows, &mut Vec::new());
    template[ID_COLUMN].clear();
    assert_eq!(rows.rows, [header(), template, Row::default(), kept]);
}

/// Staff sort the rows between the read and the write. Returns the tab after the write, its log, and the tab
/// as it would be without the write.
fn sorted_meanwhile() -> (Tab, Vec<Vec<String>>, Tab) {
    let read = tab(vec![header(), old(1, "de 1"), current(2), typed("almoço")]);
    let first = plan(&read, &Log::default(), &[appointment(1)], &[], noon());
    let mut lunch = typed("almoço");
    lunch[NOTES_COLUMN] = "sala 2".into();
    let untouched = tab(vec![header(), lunch, old(1, "de 1"), current(2)]);
    let mut sorted = untouched.clone();
    assert!(!first.is_final(&found(&first, &sorted)));
    let mut entries = Vec::new();
    make(&first, &mut sorted, &mut entries);
    assert_ne!(sorted, untouched);
    (sorted, entries, untouched)
}

/// Plans the next write while appointment 1 is behind.
fn next(tab: &Tab, entries: &[Vec<String>]) -> Plan {
    plan(tab, &log(entries), &[appointment(1)], &[appointment(2)], noon())
}

#[test]
fn a_typed_row_that_was_hit_gets_its_content_back_before_anything_else() {
    let (mut rows, mut entries, untouched) = sorted_meanwhile();
    let second = next(&rows, &entries);
    assert_eq!(second.log_start, 2, "the first entry is kept");
    assert!(!second.is_final(&found(&second, &rows)), "the log must show that the right row was hit");
    make(&second, &mut rows, &mut entries);
    assert_eq!(rows, untouched);

    let third = next(&rows, &entries);
    assert!(third.clears_log && third.is_final(&found(&third, &rows)));
    make(&third, &mut rows, &mut entries);
    assert_eq!((rows.rows[2][2].as_str(), rows.rows[2][NOTES_COLUMN].as_str()), ("Paciente 1", "de 1"));
    assert!(next(&rows, &entries).is_empty());
}

#[test]
fn a_repair_that_hits_another_row_is_repaired_too() {
    let (mut rows, mut entries, untouched) = sorted_meanwhile();
    let repair = next(&rows, &entries);
    rows.rows.swap(1, 3);
    make(&repair, &mut rows, &mut entries);
    assert_eq!(rows.rows[1][2], "almoço", "beside the id of appointment 2");
    for _ in 0..3 {
        make(&next(&rows, &entries), &mut rows, &mut entries);
    }
    assert!(next(&rows, &entries).is_empty());
    assert_eq!(rows.rows[3], untouched.rows[1], "what was typed");
    assert_eq!(rows.rows[1][..NOTES_COLUMN], current(2)[..NOTES_COLUMN]);
    assert_eq!(rows.rows[2][..NOTES_COLUMN], current(1)[..NOTES_COLUMN]);
}

#[test]
fn a_row_that_was_hit_twice_gets_back_what_it_was_first() {
    let (mut rows, mut entries, untouched) = sorted_meanwhile();
    // Another write, planned before staff sorted, hits the same row.
    let read = tab(vec![header(), old(2, "")]);
    let late = plan(&read, &Log::default(), &[appointment(2)], &[], noon());
    make(&late, &mut rows, &mut entries);
    assert_eq!(rows.rows[1][2], "Paciente 2");
    let repair = next(&rows, &entries);
    assert_eq!(repair.overwrites[0].aim, Aim::Undo(vec![2, 1]));
    make(&repair, &mut rows, &mut entries);
    assert_eq!(rows, untouched);
}

#[test]
fn a_row_that_was_hit_and_has_disappeared_is_inserted_again_once() {
    let (mut rows, mut entries, untouched) = sorted_meanwhile();
    rows.rows.remove(1);
    let second = next(&rows, &entries);
    assert!(second.overwrites.is_empty() && !second.is_final(&[]));
    make(&second, &mut rows, &mut entries);
    assert_eq!(rows, untouched);
    assert!(next(&rows, &entries).insertions.is_empty());
}

#[test]
fn the_row_of_another_appointment_is_written_from_our_own_data() {
    let read = tab(vec![header(), old(1, "de 1"), old(2, "de 2")]);
    let first = plan(&read, &Log::default(), &[appointment(1)], &[], noon());
    let mut rows = tab(vec![header(), old(2, "de 2"), old(1, "de 1")]);
    let mut entries = Vec::new();
    make(&first, &mut rows, &mut entries);
    assert_eq!(rows.rows[1][2], "Paciente 1", "the data of 1 beside the id of 2");
    assert_eq!(log(&entries).ids(), [appointment(1).id, appointment(2).id]);
    make(&next(&rows, &entries), &mut rows, &mut entries);
    let mut expected = [current(2), current(1)];
    expected[0][NOTES_COLUMN] = "de 2".into();
    expected[1][NOTES_COLUMN] = "de 1".into();
    assert_eq!(rows.rows[1..], expected);
}

#[test]
fn one_write_overwrites_a_limited_number_of_rows() {
    let many: Vec<SheetAppointment> = (1..=150).map(appointment).collect();
    let rows = tab(std::iter::once(header()).chain((1..=150).map(|id| old(id, ""))).collect());
    let plan = plan(&rows, &Log::default(), &many, &[], noon());
    assert_eq!(plan.overwrites.len(), MAX_OVERWRITES);
    assert!(!plan.is_final(&found(&plan, &rows)), "fifty rows are left");
}
