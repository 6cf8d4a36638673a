//! Secrets from SSM (`docs/rules/security.md#secrets`): a function in the test's process, with a clock that the
//! test moves.

mod at_start;
mod rotation;

use std::sync::Arc;

use scheduler_api::context::{Admin, StartError};
use scheduler_api::live_context::LiveContext;
use scheduler_api::route::respond;
use scheduler_api::routes::LIST_SERVICES;
use scheduler_tests::{CLINIC, FakeSsm, TestClock, TestDatabase, database};
use sqlx::Executor;
use sqlx::postgres::PgConnectOptions;

const PASSWORD: &str = "the first password";
const KEY: &str = "the-first-key-of-this-clinic";
const OTHER_KEY: &str = "another-key-of-this-clinic";

type Settings = Vec<(&'static str, String)>;

/// A function that lists services, its database and its SSM.
struct Function {
    live: LiveContext<Admin>,
    clock: Arc<TestClock>,
    ssm: FakeSsm,
    database: TestDatabase,
    role: String,
}

impl Function {
    /// Starts with [`PASSWORD`] and [`KEY`] in SSM.
    async fn start() -> Self {
        let database = database().await;
        let role = create_role(&database).await;
        let ssm = FakeSsm::start(&[("RDS_PASSWORD", PASSWORD), ("SCHEDULER_API_KEY", KEY)]).await;
        let clock = Arc::new(TestClock::new());
        let settings = [database_settings(&database, &role), ssm.settings()].concat();
        let live = start(settings, clock.clone()).await.expect("the function starts");
        assert_eq!(ssm.take_calls(), [["RDS_PASSWORD", "SCHEDULER_API_KEY"]]);
        Self { live, clock, ssm, database, role }
    }

    /// The status of a call with this key.
    async fn call(&self, key: &str) -> u16 {
        let request = http::Request::get(format!("/clinics/{CLINIC}/services"))
            .header("x-api-key", key)
            .body(Vec::new())
            .expect("a request");
        respond(&self.live.current().await, &LIST_SERVICES, request).await.status().as_u16()
    }

    /// Changes the password in PostgreSQL and closes the connections that were opened with the old one.
    async fn change_password(&self, password: &str) {
        let role = &self.role;
        let pool = &self.database.pool;
        pool.execute(format!("alter role {role} password '{password}'").as_str()).await.expect("a password");
        let close = "select pg_terminate_backend(pid, 5000) from pg_stat_activity where usename = $1";
        let closed = sqlx::query_scalar::<_, bool>(close).bind(role).fetch_all(pool).await;
        assert!(closed.expect("closed connections").into_iter().all(|closed| closed));
    }
}

/// Starts a function with this environment.
async fn start(settings: Settings, clock: Arc<TestClock>) -> Result<LiveContext<Admin>, StartError> {
    let env = move |name: &str| {
        let found = settings.iter().find(|(key, _)| *key == name);
        found.map(|(_, value)| value.clone())
    };
    LiveContext::start(env, clock).await
}

/// Creates a role of its own for the test, with [`PASSWORD`] and all rights in the database.
async fn create_role(database: &TestDatabase) -> String {
    let role = format!("role_{}", uuid::Uuid::new_v4().simple());
    let create = format!("create role {role} login password '{PASSWORD}' in role scheduler");
    database.pool.execute(create.as_str()).await.expect("a role");
    role
}

/// The variables of the database, without the password.
fn database_settings(database: &TestDatabase, role: &str) -> Settings {
    let options: PgConnectOptions = database.url.parse().expect("a PostgreSQL URL");
    vec![
        ("RDS_HOST", options.get_host().to_owned()),
        ("RDS_PORT", options.get_port().to_string()),
        ("RDS_DATABASE", options.get_database().expect("a database").to_owned()),
        ("RDS_USERNAME", role.to_owned()),
        ("RDS_SSL_MODE", "disable".to_owned()),
    ]
}

/// An error with its whole chain of causes, as the log writes it.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
