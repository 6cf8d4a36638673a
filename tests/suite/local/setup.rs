//! The commands that prepare a database, when something goes wrong or takes long.

use scheduler_core::adapters::postgres::Db;
use scheduler_core::app::seed::seed_clinic;
use scheduler_core::config::{DatabaseConfig, SslMode};
use scheduler_core::domain::clinic::Secret;
use scheduler_local::postgres::Cluster;
use scheduler_tests::database;
use sqlx::{Connection, PgConnection};
use tempfile::TempDir;

/// Refuses the last rows that the example clinic gets.
const REFUSE_TEMPLATES: &str = "
    create function public.refuse() returns trigger language plpgsql as
        $$ begin raise exception 'no templates today'; end $$;
    create trigger refuse before insert on scheduler.message_templates
        for each row execute function public.refuse();
";

/// Notes the limits under which each change of the schema runs.
const NOTE_LIMITS: &str = "
    create table public.limits (statement text, lock text, idle text);
    create function public.note_limits() returns event_trigger language plpgsql as $$
        begin
            insert into public.limits values (
                current_setting('statement_timeout'), current_setting('lock_timeout'),
                current_setting('idle_in_transaction_session_timeout')
            );
        end
    $$;
    create event trigger note_limits on ddl_command_start execute function public.note_limits();
";

fn db(url: &str) -> Db {
    let config =
        DatabaseConfig { url: Secret::new(url), ssl_mode: SslMode::Disable, root_cert: None, connections: 1 };
    Db::held_connections(&config).unwrap()
}

#[tokio::test]
async fn a_seed_that_fails_half_way_leaves_no_clinic_and_can_be_repeated() {
    let database = database().await;
    let change = async |sql: &str| sqlx::raw_sql(sql).execute(&database.pool).await.unwrap();
    change("truncate scheduler.clinics cascade").await;
    change(REFUSE_TEMPLATES).await;
    let db = db(&database.url);
    assert!(seed_clinic(&db).await.is_err());
    assert_eq!(database.number("select count(*) from scheduler.clinics").await, 0);

    change("drop trigger refuse on scheduler.message_templates").await;
    let printed = seed_clinic(&db).await.unwrap();
    assert!(printed[0].0.contains("made"), "{printed:?}");
    for (table, rows) in [
        ("clinics", 1),
        ("services", 1),
        ("professionals", 1),
        ("availability_rules", 5),
        ("faq_items", 5),
        ("message_templates", 17),
    ] {
        assert_eq!(
            database.number(&format!("select count(*) from scheduler.{table}")).await,
            rows,
            "{table}"
        );
    }
    let repeated = seed_clinic(&db).await.unwrap();
    assert!(repeated[0].0.contains("already there"), "{repeated:?}");
}

#[tokio::test]
async fn migrations_have_their_own_limits_and_wait_for_each_other() {
    let folder = TempDir::new().unwrap();
    let cluster = Cluster::temporary(folder.path()).await.unwrap();
    cluster.create_database("empty").await.unwrap();
    let url = cluster.url("empty");
    let mut connection = PgConnection::connect(&url).await.unwrap();
    sqlx::raw_sql(NOTE_LIMITS).execute(&mut connection).await.unwrap();

    let (one, other) = (db(&url), db(&url));
    let (one, other) = tokio::join!(one.setup(), other.setup());
    assert_eq!(one.unwrap().len(), other.unwrap().len());

    let noted: Vec<(String, String, String)> =
        sqlx::query_as("select distinct * from public.limits").fetch_all(&mut connection).await.unwrap();
    assert_eq!(noted, [("1h".to_owned(), "10s".to_owned(), "1min".to_owned())]);
    connection.close().await.unwrap();
    cluster.stop().await.unwrap();
}
