//! The rules of `docs/rules/agenda.md#available-days` and `docs/rules/agenda.md#slots`.

use chrono::TimeDelta;
use chrono_tz::America::{Manaus, New_York, Noronha, Rio_Branco, Sao_Paulo};

use super::fixtures::{CalendarBuilder, at, date, time};
use crate::domain::clinic::DayName;
use crate::domain::time::Slot;

const MONDAY: &str = "2026-02-16";

#[test]
fn slots_of_an_empty_day_repeat_every_duration_plus_buffer() {
    let nine_to_six = "09:00 09:55 10:50 11:45 12:40 13:35 14:30 15:25 16:20 17:15";
    CalendarBuilder::open("09:00", "18:00").check(MONDAY, nine_to_six);
    CalendarBuilder::open("09:00", "18:00")
        .minutes(60, 0)
        .check(MONDAY, "09:00 10:00 11:00 12:00 13:00 14:00 15:00 16:00 17:00");
    // The appointment must end by the end of the window; its buffer may reach beyond it.
    CalendarBuilder::open("09:00", "09:45").check(MONDAY, "09:00");
    CalendarBuilder::open("09:00", "09:44").check(MONDAY, "");
    CalendarBuilder::open("09:00", "10:40").check(MONDAY, "09:00 09:55");
    CalendarBuilder::open("09:00", "10:39").check(MONDAY, "09:00");
    CalendarBuilder::open("00:00", "23:59").minutes(720, 0).check(MONDAY, "00:00");
    CalendarBuilder::open("09:00", "18:00").minutes(0, 10).check(MONDAY, "");
    CalendarBuilder::open("09:00", "18:00").minutes(-5, 10).check(MONDAY, "");
    CalendarBuilder::open("09:00", "11:00").minutes(60, -10).check(MONDAY, "09:00 10:00");
    CalendarBuilder::closed().check(MONDAY, "");
}

#[test]
fn day_0_is_sunday() {
    let days = CalendarBuilder::closed().rule(0, "09:00", "10:00").rule(6, "14:00", "15:00");
    days.check("2026-02-15", "09:00");
    days.check("2026-02-16", "");
    days.check("2026-02-21", "14:00");
    let all = days.calendar().days(date("2026-02-14"), date("2026-02-22"), days.slot_request);
    assert_eq!(all, [date("2026-02-14"), date("2026-02-15"), date("2026-02-21"), date("2026-02-22")]);
}

#[test]
fn windows_that_touch_or_overlap_are_merged() {
    let days = CalendarBuilder::closed()
        .rule(1, "14:00", "16:00")
        .rule(1, "09:00", "12:00")
        .rule(1, "12:00", "13:00");
    days.check_windows(MONDAY, "09:00-13:00 14:00-16:00");
    days.check(MONDAY, "09:00 09:55 10:50 11:45 14:00 14:55");
    let overlapping = CalendarBuilder::closed()
        .rule(1, "09:00", "12:00")
        .rule(1, "10:00", "11:00")
        .rule(1, "11:30", "13:00");
    overlapping.check_windows(MONDAY, "09:00-13:00");
}

#[test]
fn business_hours_count_only_without_any_active_rule() {
    let hours =
        CalendarBuilder::closed().hours(DayName::Mon, "09:00", "11:00").hours(DayName::Sun, "10:00", "11:00");
    hours.check(MONDAY, "09:00 09:55");
    hours.check("2026-02-15", "10:00");
    hours.check("2026-02-17", "");
    let mut ruled = hours.rule(2, "15:00", "16:00");
    ruled.check(MONDAY, "");
    ruled.check("2026-02-17", "15:00");
    ruled.rules.iter_mut().for_each(|rule| rule.active = false);
    ruled.check(MONDAY, "09:00 09:55");
    ruled.check("2026-02-17", "");
}

