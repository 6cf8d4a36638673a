//! Somebody who writes to the clinic, and reads what comes back.

use scheduler_local::zapi_stand_in::Outgoing;
use serde_json::Value;

use crate::http::Answered;
use crate::messages::{self, Sender};
use crate::product::Product;

/// What is pressed, in this order of preference, by whoever wants to book.
const WAY_TO_BOOK: [&str; 8] =
    ["schedule", "available_days", "service_", "skip_areas", "day_", "time_", "use_profile_name", "book_"];

/// One chat.
pub struct Patient<'a> {
    product: &'a Product,
    /// As whom.
    pub sender: Sender,
    read: usize,
}

impl<'a> Patient<'a> {
    pub(crate) fn new(product: &'a Product, phone: &str, name: &str) -> Self {
        let name = (!name.is_empty()).then(|| name.to_owned());
        let sender = Sender { phone: phone.to_owned(), lid: None, name };
        Self { product, sender, read: 0 }
    }

    /// What has been sent to this address, oldest first.
    pub fn outbox(&self) -> Vec<Outgoing> {
        self.product.zapi.outbox(Some(&self.sender.phone))
    }

    /// The next webhook of this patient.
    pub fn webhook(&self, content: Value) -> Value {
        let number = self.product.next_message();
        let momment =
            self.product.now().timestamp_millis() + i64::try_from(number % 1000).unwrap_or_default();
        messages::received(&self.sender, &format!("3EB0{number:016X}"), momment, content)
    }

    /// Sends something; panics unless it is taken.
    pub async fn sends(&mut self, content: Value) -> Vec<Outgoing> {
        let answered = self.tries(content).await;
        assert_eq!(answered.status, 200, "{}\n{}", answered.body, self.product.log());
        self.replies()
    }

    /// Sends something.
    pub async fn tries(&mut self, content: Value) -> Answered {
        self.product.webhook(&self.webhook(content)).await
    }

    /// What came since this was last asked.
    pub fn replies(&mut self) -> Vec<Outgoing> {
        let outbox = self.outbox();
        let new = outbox.get(self.read..).unwrap_or_default().to_vec();
        self.read = outbox.len();
        new
    }

    /// Writes, and reads the replies.
    pub async fn says(&mut self, text: &str) -> Vec<Outgoing> {
        self.sends(messages::text(text)).await
    }

    /// The last message that came with something to press.
    pub fn prompt(&self) -> Outgoing {
        let mut outbox = self.outbox();
        outbox.retain(|sent| !sent.options.is_empty());
        outbox.pop().expect("something to press")
    }

    /// What a press on the first offered option whose id begins so is, as a message's content.
    pub fn press(&self, id: &str) -> Value {
        let prompt = self.prompt();
        let option = prompt.options.iter().find(|option| option.id.starts_with(id));
        let option = option.unwrap_or_else(|| panic!("{id} is not offered: {prompt:?}"));
        match prompt.kind {
            "list" => messages::row(&option.id, &option.label),
            _ => messages::button(&option.id, &option.label),
        }
    }

    /// Presses the first offered option whose id begins so, and reads the replies.
    pub async fn presses(&mut self, id: &str) -> Vec<Outgoing> {
        self.sends(self.press(id)).await
    }

    /// Presses on towards a booking until an option is offered whose id begins so.
    pub async fn goes_to(&mut self, id: &str) {
        if self.outbox().is_empty() {
            self.says("Olá").await;
        }
        for _ in 0..12 {
            let offered = self.prompt().options;
            if offered.iter().any(|option| option.id.starts_with(id)) {
                return;
            }
            let next =
                WAY_TO_BOOK.iter().find(|next| offered.iter().any(|option| option.id.starts_with(**next)));
            let next = next.unwrap_or_else(|| panic!("no way to {id}: {offered:?}"));
            self.presses(next).await;
        }
        panic!("{id} was not reached: {:?}", self.outbox());
    }

    /// Books the first time that is offered, by pressing alone.
    pub async fn books(&mut self) {
        self.goes_to("book_").await;
        self.presses("book_").await;
    }
}
