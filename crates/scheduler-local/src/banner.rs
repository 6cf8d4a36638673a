//! What the operator reads when the server is up: where everything is, and three commands to try.

use std::fmt::Write;

use chrono::{Datelike, TimeDelta, Weekday};
use scheduler_core::config::environment;
use scheduler_core::domain::ids::ClinicId;
use scheduler_local::server::Server;
use scheduler_local::settings::USUAL_KEY;

const CLINIC: &str = "laser-beauty-sp";

/// The text, ending in a line's end.
pub(crate) async fn of(server: &Server) -> String {
    let url = &server.url;
    let named = |name: &str| environment(name).is_some_and(|value| !value.is_empty());
    let mut text = String::from("\n");
    let mut line = |what: &str, where_: &str| {
        let _ = writeln!(text, "  {what:<11}{where_}");
    };
    line("serving", url);
    line("page", &format!("{url}/ in a browser: a patient's phone beside the clinic's agenda"));
    match server.postgres_port {
        Some(port) => line(
            "PostgreSQL",
            &format!("127.0.0.1:{port}, user and database scheduler, password in .local/postgres/password"),
        ),
        None => line("PostgreSQL", "as the environment names it"),
    }
    match &server.dynamodb {
        Some(endpoint) => line("DynamoDB", &format!("{endpoint}, any credentials")),
        None => line("DynamoDB", "as the environment names it"),
    }
    let whatsapp = match server.keeps_messages {
        true => "nothing leaves this machine: GET /_local/outbox",
        false => "ZAPI_BASE_URL",
    };
    line("WhatsApp", whatsapp);
    let key = if named("SCHEDULER_API_KEY") { "$SCHEDULER_API_KEY" } else { USUAL_KEY };
    line("key", key);
    line("API", &format!("{url}/docs"));
    for notice in &server.notices {
        let _ = writeln!(text, "  note: {notice}");
    }
    let token = if named("WEBHOOK_TOKEN") { "?token=$WEBHOOK_TOKEN" } else { "" };
    let _ = writeln!(
        text,
        "
Try, in another terminal:
  # a patient says Olá (with a new messageId each time), and what the bot answers
  curl \"{url}/webhook/whatsapp{token}\" -d '{{\"type\":\"ReceivedCallback\",\"instanceId\":\"instance-123\",\"messageId\":\"M1\",\"phone\":\"5511999990000\",\"senderName\":\"Maria Silva\",\"text\":{{\"message\":\"Olá\"}}}}'
  curl \"{url}/_local/outbox?phone=5511999990000\""
    );
    if let Some(slots) = slots(server).await {
        let _ = writeln!(text, "  # free times of a day\n  curl -H \"x-api-key: {key}\" \"{url}{slots}\"");
    }
    text.push('\n');
    text
}

/// The path of a service's free times on the next working day.
async fn slots(server: &Server) -> Option<String> {
    let services = server.contexts().job.chats.db.list_services(&ClinicId(CLINIC.into())).await.ok()??;
    let service = services.first()?.id;
    let today = server.contexts().job.chats.clock.now().date_naive();
    let weekend = |day: &chrono::NaiveDate| matches!(day.weekday(), Weekday::Sat | Weekday::Sun);
    let day = (1..).map(|days| today + TimeDelta::days(days)).find(|day| !weekend(day))?;
    Some(format!("/clinics/{CLINIC}/available-slots?date={day}&serviceId={service}"))
}
