//! The PostgreSQL that is used: the one that is named, or one of our own.

use scheduler_core::config::{DatabaseConfig, SslMode};
use scheduler_core::domain::clinic::Secret;

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
        for notice in cluster.notices() {
            eprintln!("{notice}");
        }
        cluster.make_database(NAME).await?;
        let url = Secret::new(cluster.url(NAME));
        let config = DatabaseConfig { url, ssl_mode: SslMode::Disable, root_cert: None };
        Ok(Self { config, own: Some(cluster) })
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
