//! A reminder's part of its chat's history.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Map;
use uuid::Uuid;

use crate::adapters::dynamodb::events::{Direction, EventStatus, MessageEvent};
use crate::adapters::dynamodb::session::ChatKey;
use crate::adapters::postgres::profiles::ClinicProfile;
use crate::adapters::postgres::reminders::VisitNow;
use crate::app::converse::Chats;
use crate::conversation::copy::render;
use crate::conversation::event::Saying;
use crate::domain::ids::ConversationId;
use crate::domain::message::OutgoingMessage;
use crate::domain::phone::Address;
use crate::domain::reminder::{REMINDER_24H, Reminder};
use crate::domain::time::written_date;
use crate::error::StoreError;

/// The message, and its event as it stands.
pub(super) struct Record {
    pub(super) chat: ChatKey,
    pub(super) event: MessageEvent,
    pub(super) message: OutgoingMessage,
    /// The time of the event before.
    after: Option<DateTime<Utc>>,
}

impl Record {
    /// Goes on where the chat's history ends.
    pub(super) async fn open(
        chats: &Chats,
        reminder: &Reminder,
        visit: &VisitNow,
        profile: &ClinicProfile,
    ) -> Result<Self, StoreError> {
        let chat = ChatKey { clinic: reminder.clinic_id.clone(), person: visit.patient.match_key.clone() };
        let newest = chats.tables.list_events(&chat, true, 1, None).await?.events.into_iter().next();
        let saying = Saying {
            template: REMINDER_24H,
            values: BTreeMap::from([
                ("date", written_date(visit.slot.date)),
                ("time", visit.slot.time.format("%H:%M").to_string()),
                ("service", visit.service_name.clone()),
                ("patient_name", visit.patient.name.clone().unwrap_or_default()),
            ]),
            ..Saying::default()
        };
        let message = render(&saying, &profile.clinic, &profile.templates);
        let event = MessageEvent {
            message_id: reminder.reminder_id.to_string(),
            clinic_id: chat.clinic.clone(),
            conversation_id: newest
                .as_ref()
                .map_or_else(|| ConversationId(Uuid::new_v4()), |event| event.conversation_id),
            phone_number: chat.person.clone(),
            direction: Direction::Outbound,
            message_type: if message.choices.is_empty() { "text" } else { "buttons" }.to_owned(),
            content: message.text.clone(),
            status: EventStatus::Queued,
            status_timestamp: chats.clock.now(),
            provider: chats.whatsapp.name().to_owned(),
            provider_message_id: None,
            provider_response: None,
            error_details: None,
            metadata: Map::new(),
        };
        Ok(Self { chat, event, message, after: newest.map(|event| event.status_timestamp) })
    }

    /// What happens next, later than anything before it.
    pub(super) fn next(&mut self, status: EventStatus, now: DateTime<Utc>) {
        let at = self.after.map_or(now, |after| now.max(after + TimeDelta::milliseconds(1)));
        self.after = Some(at);
        self.event.status = status;
        self.event.status_timestamp = at;
        self.event.metadata = Map::new();
    }

    /// It is about to go out to this address.
    pub(super) fn queued(&mut self, to: &Address, now: DateTime<Utc>) {
        self.next(EventStatus::Queued, now);
        self.event.metadata.insert("to".into(), to.0.clone().into());
    }

    /// It did not go out and will not.
    pub(super) fn fails(&mut self, why: &str, now: DateTime<Utc>) {
        self.next(EventStatus::Failed, now);
        self.event.error_details = Some(why.to_owned());
    }
}
