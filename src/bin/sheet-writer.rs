//! The Lambda behind [`scheduler_api::jobs::SHEET_WRITER`].

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    scheduler_api::lambda::run_job(&scheduler_api::jobs::SHEET_WRITER).await
}
