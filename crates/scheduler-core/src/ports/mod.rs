//! The two things the rest may be given in more than one make: the WhatsApp provider and the clock.

pub mod clock;
pub mod whatsapp;

pub use clock::Clock;
pub use whatsapp::WhatsAppProvider;
