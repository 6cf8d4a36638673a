//! Writes to a patient what reception wants said (`POST /send`): at once, beside the turns of the
//! chat, and recorded in its history.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use serde_json::{Map, json};
use tokio::time::timeout;
use uuid::Uuid;

use crate::adapters::dynamodb::events::{Direction, EventStatus, MessageEvent};
use crate::adapters::dynamodb::session::ChatKey;
use crate::app::converse::Chats;
use crate::conversation::copy::{BUTTON_LABEL, ROW_LABEL, cut};
use crate::domain::clinic::Clinic;
use crate::domain::ids::{ClinicId, ConversationId};
use crate::domain::message::Choice;
use crate::domain::phone::{Address, Phone};
use crate::error::StoreError;
use crate::ports::whatsapp::{SendError, SendErrorKind, Sent};
use crate::tally;

/// An API call is answered within 8 seconds: so much is the provider's.
const PROVIDER_BUDGET: Duration = Duration::from_secs(5);
/// What the button that opens a list says.
const LIST_BUTTON: &str = "Ver opções";

/// What reception wants said.
#[derive(Debug, Clone)]
pub struct DirectMessage {
    /// To whom.
    pub to: Phone,
    /// The words.
    pub text: String,
    /// What can be pressed.
    pub options: Options,
}

/// What can be pressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Options {
    /// Nothing.
    None,
    /// One to three buttons.
    Buttons(Vec<Choice>),
    /// One to ten rows.
    List {
        /// What the button that opens them says, if not the usual words.
        opened_by: Option<String>,
        /// The rows.
        rows: Vec<Choice>,
    },
}

/// What the provider made of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ProviderStatus {
    /// It took it.
    Sent,
    /// It was not asked: the receiver is not among those who may be written to.
    Blocked,
}

/// A message that reception need not send again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handled {
    /// Our id of it.
    pub message_id: String,
    /// Whether it went out.
    pub status: ProviderStatus,
}

