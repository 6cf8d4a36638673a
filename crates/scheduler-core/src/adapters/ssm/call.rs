//! One call of GetParameters
//! (<https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameters.html>), over the HTTP
//! and TLS libraries that every function links anyway: an SDK would double the size of an admin function.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::{HeaderMap, Request, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::config::{Endpoint, SsmConfig};
use super::sign::signed_headers;
use crate::adapters::tls;
use crate::call_stats;
use crate::domain::clinic::Secret;

/// Deadline of a call, connecting included.
const CALL_TIMEOUT: Duration = Duration::from_millis(1_500);
/// Maximum bytes of an answer: ten parameters of at most 8 KB, with room for escapes.
const MAX_ANSWER_BYTES: usize = 256 * 1024;

/// Why the secrets could not be read. The text contains neither a secret nor the answer's own text.
#[derive(Debug, thiserror::Error)]
pub enum SsmError {
    /// SSM answered with an error.
    #[error("SSM refused the call: {code}, status {status}, request id {request_id}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// AWS's name of the error, such as `AccessDeniedException`; `-` if it has none.
        code: String,
        /// AWS's id of the call; `-` if it has none.
        request_id: String,
    },
    /// There was no complete answer.
    #[error("no answer of SSM: {0}")]
    NoAnswer(&'static str),
    /// The answer cannot be read.
    #[error("the answer of SSM is not valid")]
    InvalidAnswer,
}

impl SsmError {
    /// Whether the same call may succeed a moment later.
    pub(super) fn is_temporary(&self) -> bool {
        match self {
            Self::NoAnswer(_) => true,
            Self::Refused { status, code, .. } => {
                *status == 429
                    || *status >= 500
                    || ["ThrottlingException", "RequestLimitExceeded", "InternalServerError"]
                        .contains(&code.as_str())
            }
            Self::InvalidAnswer => false,
        }
    }
}

/// The secrets that exist, by name.
pub(super) type Found = HashMap<&'static str, Secret>;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Question {
    names: Vec<String>,
    with_decryption: bool,
}

/// Parameters that do not exist are missing here; the answer lists them as `InvalidParameters`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    parameters: Vec<Parameter>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Parameter {
    name: String,
    value: Secret,
}

/// The body of an error. Its message is left out, because it quotes names and roles.
#[derive(Deserialize)]
struct Refusal {
    #[serde(rename = "__type")]
    code: String,
}

/// Status, headers and body.
type RawAnswer = (StatusCode, HeaderMap, Bytes);

/// Asks for all of the function's secrets at once.
pub(super) async fn get_parameters(config: &SsmConfig, now: DateTime<Utc>) -> Result<Found, SsmError> {
    let _wait = call_stats::start_wait();
    match timeout(CALL_TIMEOUT, call(config, now)).await {
        Ok(answered) => answered,
        Err(_) => Err(SsmError::NoAnswer("the time is over")),
    }
}

async fn call(config: &SsmConfig, now: DateTime<Utc>) -> Result<Found, SsmError> {
    let names = config.names.iter().map(|name| format!("{}/{name}", config.path)).collect();
    let body = serde_json::to_string(&Question { names, with_decryption: true })
        .map_err(|_| SsmError::NoAnswer("the question cannot be written"))?;
    let mut request = Request::post("/");
    for (name, value) in signed_headers(config, &body, now) {
        request = request.header(name, value);
    }
    let request = request
        .body(Full::new(Bytes::from(body)))
        .map_err(|_| SsmError::NoAnswer("a credential is not a valid header"))?;
    let (status, headers, body) = exchange(connect(&config.endpoint).await?, request).await?;
    if !status.is_success() {
        return Err(refused(status, &headers, &body));
    }
    let answer: Answer = serde_json::from_slice(&body).map_err(|_| SsmError::InvalidAnswer)?;
    let secret = |parameter: Parameter| {
        let name = parameter.name.strip_prefix(&config.path)?.strip_prefix('/')?;
        Some((*config.names.iter().find(|asked| **asked == name)?, parameter.value))
    };
    Ok(answer.parameters.into_iter().filter_map(secret).collect())
}

