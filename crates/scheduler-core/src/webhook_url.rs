//! The URLs to which z-api posts events, and the tokens in them (`docs/rules/api.md#webhooks`).

use aws_lc_rs::hmac;

use crate::digest::hex;
use crate::domain::clinic::Secret;

/// Path of the webhook that takes every kind of event.
pub const WEBHOOK_PATH: &str = "/webhook/whatsapp";

/// The secrets from which the tokens are made. Whoever has a token cannot compute another instance's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookMasters {
    newest: Secret,
    previous: Option<Secret>,
}

impl WebhookMasters {
    /// A single master.
    pub fn new(master: Secret) -> Self {
        Self { newest: master, previous: None }
    }

    /// Reads `WEBHOOK_TOKEN`: one master, or during a rotation two, separated by a comma, the new one first.
    /// `None` if there are none or more than two.
    pub fn parse(list: &str) -> Option<Self> {
        let mut masters = list.split(',').map(str::trim).filter(|entry| !entry.is_empty()).map(Secret::new);
        let (newest, previous) = (masters.next()?, masters.next());
        masters.next().is_none().then_some(Self { newest, previous })
    }

    /// Every master, the newest first.
    pub fn all(&self) -> impl Iterator<Item = &Secret> {
        std::iter::once(&self.newest).chain(&self.previous)
    }

    /// The token of an instance, made from the newest master: 64 characters of lower-case hexadecimal.
    pub fn token_of(&self, instance_id: &str) -> Secret {
        token(&self.newest, instance_id)
    }

    /// The tokens that are accepted from an instance: one for each master.
    pub fn tokens_of(&self, instance_id: &str) -> impl Iterator<Item = Secret> {
        self.all().map(move |master| token(master, instance_id))
    }
}

/// Makes the URLs of instances.
#[derive(Debug, Clone)]
pub struct WebhookUrls {
    base: String,
    masters: WebhookMasters,
}

impl WebhookUrls {
    /// `base` is what precedes [`WEBHOOK_PATH`], such as `https://api.example.com/prod`.
    pub fn new(base: &str, masters: WebhookMasters) -> Self {
        Self { base: base.trim_end_matches('/').to_owned(), masters }
    }

    /// The URL for all events of an instance. It is a secret, because it contains the instance's token.
    pub fn of(&self, instance_id: &str) -> Secret {
        let token = self.masters.token_of(instance_id);
        Secret::new(format!("{}{WEBHOOK_PATH}?token={}", self.base, token.expose()))
    }
}

/// HMAC-SHA256 of the instance's id, with the master as its key.
fn token(master: &Secret, instance_id: &str) -> Secret {
    let key = hmac::Key::new(hmac::HMAC_SHA256, master.expose().as_bytes());
    Secret::new(hex(hmac::sign(&key, instance_id.as_bytes()).as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `printf %s instance-123 | openssl dgst -sha256 -hmac a-master`
    const TOKEN: &str = "5e6a95b74567439cb9f5ee388eb3504cfb794578dd901eba308ca21f96f67763";

    #[test]
    fn a_token_is_the_hmac_of_the_instances_id() {
        let masters = WebhookMasters::new(Secret::new("a-master"));
        assert_eq!(masters.token_of("instance-123").expose(), TOKEN);
        assert_ne!(masters.token_of("instance-124").expose(), TOKEN);
        let url = WebhookUrls::new("https://api.example.com/prod/", masters).of("instance-123");
        assert_eq!(url.expose(), format!("https://api.example.com/prod/webhook/whatsapp?token={TOKEN}"));
        assert!(!format!("{url:?}").contains(TOKEN));
    }

    #[test]
    fn one_or_two_masters_are_read_and_the_first_makes_new_tokens() {
        #[track_caller]
        fn check(list: &str, expected: &[&str]) {
            let masters = WebhookMasters::parse(list);
            let read: Vec<&str> = masters.iter().flat_map(WebhookMasters::all).map(Secret::expose).collect();
            assert_eq!(read, expected, "{list}");
        }
        check("a-master", &["a-master"]);
        check(" new , a-master ", &["new", "a-master"]);
        check("a-master,", &["a-master"]);
        check("", &[]);
        check(" , ", &[]);
        check("one,two,three", &[]);
        let rotated = WebhookMasters::parse("new,a-master").unwrap();
        assert_ne!(rotated.token_of("instance-123").expose(), TOKEN);
        assert!(rotated.tokens_of("instance-123").any(|token| token.expose() == TOKEN));
    }
}
