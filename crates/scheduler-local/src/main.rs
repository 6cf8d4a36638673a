//! The `scheduler-local` program: serves the product locally or runs one setup command.

mod banner;
mod set_webhooks;

use std::process::ExitCode;

use scheduler_api::logging::{self, LogFormat};
use scheduler_core::adapters::postgres::Db;
use scheduler_core::adapters::postgres::setup::SetupLine;
use scheduler_core::app::seed::seed_clinic;
use scheduler_core::config::environment;
use scheduler_core::error::StoreError;
use scheduler_local::database::Database;
use scheduler_local::folder::DataFolder;
use scheduler_local::server::{Server, StartError};
use scheduler_local::settings::Settings;
use tokio::signal::unix::{Signal, SignalKind, signal};

const HELP: &str = "\
Usage: scheduler-local [COMMAND]

Without a command, it serves every route and job on http://127.0.0.1:9000 and keeps its data in ./.local.

Commands:
  setup-database  run the migrations that have not run yet
  seed-clinic     create the example clinic laser-beauty-sp
  set-webhooks    set every active clinic's webhook URL at z-api, and print what became of each
  openapi         print the OpenAPI document

setup-database and seed-clinic use the database that DATABASE_URL or the RDS_* variables name, in the
environment or in ./.env. Without these variables, they use the local server's database in ./.local.
set-webhooks needs these variables, WEBHOOK_TOKEN and WEBHOOK_BASE_URL. All three can be repeated.

README.md lists the environment variables and the routes that only this server has.";

fn main() -> ExitCode {
    let command: Vec<String> = std::env::args().skip(1).collect();
    match run_command(&command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run_command(command: &[String]) -> Result<ExitCode, StartError> {
    // Must run before other threads start, because it sets environment variables.
    match dotenvy::from_path(".env") {
        Err(dotenvy::Error::LineParse(_, at)) => {
            // The line may contain a secret, so it is not printed.
            return Err(format!("could not parse .env: a line has invalid syntax at byte {at}").into());
        }
        Err(error) if !error.not_found() => return Err("could not read .env".into()),
        _ => {}
    }
    logging::start(LogFormat::Text);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match command.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => runtime.block_on(serve()),
        ["setup-database"] => runtime.block_on(run_task(Task::SetupDatabase)),
        ["seed-clinic"] => runtime.block_on(run_task(Task::SeedClinic)),
        ["set-webhooks"] => runtime.block_on(set_webhooks::run(&environment)),
        ["openapi"] => {
            println!("{:#}", scheduler_api::openapi::document());
            Ok(ExitCode::SUCCESS)
        }
        ["--help" | "-h" | "help"] => {
            println!("{HELP}");
            Ok(ExitCode::SUCCESS)
        }
        _ => {
            eprintln!("{HELP}");
            Ok(ExitCode::from(2))
        }
    }
}

async fn serve() -> Result<ExitCode, StartError> {
    #[cfg(debug_assertions)]
    if let Some(point) = scheduler_core::config::failpoint() {
        scheduler_core::failpoints::abort_at(&point);
    }
    let mut signals = Signals::listen()?;
    let server = tokio::select! {
        started = Server::start(Settings::read(&environment)?) => started?,
        () = signals.next() => return Ok(ExitCode::SUCCESS),
    };
    print!("{}", banner::render(&server).await);
    signals.next().await;
    eprintln!("stopping; a second signal exits at once");
    tokio::select! {
        () = server.stop() => {}
        () = signals.next() => return Ok(ExitCode::FAILURE),
    }
    Ok(ExitCode::SUCCESS)
}

enum Task {
    SetupDatabase,
    SeedClinic,
}

async fn run_task(task: Task) -> Result<ExitCode, StartError> {
    let settings = Settings::read(&environment)?;
    let _folder = if settings.database.is_none() { Some(DataFolder::lock(&settings.folder)?) } else { None };
    let database = Database::open(&settings).await?;
    let db = Db::held_connections(&database.config)?;
    let done = apply(task, &db, database.is_managed()).await;
    drop(db);
    database.stop().await;
    for line in done.map_err(|error| format!("{error}: {}", error.source))? {
        println!("{}", line.0);
    }
    Ok(ExitCode::SUCCESS)
}

async fn apply(task: Task, db: &Db, managed: bool) -> Result<Vec<SetupLine>, StoreError> {
    match task {
        Task::SetupDatabase => db.setup().await,
        // A managed database may be new, so it is migrated first. A configured one is only seeded.
        Task::SeedClinic if managed => {
            db.setup().await?;
            seed_clinic(db).await
        }
        Task::SeedClinic => seed_clinic(db).await,
    }
}

/// The signals that stop the server: SIGINT, SIGTERM and SIGHUP.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hang_up.recv() => {}
        }
    }
}
