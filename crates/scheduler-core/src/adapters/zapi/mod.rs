//! The WhatsApp provider z-api: sends messages, classifies its errors, parses its webhooks.

mod client;
mod faults;
mod fields;
mod incoming;
mod status;
mod webhooks;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use reqwest::Method;
use serde_json::{Value, json};

use self::faults::refusal;
use crate::domain::clinic::{Clinic, Secret, ZapiInstance};
use crate::domain::message::{Choice, IncomingMessage, numbered_text};
use crate::domain::phone::Address;
use crate::ports::WhatsAppProvider;
use crate::ports::whatsapp::{SendError, SendErrorKind, Sent, StatusUpdate, WebhookEvent};

pub use client::ZapiConfigError;

/// The z-api provider. A process has one for all clinics.
pub struct Zapi {
    client: client::ZapiClient,
}

impl Zapi {
    /// Creates a provider that calls `base_url` (`ZAPI_BASE_URL`). `client_token` is the account's
    /// Client-Token, for clinics without one. Connects with the first call. Fails if the URL is not valid.
    pub fn new(base_url: &str, client_token: Option<Secret>) -> Result<Self, ZapiConfigError> {
        Ok(Self { client: client::ZapiClient::new(base_url, client_token)? })
    }

    /// Posts a message. It is accepted only if the answer is 2xx and has a `messageId`: z-api also answers
    /// 200 to messages that it refuses.
    async fn post(&self, clinic: &Clinic, endpoint: &str, body: &Value) -> Result<Sent, SendError> {
        let instance = instance(clinic)?;
        let response = self.client.call(instance, Method::POST, &[endpoint], Some(body)).await?;
        let id = |name| fields::text(&response, name).filter(|id: &String| !id.is_empty());
        match id("messageId") {
            Some(provider_message_id) => {
                Ok(Sent { provider_message_id, queue_id: id("zaapId"), response, as_numbered_text: false })
            }
            None => Err(refusal(200, &response)),
        }
    }

    /// Posts a message with choices. If z-api refuses it, posts it again as numbered text.
    async fn post_choices(
        &self,
        clinic: &Clinic,
        endpoint: &str,
        body: Value,
        as_text: impl FnOnce() -> String,
    ) -> Result<Sent, SendError> {
        match self.post(clinic, endpoint, &body).await {
            Err(refused) if refused.kind == SendErrorKind::Permanent => {
                tracing::warn!(
                    step = "send_choices",
                    reason = %refused,
                    "z-api refused the choices; the message is sent as numbered text"
                );
                let text = json!({ "phone": body["phone"], "message": as_text() });
                let sent = self.post(clinic, "send-text", &text).await?;
                Ok(Sent { as_numbered_text: true, ..sent })
            }
            answered => answered,
        }
    }
}

#[async_trait]
impl WhatsAppProvider for Zapi {
    fn name(&self) -> &'static str {
        "zapi"
    }

    async fn send_text(&self, clinic: &Clinic, to: &Address, message: &str) -> Result<Sent, SendError> {
        self.post(clinic, "send-text", &json!({ "phone": to.0, "message": message })).await
    }

    async fn send_buttons(
        &self,
        clinic: &Clinic,
        to: &Address,
        message: &str,
        buttons: &[Choice],
        first_number: usize,
    ) -> Result<Sent, SendError> {
        let buttons_json: Vec<Value> =
            buttons.iter().map(|button| json!({ "id": button.id, "label": button.label })).collect();
        let body = json!({
            "phone": to.0,
            "message": message,
            "buttonList": { "buttons": buttons_json },
        });
        let as_text = || numbered_text(message, buttons, first_number);
        self.post_choices(clinic, "send-button-list", body, as_text).await
    }

    async fn send_list(
        &self,
        clinic: &Clinic,
        to: &Address,
        message: &str,
        button_text: &str,
        rows: &[Choice],
        first_number: usize,
    ) -> Result<Sent, SendError> {
        // Older documentation of z-api requires a description, so it is always sent.
        let options: Vec<Value> =
            rows.iter().map(|row| json!({ "id": row.id, "title": row.label, "description": "" })).collect();
        let body = json!({
            "phone": to.0,
            "message": message,
            "optionList": { "title": button_text, "buttonLabel": button_text, "options": options },
        });
        let as_text = || numbered_text(message, rows, first_number);
        self.post_choices(clinic, "send-option-list", body, as_text).await
    }

    async fn find_address(&self, clinic: &Clinic, phone: &str) -> Result<Option<Address>, SendError> {
        let instance = instance(clinic)?;
        let response = self.client.get(instance, &["phone-exists", phone]).await?;
        // z-api's documentation shows an array with one object; other sources show the object alone.
        let found = response.get(0).unwrap_or(&response);
        match fields::flag(found, "exists") {
            Some(true) => {
                let known_as = fields::text(found, "phone").filter(|known| !known.is_empty());
                Ok(Some(Address(known_as.unwrap_or_else(|| phone.to_owned()))))
            }
            Some(false) => Ok(None),
            None => Err(refusal(200, &response)),
        }
    }

    async fn is_connected(&self, clinic: &Clinic) -> Result<bool, SendError> {
        let response = self.client.get(instance(clinic)?, &["status"]).await?;
        // `error` may be filled although the phone is connected, so it is not read.
        fields::flag(&response, "connected").ok_or_else(|| refusal(200, &response))
    }

    fn instance_id_of(&self, payload: &Value) -> Option<String> {
        fields::id(payload, "instanceId")
    }

    fn parse_webhook(&self, payload: &Value, now: DateTime<Utc>) -> WebhookEvent {
        let kind = payload.get("type").and_then(Value::as_str).unwrap_or_default();
        match kind {
            "ReceivedCallback" => match incoming::parse_echo(payload) {
                Some(echo) => WebhookEvent::Echo(echo),
                None => incoming::parse(payload, now)
                    .map_or_else(WebhookEvent::Ignored, |message| WebhookEvent::Message(Box::new(message))),
            },
            "MessageStatusCallback" | "DeliveryCallback" => {
                status::parse(payload, now).map_or_else(WebhookEvent::Ignored, WebhookEvent::Status)
            }
            "ConnectedCallback" => WebhookEvent::Connection { connected: true },
            "DisconnectedCallback" => WebhookEvent::Connection { connected: false },
            "PresenceChatCallback" => WebhookEvent::Ignored("presence"),
            _ => WebhookEvent::Ignored("unknown type"),
        }
    }

    fn parse_incoming_message(
        &self,
        payload: &Value,
        now: DateTime<Utc>,
    ) -> Result<IncomingMessage, &'static str> {
        incoming::parse(payload, now)
    }

    fn parse_status_update(&self, payload: &Value, now: DateTime<Utc>) -> Result<StatusUpdate, &'static str> {
        status::parse(payload, now)
    }

    async fn set_webhook_url(&self, clinic: &Clinic, url: &Secret) -> Result<(), SendError> {
        webhooks::set_every_url(&self.client, instance(clinic)?, url).await
    }
}

fn instance(clinic: &Clinic) -> Result<&ZapiInstance, SendError> {
    clinic.zapi.as_ref().ok_or_else(|| SendError {
        kind: SendErrorKind::Instance,
        detail: "the clinic has no z-api instance".to_owned(),
    })
}
