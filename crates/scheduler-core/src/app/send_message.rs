//! Sends a message from reception to a patient (`POST /send`). It is sent outside the turns of the chat and
//! recorded in its history (docs/rules/api.md#send).

use std::time::Duration;

use serde::Serialize;
use tokio::time::timeout;
use uuid::Uuid;

use crate::adapters::dynamodb::events::{EventStatus, MessageEvent};
use crate::adapters::dynamodb::session::ChatKey;
use crate::app::chats::Chats;
use crate::app::history::{MessageHistory, OutboundMessage, add_choices};
pub use crate::app::send_limit::LimitReached;
use crate::call_stats;
use crate::conversation::say::render::list_button;
use crate::domain::clinic::Clinic;
use crate::domain::ids::{ClinicId, ConversationId};
use crate::domain::message::{Choice, MAX_BUTTON_LABEL, MAX_ROW_LABEL, MessageType, shorten};
use crate::domain::phone::{Address, Phone};
use crate::domain::send_limits::SendLimits;
use crate::error::StoreError;
use crate::ports::whatsapp::{SendError, SendErrorKind, Sent};

/// Time budget of the provider, out of the 8 seconds of an API call.
const PROVIDER_BUDGET: Duration = Duration::from_secs(5);

/// A message from reception.
#[derive(Debug, Clone)]
pub struct DirectMessage {
    /// Phone of the receiver.
    pub to: Phone,
    /// Text above the options.
    pub text: String,
    /// Buttons or list rows.
    pub options: MessageOptions,
}

/// Options that the receiver can press.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MessageOptions {
    /// No options: a plain text.
    None,
    /// One to three buttons.
    Buttons(Vec<Choice>),
    /// One to ten rows.
    List {
        /// Label of the button that opens the list; `None` for the default label.
        button_label: Option<String>,
        /// Rows of all sections.
        rows: Vec<Choice>,
    },
}

/// Whether a message was sent to the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ProviderStatus {
    /// The provider accepted the message.
    Sent,
    /// There is no complete answer of the provider, so the message may have been sent. It is not sent again.
    Unknown,
    /// The message was not sent to the provider, because the receiver is not an allowed phone.
    Blocked,
}

/// A message that was sent or blocked. Reception need not send it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentMessage {
    /// Our id of the message.
    pub message_id: String,
    /// Whether it was sent.
    pub status: ProviderStatus,
}

