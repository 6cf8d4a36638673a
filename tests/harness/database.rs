//! One PostgreSQL server for the whole test process, with a separate database for each test.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, OnceLock, mpsc};

use scheduler_local::postgres::Cluster;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions, Connection, Executor, PgConnection, PgPool};
use tempfile::TempDir;
use uuid::Uuid;

use crate::process::Process;

const TEMPLATE: &str = "migrated_and_seeded";

/// A database with the schema and the example clinic.
#[derive(Clone)]
pub struct TestDatabase {
    /// `postgres://…`, for the app under test.
    pub url: String,
    /// Connections for the test itself.
    pub pool: PgPool,
}

impl TestDatabase {
    /// The address of the PostgreSQL server.
    pub fn address(&self) -> SocketAddr {
        address_of(&self.url)
    }

    /// The URL of the same database through another address, such as a proxy's.
    pub fn url_via(&self, address: SocketAddr) -> String {
        self.url.replacen(&self.address().to_string(), &address.to_string(), 1)
    }

    /// A hash of the rows of each table, to check that nothing was changed.
    pub async fn fingerprint(&self) -> BTreeMap<String, String> {
        let tables: Vec<String> =
            sqlx::query_scalar("select tablename::text from pg_tables where schemaname = 'scheduler'")
                .fetch_all(&self.pool)
                .await
                .expect("the tables");
        let mut hashes = BTreeMap::new();
        for table in tables {
            let rows = format!(
                "select coalesce(md5(string_agg(t::text, '|' order by t::text)), '') from scheduler.{table} t"
            );
            let hash = sqlx::query_scalar(&rows).fetch_one(&self.pool).await.expect("a hash");
            hashes.insert(table, hash);
        }
        hashes
    }

    /// The single number that a query such as `select count(*)` returns.
    pub async fn number(&self, sql: &str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&self.pool).await.expect("a number")
    }
}

/// Host and port of a URL such as `postgres://user[:password]@127.0.0.1:5432/database`.
pub fn address_of(url: &str) -> SocketAddr {
    let options: PgConnectOptions = url.parse().expect("a PostgreSQL URL");
    format!("{}:{}", options.get_host(), options.get_port()).parse().expect("an address of this machine")
}

/// A fresh copy of the migrated and seeded database.
pub async fn database() -> TestDatabase {
    static TEMPLATE_READY: tokio::sync::OnceCell<()> = tokio::sync::OnceCell::const_new();
    let cluster = shared_cluster();
    TEMPLATE_READY
        .get_or_init(|| async {
            create_database(cluster, TEMPLATE, None).await;
            let folder = TempDir::new().expect("a folder");
            migrate_and_seed(folder.path(), &cluster.url(TEMPLATE));
        })
        .await;
    copy_template(cluster).await
}

/// A separate PostgreSQL server in `folder`, for tests that stop it; it has the empty database `own`.
pub async fn own_cluster(folder: &Path) -> (Cluster, String) {
    let cluster = Cluster::start(folder).await.expect("PostgreSQL starts");
    let exists: bool = {
        let mut admin = admin(&cluster).await;
        sqlx::query_scalar("select exists (select from pg_database where datname = 'own')")
            .fetch_one(&mut admin)
            .await
            .expect("an answer")
    };
    if !exists {
        create_database(&cluster, "own", None).await;
    }
    let url = cluster.url("own");
    (cluster, url)
}

/// Creates the schema and the example clinic with the subcommands of `scheduler-local`.
pub fn migrate_and_seed(folder: &Path, url: &str) {
    for subcommand in ["setup-database", "seed-clinic"] {
        let settings = [("DATABASE_URL", url.to_owned())];
        let (status, printed) = Process::run(folder, &settings, subcommand);
        assert!(status.success(), "{subcommand}:\n{printed}");
    }
}

async fn copy_template(cluster: &Cluster) -> TestDatabase {
    let name = format!("test_{}", Uuid::new_v4().simple());
    create_database(cluster, &name, Some(TEMPLATE)).await;
    let url = cluster.url(&name);
    let pool = PgPoolOptions::new().max_connections(4).connect_lazy(&url).expect("a PostgreSQL URL");
    TestDatabase { url, pool }
}

async fn create_database(cluster: &Cluster, name: &str, template: Option<&str>) {
    let template = template.map(|template| format!("template {template}")).unwrap_or_default();
    let mut admin = admin(cluster).await;
    // PostgreSQL refuses to copy one template twice at the same time, so copies wait for each other.
    admin.execute("select pg_advisory_lock(1)").await.expect("a lock");
    admin.execute(format!("create database {name} {template}").as_str()).await.expect("a database");
    let _ = admin.close().await;
}

async fn admin(cluster: &Cluster) -> PgConnection {
    let options: PgConnectOptions = cluster.url("postgres").parse().expect("a PostgreSQL URL");
    options.connect().await.expect("PostgreSQL answers")
}

/// Runs on its own thread, because a test's runtime ends with the test.
fn shared_cluster() -> &'static Cluster {
    static SHARED: OnceLock<Arc<Cluster>> = OnceLock::new();
    SHARED.get_or_init(|| {
        let (ready, started) = mpsc::channel();
        std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let folder = TempDir::new().expect("a folder");
                let cluster = Arc::new(Cluster::temporary(folder.path()).await.expect("PostgreSQL starts"));
                let _ = ready.send(Arc::clone(&cluster));
                std::future::pending::<()>().await;
                drop((cluster, folder));
            });
        });
        started.recv().expect("PostgreSQL starts")
    })
}
