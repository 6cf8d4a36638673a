//! Many clinics with real stores and a fake z-api.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use chrono::{NaiveDate, NaiveTime};
use scheduler_core::adapters::dynamodb::session::ChatKey;
use scheduler_core::adapters::postgres::Db;
use scheduler_core::adapters::zapi::Zapi;
use scheduler_core::app::chats::Chats;
use scheduler_core::config::{DatabaseConfig, SslMode};
use scheduler_core::domain::allowed_phones::AllowedPhones;
use scheduler_core::domain::clinic::Secret;
use scheduler_core::domain::ids::{AppointmentId, ClinicId};
use scheduler_core::domain::phone::MatchKey;
use scheduler_core::domain::time::Slot;
use scheduler_local::dynamodb::EmbeddedDynamoDb;
use scheduler_local::fake_zapi::{FakeZapi, ScriptedAnswer};
use scheduler_tests::tables::create_tables;
use scheduler_tests::{TestClock, TestDatabase, database};
use sqlx::Postgres;
use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use tokio::task::JoinSet;
use uuid::Uuid;

/// Connections to PostgreSQL, as a job has them.
const CONNECTIONS: u32 = 4;
/// Items that are prepared at the same time.
const WRITERS: usize = 32;
/// Name of every patient.
pub const NAME: &str = "Maria Silva";

/// The stores of one benchmark, z-api, and the clock that they follow.
pub struct Setup {
    pub chats: Chats,
    pub clock: Arc<TestClock>,
    pub zapi: FakeZapi,
    clinics: usize,
    database: TestDatabase,
    dynamodb: EmbeddedDynamoDb,
}

/// A patient. No two clinics have a patient with the same phone.
#[derive(Debug, Clone)]
pub struct Person {
    pub clinic: ClinicId,
    pub phone: String,
}

/// An appointment of a patient.
#[derive(Debug, Clone)]
pub struct Visit {
    pub id: AppointmentId,
    pub slot: Slot,
    pub person: Person,
}

/// How a message for each of some phones went out.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Delivered {
    /// Phones that got none.
    pub missing: usize,
    /// Messages to phones that had got one before.
    pub repeated: usize,
}

/// The clinic with this number. Its z-api instance has the same id.
pub fn clinic_id(number: usize) -> ClinicId {
    ClinicId(format!("clinic-{number:04}"))
}

/// The phone that gets the nightly report of the clinic with this number.
pub fn clinic_phone(number: usize) -> String {
    format!("55119{}", 80_000_000 + number)
}

/// Awaits all of these, [`WRITERS`] at a time.
pub async fn in_parallel<F>(writes: impl Iterator<Item = F>)
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut running = JoinSet::new();
    for write in writes {
        if running.len() >= WRITERS {
            running.join_next().await.expect("a write is running").expect("it succeeds");
        }
        running.spawn(write);
    }
    while let Some(written) = running.join_next().await {
        written.expect("it succeeds");
    }
}

impl Person {
    /// The key of the patient's chat.
    pub fn chat(&self) -> ChatKey {
        ChatKey { clinic: self.clinic.clone(), person: MatchKey(self.phone.clone()) }
    }
}

impl Setup {
    /// So many active clinics in São Paulo. Their z-api answers after `answer_time`.
    pub async fn start(clinics: usize, answer_time: Duration) -> Self {
        let database = database().await;
        let dynamodb = EmbeddedDynamoDb::start(None, 0).await.expect("DynamoDB starts");
        let clock = Arc::new(TestClock::new());
        let zapi = FakeZapi::start(clock.clone()).await.expect("z-api starts");
        zapi.answer_endpoint("", ScriptedAnswer::success().after(answer_time));
        let config = DatabaseConfig {
            url: Secret::new(database.url.as_str()),
            ssl_mode: SslMode::Disable,
            root_cert: None,
            connections: 4,
        };
        let chats = Chats {
            db: Db::connection_pool(&config, CONNECTIONS).expect("a database URL"),
            tables: create_tables(dynamodb.endpoint()).await,
            whatsapp: Arc::new(Zapi::new(&zapi.base_url(), None).expect("an HTTP client")),
            clock: clock.clone(),
            allowed: AllowedPhones::All,
        };
        let setup = Self { chats, clock, zapi, clinics, database, dynamodb };
        setup.execute(sqlx::query("update scheduler.clinics set active = false")).await;
        let ids: Vec<String> = (0..clinics).map(|number| clinic_id(number).0).collect();
        let phones: Vec<String> = (0..clinics).map(clinic_phone).collect();
        let insert = "insert into scheduler.clinics
                (clinic_id, name, phone, zapi_instance_id, zapi_instance_token)
            select v.id, v.id, v.phone, v.id, 'token' from unnest($1::text[], $2::text[]) as v (id, phone)";
        setup.execute(sqlx::query(insert).bind(ids).bind(phones)).await;
        setup.analyze("scheduler.clinics").await;
        // Opens all connections, so that the first items do not wait for them.
        let db = &setup.chats.db;
        tokio::join!(db.warm(), db.warm(), db.warm(), db.warm());
        setup
    }

