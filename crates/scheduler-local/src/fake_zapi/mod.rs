//! The fake z-api server: answers like z-api and keeps in an outbox what would have gone to WhatsApp.

mod faulty_stream;
mod newest;
mod script;

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

use faulty_stream::{FaultyListener, StreamControl};
pub use script::ScriptedAnswer;

use crate::guard::Guard;

/// A message that would have gone to WhatsApp, as `/_local/outbox` shows it
/// (docs/rules/api.md#local-routes).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OutboxMessage {
    /// Recipient, exactly as the request names it.
    pub phone: String,
    /// `text`, `buttons` or `list`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Message text.
    pub message: String,
    /// Buttons, or rows of a list; empty for `text`.
    pub options: Vec<OutboxOption>,
    /// The message id that the answer contained, in the format of WhatsApp's ids.
    pub message_id: String,
    /// When it was accepted: RFC 3339 in UTC.
    pub sent_at: String,
}

/// A button or a row of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OutboxOption {
    /// The id that pressing it sends back.
    pub id: String,
    /// The text that the patient sees.
    pub label: String,
}

/// A call that the fake z-api server received.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// `POST`, `PUT` or `GET`.
    pub method: String,
    /// Instance id in the URL.
    pub instance: String,
    /// Instance token in the URL.
    pub token: String,
    /// The rest of the URL, such as `send-text`.
    pub endpoint: String,
    /// Value of the header `Client-Token`.
    pub client_token: Option<String>,
    /// The body; null if it is not JSON.
    pub body: Value,
}

/// A running fake z-api server. It stops when this is dropped.
pub struct FakeZapi {
    address: SocketAddr,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

impl FakeZapi {
    /// Starts on a free port of 127.0.0.1. Fails if no port can be bound.
    pub async fn start(clock: Arc<dyn Clock>) -> io::Result<Self> {
        Self::keeping(usize::MAX, clock).await
    }

    /// Like [`Self::start`], but forgets all except the newest `kept` messages and calls.
    pub async fn keeping(kept: usize, clock: Arc<dyn Clock>) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared { clock, kept, state: Mutex::default() });
        let router = Router::new()
            .route("/instances/{instance}/token/{token}/{*endpoint}", any(answer))
            .fallback(|| async { no_such_resource() })
            .with_state(Arc::clone(&shared));
        let router = Guard::default().protect(router);
        let service = router.into_make_service_with_connect_info::<StreamControl>();
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(FaultyListener(listener), service).await {
                tracing::error!(step = "zapi_stand_in", error = %error, "the fake z-api server failed");
            }
        });
        Ok(Self { address, shared, server })
    }

    /// Base URL to use as `ZAPI_BASE_URL`.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The accepted messages, oldest first: all, or those whose recipient is exactly `phone`.
    pub fn outbox(&self, phone: Option<&str>) -> Vec<OutboxMessage> {
        let state = self.shared.lock();
        state.outbox.iter().filter(|sent| phone.is_none_or(|phone| sent.phone == phone)).cloned().collect()
    }

    /// Empties the outbox and forgets the calls.
    pub fn clear(&self) {
        let mut state = self.shared.lock();
        state.outbox.clear();
        state.calls.clear();
    }

    /// Every call since the start or the last [`Self::clear`], oldest first.
    pub fn calls(&self) -> Vec<Call> {
        self.shared.lock().calls.iter().cloned().collect()
    }

    /// Sets the answer to the next call. Further answers are queued, one for each later call.
    pub fn answer_next(&self, answer: ScriptedAnswer) {
        self.shared.lock().next.push_back(answer);
    }

    /// Sets the answer to every call about this phone, until [`Self::clear_scripts`].
    pub fn answer_phone(&self, phone: &str, answer: ScriptedAnswer) {
        self.shared.lock().by_phone.insert(phone.to_owned(), answer);
    }

    /// Sets the answer to every call of this instance, unless its phone has one, until [`Self::clear_scripts`].
    pub fn answer_instance(&self, instance: &str, answer: ScriptedAnswer) {
        self.shared.lock().by_instance.insert(instance.to_owned(), answer);
    }

    /// Sets the answer to every call whose endpoint starts with `endpoint` (`send-`, `send-button-list`,
    /// `status`), until [`Self::clear_scripts`].
    pub fn answer_endpoint(&self, endpoint: &'static str, answer: ScriptedAnswer) {
        self.shared.lock().by_endpoint.push((endpoint, answer));
    }

    /// Sets what `phone-exists` answers for `phone`: the number that WhatsApp has for it, or `None` if it
    /// is not on WhatsApp. Without this, every phone exists as given.
    pub fn set_registration(&self, phone: &str, address: Option<&str>) {
        self.shared.lock().registrations.insert(phone.to_owned(), address.map(str::to_owned));
    }

    /// Removes every scripted answer.
    pub fn clear_scripts(&self) {
        let mut state = self.shared.lock();
        state.next.clear();
        state.by_phone.clear();
        state.by_instance.clear();
        state.by_endpoint.clear();
    }
}

impl Drop for FakeZapi {
    fn drop(&mut self) {
        self.server.abort();
    }
}

struct Shared {
    clock: Arc<dyn Clock>,
    kept: usize,
    state: Mutex<FakeState>,
}