#[test]
fn special_hours_replace_the_weekly_windows_and_blocked_wins() {
    let days = CalendarBuilder::open("09:00", "12:00");
    days.check_windows(MONDAY, "09:00-12:00");
    let special = days.special(MONDAY, "14:00", "16:00");
    special.check_windows(MONDAY, "14:00-16:00");
    special.check_windows("2026-02-17", "09:00-12:00");
    let two = special.special(MONDAY, "08:00", "09:00");
    two.check_windows(MONDAY, "08:00-09:00 14:00-16:00");
    let cut = two.blocked(MONDAY, Some(("14:30", "15:00")));
    cut.check_windows(MONDAY, "08:00-09:00 14:00-14:30 15:00-16:00");
    let mut closed = cut.blocked(MONDAY, None);
    closed.check_windows(MONDAY, "");
    closed.check(MONDAY, "");
    closed.exceptions.iter_mut().for_each(|exception| exception.active = false);
    closed.check_windows(MONDAY, "09:00-12:00");
}

#[test]
fn a_blocked_part_is_cut_out() {
    let check = |times, expected: &str| {
        CalendarBuilder::open("09:00", "12:00").blocked(MONDAY, Some(times)).check_windows(MONDAY, expected);
    };
    check(("10:00", "11:00"), "09:00-10:00 11:00-12:00");
    check(("08:00", "10:00"), "10:00-12:00");
    check(("11:00", "13:00"), "09:00-11:00");
    check(("08:00", "13:00"), "");
    check(("09:00", "12:00"), "");
    check(("07:00", "09:00"), "09:00-12:00");
    check(("12:00", "13:00"), "09:00-12:00");
    // An appointment must end by the start of the blocked part; its buffer may reach into it.
    let days = CalendarBuilder::open("09:00", "12:00").blocked(MONDAY, Some(("09:45", "10:20")));
    days.check(MONDAY, "09:00 10:20 11:15");
    CalendarBuilder::open("09:00", "12:00")
        .blocked(MONDAY, Some(("09:44", "10:20")))
        .check(MONDAY, "10:20 11:15");
}

#[test]
fn an_appointment_occupies_its_time_and_its_buffer() {
    let after_an_appointment = "09:00 11:10 12:05 13:00 13:55 14:50 15:45 16:40";
    let days = CalendarBuilder::open("09:00", "18:00").appointment(MONDAY, "10:00", "11:00");
    days.check(MONDAY, after_an_appointment);
    days.check("2026-02-17", "09:00 09:55 10:50 11:45 12:40 13:35 14:30 15:25 16:20 17:15");
    // The buffer of a slot at 09:00 would reach into the appointment at 09:50.
    CalendarBuilder::open("09:00", "11:00").appointment(MONDAY, "09:50", "10:15").check(MONDAY, "");
    CalendarBuilder::open("09:00", "11:00")
        .appointment(MONDAY, "09:55", "10:05")
        .check(MONDAY, "09:00 10:15");
    // Staff may book outside the windows. Such appointments occupy their time as well.
    CalendarBuilder::open("09:00", "10:00")
        .appointment(MONDAY, "10:05", "10:30")
        .minutes(60, 10)
        .check(MONDAY, "");
    CalendarBuilder::open("09:00", "10:00")
        .appointment(MONDAY, "10:10", "10:30")
        .minutes(60, 10)
        .check(MONDAY, "09:00");
    CalendarBuilder::open("09:00", "10:00").appointment(MONDAY, "08:00", "08:55").check(MONDAY, "09:05");
    CalendarBuilder::open("09:00", "11:00")
        .blocked(MONDAY, Some(("09:45", "10:00")))
        .appointment(MONDAY, "09:50", "09:55")
        .check(MONDAY, "10:05");
    // Appointments in any order, appointments that touch, and one that occupies the whole day.
    CalendarBuilder::open("09:00", "12:00")
        .appointment(MONDAY, "10:10", "11:00")
        .appointment(MONDAY, "09:00", "10:00")
        .check(MONDAY, "11:10");
    CalendarBuilder::open("09:00", "12:00").appointment(MONDAY, "08:00", "18:00").check(MONDAY, "");
    CalendarBuilder::open("09:00", "12:00").appointment(MONDAY, "08:00", "11:50").check(MONDAY, "");
    // The buffer of an appointment continues after midnight.
    CalendarBuilder::open("00:00", "01:00")
        .appointment("2026-02-15", "23:00", "23:59")
        .check(MONDAY, "00:09");
}

