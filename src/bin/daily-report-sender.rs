//! The Lambda behind [`scheduler_api::jobs::DAILY_REPORT_SENDER`].

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    scheduler_api::lambda::run_job(&scheduler_api::jobs::DAILY_REPORT_SENDER).await
}
