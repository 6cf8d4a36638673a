//! Tells z-api where to post the events of an instance.

use reqwest::Method;
use serde_json::json;

use super::client::ZapiClient;
use super::faults::refusal;
use super::fields;
use crate::domain::clinic::{Secret, ZapiInstance};
use crate::ports::whatsapp::SendError;

/// Sets the URL of every kind of event. `notifySentByMe` also reports what the clinic's staff writes on the
/// phone, so that the bot falls silent.
pub(super) async fn set_every_url(
    client: &ZapiClient,
    instance: &ZapiInstance,
    url: &Secret,
) -> Result<(), SendError> {
    let body = json!({ "value": url.expose(), "notifySentByMe": true });
    let answer = client.call(instance, Method::PUT, &["update-every-webhooks"], Some(&body)).await?;
    if fields::flag(&answer, "value") == Some(true) { Ok(()) } else { Err(refusal(200, &answer)) }
}
