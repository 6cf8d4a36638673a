//! Reminders that cannot be read: all others are sent by the same run, each once.

use reqwest::Method;
use serde_json::json;

use super::{
    END_OF_TIME, Item, Poison, Stored, assert_counted, insert_appointments, move_clock_to, not_served,
    number, phones, run, set, text_of, words,
};

const UNREADABLE: &[Poison] = &[
    ("notAfter is the end of time", |item| set(item, "notAfter", words(END_OF_TIME))),
    ("sendAt is the end of time", |item| {
        set(item, "sk", words(&format!("SEND_AT#{END_OF_TIME}")));
        set(item, "sendAt", words(END_OF_TIME));
    }),
    ("notAfter is no instant", |item| set(item, "notAfter", words("someday"))),
    ("no notAfter", |item| drop(item.remove("notAfter"))),
    ("no appointment", |item| drop(item.remove("appointmentId"))),
    ("an appointment's id that is none", |item| set(item, "appointmentId", words("poison"))),
    ("no clinic", |item| drop(item.remove("clinicId"))),
    ("attempts is a text", |item| set(item, "attempts", words("many"))),
    ("the phone is a number", |item| set(item, "phoneNumber", number("5"))),
    ("an unknown kind", |item| set(item, "reminderType", words("REMINDER_9000H"))),
    ("claimed without a lease", |item| {
        set(item, "status", words("SENDING"));
        item.remove("leaseUntil");
    }),
    ("an unknown status", |item| set(item, "status", words("GREEN"))),
];

/// More than a page of the index holds.
const IN_FRONT: usize = 60;

/// The stored reminder of a phone.
fn of<'a>(reminders: &'a [Item], phone: &str) -> &'a Item {
    let found = reminders.iter().find(|item| text_of(item, "phoneNumber") == phone);
    found.unwrap_or_else(|| panic!("{phone} has no reminder"))
}

/// Runs the Reconciler until every appointment has its reminder.
async fn project_all(stored: &Stored) {
    let behind = "select count(*) from scheduler.appointments where reminder_version < version
        and status = 'CONFIRMED'";
    for _ in 0..10 {
        if stored.app.database.number(behind).await == 0 {
            return;
        }
        run(&stored.app, "reconciler").await;
    }
    panic!("reminders are still missing: {}", stored.app.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reminders_that_cannot_be_read_hold_up_no_other_reminder() {
    let stored = Stored::start().await;
    let app = &stored.app;
    let (good, bad) = (phones(0, 50), phones(100, UNREADABLE.len()));
    insert_appointments(&app.database, &[good.clone(), bad.clone()].concat(), "2026-02-23").await;
    project_all(&stored).await;
    let reminders = stored.items(stored.reminders()).await;
    for (phone, (_, poison)) in bad.iter().zip(UNREADABLE) {
        let mut item = of(&reminders, phone).clone();
        poison(&mut item);
        stored.put(stored.reminders(), item).await;
    }
    for place in 0..IN_FRONT {
        let due = "2026-02-16T00:00:00.000Z";
        let item = [
            ("pk", format!("REMINDER#poison-{place}")),
            ("sk", format!("SEND_AT#{due}")),
            ("sendAt", due.to_owned()),
            ("status", "PENDING".to_owned()),
        ];
        let item = item.map(|(name, value)| (name.to_owned(), words(&value)));
        stored.put(stored.reminders(), Item::from(item)).await;
    }
    // 20:30 in São Paulo, after the last of them was due.
    move_clock_to(app, "2026-02-22T23:30:00Z").await;
    let summary = run(app, "reminder-processor").await;
    let missing = not_served(app, &good, 1);
    assert!(missing.is_empty(), "{missing:?}\n{summary}\n{}", app.log());
    assert_counted(&summary);

    // A change of the appointment whose reminder has an unknown status is not refused.
    let unknown = text_of(of(&reminders, bad.last().expect("a phone")), "appointmentId");
    let cancelled = json!({ "status": "CANCELLED" });
    app.ask_expecting(Method::PUT, &format!("/appointments/{unknown}"), Some(&cancelled), 200).await;
    run(app, "reconciler").await;

    let later = phones(200, 5);
    insert_appointments(&app.database, &later, "2026-02-24").await;
    project_all(&stored).await;
    move_clock_to(app, "2026-02-23T23:30:00Z").await;
    let summary = run(app, "reminder-processor").await;
    let missing = not_served(app, &[later, good].concat(), 1);
    assert!(missing.is_empty(), "{missing:?}\n{summary}");
    stored.stop().await;
}
