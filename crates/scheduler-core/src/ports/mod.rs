//! Interfaces that have more than one implementation: the WhatsApp provider and the clock.

pub mod clock;
pub mod whatsapp;

pub use clock::Clock;
pub use whatsapp::WhatsAppProvider;
