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

    /// Makes a call and returns the JSON of a 2xx answer. Any other status is an answer too, even if its body
    /// is cut off; only a proxy's 502 or 504 says nothing about z-api. The error is
    /// [`SendErrorKind::Unknown`] if there is no complete answer.
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
            if is_gateway_error(status) {
                return Err(unknown(&format!("HTTP {status} from a proxy")));
            }
            let body = match read(response).await {
                Err(error) if (200..300).contains(&status) => return Err(unknown(&error)),
                body => body.unwrap_or_default(),
            };
            Ok((status, body))
        });
        let (status, body) = answered.await.unwrap_or_else(|_| Err(unknown("no complete answer in time")))?;
        let json = serde_json::from_slice(&body);
        match json {
            Ok(json) if (200..300).contains(&status) => Ok(json),
            Err(_) if (200..300).contains(&status) => Err(unknown("the answer is not JSON")),
            json => Err(refusal(status, &json.unwrap_or_default())),
        }
    }

    /// Makes a call that only reads, so that a lost answer does no harm.
    pub(super) async fn get(&self, instance: &ZapiInstance, path: &[&str]) -> Result<Value, SendError> {
        self.call(instance, Method::GET, path, None).await.map_err(|error| match error.kind {
            SendErrorKind::Unknown => SendError { kind: SendErrorKind::Retryable, ..error },
            SendErrorKind::Instance | SendErrorKind::Permanent | SendErrorKind::Retryable => error,
        })
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
        request.build().map_err(|error| not_sent(&describe(error)))
    }

    /// Sends a request, and once more if the connection could not be made. After a later error the message
    /// may have been sent, so the request is not repeated.
    async fn send(&self, request: Request) -> Result<Response, SendError> {
        let again = request.try_clone();
        match (self.client.execute(request).await, again) {
            (Err(error), Some(again)) if error.is_connect() => self.client.execute(again).await,
            (answered, _) => answered,
        }
        .map_err(|error| {
            if error.is_connect() { not_sent(&describe(error)) } else { unknown(&describe(error)) }
        })
    }
}

/// Whether a proxy in front of z-api answered in its place. z-api itself answers its own faults with 500 or
/// 503.
fn is_gateway_error(status: u16) -> bool {
    matches!(status, 502 | 504)
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

fn not_sent(detail: &str) -> SendError {
    SendError { kind: SendErrorKind::Retryable, detail: detail.to_owned() }
}

fn unknown(detail: &str) -> SendError {
    SendError { kind: SendErrorKind::Unknown, detail: detail.to_owned() }
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
