//! Hands a message to the WhatsApp provider.

use crate::app::chats::Chats;
use crate::conversation::say::render::list_button;
use crate::domain::clinic::Clinic;
use crate::domain::message::{MessageType, OutgoingMessage};
use crate::domain::phone::Address;
use crate::ports::whatsapp::{SendError, Sent};

impl Chats {
    /// Sends a message as text, buttons or a list, depending on how many choices it has.
    pub(super) async fn deliver(
        &self,
        clinic: &Clinic,
        to: &Address,
        message: &OutgoingMessage,
    ) -> Result<Sent, SendError> {
        let OutgoingMessage { text, choices, first_number } = message;
        match message.message_type() {
            MessageType::Text => self.whatsapp.send_text(clinic, to, text).await,
            MessageType::Buttons => {
                self.whatsapp.send_buttons(clinic, to, text, choices, *first_number).await
            }
            MessageType::List => {
                self.whatsapp.send_list(clinic, to, text, &list_button(), choices, *first_number).await
            }
        }
    }
}
