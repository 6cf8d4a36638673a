//! The text that the server prints after its start: addresses of its parts, and commands to try.

use std::fmt::Write;

use chrono::{Datelike, Weekday};
use scheduler_core::config::environment;
use scheduler_core::domain::ids::ClinicId;
use scheduler_local::server::Server;
use scheduler_local::settings::DEFAULT_API_KEY;

const EXAMPLE_CLINIC: &str = "laser-beauty-sp";

/// The token of the example clinic's instance as the shell computes it, so that it is not printed.
const TOKEN: &str =
    "?token=$(printf %s instance-123 | openssl dgst -sha256 -hmac \"${WEBHOOK_TOKEN%%,*}\" -r | cut -c1-64)";

/// The text, with a final line break.
pub(crate) async fn render(server: &Server) -> String {
    let url = &server.url;
    let is_set = |name: &str| environment(name).is_some_and(|value| !value.is_empty());
    let mut text = String::from("\n");
    let mut line = |label: &str, value: &str| {
        let _ = writeln!(text, "  {label:<11}{value}");
    };
    line("server", url);
    let (in_page, in_webhook) =
        if is_set("WEBHOOK_TOKEN") { ("?token=$WEBHOOK_TOKEN", TOKEN) } else { ("", "") };
    line("page", &format!("{url}/{in_page} in a browser: a patient's phone next to the clinic's agenda"));
    match server.postgres_port {
        Some(port) => line(
            "PostgreSQL",
            &format!("127.0.0.1:{port}, user and database scheduler, password in .local/postgres/password"),
        ),
        None => line("PostgreSQL", "as set by DATABASE_URL or RDS_HOST"),
    }
    match &server.dynamodb {
        Some(endpoint) => line("DynamoDB", &format!("{endpoint}, any credentials")),
        None => line("DynamoDB", "as set by AWS_ENDPOINT_URL_DYNAMODB or AWS_ENDPOINT_URL"),
    }
    let whatsapp = match server.has_outbox {
        true => "messages stay on this machine: GET /_local/outbox",
        false => "messages go to ZAPI_BASE_URL",
    };
    line("WhatsApp", whatsapp);
    let key = if is_set("SCHEDULER_API_KEY") { "$SCHEDULER_API_KEY" } else { DEFAULT_API_KEY };
    line("key", key);
    line("API", &format!("{url}/docs"));
    for notice in &server.notices {
        let _ = writeln!(text, "  note: {notice}");
    }
    let _ = writeln!(
        text,
        "
Try in another terminal:
  # send Olá as a patient, with a new messageId each time, then read the bot's answers
  curl \"{url}/webhook/whatsapp{in_webhook}\" -d '{{\"type\":\"ReceivedCallback\",\"instanceId\":\"instance-123\",\"messageId\":\"M1\",\"phone\":\"5511999990000\",\"senderName\":\"Maria Silva\",\"text\":{{\"message\":\"Olá\"}}}}'
  curl \"{url}/_local/outbox?phone=5511999990000\""
    );
    if let Some(slots) = slots_path(server).await {
        let _ = writeln!(
            text,
            "  # list the free times of a day\n  curl -H \"x-api-key: {key}\" \"{url}{slots}\""
        );
    }
    text.push('\n');
    text
}

/// URL path that lists the first service's free times on the next weekday.
async fn slots_path(server: &Server) -> Option<String> {
    let services =
        server.contexts().job.chats.db.list_services(&ClinicId(EXAMPLE_CLINIC.into())).await.ok()??;
    let service = services.first()?.id;
    let today = server.contexts().job.chats.clock.now().date_naive();
    let weekend = |day: &chrono::NaiveDate| matches!(day.weekday(), Weekday::Sat | Weekday::Sun);
    let day = today.iter_days().skip(1).find(|day| !weekend(day))?;
    Some(format!("/clinics/{EXAMPLE_CLINIC}/available-slots?date={day}&serviceId={service}"))
}
