//! The PostgreSQL that is used: the one that is named, or one of our own.

use scheduler_core::adapters::postgres::Db;
use scheduler_core::app::seed::seed_clinic;
use scheduler_core::config::{DatabaseConfig, SslMode};
use scheduler_core::domain::clinic::Secret;
use scheduler_core::error::StoreError;

use crate::postgres::{Cluster, ClusterError};
use crate::settings::Settings;

const NAME: &str = "scheduler";

/// How to reach it, and what to stop afterwards.
pub struct Database {
    /// How to reach it.
    pub config: DatabaseConfig,
    own: Option<Cluster>,
}

impl Database {
    /// Takes the one that the settings name, or starts one with its data in the settings' folder.
    pub async fn open(settings: &Settings) -> Result<Self, ClusterError> {
        if let Some(config) = &settings.database {
            return Ok(Self { config: config.clone(), own: None });
        }
        let cluster = Cluster::start(&settings.folder.join("postgres")).await?;
        cluster.make_database(NAME).await?;
        let url = Secret::new(cluster.url(NAME));
        let config = DatabaseConfig { url, ssl_mode: SslMode::Disable, root_cert: None };
        Ok(Self { config, own: Some(cluster) })
    }

    /// The port of our own.
    pub fn port(&self) -> Option<u16> {
        self.own.as_ref().map(Cluster::port)
    }

    /// What the operator should know of our own.
    pub fn notices(&self) -> &[String] {
        self.own.as_ref().map_or(&[], Cluster::notices)
    }

    /// Brings our own up to date, example clinic included, and an empty one that is named. One with
    /// a schema belongs to somebody and stays as it is; one that is away may come back: that it is
    /// not ready is told, not an error.
    pub async fn fill(&self, db: &Db) -> Result<Option<String>, StoreError> {
        let filled = async {
            if self.own.is_some() || !db.has_schema().await? {
                db.setup().await?;
                seed_clinic(db).await?;
            }
            Ok::<(), StoreError>(())
        };
        match filled.await {
            Err(error) if self.own.is_none() => {
                Ok(Some(format!("the database is not ready: {error}: {}", error.source)))
            }
            filled => filled.map(|()| None),
        }
    }

    /// Whether it is our own.
    pub fn is_own(&self) -> bool {
        self.own.is_some()
    }

    /// Stops it if it is our own.
    pub async fn stop(self) {
        if let Some(cluster) = self.own
            && let Err(error) = cluster.stop().await
        {
            eprintln!("{error}");
        }
    }
}