#[test]
fn past_slots_are_left_out_and_the_grid_does_not_shift() {
    let days = |clock| CalendarBuilder::open("09:00", "12:00").from(MONDAY, clock);
    days("08:00").check(MONDAY, "09:00 09:55 10:50");
    days("09:00").check(MONDAY, "09:00 09:55 10:50");
    days("09:01").check(MONDAY, "09:55 10:50");
    days("10:50").check(MONDAY, "10:50");
    days("10:51").check(MONDAY, "");
    days("10:51").check("2026-02-15", "");
    days("10:51").check("2026-02-17", "09:00 09:55 10:50");
    let mut a_millisecond_later = days("09:00");
    a_millisecond_later.slot_request.not_before += TimeDelta::milliseconds(1);
    a_millisecond_later.check(MONDAY, "09:55 10:50");
}

#[test]
fn a_slot_off_the_grid_fits_if_its_time_is_free() {
    let days =
        CalendarBuilder::open("09:00", "18:00").appointment(MONDAY, "10:00", "11:00").from(MONDAY, "09:03");
    let check = |clock, expected| assert_eq!(days.fits(MONDAY, clock), expected, "{clock}");
    check("09:00", false);
    check("09:03", true);
    check("09:05", true);
    check("09:06", false);
    check("10:00", false);
    check("11:09", false);
    check("11:10", true);
    check("11:13", true);
    check("17:15", true);
    check("17:16", false);
    check("08:59", false);
    assert!(!CalendarBuilder::open("09:00", "18:00").minutes(0, 10).fits(MONDAY, "09:00"));
    assert!(!CalendarBuilder::open("09:00", "18:00").blocked(MONDAY, None).fits(MONDAY, "09:00"));
}

#[test]
fn a_taken_slot_gives_the_nearest_free_ones() {
    let days = CalendarBuilder::open("09:00", "12:40")
        .appointment(MONDAY, "09:55", "10:40")
        .blocked("2026-02-17", None)
        .from("2026-02-16", "08:00");
    let check = |day: &str, clock: &str, until: &str, expected: &str| {
        let taken = Slot { date: date(day), time: time(clock) };
        let nearest = days.calendar().nearest(taken, date(until), days.slot_request, 3);
        let nearest: Vec<String> =
            nearest.iter().map(|slot| slot.at().format("%d %H:%M").to_string()).collect();
        assert_eq!(nearest.join(", "), expected, "{day} {clock}");
    };
    check("2026-02-18", "11:00", "2026-02-20", "18 09:55, 18 10:50, 18 11:45");
    check("2026-02-18", "09:00", "2026-02-20", "18 09:00, 18 09:55, 18 10:50");
    check(MONDAY, "09:55", "2026-02-20", "16 09:00, 16 10:50, 16 11:45");
    check("2026-02-17", "10:00", "2026-02-20", "18 09:00, 18 09:55, 18 10:50");
    check("2026-02-17", "10:00", "2026-02-17", "");
    check("2026-02-15", "10:00", MONDAY, "16 09:00, 16 10:50, 16 11:45");
}

#[test]
fn a_clinic_is_open_within_its_windows() {
    let days = CalendarBuilder::closed()
        .rule(1, "09:00", "12:00")
        .rule(1, "13:00", "18:00")
        .rule(3, "10:00", "12:00")
        .special("2026-02-18", "11:00", "12:00")
        .appointment(MONDAY, "09:00", "12:00");
    let check = |day: &str, clock: &str, open: bool, next: Option<(&str, &str)>| {
        let opening = days.calendar().opening(at(day, clock), date("2026-02-20"));
        let next = next.map(|(day, clock)| at(day, clock));
        assert_eq!((opening.open, opening.next), (open, next), "{day} {clock}");
    };
    check(MONDAY, "09:00", true, Some((MONDAY, "13:00")));
    check(MONDAY, "08:59", false, Some((MONDAY, "09:00")));
    check(MONDAY, "12:00", false, Some((MONDAY, "13:00")));
    check(MONDAY, "17:59", true, Some(("2026-02-18", "11:00")));
    check(MONDAY, "18:00", false, Some(("2026-02-18", "11:00")));
    check("2026-02-18", "11:00", true, None);
    check("2026-02-18", "12:00", false, None);
}

