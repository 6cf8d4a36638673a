//! A stand-in for z-api: answers as z-api does and keeps what would have gone to WhatsApp.

mod script;
mod wire;

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{ConnectInfo, Path, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use chrono::SecondsFormat;
use scheduler_core::ports::Clock;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use uuid::Uuid;

pub use script::ScriptedAnswer;
use wire::{WireControl, Wires};

/// What would have gone to WhatsApp (contract 5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Outgoing {
    /// To whom, as it was asked for.
    pub phone: String,
    /// `text`, `buttons` or `list`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The text.
    pub message: String,
    /// What can be pressed.
    pub options: Vec<OutgoingOption>,
    /// WhatsApp's id of it.
    pub message_id: String,
    /// RFC 3339, UTC.
    pub sent_at: String,
}

/// A button or a row of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OutgoingOption {
    /// Its id.
    pub id: String,
    /// What is read.
    pub label: String,
}

/// A call as it came in.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// `POST` or `GET`.
    pub method: String,
    /// Instance of the URL.
    pub instance: String,
    /// Token of the URL.
    pub token: String,
    /// The rest of the URL, such as `send-text`.
    pub endpoint: String,
    /// The header `Client-Token`.
    pub client_token: Option<String>,
    /// The body; null where it is no JSON.
    pub body: Value,
}

/// The running stand-in. It ends when this is dropped.
pub struct FakeZapi {
    address: SocketAddr,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

impl FakeZapi {
    /// Starts on a free port of 127.0.0.1. An error means that none could be had.
    pub async fn start(clock: Arc<dyn Clock>) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared { clock, kept: Mutex::default() });
        let router = Router::new()
            .route("/instances/{instance}/token/{token}/{*endpoint}", any(answer))
            .fallback(|| async { no_such_resource() })
            .with_state(Arc::clone(&shared));
        let service = router.into_make_service_with_connect_info::<WireControl>();
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(Wires(listener), service).await {
                tracing::error!(step = "zapi_stand_in", error = %error, "the stand-in for z-api ended");
            }
        });
        Ok(Self { address, shared, server })
    }

    /// What `ZAPI_BASE_URL` would be.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What would have gone to WhatsApp, oldest first; to one phone, exactly as it was addressed,
    /// or to all.
    pub fn outbox(&self, phone: Option<&str>) -> Vec<Outgoing> {
        let kept = self.shared.kept();
        kept.outbox.iter().filter(|sent| phone.is_none_or(|phone| sent.phone == phone)).cloned().collect()
    }

    /// Empties the outbox and forgets the calls.
    pub fn clear(&self) {
        let mut kept = self.shared.kept();
        kept.outbox.clear();
        kept.calls.clear();
    }

    /// Every call that came in, oldest first.
    pub fn calls(&self) -> Vec<Call> {
        self.shared.kept().calls.clone()
    }

    /// The next call is answered so; several of these are used in order.
    pub fn answer_next(&self, answer: ScriptedAnswer) {
        self.shared.kept().next.push_back(answer);
    }

    /// Every call about this phone is answered so, until [`Self::behave`].
    pub fn answer_phone(&self, phone: &str, answer: ScriptedAnswer) {
        self.shared.kept().by_phone.insert(phone.to_owned(), answer);
    }

    /// Every call to an endpoint that begins so (`send-`, `send-button-list`, `status`) is
    /// answered so, until [`Self::behave`].
    pub fn answer_endpoint(&self, endpoint: &'static str, answer: ScriptedAnswer) {
        self.shared.kept().by_endpoint.push((endpoint, answer));
    }

    /// WhatsApp knows the number under this one: what `phone-exists` answers. `None`: not at all.
    pub fn knows(&self, phone: &str, address: Option<&str>) {
        self.shared.kept().known.insert(phone.to_owned(), address.map(str::to_owned));
    }

    /// Forgets every answer that was asked for.
    pub fn behave(&self) {
        let mut kept = self.shared.kept();
        kept.next.clear();
        kept.by_phone.clear();
        kept.by_endpoint.clear();
    }
}

impl Drop for FakeZapi {
    fn drop(&mut self) {
        self.server.abort();
    }
}

