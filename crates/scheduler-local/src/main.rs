//! The local server's commands.

mod banner;

use std::process::ExitCode;

use scheduler_api::logging::{self, LogForm};
use scheduler_core::adapters::postgres::Db;
use scheduler_core::adapters::postgres::setup::Done;
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

Without a command it serves everything on http://127.0.0.1:9000, keeping its data in ./.local.

Commands:
  setup-database  run the migrations that have not run
  seed-clinic     make the example clinic laser-beauty-sp
  openapi         print the OpenAPI document
The first two work on the database that DATABASE_URL or the RDS_* variables name, in the environment or in
./.env; where none is named, on the local server's own, and are safe to run twice.

README.md lists the variables and the routes that only this server has.";

fn main() -> ExitCode {
    let command: Vec<String> = std::env::args().skip(1).collect();
    match ended(&command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn ended(command: &[String]) -> Result<ExitCode, StartError> {
    // Before there is a second thread: it sets variables.
    match dotenvy::from_path(".env") {
        Err(dotenvy::Error::LineParse(_, at)) => {
            return Err(format!(".env cannot be read, at byte {at} of a line").into());
        }
        Err(error) if !error.not_found() => return Err(".env cannot be read".into()),
        _ => {}
    }
    logging::start(LogForm::Text);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match command.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => runtime.block_on(serve()),
        ["setup-database"] => runtime.block_on(prepare(Task::Schema)),
        ["seed-clinic"] => runtime.block_on(prepare(Task::Clinic)),
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
    print!("{}", banner::of(&server).await);
    signals.next().await;
    eprintln!("stopping; once more ends it at once");
    tokio::select! {
        () = server.stop() => {}
        () = signals.next() => return Ok(ExitCode::FAILURE),
    }
    Ok(ExitCode::SUCCESS)
}

enum Task {
    Schema,
    Clinic,
}

async fn prepare(task: Task) -> Result<ExitCode, StartError> {
    let settings = Settings::read(&environment)?;
    let _own = if settings.database.is_none() { Some(DataFolder::take(&settings.folder)?) } else { None };
    let database = Database::open(&settings).await?;
    let db = Db::held(&database.config)?;
    let done = run(task, &db, database.is_own()).await;
    drop(db);
    database.stop().await;
    for line in done.map_err(|error| format!("{error}: {}", error.source))? {
        println!("{}", line.0);
    }
    Ok(ExitCode::SUCCESS)
}

async fn run(task: Task, db: &Db, own: bool) -> Result<Vec<Done>, StoreError> {
    match task {
        Task::Schema => db.setup().await,
        // Our own may be new; one that is named is set up by who owns it.
        Task::Clinic if own => {
            db.setup().await?;
            seed_clinic(db).await
        }
        Task::Clinic => seed_clinic(db).await,
    }
}

/// Every signal that asks a process to end.
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
