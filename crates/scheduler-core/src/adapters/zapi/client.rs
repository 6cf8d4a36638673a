//! One call to z-api: its address, its headers, its limits.

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

/// A connection must stand after this long.
const CONNECT: Duration = Duration::from_secs(2);
/// A call, a second try to connect and the last byte of the answer included.
const CALL: Duration = Duration::from_secs(4);
/// z-api's own idle connections are short-lived.
const IDLE: Duration = Duration::from_secs(5);
/// More than any answer of z-api's; the rest of a longer one is not read.
const ANSWER_BYTES: usize = 64 * 1024;

/// z-api cannot be called at all: a wrong setting.
#[derive(Debug, thiserror::Error)]
#[error("z-api's address is no http(s) URL, or TLS cannot be set up")]
pub struct StartError;

/// The one HTTP client, and where z-api is.
pub(super) struct Caller {
    client: Client,
    base: Url,
    account_token: Option<Secret>,
}

impl Caller {
    pub(super) fn new(base_url: &str, account_token: Option<Secret>) -> Result<Self, StartError> {
        let base = Url::parse(base_url).map_err(|_| StartError)?;
        if !matches!(base.scheme(), "http" | "https") {
            return Err(StartError);
        }
        let client = Client::builder()
            .tls_backend_preconfigured(tls::client_config().map_err(|_| StartError)?)
            .connect_timeout(CONNECT)
            .pool_idle_timeout(IDLE)
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .build()
            .map_err(|_| StartError)?;
        Ok(Self { client, base, account_token })
    }

    /// Calls and reads a 2xx answer. An answer that breaks off or is no JSON is `Later`: the
    /// message may have gone out.
    pub(super) async fn call(
        &self,
        instance: &ZapiInstance,
        method: Method,
        path: &[&str],
        body: Option<&Value>,
    ) -> Result<Value, SendError> {
        let request = self.request(instance, method, path, body)?;
        let _wait = call_stats::start_wait();
        let answered = timeout(CALL, async {
            let response = self.send(request).await?;
            let status = response.status().as_u16();
            Ok::<_, String>((status, read(response).await?))
        });
        let (status, body) = match answered.await {
            Ok(Ok(answer)) => answer,
            Ok(Err(broken)) => return Err(later(&broken)),
            Err(_) => return Err(later("no whole answer in time")),
        };
        let json = serde_json::from_slice(&body);
        match json {
            Ok(json) if (200..300).contains(&status) => Ok(json),
            Err(_) if (200..300).contains(&status) => Err(later("an answer that is no JSON")),
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
                detail: "the Client-Token cannot stand in a header".to_owned(),
            })?;
            value.set_sensitive(true);
            request = request.header("Client-Token", value);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        request.build().map_err(|error| later(&why(error)))
    }

    /// Sends; a connection that could not be made is tried once more. Anything after that is
    /// ambiguous and is not.
    async fn send(&self, request: Request) -> Result<Response, String> {
        let again = request.try_clone();
        match (self.client.execute(request).await, again) {
            (Err(error), Some(again)) if error.is_connect() => self.client.execute(again).await,
            (answered, _) => answered,
        }
        .map_err(why)
    }
}

async fn read(mut response: Response) -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(why)? {
        if body.len() + chunk.len() > ANSWER_BYTES {
            return Err("an answer far too long".to_owned());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn later(detail: &str) -> SendError {
    SendError { kind: SendErrorKind::Later, detail: detail.to_owned() }
}

/// reqwest's error in our words: its own text would hold the URL, and the token with it.
fn why(error: reqwest::Error) -> String {
    let error = error.without_url();
    if error.is_connect() {
        "no connection".to_owned()
    } else if error.is_timeout() {
        "no answer in time".to_owned()
    } else {
        format!("the connection broke: {error}")
    }
}
