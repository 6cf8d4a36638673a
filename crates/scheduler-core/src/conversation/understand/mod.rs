//! What a patient means by a text or a pressed option.

pub mod answer;
pub mod clinic_label;
pub mod date_time;
pub mod name;
pub mod option_id;
pub mod phrases;
pub mod reminder_reply;
