//! A fake of SSM's Parameter Store: it answers GetParameters, and checks the signature of every call as AWS
//! does (<https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html>).

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_lc_rs::hmac::{self, HMAC_SHA256};
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use scheduler_core::digest::sha256_hex;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// The function's `SECRETS_PATH`.
const PATH: &str = "/test";
/// The function's `AWS_SECRET_ACCESS_KEY`.
const SECRET_ACCESS_KEY: &str = "test";

/// How SSM fails one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SsmFault {
    /// Too many calls a second.
    Throttled,
    /// SSM itself is at fault.
    Unavailable,
    /// The function's role may not read one of the parameters.
    Denied,
}

/// The running fake. It stops when this is dropped.
pub struct FakeSsm {
    url: String,
    store: Arc<Store>,
    server: JoinHandle<()>,
}

#[derive(Default)]
struct Store {
    parameters: Mutex<BTreeMap<String, String>>,
    faults: Mutex<VecDeque<SsmFault>>,
    calls: Mutex<Vec<Vec<String>>>,
    wrong: Mutex<Vec<String>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl FakeSsm {
    /// Starts with these parameters, a value by the name of each secret.
    pub async fn start(secrets: &[(&str, &str)]) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let store = Arc::<Store>::default();
        let routes = Router::new().route("/", post(answer)).with_state(store.clone());
        let server = tokio::spawn(async move {
            let _ = axum::serve(listener, routes).await;
        });
        let ssm = Self { url, store, server };
        for (name, value) in secrets {
            ssm.set(name, value);
        }
        ssm
    }

    /// The variables with which a function asks this fake.
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        [
            ("SECRETS_PATH", PATH),
            ("AWS_ENDPOINT_URL_SSM", self.url.as_str()),
            ("AWS_REGION", "sa-east-1"),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY),
            ("AWS_SESSION_TOKEN", "a/session+token=="),
        ]
        .map(|(name, value)| (name, value.to_owned()))
        .into()
    }

    /// Creates or overwrites the parameter of a secret.
    pub fn set(&self, name: &str, value: &str) {
        lock(&self.store.parameters).insert(format!("{PATH}/{name}"), value.to_owned());
    }

    /// Deletes the parameter of a secret.
    pub fn remove(&self, name: &str) {
        lock(&self.store.parameters).remove(&format!("{PATH}/{name}"));
    }

    /// Fails the next call. Calls that are failed in advance queue up.
    pub fn fail_next(&self, fault: SsmFault) {
        lock(&self.store.faults).push_back(fault);
    }

    /// The names of the secrets that each call asked for since this was last called. Panics if a call was not
    /// signed as AWS requires.
    pub fn take_calls(&self) -> Vec<Vec<String>> {
        let wrong = std::mem::take(&mut *lock(&self.store.wrong));
        assert!(wrong.is_empty(), "wrong calls of SSM: {wrong:?}");
        std::mem::take(&mut *lock(&self.store.calls))
    }
}

impl Drop for FakeSsm {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn answer(
    State(store): State<Arc<Store>>,
    headers: HeaderMap,
    body: String,
) -> (StatusCode, [(&'static str, &'static str); 1], String) {
    let (status, value) = reply(&store, &headers, &body);
    (status, [("x-amzn-requestid", "request-1")], value.to_string())
}

fn reply(store: &Store, headers: &HeaderMap, body: &str) -> (StatusCode, Value) {
    let refuse = |status, code: &str| {
        (status, json!({ "__type": code, "message": "marked text that quotes the caller's role" }))
    };
    let names = match check(headers, body) {
        Ok(names) => names,
        Err(wrong) => {
            lock(&store.wrong).push(wrong);
            return refuse(StatusCode::BAD_REQUEST, "InvalidSignatureException");
        }
    };
    let short = |name: &String| name.trim_start_matches(PATH).trim_start_matches('/').to_owned();
    lock(&store.calls).push(names.iter().map(short).collect());
    match lock(&store.faults).pop_front() {
        Some(SsmFault::Throttled) => return refuse(StatusCode::BAD_REQUEST, "ThrottlingException"),
        Some(SsmFault::Unavailable) => {
            return refuse(StatusCode::INTERNAL_SERVER_ERROR, "InternalServerError");
        }
        Some(SsmFault::Denied) => return refuse(StatusCode::BAD_REQUEST, "AccessDeniedException"),
        None => {}
    }
    let parameters = lock(&store.parameters);
    let (found, missing): (Vec<&String>, Vec<&String>) =
        names.iter().partition(|name| parameters.contains_key(*name));
    let found: Vec<Value> = found
        .into_iter()
        .map(|name| json!({ "Name": name, "Type": "SecureString", "Version": 1, "Value": parameters[name] }))
        .collect();
    (StatusCode::OK, json!({ "Parameters": found, "InvalidParameters": missing }))
}

/// The names that a call asks for. The error says what is wrong with the call.
fn check(headers: &HeaderMap, body: &str) -> Result<Vec<String>, String> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    for (name, expected) in
        [("x-amz-target", "AmazonSSM.GetParameters"), ("content-type", "application/x-amz-json-1.1")]
    {
        if header(name) != expected {
            return Err(format!("{name} is {:?}", header(name)));
        }
    }
    let authorization = header("authorization");
    let part = |name: &str| {
        let mut parts = authorization.split([' ', ',']);
        parts.find_map(|part| part.strip_prefix(name)).unwrap_or_default().to_owned()
    };
    let (credential, signed) = (part("Credential="), part("SignedHeaders="));
    let (_, scope) = credential.split_once('/').ok_or("there is no credential")?;
    let date_time = header("x-amz-date");
    let day = date_time.get(..8).unwrap_or_default();
    if scope != format!("{day}/sa-east-1/ssm/aws4_request") {
        return Err(format!("the scope is {scope}"));
    }
    for name in ["host", "x-amz-date", "x-amz-security-token"] {
        if !signed.split(';').any(|header| header == name) {
            return Err(format!("{name} is not signed"));
        }
    }
    if part("Signature=") != signature(&header, &signed, body, date_time, scope) {
        return Err("the signature does not match".to_owned());
    }
    let asked: Value = serde_json::from_str(body).map_err(|error| error.to_string())?;
    if asked["WithDecryption"] != true {
        return Err("the values are not to be decrypted".to_owned());
    }
    let names: Vec<String> = serde_json::from_value(asked["Names"].clone()).map_err(|it| it.to_string())?;
    if (1..=10).contains(&names.len()) { Ok(names) } else { Err(format!("{} names", names.len())) }
}

fn signature<'a>(
    header: &impl Fn(&str) -> &'a str,
    signed: &str,
    body: &str,
    date_time: &str,
    scope: &str,
) -> String {
    let lines: Vec<String> = signed.split(';').map(|name| format!("{name}:{}\n", header(name))).collect();
    let canonical = format!("POST\n/\n\n{}\n{signed}\n{}", lines.concat(), sha256_hex(body));
    let to_sign = format!("AWS4-HMAC-SHA256\n{date_time}\n{scope}\n{}", sha256_hex(canonical));
    let first = format!("AWS4{SECRET_ACCESS_KEY}").into_bytes();
    let key = scope.split('/').fold(first, |key, part| hmac_sha256(&key, part));
    hmac_sha256(&key, &to_sign).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn hmac_sha256(key: &[u8], text: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
}