#[test]
fn there_is_room_if_any_day_has_a_window_that_is_long_enough() {
    let days = CalendarBuilder::closed()
        .rule(1, "09:00", "12:00")
        .rule(3, "12:00", "13:00")
        .rule(3, "13:00", "14:00");
    let check = |days: &CalendarBuilder, minutes, expected| {
        assert_eq!(days.calendar().has_room_for(minutes), expected, "{minutes}");
    };
    check(&days, 180, true);
    check(&days, 181, false);
    let special = days.special(MONDAY, "08:00", "10:00").special(MONDAY, "10:00", "12:00");
    check(&special, 240, true);
    check(&special, 241, false);
    check(&CalendarBuilder::closed(), 1, false);
    check(&CalendarBuilder::closed().hours(DayName::Fri, "09:00", "10:00"), 60, true);
}

#[test]
fn days_of_23_and_25_hours_neither_lose_nor_repeat_a_slot() {
    // 2018-11-04 begins at 01:00 in São Paulo.
    let spring = CalendarBuilder::open("00:00", "03:00");
    spring.check("2018-11-03", "00:00 00:55 01:50");
    spring.check("2018-11-04", "01:00 01:55");
    spring.check("2018-11-05", "00:00 00:55 01:50");
    spring.check_windows("2018-11-04", "01:00-03:00");
    CalendarBuilder::open("00:30", "03:00").check("2018-11-04", "01:00 01:55");
    CalendarBuilder::open("00:00", "01:00").check("2018-11-04", "");
    assert!(!spring.fits("2018-11-04", "00:00"));
    assert!(!spring.fits("2018-11-04", "00:59"));
    assert!(spring.fits("2018-11-04", "01:00"));
    // The buffer of an appointment reaches into the missing hour.
    let late = CalendarBuilder::open("00:00", "03:00").appointment("2018-11-03", "23:00", "23:59");
    late.check("2018-11-04", "01:00 01:55");
    // 23:00 to 24:00 occur twice; each slot is offered once.
    CalendarBuilder::open("21:00", "23:59").check("2018-02-17", "21:00 21:55 22:50");
    CalendarBuilder::open("22:00", "23:59").minutes(30, 0).check("2018-02-17", "22:00 22:30 23:00");
    CalendarBuilder::open("00:00", "02:00").check("2018-02-18", "00:00 00:55");
    let new_york = CalendarBuilder::open("01:00", "05:00").zone(New_York);
    new_york.check("2026-03-08", "01:00 03:00 03:55");
    new_york.check("2026-11-01", "01:00 01:55 02:50 03:45");
    CalendarBuilder::open("00:00", "02:00").zone(Rio_Branco).check("2008-06-24", "01:00");
    CalendarBuilder::open("22:00", "23:59").zone(Rio_Branco).check("2013-11-09", "22:00 22:55");
}

#[test]
fn leap_days_and_zones_without_daylight_saving_time_have_the_usual_slots() {
    let grid = "09:00 09:55 10:50";
    for zone in [Sao_Paulo, Manaus, Rio_Branco, Noronha] {
        let days = CalendarBuilder::open("09:00", "12:00").zone(zone);
        days.check("2028-02-28", grid);
        days.check("2028-02-29", grid);
        days.check("2028-03-01", grid);
        let range = days.calendar().days(date("2028-02-28"), date("2028-03-01"), days.slot_request);
        assert_eq!(range.len(), 3, "{zone}");
    }
    for zone in [Manaus, Noronha] {
        CalendarBuilder::open("00:00", "03:00").zone(zone).check("2018-11-04", "00:00 00:55 01:50");
    }
}
