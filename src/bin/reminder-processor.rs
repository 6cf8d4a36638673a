//! The Lambda behind [`scheduler_api::jobs::REMINDER_PROCESSOR`].

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    scheduler_api::lambda::run_job(&scheduler_api::jobs::REMINDER_PROCESSOR).await
}