/// Why a message was not sent.
#[derive(Debug, thiserror::Error)]
pub enum SendMessageError {
    /// The clinic does not exist, or is not active.
    #[error("the clinic does not exist or is not active")]
    NoClinic,
    /// The clinic has no z-api instance.
    #[error("the clinic has no z-api instance")]
    NoInstance,
    /// The clinic has used up its messages of today. Nothing is recorded.
    #[error("the clinic has used up its messages of today")]
    LimitReached(LimitReached),
    /// The provider refused the message or could not be reached. `FAILED` is recorded.
    #[error("the provider did not accept the message")]
    Refused(#[source] SendError),
    /// A store failed before the message was sent.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Chats {
    /// Sends a message and records it, also to a patient who opted out
    /// (docs/rules/reminders.md#opt-out).
    pub async fn send_message(
        &self,
        clinic: &ClinicId,
        message: &DirectMessage,
        limits: SendLimits,
    ) -> Result<SentMessage, SendMessageError> {
        let profile = self.db.find_profile(clinic).await?.ok_or(SendMessageError::NoClinic)?;
        let clinic = &profile.clinic;
        if clinic.zapi.is_none() {
            return Err(SendMessageError::NoInstance);
        }
        let chat = ChatKey { clinic: clinic.id.clone(), person: message.to.match_key() };
        let mut history = self.open_history(&chat, message).await?;
        let message_id = history.message.message_id.clone();
        if !self.allowed.allow(&chat.person) {
            let blocked = history.event(|message, at| message.event(EventStatus::Blocked, at));
            history.append(&blocked).await?;
            return Ok(SentMessage { message_id, status: ProviderStatus::Blocked });
        }
        let patient = self.db.find_patient(&clinic.id, &chat.person).await?;
        if let Some(reached) = self.count_send(clinic, &chat, patient.as_ref(), limits).await? {
            return Err(SendMessageError::LimitReached(reached));
        }
        let to = self.find_recipient(clinic, &chat.person, patient.as_ref()).await?;
        // Recorded before sending, so that the echo (the webhook about this message) is recognised even if it
        // arrives immediately.
        let mut queued = history.event(|message, at| message.event(EventStatus::Queued, at));
        add_choices(&mut queued.metadata, message.options.choices(), 1, to.as_ref());
        history.append(&queued).await?;
        let sent = match &to {
            Some(to) => self.send_within_budget(clinic, to, message).await,
            None => Err(refused("WhatsApp does not know the number")),
        };
        match sent {
            Ok(sent) => {
                let sent = history.event(|message, at| message.sent(sent, at));
                append_outcome(&history, &sent).await;
                Ok(SentMessage { message_id, status: ProviderStatus::Sent })
            }
            Err(error) if error.kind == SendErrorKind::Unknown => {
                if matches!(self.was_accepted(&chat, &message_id).await, Ok(true)) {
                    return Ok(SentMessage { message_id, status: ProviderStatus::Sent });
                }
                call_stats::record_unknown_message();
                let unknown = history.event(|message, at| message.unknown(&error.detail, at));
                append_outcome(&history, &unknown).await;
                Ok(SentMessage { message_id, status: ProviderStatus::Unknown })
            }
            Err(error) => {
                call_stats::record_failed_message();
                let failed = history.event(|message, at| message.failed(&error.detail, at));
                append_outcome(&history, &failed).await;
                Err(SendMessageError::Refused(error))
            }
        }
    }

    async fn send_within_budget(
        &self,
        clinic: &Clinic,
        to: &Address,
        message: &DirectMessage,
    ) -> Result<Sent, SendError> {
        let text = &message.text;
        let sending = async {
            match &message.options {
                MessageOptions::None => self.whatsapp.send_text(clinic, to, text).await,
                MessageOptions::Buttons(buttons) => {
                    let buttons = shortened(buttons, MAX_BUTTON_LABEL);
                    self.whatsapp.send_buttons(clinic, to, text, &buttons, 1).await
                }
                MessageOptions::List { button_label, rows } => {
                    let button_label = button_label
                        .as_deref()
                        .map_or_else(list_button, |label| shorten(label, MAX_BUTTON_LABEL));
                    let rows = shortened(rows, MAX_ROW_LABEL);
                    self.whatsapp.send_list(clinic, to, text, &button_label, &rows, 1).await
                }
            }
        };
        let timed_out =
            |_| SendError { kind: SendErrorKind::Unknown, detail: "no answer in time".to_owned() };
        timeout(PROVIDER_BUDGET, sending).await.map_err(timed_out)?
    }

    /// Prepares the events of this message. They get later times than the chat's last event.
    async fn open_history<'a>(
        &'a self,
        chat: &'a ChatKey,
        message: &'a DirectMessage,
    ) -> Result<MessageHistory<'a>, StoreError> {
        let (session, newest) =
            tokio::join!(self.tables.find_session(chat), self.tables.list_events(chat, true, 1, None));
        let session = session?;
        let newest = newest?.events.first().map(|event| event.status_timestamp);
        let last_of_session = session.as_ref().and_then(|session| session.bookkeeping.last_event_at);
        let message = OutboundMessage {
            chat,
            conversation_id: session
                .and_then(|session| session.conversation_id)
                .unwrap_or_else(|| ConversationId(Uuid::new_v4())),
            message_id: Uuid::new_v4().to_string(),
            message_type: message.options.message_type(),
            text: &message.text,
            provider: self.whatsapp.name(),
        };
        Ok(MessageHistory { chats: self, message, last_at: newest.max(last_of_session) })
    }
}

impl MessageOptions {
    fn choices(&self) -> &[Choice] {
        match self {
            Self::None => &[],
            Self::Buttons(choices) | Self::List { rows: choices, .. } => choices,
        }
    }

    fn message_type(&self) -> MessageType {
        match self {
            Self::None => MessageType::Text,
            Self::Buttons(_) => MessageType::Buttons,
            Self::List { .. } => MessageType::List,
        }
    }
}

/// Records what the provider answered. A failure is only logged, because an error would make reception
/// send the message again.
async fn append_outcome(history: &MessageHistory<'_>, event: &MessageEvent) {
    if let Err(error) = history.append(event).await {
        tracing::error!(
            step = "send",
            message_id = event.message_id,
            status = event.status.as_str(),
            error = &error as &dyn std::error::Error,
            "could not record the outcome of a message"
        );
    }
}

fn shortened(choices: &[Choice], max: usize) -> Vec<Choice> {
    choices.iter().map(|choice| Choice::new(choice.id.clone(), shorten(&choice.label, max))).collect()
}

fn refused(detail: &str) -> SendError {
    SendError { kind: SendErrorKind::Permanent, detail: detail.to_owned() }
}
