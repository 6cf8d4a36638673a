//! Creates the schema and the example clinic. Both may be repeated.

use std::collections::BTreeMap;

use sqlx::PgConnection;
use sqlx::types::Json;

use super::Db;
use super::connection::{run, store_error, try_run};
use crate::domain::ids::ClinicId;
use crate::error::StoreError;

/// A printable line about one thing that was done, or that existed already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetupLine(pub String);

/// The limits of a migration in place of a statement's (docs/rules/speed.md#budgets). It may rewrite or index a
/// large table, but waits only briefly for a table that somebody uses, because everybody else who wants the
/// table waits behind it.
const MIGRATION_LIMITS: &str = "
    set statement_timeout = '1h';
    set lock_timeout = '10s';
    set idle_in_transaction_session_timeout = '1min';
";

/// Takes the lock under which the schema is changed. The limit on locks would also end the wait for another
/// process's migrations.
const WAIT_FOR_OTHER_SETUPS: &str = "
    set statement_timeout = '1h';
    set lock_timeout = 0;
    select pg_advisory_lock(hashtext('scheduler: set up the database'));
";

/// Id of the example clinic (docs/rules/api.md#local-server).
const EXAMPLE_CLINIC: &str = "laser-beauty-sp";

/// Questions of the example clinic: key, question, answer.
const FAQ: [(&str, &str, &str); 5] = [
    (
        "EQUIPMENT",
        "Qual equipamento vocês usam?",
        "Trabalhamos com o Soprano Ice Platinum, que resfria a pele durante a aplicação: a sessão é rápida, \
         confortável e indicada para todos os tons de pele.",
    ),
    (
        "SESSION_INTERVAL",
        "Qual o intervalo entre sessões?",
        "Em média 30 dias, ou seja, cerca de uma sessão por mês. Para o rosto o intervalo pode ser um pouco \
         menor. A equipe confirma o melhor intervalo para você.",
    ),
    (
        "DATES",
        "Quais dias vocês atendem?",
        "Atendemos de segunda a sexta, das 9h às 18h. Para ver os dias e horários livres, volte ao menu e \
         toque em Agendar sessão.",
    ),
    (
        "PAYMENT",
        "Quais as formas de pagamento?",
        "Aceitamos Pix, dinheiro e cartões de débito e crédito. O pagamento é feito na clínica, no dia da \
         sessão.",
    ),
    (
        "TEAM",
        "Quem faz o atendimento?",
        "As sessões são feitas por biomédicas estetas, com experiência em depilação a laser. Antes da primeira \
         sessão você passa por uma avaliação.",
    ),
];

impl Db {
    /// Runs the pending migrations. Processes that do this at the same time wait for each other.
    pub async fn setup(&self) -> Result<Vec<SetupLine>, StoreError> {
        const ACTION: &str = "set up the database";
        let migrator = sqlx::migrate!("../../migrations");
        let before = self.finished_migrations().await?;
        // The guard is dropped unsettled, which closes the connection: its limits are not a statement's, and it
        // holds the lock.
        let mut guard = self.acquire(ACTION).await?;
        let connection: &mut PgConnection = guard.connection()?;
        for statements in [WAIT_FOR_OTHER_SETUPS, MIGRATION_LIMITS] {
            sqlx::raw_sql(statements)
                .execute(&mut *connection)
                .await
                .map_err(|error| store_error(ACTION, error.into()))?;
        }
        migrator.run_direct(connection).await.map_err(|error| StoreError::internal(ACTION, error))?;
        Ok(migrator
            .iter()
            .map(|migration| {
                let done = if before.contains(&migration.version) { "already run" } else { "run" };
                SetupLine(format!("migration {:04} {}: {done}", migration.version, migration.description))
            })
            .collect())
    }

    /// Whether the schema `scheduler` exists, in any version.
    pub async fn has_schema(&self) -> Result<bool, StoreError> {
        const ACTION: &str = "look for the schema";
        run!(self, ACTION, |connection| sqlx::query_scalar("select to_regnamespace('scheduler') is not null")
            .fetch_one(connection))
    }