struct Shared {
    clock: Arc<dyn Clock>,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    outbox: Vec<Outgoing>,
    calls: Vec<Call>,
    next: VecDeque<ScriptedAnswer>,
    by_phone: HashMap<String, ScriptedAnswer>,
    by_endpoint: Vec<(&'static str, ScriptedAnswer)>,
    known: HashMap<String, Option<String>>,
}

/// Why a message is not taken.
enum Refused {
    NoSuchResource,
    Empty(&'static str),
}

impl Shared {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn scripted(&self, call: &Call) -> ScriptedAnswer {
        let mut kept = self.kept();
        if let Some(answer) = kept.next.pop_front() {
            return answer;
        }
        let phone = call.body["phone"].as_str().or_else(|| call.endpoint.strip_prefix("phone-exists/"));
        phone
            .and_then(|phone| kept.by_phone.get(phone))
            .or_else(|| {
                kept.by_endpoint
                    .iter()
                    .find(|(start, _)| call.endpoint.starts_with(start))
                    .map(|(_, answer)| answer)
            })
            .cloned()
            .unwrap_or_else(ScriptedAnswer::usual)
    }

    fn take(&self, call: &Call) -> Result<Value, Refused> {
        let (kind, options) = match call.endpoint.as_str() {
            "send-text" => ("text", Vec::new()),
            "send-button-list" => ("buttons", options(&call.body["buttonList"]["buttons"], "label")?),
            "send-option-list" => ("list", options(&call.body["optionList"]["options"], "title")?),
            _ => return Err(Refused::NoSuchResource),
        };
        let field = |name: &'static str| {
            let value = call.body[name].as_str().filter(|value| !value.trim().is_empty());
            value.ok_or(Refused::Empty(name))
        };
        let message_id = format!("3EB0{}", &Uuid::new_v4().simple().to_string().to_uppercase()[..16]);
        let sent = Outgoing {
            phone: field("phone")?.to_owned(),
            kind,
            message: field("message")?.to_owned(),
            options,
            message_id: message_id.clone(),
            sent_at: self.clock.now().to_rfc3339_opts(SecondsFormat::Millis, true),
        };
        self.kept().outbox.push(sent);
        let zaap_id = Uuid::new_v4().simple().to_string().to_uppercase();
        Ok(json!({ "zaapId": zaap_id, "messageId": message_id, "id": message_id }))
    }

    fn usual(&self, call: &Call) -> Response {
        if call.method == "GET" {
            if call.endpoint == "status" {
                return said(
                    StatusCode::OK,
                    &json!({
                        "connected": true, "error": "You are already connected", "smartphoneConnected": true,
                    }),
                );
            }
            if let Some(phone) = call.endpoint.strip_prefix("phone-exists/") {
                let known = self.kept().known.get(phone).cloned().unwrap_or_else(|| Some(phone.to_owned()));
                return said(
                    StatusCode::OK,
                    &json!([{ "exists": known.is_some(), "phone": known, "lid": null }]),
                );
            }
            return no_such_resource();
        }
        match self.take(call) {
            Ok(answer) => said(StatusCode::OK, &answer),
            Err(Refused::NoSuchResource) => no_such_resource(),
            Err(Refused::Empty(what)) => {
                said(StatusCode::BAD_REQUEST, &json!({ "error": format!("{what} is empty") }))
            }
        }
    }
}

async fn answer(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(wire): ConnectInfo<WireControl>,
    Path((instance, token, endpoint)): Path<(String, String, String)>,
    method: Method,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let call = Call {
        method: method.to_string(),
        instance,
        token,
        endpoint,
        client_token: headers.get("Client-Token").and_then(|value| value.to_str().ok()).map(str::to_owned),
        body: serde_json::from_slice(&body).unwrap_or_default(),
    };
    shared.kept().calls.push(call.clone());
    if method == Method::POST && !is_json(&headers) {
        return said(StatusCode::UNSUPPORTED_MEDIA_TYPE, &json!({ "error": "Unsupported Media Type" }));
    }
    let script = shared.scripted(&call);
    if !script.delay.is_zero() {
        tokio::time::sleep(script.delay).await;
    }
    let usual = if script.taken { shared.usual(&call) } else { StatusCode::OK.into_response() };
    wire.set(script.manner);
    match script.said {
        Some((status, body)) => (status, [(header::CONTENT_TYPE, "application/json")], body).into_response(),
        None => usual,
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    kind.is_some_and(|kind| kind.starts_with("application/json"))
}

fn options(listed: &Value, label: &'static str) -> Result<Vec<OutgoingOption>, Refused> {
    let listed = listed.as_array().filter(|listed| !listed.is_empty());
    let text = |option: &Value, field: &str| option[field].as_str().map(str::to_owned);
    listed
        .and_then(|listed| {
            let read = |option| Some(OutgoingOption { id: text(option, "id")?, label: text(option, label)? });
            listed.iter().map(read).collect()
        })
        .ok_or(Refused::Empty(label))
}

/// z-api's answer to a wrong path: success by its status, an error by its body.
fn no_such_resource() -> Response {
    let body = json!({ "error": "NOT_FOUND", "message": "Unable to find matching target resource method" });
    said(StatusCode::OK, &body)
}

fn said(status: StatusCode, body: &Value) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}
