//! A patient who writes to the clinic and reads the replies.

use scheduler_local::fake_zapi::OutboxMessage;
use serde_json::Value;

use crate::http::HttpResponse;
use crate::messages::{self, Sender};
use crate::test_app::TestApp;

/// The option ids, or their beginnings, that lead a new patient from the menu to a booking at the example
/// clinic, which has one service.
pub const BOOKING_STEPS: [&str; 7] =
    ["schedule", "available_days", "skip_areas", "day_", "time_", "use_profile_name", "book_"];

/// [`BOOKING_STEPS`] for a clinic that may have several services.
const STEPS_WITH_SERVICE: [&str; 8] =
    ["schedule", "available_days", "service_", "skip_areas", "day_", "time_", "use_profile_name", "book_"];

/// One patient's chat with the example clinic.
pub struct Patient<'a> {
    app: &'a TestApp,
    /// The sender of this patient's messages.
    pub sender: Sender,
    /// How many messages of the outbox the patient has read.
    read: usize,
}

impl<'a> Patient<'a> {
    pub(crate) fn new(app: &'a TestApp, phone: &str, name: &str) -> Self {
        let name = (!name.is_empty()).then(|| name.to_owned());
        let sender = Sender { phone: phone.to_owned(), lid: None, name };
        Self { app, sender, read: 0 }
    }

    /// All messages sent to this patient, oldest first.
    pub fn outbox(&self) -> Vec<OutboxMessage> {
        self.app.zapi.outbox(Some(&self.sender.phone))
    }

    /// A webhook body with the next message of this patient.
    pub fn webhook(&self, content: Value) -> Value {
        let number = self.app.next_message();
        let sent_at = self.app.now().timestamp_millis() + i64::try_from(number % 1000).unwrap_or_default();
        messages::received(&self.sender, &format!("3EB0{number:016X}"), sent_at, content)
    }

    /// Sends a message and returns the replies. Panics unless the webhook answers 200.
    pub async fn sends(&mut self, content: Value) -> Vec<OutboxMessage> {
        let response = self.try_send(content).await;
        assert_eq!(response.status, 200, "{}\n{}", response.body, self.app.log());
        self.replies()
    }

    /// Sends a message.
    pub async fn try_send(&mut self, content: Value) -> HttpResponse {
        self.app.webhook(&self.webhook(content)).await
    }

    /// The messages sent to this patient since this was last called.
    pub fn replies(&mut self) -> Vec<OutboxMessage> {
        let outbox = self.outbox();
        let new = outbox.get(self.read..).unwrap_or_default().to_vec();
        self.read = outbox.len();
        new
    }

    /// Sends a text and returns the replies.
    pub async fn says(&mut self, text: &str) -> Vec<OutboxMessage> {
        self.sends(messages::text(text)).await
    }

    /// The last message with options.
    pub fn prompt(&self) -> OutboxMessage {
        last_prompt(self.outbox())
    }

    /// Message content: a press on the first offered option whose id starts with `id`.
    pub fn press(&self, id: &str) -> Value {
        press(&self.prompt(), id)
    }

    /// Presses the first offered option whose id starts with `id`, and returns the replies.
    pub async fn presses(&mut self, id: &str) -> Vec<OutboxMessage> {
        self.sends(self.press(id)).await
    }

    /// Presses options on the way to a booking until one is offered whose id starts with `id`.
    pub async fn goes_to(&mut self, id: &str) {
        if self.outbox().is_empty() {
            self.says("Olá").await;
        }
        for _ in 0..12 {
            let offered = self.prompt().options;
            if offered.iter().any(|option| option.id.starts_with(id)) {
                return;
            }
            let next = STEPS_WITH_SERVICE
                .iter()
                .find(|next| offered.iter().any(|option| option.id.starts_with(**next)));
            let next = next.unwrap_or_else(|| panic!("no option leads to {id}: {offered:?}"));
            self.presses(next).await;
        }
        panic!("{id} was not reached: {:?}", self.outbox());
    }

    /// Books the first offered time by pressing options only.
    pub async fn books(&mut self) {
        self.goes_to("book_").await;
        self.presses("book_").await;
    }
}

/// The last message of an outbox that has options.
pub(crate) fn last_prompt(mut outbox: Vec<OutboxMessage>) -> OutboxMessage {
    outbox.retain(|sent| !sent.options.is_empty());
    outbox.pop().expect("a message with options")
}

/// Message content: a press on the first option of `prompt` whose id starts with `id`.
pub(crate) fn press(prompt: &OutboxMessage, id: &str) -> Value {
    let option = prompt.options.iter().find(|option| option.id.starts_with(id));
    let option = option.unwrap_or_else(|| panic!("{id} is not offered: {prompt:?}"));
    match prompt.kind {
        "list" => messages::row(&option.id, &option.label),
        _ => messages::button(&option.id, &option.label),
    }
}
