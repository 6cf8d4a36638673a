//! A proxy in front of the embedded DynamoDB that adds up the write units that AWS would bill.

use std::collections::BTreeMap;
use std::fmt;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use reqwest::Client;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::relay::{json_response, operation, pass_on};

/// The operations that write items.
const WRITES: [&str; 5] = ["BatchWriteItem", "DeleteItem", "PutItem", "TransactWriteItems", "UpdateItem"];

/// What some writes cost.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct WriteUnits {
    /// Units of each table, and of each index under `<table>/<index>`.
    pub by_place: BTreeMap<String, f64>,
    /// Writes that were refused, for example by their condition. AWS bills them by the size of the item, but the
    /// answers do not say it, so they are not in `by_place`.
    pub refused: usize,
}

impl WriteUnits {
    /// The units of all tables and indexes.
    pub fn total(&self) -> f64 {
        // An empty sum of floats is -0.0.
        self.by_place.values().sum::<f64>() + 0.0
    }

    /// Adds what the answer to a successful write says.
    fn add(&mut self, answer: &Value) {
        // Writes of several items answer with a list, one entry for each table.
        let tables = match &answer["ConsumedCapacity"] {
            Value::Array(tables) => tables.as_slice(),
            table => std::slice::from_ref(table),
        };
        for table in tables {
            let name = table["TableName"].as_str().expect("units of a table");
            self.add_to(name.to_owned(), &table["Table"]);
            for kind in ["GlobalSecondaryIndexes", "LocalSecondaryIndexes"] {
                for (index, units) in table[kind].as_object().into_iter().flatten() {
                    self.add_to(format!("{name}/{index}"), units);
                }
            }
        }
    }

    fn add_to(&mut self, place: String, units: &Value) {
        let units = units["CapacityUnits"].as_f64().expect("a number of units");
        *self.by_place.entry(place).or_default() += units;
    }
}

impl fmt::Display for WriteUnits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} write units", self.total())?;
        for (place, units) in &self.by_place {
            write!(f, ", {place} {units}")?;
        }
        Ok(())
    }
}

/// The running proxy. It stops when this is dropped.
pub struct WriteUnitCounter {
    endpoint: String,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

struct Shared {
    target: String,
    client: Client,
    counted: Mutex<WriteUnits>,
}

impl WriteUnitCounter {
    /// Starts in front of an endpoint such as `http://127.0.0.1:8000`.
    pub async fn start(target: String) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
        let shared = Arc::new(Shared { target, client: crate::http::client(), counted: Mutex::default() });
        let router = Router::new().fallback(answer).with_state(Arc::clone(&shared));
        let server = tokio::spawn(async move {
            let _ = axum::serve(listener, router).await;
        });
        Self { endpoint, shared, server }
    }

    /// The proxy's URL.
    pub fn endpoint(&self) -> String {
        self.endpoint.clone()
    }

    /// What the writes since this was last called cost.
    pub fn take(&self) -> WriteUnits {
        std::mem::take(&mut *self.shared.counted())
    }
}

impl Drop for WriteUnitCounter {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Shared {
    fn counted(&self) -> MutexGuard<'_, WriteUnits> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self, status: StatusCode, answer: &[u8]) {
        if status.is_success() {
            let answer: Value = serde_json::from_slice(answer).expect("an answer in JSON");
            self.counted().add(&answer);
        } else {
            self.counted().refused += 1;
        }
    }
}

async fn answer(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let is_write = WRITES.contains(&operation(&headers));
    let body = if is_write { asking_for_units(&body) } else { body };
    let passed_on = pass_on(&shared.client, &shared.target, &headers, body).await;
    let Some((status, answer)) = passed_on else { return StatusCode::BAD_GATEWAY.into_response() };
    if is_write {
        // Counted before the answer leaves, so that a test that has the answer also sees the units.
        shared.count(status, &answer);
    }
    json_response(status, answer)
}

/// The same request, to be answered with the units of the table and of each index.
fn asking_for_units(body: &[u8]) -> Bytes {
    let mut request: Value = serde_json::from_slice(body).expect("a request in JSON");
    request["ReturnConsumedCapacity"] = "INDEXES".into();
    request.to_string().into()
}

#[cfg(test)]
mod tests {
    use scheduler_local::dynamodb::EmbeddedDynamoDb;
    use serde_json::json;

    use super::*;

    const SIGNATURE: &str = "AWS4-HMAC-SHA256 \
        Credential=local/20260216/local/dynamodb/aws4_request, SignedHeaders=host, Signature=0";

    struct Notes {
        counter: WriteUnitCounter,
        client: Client,
    }

