//! Creates the example clinic, with the default templates stored as its own.

use std::collections::BTreeMap;

use crate::adapters::postgres::Db;
use crate::adapters::postgres::setup::SetupLine;
use crate::conversation::say::catalog::templates;
use crate::error::StoreError;

/// Keys of the templates that are stored with the example clinic.
const SEEDED_TEMPLATES: [&str; 17] = [
    "WELCOME_NEW",
    "WELCOME_RETURNING",
    "MAIN_MENU",
    "SCHEDULE_MENU",
    "PRICE_TABLE",
    "AVAILABLE_DAYS",
    "SELECT_TIME",
    "INPUT_AREAS",
    "CONFIRM_BOOKING",
    "BOOKED",
    "RESCHEDULE_FOUND",
    "RESCHEDULE_NOT_FOUND",
    "RESCHEDULED",
    "FAQ_MENU",
    "HUMAN_HANDOFF",
    "UNRECOGNIZED",
    "REMINDER_24H",
];

/// Creates the example clinic if it does not exist. Returns one printable line per thing done.
pub async fn seed_clinic(db: &Db) -> Result<Vec<SetupLine>, StoreError> {
    let texts: BTreeMap<String, String> = SEEDED_TEMPLATES
        .into_iter()
        .filter_map(|key| templates().get(key).map(|template| (key.to_owned(), template.text.clone())))
        .collect();
    db.seed_clinic(&texts).await
}