/// A connection with or without TLS. One type for both, so that the HTTP client is compiled once.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

async fn connect(endpoint: &Endpoint) -> Result<Box<dyn Stream>, SsmError> {
    let stream = TcpStream::connect((endpoint.host.as_str(), endpoint.port))
        .await
        .map_err(|_| SsmError::NoAnswer("no connection"))?;
    let _ = stream.set_nodelay(true);
    if !endpoint.tls {
        return Ok(Box::new(stream));
    }
    let config = tls::amazon_client_config().map_err(|_| SsmError::NoAnswer("TLS could not be set up"))?;
    let host = ServerName::try_from(endpoint.host.clone())
        .map_err(|_| SsmError::NoAnswer("its host has no valid name"))?;
    let connected = TlsConnector::from(Arc::new(config)).connect(host, stream).await;
    Ok(Box::new(connected.map_err(|_| SsmError::NoAnswer("the TLS handshake failed"))?))
}

/// Sends one request and reads the whole answer. The connection is closed afterwards, because the next call
/// is minutes away.
async fn exchange(stream: Box<dyn Stream>, request: Request<Full<Bytes>>) -> Result<RawAnswer, SsmError> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    let connection = tokio::spawn(connection);
    let answered = ask(&mut sender, request).await;
    connection.abort();
    answered
}

async fn ask(
    sender: &mut http1::SendRequest<Full<Bytes>>,
    request: Request<Full<Bytes>>,
) -> Result<RawAnswer, SsmError> {
    let (head, body) = sender.send_request(request).await.map_err(broken)?.into_parts();
    let body = Limited::new(body, MAX_ANSWER_BYTES).collect().await;
    let body = body.map_err(|_| SsmError::NoAnswer("the answer is incomplete or too long"))?;
    Ok((head.status, head.headers, body.to_bytes()))
}

fn broken(_: hyper::Error) -> SsmError {
    SsmError::NoAnswer("the connection broke")
}

fn refused(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> SsmError {
    // The code may follow a namespace, as in `com.amazonaws.ssm#ThrottlingException`.
    let code = serde_json::from_slice::<Refusal>(body).ok();
    let code = code.as_ref().and_then(|refusal| refusal.code.rsplit('#').next());
    let request_id = headers.get("x-amzn-requestid").and_then(|id| id.to_str().ok());
    let plain = |text: Option<&str>| {
        let text: String = text.unwrap_or_default().chars().filter(|it| is_plain(*it)).take(64).collect();
        if text.is_empty() { "-".to_owned() } else { text }
    };
    SsmError::Refused { status: status.as_u16(), code: plain(code), request_id: plain(request_id) }
}

fn is_plain(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '-'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_told_by_code_and_request_id_without_its_message() {
        let mut headers = HeaderMap::new();
        headers.insert("x-amzn-requestid", "5f1c-22".parse().unwrap());
        let body = br#"{"__type":"com.amazonaws.ssm#AccessDeniedException","message":"marked"}"#;
        let error = refused(StatusCode::BAD_REQUEST, &headers, body);
        let expected = "SSM refused the call: AccessDeniedException, status 400, request id 5f1c-22";
        assert_eq!(error.to_string(), expected);
        assert!(!error.is_temporary());
        let error = refused(StatusCode::BAD_GATEWAY, &HeaderMap::new(), b"<html>marked</html>");
        assert_eq!(error.to_string(), "SSM refused the call: -, status 502, request id -");
        assert!(error.is_temporary());
    }

    #[test]
    fn throttling_is_temporary_although_its_status_is_400() {
        let error =
            refused(StatusCode::BAD_REQUEST, &HeaderMap::new(), br#"{"__type":"ThrottlingException"}"#);
        assert!(error.is_temporary(), "{error}");
    }
}
