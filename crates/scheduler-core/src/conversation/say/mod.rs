//! What the bot says: the question of each state, the catalog of texts, and their rendering.

pub mod catalog;
pub mod format;
mod placeholder;
pub mod question;
pub mod render;
pub mod report;
pub mod template_check;
