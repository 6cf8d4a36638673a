//! The scheduler on one machine: `cargo run` serves it, two subcommands prepare a database.

use std::process::ExitCode;

use scheduler_api::logging::{self, LogForm};
use scheduler_core::adapters::postgres::Db;
use scheduler_core::app::seed::seed_clinic;
use scheduler_core::config::environment;
use scheduler_local::database::Database;
use scheduler_local::server::{Server, StartError};
use scheduler_local::settings::Settings;
use tokio::signal::unix::{SignalKind, signal};

const HELP: &str = "\
scheduler-local                  serves the whole product on http://127.0.0.1:9000
scheduler-local setup-database   makes the schema in the database that the environment or .env names
scheduler-local seed-clinic      makes the example clinic there";

fn main() -> ExitCode {
    // Before there is a second thread: it writes into the environment.
    let _ = dotenvy::dotenv();
    logging::start(LogForm::Text);
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error.into()),
    };
    let command = std::env::args().nth(1);
    let done = runtime.block_on(async {
        match command.as_deref() {
            None => serve().await,
            Some("setup-database") => prepare(false).await,
            Some("seed-clinic") => prepare(true).await,
            Some("--help" | "-h" | "help") => {
                println!("{HELP}");
                Ok(())
            }
            Some(_) => Err(HELP.into()),
        }
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

async fn serve() -> Result<(), StartError> {
    #[cfg(debug_assertions)]
    if let Some(point) = scheduler_core::config::end_at() {
        scheduler_core::points::end_at(&point);
    }
    let settings = Settings::read(&environment)?;
    let (wanted, own_key) = (settings.port, environment("SCHEDULER_API_KEY").is_none());
    // Asked for first, so that a signal during the start is not lost.
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let server = tokio::select! {
        started = Server::start(settings) => started?,
        _ = terminate.recv() => return Ok(()),
        _ = interrupt.recv() => return Ok(()),
    };
    if !server.url.ends_with(&format!(":{wanted}")) {
        println!("Port {wanted} is taken.");
    }
    welcome(&server, if own_key { "test-api-key" } else { "$SCHEDULER_API_KEY" });
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    println!("Stopping.");
    server.stop().await;
    Ok(())
}

fn welcome(server: &Server, key: &str) {
    let url = &server.url;
    println!("The scheduler is at {url}");
    if let Some(dynamodb) = &server.dynamodb {
        println!("DynamoDB answers at {dynamodb}");
    }
    println!(
        r#"
A patient says hello:
  curl -s {url}/webhook/whatsapp -d '{{"type":"ReceivedCallback","instanceId":"instance-123","messageId":"M1","phone":"5511999990000","fromMe":false,"senderName":"Maria Silva","text":{{"message":"Olá"}}}}'
What the clinic answered:
  curl -s '{url}/_local/outbox?phone=5511999990000'
The clinic's visits:
  curl -s {url}/clinics/laser-beauty-sp/appointments -H 'x-api-key: {key}'

Ctrl-C stops it."#
    );
}

/// Makes the schema, and the example clinic on top of it if asked to, and prints what was done.
async fn prepare(seed: bool) -> Result<(), StartError> {
    let database = Database::open(&Settings::read(&environment)?).await?;
    let db = Db::held(&database.config)?;
    let done = async {
        let mut done = if seed { Vec::new() } else { db.setup().await? };
        if seed {
            done.extend(seed_clinic(&db).await?);
        }
        Ok::<_, scheduler_core::error::StoreError>(done)
    }
    .await;
    drop(db);
    database.stop().await;
    for line in done.map_err(|error| format!("{error}: {}", error.source))? {
        println!("{}", line.0);
    }
    Ok(())
}

fn failed(error: &StartError) -> ExitCode {
    eprintln!("{error}");
    ExitCode::FAILURE
}
