//! One row, item or field that cannot be read among many good ones: every run does the good ones and counts the other,
//! and no webhook is refused (docs/rules/reliability.md#unreadable-rows).

mod chats;
mod clinics;
mod history;
mod reminders;
mod stale_replies;
mod switched_off;
mod waiting_webhooks;

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, Utc};
use reqwest::Method;
use scheduler_core::adapters::dynamodb::Tables;
use scheduler_core::config::TablesConfig;
use scheduler_local::dynamodb::EmbeddedDynamoDb;
use scheduler_local::fake_zapi::ScriptedAnswer;
use scheduler_tests::http::ask;
use scheduler_tests::{CLINIC, TestApp, TestConfig, TestDatabase, database, text};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::arrival::pass;

/// The attributes of a stored item.
type Item = HashMap<String, AttributeValue>;

/// What is wrong with an item, and how it becomes so.
type Poison = (&'static str, fn(&mut Item));

/// The last instant that a date can be read as. What is added to it overflows.
const END_OF_TIME: &str = "+262142-12-31T23:59:59.999Z";

/// An app whose stored items the test can change.
struct Stored {
    app: TestApp,
    tables: Tables,
    embedded: EmbeddedDynamoDb,
}

impl Stored {
    async fn start() -> Self {
        Self::with(database().await, None).await
    }

    /// Starts on a database that is reached by another URL, such as a proxy's.
    async fn with(database: TestDatabase, database_url: Option<String>) -> Self {
        let embedded = EmbeddedDynamoDb::start(None, 0).await.expect("DynamoDB starts");
        let dynamodb = Some(embedded.endpoint());
        let config = TestConfig { database_url, dynamodb, ..TestConfig::default() };
        let app = TestApp::on(database, config).await;
        let name = |table: &str| format!("clinic-scheduler-infra-local-{table}");
        let tables = Tables::new(TablesConfig {
            sessions: name("conversation-sessions"),
            events: name("message-events"),
            reminders: name("scheduled-reminders"),
            endpoint: Some(embedded.endpoint()),
            region: "us-east-1".into(),
        });
        Self { app, tables, embedded }
    }

    async fn stop(self) {
        drop((self.app, self.tables));
        self.embedded.stop().await;
    }

    fn sessions(&self) -> &str {
        self.tables.names()[0]
    }

    fn events(&self) -> &str {
        self.tables.names()[1]
    }

    fn reminders(&self) -> &str {
        self.tables.names()[2]
    }

    /// Every item of a table.
    async fn items(&self, table: &str) -> Vec<Item> {
        let scan = self.tables.client().scan().table_name(table).consistent_read(true);
        let mut pages = scan.into_paginator().send();
        let mut items = Vec::new();
        while let Some(page) = pages.next().await {
            items.extend(page.expect("a page").items.unwrap_or_default());
        }
        items
    }

    async fn put(&self, table: &str, item: Item) {
        let put = self.tables.client().put_item().table_name(table).set_item(Some(item));
        put.send().await.expect("the item is stored");
    }

    /// Changes the session of a chat with the example clinic.
    async fn change_session(&self, phone: &str, change: impl FnOnce(&mut Item)) {
        let pk = format!("CLINIC#{CLINIC}#PHONE#{phone}");
        let get = self.tables.client().get_item().table_name(self.sessions()).consistent_read(true);
        let found = get.key("pk", words(&pk)).key("sk", words("SESSION")).send().await;
        let mut item = found.expect("an answer").item.expect("a session");
        change(&mut item);
        self.put(self.sessions(), item).await;
    }
}

/// A text as an attribute.
fn words(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

/// A number as an attribute.
fn number(digits: &str) -> AttributeValue {
    AttributeValue::N(digits.to_owned())
}

fn set(item: &mut Item, name: &str, value: AttributeValue) {
    item.insert(name.to_owned(), value);
}

/// Appends to a list, which is created if there is none.
fn push(item: &mut Item, name: &str, entry: AttributeValue) {
    match item.get_mut(name) {
        Some(AttributeValue::L(list)) => list.push(entry),
        _ => set(item, name, AttributeValue::L(vec![entry])),
    }
}

/// The text of an attribute; empty if there is none.
fn text_of<'a>(item: &'a Item, name: &str) -> &'a str {
    item.get(name).and_then(|value| value.as_s().ok()).map_or("", String::as_str)
}

/// `count` different phones.
fn phones(first: usize, count: usize) -> Vec<String> {
    (first..first + count).map(|number| format!("55119{:08}", 70_000_000 + number)).collect()
}

/// The phones that did not get exactly `messages` messages, with what they got.
fn not_served(app: &TestApp, phones: &[String], messages: usize) -> Vec<(String, usize)> {
    let outbox = app.zapi.outbox(None);
    let got = |phone: &String| outbox.iter().filter(|sent| sent.phone == *phone).count();
    let served = phones.iter().map(|phone| (phone.clone(), got(phone)));
    served.filter(|(_, got)| *got != messages).collect()
}

/// A greeting from each phone to the clinic of a z-api instance.
fn greetings(app: &TestApp, instance: &str, phones: &[String]) -> Vec<Value> {
    let greeting = |phone: &String| {
        let mut webhook = app.patient(phone, "Maria Silva").webhook(text("Olá"));
        webhook["instanceId"] = json!(instance);
        webhook
    };
    phones.iter().map(greeting).collect()
}

