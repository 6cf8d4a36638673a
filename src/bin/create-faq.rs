//! The Lambda behind [`scheduler_api::routes::CREATE_FAQ`].

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    scheduler_api::lambda::run(&scheduler_api::routes::CREATE_FAQ).await
}
