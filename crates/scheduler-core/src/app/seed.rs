//! The example clinic, with the specification's templates as rows of its own.

use std::collections::BTreeMap;

use crate::adapters::postgres::Db;
use crate::adapters::postgres::setup::Done;
use crate::conversation::say::catalog::templates;
use crate::error::StoreError;

/// The messages that the specification lets a clinic word.
const SPECIFIED: [&str; 17] = [
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

/// Makes it if it is not there.
pub async fn seed_clinic(db: &Db) -> Result<Vec<Done>, StoreError> {
    let texts: BTreeMap<String, String> = SPECIFIED
        .into_iter()
        .filter_map(|key| templates().get(key).map(|template| (key.to_owned(), template.text.clone())))
        .collect();
    db.seed_clinic(&texts).await
}
