//! Due chats: in each waits a committed reply of a worker that ended before it sent it.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use scheduler_api::jobs::RECONCILER;
use scheduler_core::adapters::dynamodb::Tables;
use scheduler_core::adapters::dynamodb::lease::StoreOutcome;
use scheduler_core::adapters::dynamodb::save::{Commit, LeaseChange, SaveOutcome};
use scheduler_core::adapters::dynamodb::session::{InboxEntry, InboxWork, PendingReply};
use scheduler_core::app::reconcile::ReconcileSummary;
use scheduler_core::domain::message::OutgoingMessage;
use scheduler_core::domain::phone::Address;
use scheduler_core::ports::Clock;
use scheduler_local::fake_zapi::ScriptedAnswer;
use uuid::Uuid;

use crate::figures::{Figures, timed};
use crate::setup::{Delivered, Person, Setup, clinic_id, in_parallel};

/// The clinic whose z-api hangs.
const HANGING_CLINIC: usize = 0;
/// Longer than the benchmark.
const HANG: Duration = Duration::from_secs(24 * 60 * 60);
/// How long the chats have been waiting when the first run begins. Those of the hanging clinic are the oldest work,
/// so that they come first wherever work is listed.
const HANGING_WAITED: TimeDelta = TimeDelta::minutes(10);
const OTHERS_WAITED: TimeDelta = TimeDelta::minutes(5);
/// Timeout of the function (`sls/functions/reconciler/interface.yml`).
const TIMEOUT: Duration = Duration::from_secs(75);
/// After so many runs the benchmark fails.
const MAX_RUNS: usize = 30;

/// A run of the Reconciler.
struct Run {
    at: DateTime<Utc>,
    summary: ReconcileSummary,
    took: Duration,
}

/// Measures how long the Reconciler takes for everybody else's chats, and checks what becomes of the clinic's whose
/// z-api hangs and then is back.
pub async fn with_one_hanging_clinic(clinics: usize, chats: usize, answer_time: Duration, limit: Duration) {
    let setup = Setup::start(clinics, answer_time).await;
    let hanging_clinic = clinic_id(HANGING_CLINIC);
    let (hanging, others): (Vec<Person>, Vec<Person>) =
        setup.people(chats).into_iter().partition(|person| person.clinic == hanging_clinic);
    let started_at = setup.clock.now();
    leave_due(&setup, &hanging, started_at - HANGING_WAITED).await;
    leave_due(&setup, &others, started_at - OTHERS_WAITED).await;
    setup.zapi.answer_instance(hanging_clinic.as_str(), ScriptedAnswer::success().after(HANG));
    let mut runs = reconcile_until_sent(&setup, &others).await;
    let figures = figures(clinics, others.len(), &runs);
    figures.print("due chats beside a hanging clinic");
    let missing = setup.delivered(phones(&others)).missing;

    let waiting = count_waiting(&setup, &hanging).await;
    setup.zapi.answer_instance(hanging_clinic.as_str(), ScriptedAnswer::success().after(answer_time));
    // A reply without an answer is sent once more after two minutes.
    setup.clock.advance(TimeDelta::minutes(2));
    let last_run = runs.len() + MAX_RUNS;
    runs.push(reconcile(&setup).await);
    while count_waiting(&setup, &hanging).await > 0 && runs.len() < last_run {
        setup.clock.advance(TimeDelta::minutes(1));
        runs.push(reconcile(&setup).await);
    }
    for run in &runs {
        print_run(run, started_at);
    }
    let repeated = setup.delivered(phones(&others)).repeated;
    let most_left = runs.iter().map(|run| run.summary.chats_left).max().unwrap_or_default();
    println!(
        "  of the hanging clinic's {} chats, {waiting} were waiting when its z-api was back; \
         of the others' replies {missing} were missing, {repeated} repeated; a run left {most_left} chats at most",
        hanging.len(),
    );

    figures.check_timeout(TIMEOUT);
    assert_eq!((missing, repeated), (0, 0), "each of the other clinics' replies is sent exactly once");
    let time = figures.jobs_time();
    assert!(time <= limit, "the other clinics waited for {time:?} of the job's time, not {limit:?}");
    assert!(most_left >= hanging.len(), "not all of the hanging clinic's chats were counted as left");
    for run in &runs {
        check_counted_age(run, started_at);
    }
    check_hanging(&setup, &hanging).await;
    setup.stop().await;
}

/// Measures how long the Reconciler takes for the chats of so many clinics. z-api answers at once.
pub async fn of_clinics(clinics: usize, chats_of_each: usize) -> Figures {
    let setup = Setup::start(clinics, Duration::ZERO).await;
    let people = setup.people(clinics * chats_of_each);
    leave_due(&setup, &people, setup.clock.now() - OTHERS_WAITED).await;
    let runs = reconcile_until_sent(&setup, &people).await;
    assert_eq!(setup.delivered(phones(&people)), Delivered::default());
    setup.stop().await;
    figures(clinics, people.len(), &runs)
}