/// A message did not go out.
#[derive(Debug, thiserror::Error)]
pub enum SendMessageError {
    /// No such clinic, or it is not active.
    #[error("no such clinic")]
    NoClinic,
    /// The clinic has no z-api instance.
    #[error("the clinic has no z-api instance")]
    NoInstance,
    /// The provider would not have it; FAILED is recorded.
    #[error("the provider refused a message")]
    Refused(#[source] SendError),
    /// A store is away, or at fault; nothing went out.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Chats {
    /// Sends a message and records it. An opt-out does not stop it (product 4).
    pub async fn send_message(
        &self,
        clinic: &ClinicId,
        message: &DirectMessage,
    ) -> Result<Handled, SendMessageError> {
        let profile = self.db.find_profile(clinic).await?.ok_or(SendMessageError::NoClinic)?;
        let clinic = &profile.clinic;
        if clinic.zapi.is_none() {
            return Err(SendMessageError::NoInstance);
        }
        let key = ChatKey { clinic: clinic.id.clone(), person: message.to.match_key() };
        let mut record = self.open_record(key, message).await?;
        if !self.allowed.allow(&record.key.person) {
            self.add(&mut record, EventStatus::Blocked).await?;
            return Ok(record.handled(ProviderStatus::Blocked));
        }
        let person = &record.key.person;
        let patient = self.db.find_patient(&clinic.id, person).await?;
        let to = self.find_recipient(clinic, person, patient.as_ref()).await?;
        record.event.metadata = queued_metadata(&message.options, to.as_ref());
        // Recorded before it goes out: its echo is known by that, however soon it comes.
        self.add(&mut record, EventStatus::Queued).await?;
        record.event.metadata = Map::new();
        let sent = match &to {
            Some(to) => self.send_within_budget(clinic, to, message).await,
            None => Err(refused("WhatsApp does not know the number")),
        };
        match sent {
            Ok(sent) => {
                record.event.provider_message_id = Some(sent.provider_message_id);
                record.event.provider_response = Some(sent.response);
                if let Some(id) = sent.queue_id {
                    record.event.metadata.insert("zaapId".into(), id.into());
                }
                if sent.as_numbered_text {
                    record.event.metadata.insert("asNumberedText".into(), true.into());
                }
                self.add_outcome(&mut record, EventStatus::Sent).await;
                Ok(record.handled(ProviderStatus::Sent))
            }
            Err(error) => {
                tally::message_failed();
                record.event.error_details = Some(error.detail.clone());
                self.add_outcome(&mut record, EventStatus::Failed).await;
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
                Options::None => self.whatsapp.send_text(clinic, to, text).await,
                Options::Buttons(buttons) => {
                    let buttons = labelled(buttons, BUTTON_LABEL);
                    self.whatsapp.send_buttons(clinic, to, text, &buttons, 1).await
                }
                Options::List { opened_by, rows } => {
                    let opened_by = cut(opened_by.as_deref().unwrap_or(LIST_BUTTON), BUTTON_LABEL);
                    let rows = labelled(rows, ROW_LABEL);
                    self.whatsapp.send_list(clinic, to, text, &opened_by, &rows, 1).await
                }
            }
        };
        let late = |_| SendError { kind: SendErrorKind::Later, detail: "no answer in time".to_owned() };
        timeout(PROVIDER_BUDGET, sending).await.map_err(late)?
    }

    /// Where the chat's history goes on with this message.
    async fn open_record(&self, key: ChatKey, message: &DirectMessage) -> Result<Record, StoreError> {
        let (session, newest) =
            tokio::join!(self.tables.find_session(&key), self.tables.list_events(&key, true, 1, None));
        let session = session?;
        let newest = newest?.events.first().map(|event| event.status_timestamp);
        let noted = session.as_ref().and_then(|session| session.notes.last_event_at);
        let kind = match message.options {
            Options::None => "text",
            Options::Buttons(_) => "buttons",
            Options::List { .. } => "list",
        };
        let event = MessageEvent {
            message_id: Uuid::new_v4().to_string(),
            clinic_id: key.clinic.clone(),
            conversation_id: session
                .and_then(|session| session.conversation_id)
                .unwrap_or_else(|| ConversationId(Uuid::new_v4())),
            phone_number: key.person.clone(),
            direction: Direction::Outbound,
            message_type: kind.to_owned(),
            content: message.text.clone(),
            status: EventStatus::Queued,
            status_timestamp: self.clock.now(),
            provider: self.whatsapp.name().to_owned(),
            provider_message_id: None,
            provider_response: None,
            error_details: None,
            metadata: Map::new(),
        };
        Ok(Record { key, event, after: newest.max(noted) })
    }

    /// Adds what happened to the history, later than anything before it.
    async fn add(&self, record: &mut Record, status: EventStatus) -> Result<(), StoreError> {
        let now = self.clock.now();
        let at = record.after.map_or(now, |after| now.max(after + TimeDelta::milliseconds(1)));
        record.after = Some(at);
        record.event.status = status;
        record.event.status_timestamp = at;
        self.tables.append_event(&record.key, &record.event).await
    }

    /// What the provider made of it can be undone no more: that it could not be recorded must not
    /// make reception send it again.
    async fn add_outcome(&self, record: &mut Record, status: EventStatus) {
        if let Err(error) = self.add(record, status).await {
            tracing::error!(
                step = "send",
                message_id = record.event.message_id,
                status = status.as_str(),
                error = &error as &dyn std::error::Error,
                "what became of a message was not recorded"
            );
        }
    }
}

/// A message's part of its chat's history.
struct Record {
    key: ChatKey,
    event: MessageEvent,
    /// The time of the event before.
    after: Option<DateTime<Utc>>,
}

impl Record {
    fn handled(self, status: ProviderStatus) -> Handled {
        Handled { message_id: self.event.message_id, status }
    }
}

/// What saying it again as text needs, should its buttons be refused later.
fn queued_metadata(options: &Options, to: Option<&Address>) -> Map<String, serde_json::Value> {
    let choices = match options {
        Options::None => return Map::new(),
        Options::Buttons(choices) | Options::List { rows: choices, .. } => choices,
    };
    let known = [("choices", json!(choices)), ("firstNumber", json!(1)), ("to", json!(to))];
    known.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn labelled(choices: &[Choice], most: usize) -> Vec<Choice> {
    choices.iter().map(|choice| Choice::new(choice.id.clone(), cut(&choice.label, most))).collect()
}

fn refused(detail: &str) -> SendError {
    SendError { kind: SendErrorKind::Permanent, detail: detail.to_owned() }
}