    /// Creates the example clinic with its service, professional, opening hours, questions and `templates`
    /// (text by key). Changes nothing if the clinic exists.
    pub async fn seed_clinic(
        &self,
        templates: &BTreeMap<String, String>,
    ) -> Result<Vec<SetupLine>, StoreError> {
        const ACTION: &str = "seed the example clinic";
        let questions: Vec<_> = FAQ
            .iter()
            .zip(1..)
            .map(|((key, label, answer), order)| {
                serde_json::json!({
                    "question_key": key, "question_label": label, "answer": answer, "display_order": order,
                })
            })
            .collect();
        let hours = serde_json::json!({
            "mon": {"start": "09:00", "end": "18:00"},
            "tue": {"start": "09:00", "end": "18:00"},
            "wed": {"start": "09:00", "end": "18:00"},
            "thu": {"start": "09:00", "end": "18:00"},
            "fri": {"start": "09:00", "end": "18:00"},
        });
        // One statement, so that there is never a clinic without its rows.
        let made = run!(self, ACTION, |connection| sqlx::query_scalar!(
            r#"with clinic as (
                insert into scheduler.clinics (
                    clinic_id, name, phone, address, business_hours, pre_session_instructions,
                    zapi_instance_id, zapi_instance_token
                )
                values (
                    $1, 'Laser Beauty', '5511988880000', 'Rua Exemplo, 123 - São Paulo', $2,
                    'Venha com a pele limpa, sem creme nem desodorante, e evite sol nos dois dias '
                    'anteriores.', 'instance-123', 'example-token'
                )
                on conflict do nothing
                returning clinic_id
            ), service as (
                insert into scheduler.services (clinic_id, name, duration_minutes, price_cents, description)
                select clinic_id, 'Depilação a laser', 45, 15000, 'Sessão avulsa de depilação a laser'
                from clinic
            ), professional as (
                insert into scheduler.professionals (clinic_id, name, role)
                select clinic_id, 'Biomédica esteta', 'Biomédica esteta' from clinic
            ), rules as (
                insert into scheduler.availability_rules (clinic_id, day_of_week, start_time, end_time)
                select clinic_id, day, '09:00', '18:00' from clinic, generate_series(1, 5) day
            ), questions as (
                insert into scheduler.faq_items
                    (clinic_id, question_key, question_label, answer, display_order)
                select clinic_id, question_key, question_label, answer, display_order
                from clinic, jsonb_to_recordset($3) as q (
                    question_key text, question_label text, answer text, display_order integer
                )
            ), texts as (
                insert into scheduler.message_templates (clinic_id, template_key, content)
                select clinic_id, key, value from clinic, jsonb_each_text($4)
            )
            select exists (select from clinic) as "made!""#,
            EXAMPLE_CLINIC,
            hours,
            Json(&questions) as _,
            Json(templates) as _,
        )
        .fetch_one(connection))?;
        self.profiles.remove(&ClinicId(EXAMPLE_CLINIC.into()));
        if !made {
            return Ok(vec![SetupLine(format!("clinic {EXAMPLE_CLINIC}: already there"))]);
        }
        Ok(vec![
            SetupLine(format!("clinic {EXAMPLE_CLINIC}: made, z-api instance instance-123")),
            SetupLine("services: 1, professionals: 1, availability rules: 5".into()),
            SetupLine(format!("questions: {}, templates: {}", FAQ.len(), templates.len())),
        ])
    }

    async fn finished_migrations(&self) -> Result<Vec<i64>, StoreError> {
        const ACTION: &str = "list the finished migrations";
        // The migrator creates this table. A new database does not have it yet, so these queries cannot be
        // checked at compile time.
        let exists: bool = run!(self, ACTION, |connection| sqlx::query_scalar(
            "select to_regclass('_sqlx_migrations') is not null"
        )
        .fetch_one(connection))?;
        if !exists {
            return Ok(Vec::new());
        }
        run!(self, ACTION, |connection| sqlx::query_scalar(
            "select version from _sqlx_migrations where success"
        )
        .fetch_all(connection))
    }
}