/// Leaves each chat as a worker leaves it that defers it after its commit: due since this time.
async fn leave_due(setup: &Setup, people: &[Person], since: DateTime<Utc>) {
    let tables = &setup.chats.tables;
    in_parallel(people.iter().map(|person| leave_reply(tables.clone(), person.clone(), since))).await;
}

async fn leave_reply(tables: Tables, person: Person, since: DateTime<Utc>) {
    const WORKER: &str = "a worker that ended";
    let message = OutgoingMessage::text("Seu horário foi alterado.".to_owned());
    let to = Address(person.phone.clone());
    let work = InboxWork::SendMessage { to: to.clone(), message: message.clone() };
    let entry = InboxEntry { key: "notice".to_owned(), work: Some(work) };
    let stored = tables.store_message(&person.chat(), &entry, WORKER, since).await;
    let mut session = match stored.expect("DynamoDB stores the entry") {
        StoreOutcome::StoredAndLeased(session) => session,
        other => panic!("the chat is not new: {other:?}"),
    };
    session.pending.push(PendingReply {
        id: Uuid::new_v4().to_string(),
        to,
        message,
        queued_at: since,
        asks: false,
        unknown: None,
    });
    let finished = [entry.key];
    let commit = Commit {
        finished_entries: &finished,
        events: &[],
        lease: LeaseChange::DueAt(since),
        moved_from: None,
    };
    let saved = tables.save(&mut session, WORKER, commit, since).await.expect("DynamoDB stores the chat");
    assert!(matches!(saved, SaveOutcome::Done), "{saved:?}");
}

/// Runs the Reconciler every minute of the clock, until z-api has a message for each of these patients.
async fn reconcile_until_sent(setup: &Setup, people: &[Person]) -> Vec<Run> {
    let mut runs = vec![reconcile(setup).await];
    while setup.delivered(phones(people)).missing > 0 && runs.len() < MAX_RUNS {
        setup.clock.advance(TimeDelta::minutes(1));
        runs.push(reconcile(setup).await);
    }
    runs
}

async fn reconcile(setup: &Setup) -> Run {
    let at = setup.clock.now();
    let (summary, took) = timed(setup.chats.reconcile(RECONCILER.budget)).await;
    Run { at, summary, took }
}

fn phones(people: &[Person]) -> impl Iterator<Item = &str> {
    people.iter().map(|person| person.phone.as_str())
}

fn figures(clinics: usize, items: usize, runs: &[Run]) -> Figures {
    Figures { clinics, items, runs: runs.iter().map(|run| run.took).collect() }
}

fn print_run(run: &Run, started_at: DateTime<Utc>) {
    let Run { at, summary, took } = run;
    println!(
        "  minute {:>2}: {} chats finished, {} left, the oldest due for {} s; {:.1} s",
        (*at - started_at).num_minutes(),
        summary.chats_finished,
        summary.chats_left,
        summary.oldest_due_seconds,
        took.as_secs_f64(),
    );
}

/// How many of these patients' chats have a reply that is not settled.
async fn count_waiting(setup: &Setup, people: &[Person]) -> usize {
    let mut waiting = 0;
    for person in people {
        let session = setup.chats.tables.find_session(&person.chat()).await.expect("DynamoDB answers");
        waiting += usize::from(session.is_some_and(|session| !session.pending.is_empty()));
    }
    waiting
}

/// The age is counted from when a chat began to wait, not from the last try. Every chat began before the first run.
fn check_counted_age(run: &Run, started_at: DateTime<Utc>) {
    if run.summary.chats_finished + run.summary.chats_left == 0 {
        return;
    }
    let (counted, waited) = (run.summary.oldest_due_seconds, run.at - started_at + OTHERS_WAITED);
    assert!(
        i64::from(counted) >= waited.num_seconds(),
        "a run counted {counted} s, but each chat had been waiting for at least {} s",
        waited.num_seconds()
    );
}

/// z-api got each reply once or twice, and never accepted it twice. One that it did not answer twice stays unknown.
async fn check_hanging(setup: &Setup, hanging: &[Person]) {
    let calls = setup.zapi.calls();
    for person in hanging {
        let is_reply = |phone: &str| phone == person.phone;
        let sends = calls
            .iter()
            .filter(|call| {
                call.endpoint.starts_with("send-") && call.body["phone"].as_str().is_some_and(is_reply)
            })
            .count();
        let accepted = setup.zapi.outbox(Some(&person.phone)).len();
        assert!(
            matches!((sends, accepted), (1 | 2, 1) | (2, 0)),
            "a reply of the hanging clinic was sent {sends} times and accepted {accepted} times"
        );
    }
    assert_eq!(count_waiting(setup, hanging).await, 0, "a reply of the hanging clinic was never settled");
}