    impl Notes {
        /// Calls an operation and compares what it costs by table and index.
        async fn check(&self, operation: &str, body: &Value, expected: &[(&str, f64)], why: &str) {
            let counted = self.call(operation, body).await;
            let places: Vec<(&str, f64)> =
                counted.by_place.iter().map(|(place, units)| (place.as_str(), *units)).collect();
            assert_eq!(places, expected, "{why}");
            assert_eq!(counted.refused, 0, "{why}");
        }

        async fn call(&self, operation: &str, body: &Value) -> WriteUnits {
            let request = self
                .client
                .post(self.counter.endpoint())
                .header("x-amz-target", format!("DynamoDB_20120810.{operation}"))
                .header("content-type", "application/x-amz-json-1.0")
                .header("x-amz-date", "20260216T120000Z")
                .header("authorization", SIGNATURE);
            let answer = request.body(body.to_string()).send().await.expect("an answer");
            answer.bytes().await.expect("a whole answer");
            self.counter.take()
        }
    }

    /// An update of the item `a`.
    fn update(expression: &str, values: Value) -> Value {
        json!({ "TableName": "notes", "Key": {"pk": {"S": "a"}}, "UpdateExpression": expression,
            "ExpressionAttributeValues": values })
    }

    /// A text of this many bytes.
    fn text(letter: &str, bytes: usize) -> Value {
        json!({ "S": letter.repeat(bytes) })
    }

    /// A table with two indexes that hold the items with the attribute `due`.
    fn table() -> Value {
        let index = |name: &str, projection: &str| {
            json!({ "IndexName": name, "KeySchema": [{"AttributeName": "due", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": projection} })
        };
        let (all, keys) = (index("all", "ALL"), index("keys", "KEYS_ONLY"));
        json!({
            "TableName": "notes",
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [
                {"AttributeName": "pk", "AttributeType": "S"},
                {"AttributeName": "due", "AttributeType": "S"},
            ],
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
            "GlobalSecondaryIndexes": [all, keys],
        })
    }

    #[tokio::test]
    async fn writes_are_counted_by_the_published_rules() {
        let embedded = EmbeddedDynamoDb::start(None, 0).await.expect("DynamoDB starts");
        let counter = WriteUnitCounter::start(embedded.endpoint()).await;
        let notes = Notes { counter, client: crate::http::client() };
        notes.check("CreateTable", &table(), &[], "no item").await;

        let item = json!({ "pk": {"S": "a"}, "body": text("x", 1_500) });
        let put = json!({ "TableName": "notes", "Item": item });
        notes.check("PutItem", &put, &[("notes", 2.0)], "one unit for each KB begun").await;
        let shorter = update("SET body = :b", json!({ ":b": text("x", 10) }));
        notes.check("UpdateItem", &shorter, &[("notes", 2.0)], "the larger of before and after").await;
        let due = update("SET due = :d, body = :b", json!({ ":d": {"S": "1"}, ":b": text("x", 1_500) }));
        let expected = [("notes", 2.0), ("notes/all", 2.0), ("notes/keys", 1.0)];
        notes.check("UpdateItem", &due, &expected, "an index by the size of its entry").await;
        let later = update("SET due = :d", json!({ ":d": {"S": "2"} }));
        let expected = [("notes", 2.0), ("notes/all", 4.0), ("notes/keys", 2.0)];
        notes.check("UpdateItem", &later, &expected, "an entry that moves is written twice").await;
        let mut other = update("SET body = :b", json!({ ":b": text("y", 1_500) }));
        let expected = [("notes", 2.0), ("notes/all", 2.0)];
        notes.check("UpdateItem", &other, &expected, "nothing for an entry that stays the same").await;

        let again = update("SET body = :b", json!({ ":b": text("z", 1_500) }));
        let new_item = json!({ "TableName": "notes", "Item": {"pk": {"S": "b"}} });
        let both = json!({ "TransactItems": [{ "Update": again }, { "Put": new_item }] });
        let expected = [("notes", 6.0), ("notes/all", 2.0)];
        notes.check("TransactWriteItems", &both, &expected, "twice for tables, once for indexes").await;
        let key = json!({ "TableName": "notes", "Key": {"pk": {"S": "a"}} });
        notes.check("GetItem", &key, &[], "a read").await;
        other["ConditionExpression"] = "attribute_not_exists(pk)".into();
        let refused = WriteUnits { refused: 1, ..WriteUnits::default() };
        assert_eq!(notes.call("UpdateItem", &other).await, refused);
        let expected = [("notes", 2.0), ("notes/all", 2.0), ("notes/keys", 1.0)];
        notes.check("DeleteItem", &key, &expected, "what is deleted counts as it was").await;
    }
}