    /// So many patients, of all clinics in turn.
    pub fn people(&self, count: usize) -> Vec<Person> {
        let person = |number: usize| Person {
            clinic: clinic_id(number % self.clinics),
            phone: format!("55119{}", 90_000_000 + number),
        };
        (0..count).map(person).collect()
    }

    /// Books an appointment on 17 February for each of these patients, of all clinics in turn: those of a clinic
    /// at 09:00, 09:06 and so on, at most ten. Their reminders and sheet rows count as up to date.
    pub async fn book(&self, people: Vec<Person>) -> Vec<Visit> {
        let date = NaiveDate::from_ymd_opt(2026, 2, 17).expect("a date");
        let visit = |(number, person): (usize, Person)| {
            let minute = u32::try_from(number / self.clinics * 6).expect("a minute");
            let time = NaiveTime::from_hms_opt(9, minute, 0).expect("at most ten appointments of a clinic");
            Visit { id: AppointmentId(Uuid::new_v4()), slot: Slot { date, time }, person }
        };
        let visits: Vec<Visit> = people.into_iter().enumerate().map(visit).collect();
        let ids: Vec<Uuid> = visits.iter().map(|visit| visit.id.0).collect();
        let clinics: Vec<String> = visits.iter().map(|visit| visit.person.clinic.0.clone()).collect();
        let phones: Vec<String> = visits.iter().map(|visit| visit.person.phone.clone()).collect();
        let times: Vec<NaiveTime> = visits.iter().map(|visit| visit.slot.time).collect();
        let services = "insert into scheduler.services (clinic_id, name, duration_minutes)
            select clinic_id, 'Depilação a laser', 5 from scheduler.clinics where active";
        let patients = "insert into scheduler.patients (clinic_id, phone, wa_id, match_key, name)
            select v.clinic_id, v.phone, v.phone, v.phone, $3::text
            from unnest($1::text[], $2::text[]) as v (clinic_id, phone)";
        let appointments = "insert into scheduler.appointments
                (id, clinic_id, patient_id, service_id, appointment_date, start_time, end_time, buffer_minutes,
                    reminder_version, sheet_version)
            select v.id, v.clinic_id, p.id, s.id, $5::date, v.start_time, v.start_time + interval '5 min', 0, 1, 1
            from unnest($1::uuid[], $2::text[], $3::text[], $4::time[]) as v (id, clinic_id, phone, start_time)
            join scheduler.patients p on p.clinic_id = v.clinic_id and p.match_key = v.phone
            join scheduler.services s on s.clinic_id = v.clinic_id";
        self.execute(sqlx::query(services)).await;
        self.execute(sqlx::query(patients).bind(&clinics).bind(&phones).bind(NAME)).await;
        let appointments = sqlx::query(appointments).bind(ids).bind(&clinics).bind(&phones).bind(times);
        self.execute(appointments.bind(date)).await;
        self.analyze("scheduler.services, scheduler.patients, scheduler.appointments").await;
        visits
    }

    /// What z-api accepted for these phones.
    pub fn delivered<'a>(&self, phones: impl Iterator<Item = &'a str>) -> Delivered {
        let mut accepted: HashMap<String, usize> = HashMap::new();
        for message in self.zapi.outbox(None) {
            *accepted.entry(message.phone).or_default() += 1;
        }
        let mut delivered = Delivered::default();
        for phone in phones {
            match accepted.get(phone) {
                Some(times) => delivered.repeated += times - 1,
                None => delivered.missing += 1,
            }
        }
        delivered
    }

    /// Closes the connections and stops the embedded DynamoDB.
    pub async fn stop(self) {
        self.chats.db.close().await;
        self.database.pool.close().await;
        self.dynamodb.stop().await;
    }

    async fn execute(&self, statement: Query<'_, Postgres, PgArguments>) {
        statement.execute(&self.database.pool).await.expect("PostgreSQL accepts it");
    }

    /// Counts the rows, as PostgreSQL does by itself after a while.
    async fn analyze(&self, tables: &str) {
        let analyze = format!("vacuum analyze {tables}");
        sqlx::raw_sql(&analyze).execute(&self.database.pool).await.expect("PostgreSQL counts");
    }
}
