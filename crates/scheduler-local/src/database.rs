//! The server's PostgreSQL: the configured one, or a managed one that the server starts and stops.

use scheduler_core::adapters::postgres::Db;
use scheduler_core::app::seed::seed_clinic;
use scheduler_core::config::{DatabaseConfig, SslMode};
use scheduler_core::domain::clinic::Secret;
use scheduler_core::error::StoreError;

use crate::postgres::{Cluster, ClusterError};
use crate::settings::Settings;

const DATABASE_NAME: &str = "scheduler";

/// The database that the server uses.
pub struct Database {
    /// How to connect.
    pub config: DatabaseConfig,
    cluster: Option<Cluster>,
}

impl Database {
    /// Uses the configured database, or starts a managed PostgreSQL with its data in `settings.folder`.
    pub async fn open(settings: &Settings) -> Result<Self, ClusterError> {
        if let Some(config) = &settings.database {
            return Ok(Self { config: config.clone(), cluster: None });
        }
        let cluster = Cluster::start(&settings.folder.join("postgres")).await?;
        cluster.create_database(DATABASE_NAME).await?;
        let url = Secret::new(cluster.url(DATABASE_NAME));
        let config = DatabaseConfig { url, ssl_mode: SslMode::Disable, root_cert: None, connections: 1 };
        Ok(Self { config, cluster: Some(cluster) })
    }

    /// Port of the managed PostgreSQL on 127.0.0.1; `None` for a configured database.
    pub fn port(&self) -> Option<u16> {
        self.cluster.as_ref().map(Cluster::port)
    }

    /// Sentences for the operator about the managed PostgreSQL.
    pub fn notices(&self) -> &[String] {
        self.cluster.as_ref().map_or(&[], Cluster::notices)
    }

    /// Migrates a managed database and creates the example clinic. A configured database gets the same only
    /// if it has no `scheduler` schema; otherwise it is not changed.
    ///
    /// If a configured database fails, this returns a notice and not an error, because the database may
    /// become available while the server runs.
    pub async fn prepare(&self, db: &Db) -> Result<Option<String>, StoreError> {
        let prepared = async {
            if self.cluster.is_some() || !db.has_schema().await? {
                db.setup().await?;
                seed_clinic(db).await?;
            }
            Ok::<(), StoreError>(())
        };
        match prepared.await {
            Err(error) if self.cluster.is_none() => {
                Ok(Some(format!("the database is not ready: {error}: {}", error.source)))
            }
            prepared => prepared.map(|()| None),
        }
    }

    /// Whether the server started this PostgreSQL itself.
    pub fn is_managed(&self) -> bool {
        self.cluster.is_some()
    }

    /// Stops the managed PostgreSQL; leaves a configured database alone.
    pub async fn stop(self) {
        if let Some(cluster) = self.cluster
            && let Err(error) = cluster.stop().await
        {
            eprintln!("{error}");
        }
    }
}