#[derive(Default)]
struct FakeState {
    outbox: VecDeque<OutboxMessage>,
    calls: VecDeque<Call>,
    next: VecDeque<ScriptedAnswer>,
    by_phone: HashMap<String, ScriptedAnswer>,
    by_instance: HashMap<String, ScriptedAnswer>,
    by_endpoint: Vec<(&'static str, ScriptedAnswer)>,
    registrations: HashMap<String, Option<String>>,
}

/// Why a message is not accepted.
enum Rejection {
    NoSuchResource,
    Empty(&'static str),
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, FakeState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn scripted(&self, call: &Call) -> ScriptedAnswer {
        let mut state = self.lock();
        if let Some(answer) = state.next.pop_front() {
            return answer;
        }
        let phone = call.body["phone"].as_str().or_else(|| call.endpoint.strip_prefix("phone-exists/"));
        phone
            .and_then(|phone| state.by_phone.get(phone))
            .or_else(|| state.by_instance.get(&call.instance))
            .or_else(|| {
                state
                    .by_endpoint
                    .iter()
                    .find(|(start, _)| call.endpoint.starts_with(start))
                    .map(|(_, answer)| answer)
            })
            .cloned()
            .unwrap_or_else(ScriptedAnswer::success)
    }

    fn accept_message(&self, call: &Call) -> Result<Value, Rejection> {
        let (kind, options) = match call.endpoint.as_str() {
            "send-text" => ("text", Vec::new()),
            "send-button-list" => ("buttons", options(&call.body["buttonList"]["buttons"], "label")?),
            "send-option-list" => ("list", options(&call.body["optionList"]["options"], "title")?),
            _ => return Err(Rejection::NoSuchResource),
        };
        let field = |name: &'static str| {
            let value = call.body[name].as_str().filter(|value| !value.trim().is_empty());
            value.ok_or(Rejection::Empty(name))
        };
        let message_id = format!("3EB0{}", &Uuid::new_v4().simple().to_string().to_uppercase()[..16]);
        let sent = OutboxMessage {
            phone: field("phone")?.to_owned(),
            kind,
            message: field("message")?.to_owned(),
            options,
            message_id: message_id.clone(),
            sent_at: self.clock.now().to_rfc3339_opts(SecondsFormat::Millis, true),
        };
        newest::push(&mut self.lock().outbox, sent, self.kept);
        let zaap_id = Uuid::new_v4().simple().to_string().to_uppercase();
        Ok(json!({ "zaapId": zaap_id, "messageId": message_id, "id": message_id }))
    }

    fn normal_answer(&self, call: &Call) -> Response {
        if call.method == "GET" {
            if call.endpoint == "status" {
                return json_response(
                    StatusCode::OK,
                    &json!({
                        "connected": true, "error": "You are already connected", "smartphoneConnected": true,
                    }),
                );
            }
            if let Some(phone) = call.endpoint.strip_prefix("phone-exists/") {
                let registration = self.lock().registrations.get(phone).cloned();
                let registered = registration.unwrap_or_else(|| Some(phone.to_owned()));
                return json_response(
                    StatusCode::OK,
                    &json!([{ "exists": registered.is_some(), "phone": registered, "lid": null }]),
                );
            }
            return no_such_resource();
        }
        if call.method == "PUT" {
            return settings_answer(call);
        }
        match self.accept_message(call) {
            Ok(answer) => json_response(StatusCode::OK, &answer),
            Err(Rejection::NoSuchResource) => no_such_resource(),
            Err(Rejection::Empty(what)) => {
                json_response(StatusCode::BAD_REQUEST, &json!({ "error": format!("{what} is empty") }))
            }
        }
    }
}

async fn answer(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(stream): ConnectInfo<StreamControl>,
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
    newest::push(&mut shared.lock().calls, call.clone(), shared.kept);
    if method != Method::GET && !is_json(&headers) {
        return json_response(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            &json!({ "error": "Unsupported Media Type" }),
        );
    }
    let script = shared.scripted(&call);
    if !script.delay.is_zero() {
        tokio::time::sleep(script.delay).await;
    }
    let normal = if script.accepted { shared.normal_answer(&call) } else { StatusCode::OK.into_response() };
    if !script.delay_after.is_zero() {
        tokio::time::sleep(script.delay_after).await;
    }
    stream.set(script.write_mode);
    match script.response {
        Some((status, body)) => (status, [(header::CONTENT_TYPE, "application/json")], body).into_response(),
        None => normal,
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    kind.is_some_and(|kind| kind.starts_with("application/json"))
}

fn options(listed: &Value, label: &'static str) -> Result<Vec<OutboxOption>, Rejection> {
    let listed = listed.as_array().filter(|listed| !listed.is_empty());
    let text = |option: &Value, field: &str| option[field].as_str().map(str::to_owned);
    listed
        .and_then(|listed| {
            let read = |option| Some(OutboxOption { id: text(option, "id")?, label: text(option, label)? });
            listed.iter().map(read).collect()
        })
        .ok_or(Rejection::Empty(label))
}

/// The answer to a new setting of the instance. The setting itself is kept only in [`FakeZapi::calls`].
fn settings_answer(call: &Call) -> Response {
    match (call.endpoint.as_str(), call.body["value"].as_str()) {
        ("update-every-webhooks", Some(url)) if url.contains("://") => {
            json_response(StatusCode::OK, &json!({ "value": true }))
        }
        ("update-every-webhooks", _) => {
            json_response(StatusCode::BAD_REQUEST, &json!({ "error": "value is not a URL" }))
        }
        _ => no_such_resource(),
    }
}

/// z-api answers a wrong path with status 200 and an error in the body.
fn no_such_resource() -> Response {
    let body = json!({ "error": "NOT_FOUND", "message": "Unable to find matching target resource method" });
    json_response(StatusCode::OK, &body)
}

fn json_response(status: StatusCode, body: &Value) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}
