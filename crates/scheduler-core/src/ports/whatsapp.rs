//! What every WhatsApp provider can do. The conversation knows nothing below this line.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::domain::clinic::Clinic;
use crate::domain::message::{Choice, IncomingMessage};
use crate::domain::phone::Address;

/// The provider took a message.
#[derive(Debug, Clone, PartialEq)]
pub struct Sent {
    /// WhatsApp's id of the message, which status updates carry.
    pub provider_message_id: String,
    /// The id in the provider's queue, where it has one: early failures carry only that.
    pub queue_id: Option<String>,
    /// The provider's answer, for the history.
    pub response: Value,
    /// Whether buttons or a list were refused and the message went out as numbered text.
    pub as_numbered_text: bool,
}

/// Why a message was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendErrorKind {
    /// The clinic's own connection is at fault (token, subscription, disconnected): every message
    /// of the clinic would fail.
    Instance,
    /// Try later. The message may have gone out if the connection broke after the request.
    Later,
    /// This message will never be taken.
    Permanent,
}

/// The provider did not take a message. Its text holds no token, name or phone.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{detail}")]
pub struct SendError {
    /// What to do about it.
    pub kind: SendErrorKind,
    /// For the history and the log, redacted.
    pub detail: String,
}

/// What a webhook is about.
#[derive(Debug, Clone, PartialEq)]
pub enum WebhookEvent {
    /// A message or something else that belongs into a chat. Boxed: it is much the largest.
    Message(Box<IncomingMessage>),
    /// Something became of messages we sent.
    Status(StatusUpdate),
    /// The clinic's phone came or went.
    Connection {
        /// Whether it is there now.
        connected: bool,
    },
    /// Understood, and none of our business; why, for the log.
    Ignored(&'static str),
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryStatus {
    /// WhatsApp has it.
    Sent,
    /// It is on the phone.
    Delivered,
    /// It was read (or played).
    Read,
    /// It did not go out.
    Failed,
}

/// Something became of messages we sent.
#[derive(Debug, Clone, PartialEq)]
pub struct StatusUpdate {
    /// The messages, by provider message id or queue id.
    pub provider_message_ids: Vec<String>,
    /// The chat.
    pub address: Address,
    /// What happened.
    pub status: DeliveryStatus,
    /// The provider's words on a failure.
    pub error: Option<String>,
    /// Whether the failure is the missing consent to buttons: the prompt goes out again as text.
    pub buttons_refused: bool,
    /// The provider's clock, if plausible.
    pub at: Option<DateTime<Utc>>,
    /// As it came, for the history.
    pub raw: Value,
}

/// A WhatsApp provider. One per process; each call says for which clinic.
#[async_trait]
pub trait WhatsAppProvider: Send + Sync {
    /// Such as `zapi`: recorded with every message.
    fn name(&self) -> &'static str;

    /// Sends plain text.
    async fn send_text(&self, clinic: &Clinic, to: &Address, message: &str) -> Result<Sent, SendError>;

    /// Sends a text with up to three buttons; falls back to numbered text where they are refused.
    /// `first_number` numbers the first one then.
    async fn send_buttons(
        &self,
        clinic: &Clinic,
        to: &Address,
        message: &str,
        buttons: &[Choice],
        first_number: usize,
    ) -> Result<Sent, SendError>;

    /// Sends a text with a list of up to ten rows; falls back to numbered text where it is refused.
    async fn send_list(
        &self,
        clinic: &Clinic,
        to: &Address,
        message: &str,
        button_text: &str,
        rows: &[Choice],
        first_number: usize,
    ) -> Result<Sent, SendError>;

    /// The address under which WhatsApp knows a number, or `None` if it does not.
    async fn find_address(&self, clinic: &Clinic, phone: &str) -> Result<Option<Address>, SendError>;

    /// Whether the clinic's phone is connected: a provider takes messages even where it is not.
    async fn is_connected(&self, clinic: &Clinic) -> Result<bool, SendError>;

    /// The instance whose webhook this is: decides the clinic, never a fallback.
    fn instance_of(&self, payload: &Value) -> Option<String>;

    /// Reads a webhook of any type by dispatching to the two below.
    fn parse_webhook(&self, payload: &Value, now: DateTime<Utc>) -> WebhookEvent;

    /// Reads a message, or says why it is none.
    fn parse_incoming_message(
        &self,
        payload: &Value,
        now: DateTime<Utc>,
    ) -> Result<IncomingMessage, &'static str>;

    /// Reads a status or delivery callback, or says why it is none.
    fn parse_status_update(&self, payload: &Value, now: DateTime<Utc>) -> Result<StatusUpdate, &'static str>;
}
