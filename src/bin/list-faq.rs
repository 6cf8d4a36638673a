//! The Lambda behind [`scheduler_api::routes::LIST_FAQ`].

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    scheduler_api::lambda::run(&scheduler_api::routes::LIST_FAQ).await
}