/// Posts webhooks, eight at the same time. Each must be answered 200.
async fn post_all(app: &TestApp, webhooks: Vec<Value>) {
    let mut running = JoinSet::new();
    let mut statuses = Vec::new();
    for body in webhooks {
        let (client, url) = (app.client().clone(), app.url("/webhook/whatsapp"));
        running.spawn(async move { ask(&client, Method::POST, &url, Some(&body)).await });
        if running.len() == 8 {
            statuses.push(running.join_next().await);
        }
    }
    while let Some(done) = running.join_next().await {
        statuses.push(Some(done));
    }
    for done in statuses.into_iter().flatten() {
        let response = done.expect("a task").expect("an answer");
        assert_eq!(response.status, 200, "{}", response.body);
    }
}

/// Lets each phone write to a clinic while z-api refuses all messages, so that their chats are due later with the two
/// messages of a greeting.
async fn make_chats_due(app: &TestApp, instance: &str, phones: &[String]) {
    app.zapi.answer_endpoint("send-", ScriptedAnswer::respond(503, "{}"));
    post_all(app, greetings(app, instance, phones)).await;
    app.zapi.clear_scripts();
}

/// Inserts patients of the example clinic, each with an appointment of one minute on this date, from 10:00 on.
async fn insert_appointments(database: &TestDatabase, phones: &[String], date: &str) {
    let sql = "with person as (
            insert into scheduler.patients (clinic_id, match_key, phone, wa_id, name)
            select 'laser-beauty-sp', phone, phone, phone, 'Maria Silva' from unnest($1::text[]) phone
            returning id
        ), numbered as (select id, (row_number() over ())::int - 1 as minute from person)
        insert into scheduler.appointments (
            clinic_id, patient_id, service_id, appointment_date, start_time, end_time, buffer_minutes
        )
        select 'laser-beauty-sp', numbered.id,
            (select id from scheduler.services where clinic_id = 'laser-beauty-sp' limit 1), $2::date,
            time '10:00' + make_interval(mins => minute), time '10:00' + make_interval(mins => minute + 1), 0
        from numbered";
    sqlx::query(sql).bind(phones).bind(date).execute(&database.pool).await.expect("appointments");
}

/// Inserts clinics that share their ids with their z-api instances, each with one appointment on this date.
async fn insert_clinics(database: &TestDatabase, ids: &[String], phones: &[String], date: &str) {
    let sql = "with clinic as (
            insert into scheduler.clinics (clinic_id, name, phone, zapi_instance_id, zapi_instance_token)
            select id, id, phone, id, 'token' from unnest($1::text[], $2::text[]) as c (id, phone)
            returning clinic_id
        ), service as (
            insert into scheduler.services (clinic_id, name, duration_minutes)
            select clinic_id, 'Depilação a laser', 45 from clinic returning clinic_id, id
        ), patient as (
            insert into scheduler.patients (clinic_id, match_key, phone, wa_id, name)
            select clinic_id, '5511999990000', '5511999990000', '5511999990000', 'Maria Silva' from clinic
            returning clinic_id, id
        )
        insert into scheduler.appointments (
            clinic_id, patient_id, service_id, appointment_date, start_time, end_time, buffer_minutes
        )
        select s.clinic_id, p.id, s.id, $3::date, '10:00', '10:45', 10
        from service s join patient p on p.clinic_id = s.clinic_id";
    let insert = sqlx::query(sql).bind(ids).bind(phones).bind(date);
    insert.execute(&database.pool).await.expect("clinics");
}

/// Takes back every check of clinics and appointments, so that rows can hold what no release could have written.
async fn drop_checks(database: &TestDatabase) {
    let sql = "do $$
        declare
            checked record;
        begin
            for checked in
                select conrelid::regclass as of_table, conname from pg_constraint
                where contype = 'c'
                    and conrelid in ('scheduler.clinics'::regclass, 'scheduler.appointments'::regclass)
            loop
                execute format('alter table %s drop constraint %I', checked.of_table, checked.conname);
            end loop;
        end
        $$";
    sqlx::raw_sql(sql).execute(&database.pool).await.expect("no checks");
}

/// Moves the clock to an instant such as `2026-02-22T12:00:00Z`.
async fn move_clock_to(app: &TestApp, instant: &str) {
    let instant: DateTime<Utc> = instant.parse().expect("an instant");
    pass(app, instant - app.now()).await;
}

/// Runs a job, which must be answered 200, and returns its summary.
async fn run(app: &TestApp, job: &str) -> Value {
    app.ask_expecting(Method::POST, &format!("/_local/jobs/{job}"), None, 200).await
}

/// Checks that a summary counts what could not be read: as poisoned, as failed with a reason, or as left.
fn assert_counted(summary: &Value) {
    println!("{summary}");
    assert!(summary["poisoned"].is_u64(), "{summary}");
    let fields = summary.as_object().expect("a summary");
    let counts = |name: &str| name == "poisoned" || name == "failed" || name.ends_with("left");
    let counted = fields.iter().filter(|(name, _)| counts(name)).filter_map(|(_, value)| value.as_u64());
    assert!(counted.sum::<u64>() >= 1, "{summary}");
}
