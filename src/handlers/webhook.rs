//! What z-api posts: answered 200 unless an event for us could be stored nowhere.

use scheduler_core::app::converse::receive::WebhookOutcome;
use scheduler_core::error::StoreError;

use crate::context::Webhook;
use crate::envelope::Reply;
use crate::error::ApiError;
use crate::request::ApiRequest;

/// Every kind of event.
pub(crate) async fn receive(context: &Webhook, request: ApiRequest) -> Result<Reply, ApiError> {
    let chats = &context.chats;
    match &request.body {
        Some(payload) => told(chats.receive(payload).await),
        None => Ok(ignored("no JSON")),
    }
}

/// Status, delivery and connection events.
pub(crate) async fn receive_status(context: &Webhook, request: ApiRequest) -> Result<Reply, ApiError> {
    let chats = &context.chats;
    match &request.body {
        Some(payload) => told(chats.receive_status(payload).await),
        None => Ok(ignored("no JSON")),
    }
}

fn told(received: Result<WebhookOutcome, StoreError>) -> Result<Reply, ApiError> {
    match received {
        Ok(WebhookOutcome::Stored) => Ok(Reply::ok("Evento recebido.")),
        Ok(WebhookOutcome::Ignored(why)) => Ok(ignored(why)),
        // Whatever the reason, the event is nowhere: z-api may send it again.
        Err(error) => Err(ApiError::Unavailable(error)),
    }
}

fn ignored(why: &'static str) -> Reply {
    tracing::info!(step = "webhook", why, "an event is none of our business");
    Reply::ok("Evento ignorado.")
}
