//! The PostgreSQL cluster that the local server starts in its own folder.

use std::path::Path;

use scheduler_local::folder::FolderError;
use scheduler_local::postgres::{Cluster, ClusterError};
use sqlx::{Connection, PgConnection};
use tempfile::TempDir;

async fn number(cluster: &Cluster, sql: &str) -> i64 {
    let mut connection = PgConnection::connect(&cluster.url("kept")).await.unwrap();
    sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap()
}

async fn change(cluster: &Cluster, sql: &str) {
    let mut connection = PgConnection::connect(&cluster.url("kept")).await.unwrap();
    sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
}

#[tokio::test]
async fn data_survives_a_stop_and_a_drop_of_the_cluster() {
    let folder = TempDir::new().unwrap();
    let cluster = Cluster::start(folder.path()).await.unwrap();
    cluster.create_database("kept").await.unwrap();
    cluster.create_database("kept").await.unwrap();
    change(&cluster, "create table numbers (n bigint); insert into numbers values (1)").await;
    cluster.stop().await.unwrap();
    assert!(!folder.path().join("data/postmaster.pid").exists());

    let cluster = Cluster::start(folder.path()).await.unwrap();
    assert_eq!(number(&cluster, "select sum(n)::bigint from numbers").await, 1);
    change(&cluster, "insert into numbers values (2)").await;
    // As in a panic: nothing waits for PostgreSQL to stop, so the next start has to.
    drop(cluster);
    let cluster = Cluster::start(folder.path()).await.unwrap();
    assert_eq!(number(&cluster, "select sum(n)::bigint from numbers").await, 3);
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn a_folder_holds_one_running_cluster() {
    let folder = TempDir::new().unwrap();
    let cluster = Cluster::temporary(folder.path()).await.unwrap();
    let refused = Cluster::temporary(folder.path()).await.err().unwrap();
    assert!(matches!(refused, ClusterError::Folder(FolderError::InUse(_))), "{refused}");
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn a_connection_without_the_password_is_refused() {
    let folder = TempDir::new().unwrap();
    let cluster = Cluster::temporary(folder.path()).await.unwrap();
    let url = cluster.url("postgres");
    let (_, host) = url.split_once('@').unwrap();
    for user in ["scheduler", "scheduler:scheduler", "postgres"] {
        let refused = PgConnection::connect(&format!("postgres://{user}@{host}")).await;
        assert!(refused.is_err(), "{user}");
    }
    assert_eq!(mode(&folder.path().join("password")), 0o600);
    cluster.stop().await.unwrap();
}

fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().unwrap().permissions().mode() & 0o777
}
