//! Sets every clinic's webhook URL at the WhatsApp provider.

use crate::adapters::postgres::Db;
use crate::domain::clinic::Clinic;
use crate::domain::ids::ClinicId;
use crate::error::StoreError;
use crate::ports::WhatsAppProvider;
use crate::ports::whatsapp::SendError;
use crate::webhook_url::WebhookUrls;

/// What became of one clinic's webhook URL.
#[derive(Debug, Clone)]
pub enum UrlOutcome {
    /// The provider has the URL.
    Set,
    /// The clinic has no instance.
    NoInstance,
    /// The provider did not accept the URL, or did not answer.
    Failed(SendError),
}

/// Clinics per SQL query.
const PAGE: usize = 100;

/// Sets the webhook URL of every active clinic, one after the other, and calls `report` after each. A clinic
/// that fails does not stop the others. Fails if the clinics cannot be read.
pub async fn set_webhook_urls(
    db: &Db,
    provider: &dyn WhatsAppProvider,
    urls: &WebhookUrls,
    mut report: impl FnMut(&ClinicId, &UrlOutcome),
) -> Result<(), StoreError> {
    let mut after = None;
    loop {
        let page = db.list_clinics(after.as_ref(), PAGE).await?.unwrap_or_default();
        for clinic in &page.clinics {
            let outcome = set_webhook_url(provider, urls, clinic).await;
            report(&clinic.id, &outcome);
        }
        after = page.next;
        if after.is_none() {
            return Ok(());
        }
    }
}

async fn set_webhook_url(provider: &dyn WhatsAppProvider, urls: &WebhookUrls, clinic: &Clinic) -> UrlOutcome {
    let Some(instance) = &clinic.zapi else { return UrlOutcome::NoInstance };
    match provider.set_webhook_url(clinic, &urls.of(&instance.id)).await {
        Ok(()) => UrlOutcome::Set,
        Err(error) => UrlOutcome::Failed(error),
    }
}
