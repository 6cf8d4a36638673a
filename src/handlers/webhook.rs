//! The webhooks of z-api. They answer 200 unless an event could not be stored (docs/rules/api.md#webhooks).

use scheduler_core::app::converse::receive::WebhookOutcome;
use scheduler_core::error::StoreError;

use crate::context::Webhook;
use crate::envelope::Reply;
use crate::error::ApiError;
use crate::request::ApiRequest;

/// Receives every kind of event.
pub(crate) async fn receive(context: &Webhook, request: ApiRequest) -> Result<Reply, ApiError> {
    let chats = &context.chats;
    match &request.body {
        Some(payload) => answer(chats.receive(payload).await),
        None => Ok(ignored("the body is not JSON or is too large")),
    }
}

/// Receives status, delivery and connection events.
pub(crate) async fn receive_status(context: &Webhook, request: ApiRequest) -> Result<Reply, ApiError> {
    let chats = &context.chats;
    match &request.body {
        Some(payload) => answer(chats.receive_status(payload).await),
        None => Ok(ignored("the body is not JSON or is too large")),
    }
}

fn answer(received: Result<WebhookOutcome, StoreError>) -> Result<Reply, ApiError> {
    match received {
        Ok(WebhookOutcome::Stored) => Ok(Reply::ok("Evento recebido.")),
        Ok(WebhookOutcome::Ignored(why)) => Ok(ignored(why)),
        // The answer is 503 for any store error: the event was not stored, and z-api may send it again.
        Err(error) => Err(ApiError::Unavailable(error)),
    }
}

fn ignored(why: &'static str) -> Reply {
    tracing::info!(step = "webhook", why, "webhook event ignored");
    Reply::ok("Evento ignorado.")
}
