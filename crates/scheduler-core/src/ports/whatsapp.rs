//! The interface of a WhatsApp provider. The rest of the product depends on it, not on a concrete provider.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::domain::clinic::{Clinic, Secret};
use crate::domain::message::{Choice, IncomingMessage};
use crate::domain::phone::Address;

/// The provider accepted a message.
#[derive(Debug, Clone, PartialEq)]
pub struct Sent {
    /// WhatsApp's id of the message, which later status updates contain.
    pub provider_message_id: String,
    /// The id in the provider's queue, if it has one. Early failures contain only this id.
    pub queue_id: Option<String>,
    /// The provider's answer, for the message history.
    pub response: Value,
    /// Whether buttons or a list were refused and the message was sent as numbered text.
    pub as_numbered_text: bool,
}

/// Why a message was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendErrorKind {
    /// The clinic's instance is at fault (token, subscription, disconnected phone). Every message of the
    /// clinic would fail.
    Instance,
    /// The message was not sent, and a later attempt may succeed.
    Retryable,
    /// There is no complete answer, so the message may have been sent. An echo or a delivery callback may
    /// tell later.
    Unknown,
    /// The provider refuses this message for good.
    Permanent,
}

/// The provider did not accept a message, or it is unknown whether it did. The error's text contains no token, name or phone number.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{detail}")]
pub struct SendError {
    /// Decides whether another attempt makes sense.
    pub kind: SendErrorKind,
    /// The redacted reason, for the message history and the log.
    pub detail: String,
}

/// A parsed webhook.
#[derive(Debug, Clone, PartialEq)]
pub enum WebhookEvent {
    /// A message, or another event of a chat. Boxed because it is much larger than the other variants.
    Message(Box<IncomingMessage>),
    /// A message that the product sent came back, which proves that the provider accepted it.
    Echo(Echo),
    /// The delivery status of sent messages changed.
    Status(StatusUpdate),
    /// The clinic's phone was connected or disconnected.
    Connection {
        /// Whether the phone is connected now.
        connected: bool,
    },
    /// A valid webhook that has no effect. The reason is for the log.
    Ignored(&'static str),
}

/// Delivery status of a sent message (`docs/rules/data.md#message-status`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryStatus {
    /// WhatsApp accepted the message.
    Sent,
    /// The message arrived on the recipient's phone.
    Delivered,
    /// The message was read, or its audio was played.
    Read,
    /// The message could not be sent or delivered.
    Failed,
}

/// The provider's webhook about a message that the product sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Echo {
    /// The provider's id of the message.
    pub provider_message_id: String,
    /// Address of the chat.
    pub address: Address,
    /// Text of the message, if the webhook contains one.
    pub text: Option<String>,
}

/// A change of the delivery status of sent messages.
#[derive(Debug, Clone, PartialEq)]
pub struct StatusUpdate {
    /// Ids of the messages: provider message ids or queue ids.
    pub provider_message_ids: Vec<String>,
    /// Address of the chat.
    pub address: Address,
    /// The new status.
    pub status: DeliveryStatus,
    /// The provider's reason for a failure.
    pub error: Option<String>,
    /// Whether the provider reports this only of messages that were sent through it, never of those that
    /// staff typed.
    pub proves_sending: bool,
    /// Whether WhatsApp refused the buttons or the list. Then the prompt is sent again as numbered text.
    pub buttons_refused: bool,
    /// When it happened by the provider's clock, if that is plausible.
    pub at: Option<DateTime<Utc>>,
    /// The webhook's payload, for the message history.
    pub raw: Value,
}

/// A WhatsApp provider. A process has one for all clinics; each call names the clinic.
#[async_trait]
pub trait WhatsAppProvider: Send + Sync {
    /// Name of the provider, such as `zapi`. It is recorded with every message.
    fn name(&self) -> &'static str;

    /// Sends plain text.
    async fn send_text(&self, clinic: &Clinic, to: &Address, message: &str) -> Result<Sent, SendError>;

    /// Sends a text with up to three buttons. If they are refused, it sends numbered text in which the first
    /// button has the number `first_number`.
    async fn send_buttons(
        &self,
        clinic: &Clinic,
        to: &Address,
        message: &str,
        buttons: &[Choice],
        first_number: usize,
    ) -> Result<Sent, SendError>;

    /// Sends a text with a list of up to ten rows, which `button_text` opens. If the list is refused, it
    /// sends numbered text in which the first row has the number `first_number`.
    async fn send_list(
        &self,
        clinic: &Clinic,
        to: &Address,
        message: &str,
        button_text: &str,
        rows: &[Choice],
        first_number: usize,
    ) -> Result<Sent, SendError>;

    /// The WhatsApp address of a phone number in canonical digits; `None` if WhatsApp does not know the
    /// number.
    async fn find_address(&self, clinic: &Clinic, phone: &str) -> Result<Option<Address>, SendError>;

    /// Whether the clinic's phone is connected. A provider accepts messages even if it is not.
    async fn is_connected(&self, clinic: &Clinic) -> Result<bool, SendError>;

    /// Id of the instance that sent a webhook. It alone decides the clinic; there is no fallback.
    fn instance_id_of(&self, payload: &Value) -> Option<String>;

    /// Parses a webhook of any type with the two methods below.
    fn parse_webhook(&self, payload: &Value, now: DateTime<Utc>) -> WebhookEvent;

    /// Parses a message. The error is the reason to ignore the webhook.
    fn parse_incoming_message(
        &self,
        payload: &Value,
        now: DateTime<Utc>,
    ) -> Result<IncomingMessage, &'static str>;

    /// Parses a status or delivery callback. The error is the reason to ignore the webhook.
    fn parse_status_update(&self, payload: &Value, now: DateTime<Utc>) -> Result<StatusUpdate, &'static str>;

    /// Sets where the provider posts all events of a clinic. The URL contains a token.
    async fn set_webhook_url(&self, clinic: &Clinic, url: &Secret) -> Result<(), SendError>;
}
