//! The command `set-webhooks`: sets every active clinic's webhook URL at z-api
//! (docs/rules/api.md#webhooks).

use std::process::ExitCode;

use scheduler_core::adapters::postgres::Db;
use scheduler_core::adapters::zapi::Zapi;
use scheduler_core::app::webhook_urls::{UrlOutcome, set_webhook_urls};
use scheduler_core::config::{EnvReader, Lookup, SslMode};
use scheduler_core::error::StoreError;
use scheduler_local::server::StartError;

/// Prints one line for each clinic. The exit code says whether every URL was set.
pub(crate) async fn run(env: Lookup<'_>) -> Result<ExitCode, StartError> {
    let mut reader = EnvReader::new(env);
    let read = (reader.database(SslMode::Prefer), reader.zapi(), reader.webhook_urls());
    let (database, zapi, urls) = reader.finish(read)?;
    let urls = urls.ok_or("WEBHOOK_TOKEN and WEBHOOK_BASE_URL must be set")?;
    let db = Db::held_connections(&database).map_err(with_cause)?;
    let provider = Zapi::new(&zapi.base_url, zapi.client_token)?;
    let (mut set, mut failed) = (0, 0);
    let done = set_webhook_urls(&db, &provider, &urls, |clinic, outcome| match outcome {
        UrlOutcome::Set => {
            set += 1;
            println!("{clinic}: set");
        }
        UrlOutcome::NoInstance => println!("{clinic}: has no z-api instance"),
        UrlOutcome::Failed(error) => {
            failed += 1;
            println!("{clinic}: failed, z-api: {error}");
        }
    });
    done.await.map_err(with_cause)?;
    println!("{set} set, {failed} failed");
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn with_cause(error: StoreError) -> String {
    format!("{error}: {}", error.source)
}
