//! Makes one call to z-api: URL, headers, limits of time and size.

use std::time::Duration;

use reqwest::header::{ACCEPT, HeaderValue};
use reqwest::{Client, Method, Request, Response, Url, redirect};
use serde_json::Value;
use tokio::time::timeout;

use super::faults::refusal;
use crate::adapters::tls;
use crate::call_stats;
use crate::domain::clinic::{Secret, ZapiInstance};
use crate::ports::whatsapp::{SendError, SendErrorKind};

/// Deadline for connecting.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// Deadline of a call, including a second attempt to connect and the whole answer.
const CALL_TIMEOUT: Duration = Duration::from_secs(4);
/// How long an idle connection is kept. z-api itself closes idle connections early.
const IDLE_TIMEOUT: Duration = Duration::from_secs(5);
/// Maximum bytes of an answer (docs/rules/security.md#limits); z-api's answers are much shorter.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// The client cannot be created, because a setting is wrong.
#[derive(Debug, thiserror::Error)]
#[error("ZAPI_BASE_URL is not an http(s) URL, or TLS could not be set up")]
pub struct ZapiConfigError;

/// The HTTP client and z-api's base URL.
pub(super) struct ZapiClient {
    client: Client,
    base: Url,
    account_token: Option<Secret>,
}

impl ZapiClient {
    pub(super) fn new(base_url: &str, account_token: Option<Secret>) -> Result<Self, ZapiConfigError> {
        let base = Url::parse(base_url).map_err(|_| ZapiConfigError)?;
        if !matches!(base.scheme(), "http" | "https") {
            return Err(ZapiConfigError);
        }
        let client = Client::builder()
            .tls_backend_preconfigured(tls::client_config().map_err(|_| ZapiConfigError)?)
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .build()
            .map_err(|_| ZapiConfigError)?;
        Ok(Self { client, base, account_token })
    }

    /// Makes a call and returns the JSON of a 2xx answer. If the answer is incomplete, or 2xx but not JSON,
    /// the error is [`SendErrorKind::Retryable`], because it is unknown whether the message was sent.
    pub(super) async fn call(
        &self,
        instance: &ZapiInstance,
        method: Method,
        path: &[&str],
        body: Option<&Value>,
    ) -> Result<Value, SendError> {
        let request = self.request(instance, method, path, body)?;
        let _wait = call_stats::start_wait();
        let answered = timeout(CALL_TIMEOUT, async {
            let response = self.send(request).await?;
            let status = response.status().as_u16();
            Ok::<_, String>((status, read(response).await?))
        });
        let (status, body) = match answered.await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return Err(later(&error)),
            Err(_) => return Err(later("no complete answer in time")),
        };
        let json = serde_json::from_slice(&body);
        match json {
            Ok(json) if (200..300).contains(&status) => Ok(json),
            Err(_) if (200..300).contains(&status) => Err(later("the answer is not JSON")),
            json => Err(refusal(status, &json.unwrap_or_default())),
        }
    }

    fn client_token<'a>(&'a self, instance: &'a ZapiInstance) -> Option<&'a Secret> {
        instance.client_token.as_ref().or(self.account_token.as_ref())
    }

    fn request(
        &self,
        instance: &ZapiInstance,
        method: Method,
        path: &[&str],
        body: Option<&Value>,
    ) -> Result<Request, SendError> {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty();
            segments.extend(["instances", &instance.id, "token", instance.token.expose()]);
            segments.extend(path);
        }
        let mut request = self.client.request(method, url).header(ACCEPT, "application/json");
        if let Some(token) = self.client_token(instance) {
            let mut value = HeaderValue::from_str(token.expose()).map_err(|_| SendError {
                kind: SendErrorKind::Instance,
                detail: "the Client-Token is not a valid header value".to_owned(),
            })?;
            value.set_sensitive(true);
            request = request.header("Client-Token", value);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        request.build().map_err(|error| later(&describe(error)))
    }

    /// Sends a request, and once more if the connection could not be made. After a later error the message
    /// may have been sent, so the request is not repeated.
    async fn send(&self, request: Request) -> Result<Response, String> {
        let again = request.try_clone();
        match (self.client.execute(request).await, again) {
            (Err(error), Some(again)) if error.is_connect() => self.client.execute(again).await,
            (answered, _) => answered,
        }
        .map_err(describe)
    }
}

async fn read(mut response: Response) -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(describe)? {
        if body.len() + chunk.len() > MAX_ANSWER_BYTES {
            return Err("the answer is too long".to_owned());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn later(detail: &str) -> SendError {
    SendError { kind: SendErrorKind::Retryable, detail: detail.to_owned() }
}

/// Describes an error without the URL, which contains the token.
fn describe(error: reqwest::Error) -> String {
    let error = error.without_url();
    if error.is_connect() {
        "no connection".to_owned()
    } else if error.is_timeout() {
        "no answer in time".to_owned()
    } else {
        format!("the connection broke: {error}")
    }
}
