//! The context of the function that writes the clinics' sheets.

use std::sync::Arc;

use scheduler_core::adapters::clock::SystemClock;
use scheduler_core::adapters::dynamodb::Tables;
use scheduler_core::adapters::postgres::Db;
use scheduler_core::app::sheets::SheetSync;
use scheduler_core::config::{EnvReader, Lookup, SslMode};
use scheduler_core::ports::Clock;

use super::{Context, StartError};
use crate::metrics::Metrics;

/// The SheetWriter: PostgreSQL, DynamoDB and Google Sheets. No other function links Google's client.
#[derive(Clone)]
pub struct SheetWriter {
    /// Writes the sheets, if a service account is configured.
    pub sheets: SheetSync,
    pub(crate) db: Db,
    tables: Tables,
    clock: Arc<dyn Clock>,
    metrics: Metrics,
}

impl SheetWriter {
    /// `sheets` uses the same stores and the same clock.
    pub(super) fn new(
        sheets: SheetSync,
        db: Db,
        tables: Tables,
        clock: Arc<dyn Clock>,
        metrics: Metrics,
    ) -> Self {
        Self { sheets, db, tables, clock, metrics }
    }
}

impl Context for SheetWriter {
    fn from_env(env: Lookup<'_>) -> Result<Self, StartError> {
        let mut reader = EnvReader::new(env);
        let stage = reader.optional("STAGE");
        let read = (reader.database(SslMode::VerifyFull), reader.tables(), reader.sheets());
        let (database, tables, config) = reader.finish(read)?;
        let (db, tables) = (Db::held_connections(&database)?, Tables::new(tables));
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let sheets = SheetSync::open(config.as_ref(), &db, &tables, &clock)?;
        Ok(Self::new(sheets, db, tables, clock, Metrics::of(stage)))
    }

    async fn warm_up(&self) {
        tokio::join!(self.db.warm(), self.tables.warm());
    }

    fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    fn metrics(&self) -> &Metrics {
        &self.metrics
    }
}
