//! Transactions with a token, of which a repeat is answered and not made again.
//!
//! dynoxide remembers tokens too, but looks at all that it remembers at every transaction. After ten busy
//! minutes that costs more than the transaction, so it is given none
//! (docs/adr/0010-the-local-server-serves-its-dynamodb.md).

use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use dynoxide::actions::transact_write_items::{TransactWriteItem, TransactWriteItemsRequest};
use dynoxide::{Database, DynoxideError};

use crate::json::write;

/// How long DynamoDB knows a token.
const REMEMBERED_FOR: Duration = Duration::from_secs(10 * 60);
/// A longer token is invalid.
const MAX_TOKEN_BYTES: usize = 36;

/// The transactions of the last ten minutes.
#[derive(Default)]
pub(crate) struct Transactions(Mutex<Remembered>);

#[derive(Default)]
struct Remembered {
    by_token: HashMap<String, Made>,
    oldest_first: VecDeque<(Instant, String)>,
}

struct Made {
    /// Hash of what was written.
    writes: u64,
    answer: String,
}

impl Transactions {
    /// Makes the transaction, unless one with its token was made in the ten minutes before `now`. Returns the
    /// JSON body of the answer.
    pub(crate) fn run(
        &self,
        database: &Database,
        mut request: TransactWriteItemsRequest,
        now: Instant,
    ) -> Result<String, DynoxideError> {
        // An invalid token stays in the request, so that dynoxide refuses it.
        let token = request.client_request_token.take_if(|token| token.len() <= MAX_TOKEN_BYTES);
        let Some(token) = token else {
            return write(&database.transact_write_items(request)?);
        };
        let writes = hash(&request.transact_items)?;
        // Held until the transaction is made, so that a repeat at the same time waits for its answer.
        let mut remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        remembered.forget(now);
        match remembered.by_token.get(&token) {
            Some(made) if made.writes == writes => return Ok(made.answer.clone()),
            Some(_) => {
                let message = "the token was used for another transaction".to_owned();
                return Err(DynoxideError::IdempotentParameterMismatchException(message));
            }
            None => {}
        }
        let answer = write(&database.transact_write_items(request)?)?;
        remembered.oldest_first.push_back((now, token.clone()));
        remembered.by_token.insert(token, Made { writes, answer: answer.clone() });
        Ok(answer)
    }
}

impl Remembered {
    fn forget(&mut self, now: Instant) {
        while let Some((at, token)) = self.oldest_first.front()
            && now.duration_since(*at) >= REMEMBERED_FOR
        {
            self.by_token.remove(token);
            self.oldest_first.pop_front();
        }
    }
}

/// The same for the same writes, in whatever order their attributes come.
fn hash(writes: &[TransactWriteItem]) -> Result<u64, DynoxideError> {
    let writes = serde_json::to_value(writes);
    let writes = writes.map_err(|error| DynoxideError::InternalServerError(error.to_string()))?;
    let mut hasher = DefaultHasher::new();
    writes.hash(&mut hasher);
    Ok(hasher.finish())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::json::read;
    use crate::operations;

    struct Counters {
        database: Database,
        transactions: Transactions,
        start: Instant,
    }

    impl Counters {
        fn new() -> Self {
            let counters = Self {
                database: Database::memory().unwrap(),
                transactions: Transactions::default(),
                start: Instant::now(),
            };
            counters.run(
                "CreateTable",
                &json!({
                    "TableName": "counters",
                    "BillingMode": "PAY_PER_REQUEST",
                    "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
                    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
                }),
            );
            counters
        }

        fn run(&self, operation: &str, body: &Value) -> Value {
            let answer = operations::run(&self.database, &self.transactions, operation, &body.to_string());
            serde_json::from_str(&answer.unwrap().unwrap()).unwrap()
        }

        /// Adds to a counter in a transaction with this token, so many seconds after the start.
        fn add(&self, token: &str, number: u32, seconds: u64) -> Result<String, DynoxideError> {
            let request = json!({
                "ClientRequestToken": token,
                "TransactItems": [{"Update": {
                    "TableName": "counters",
                    "Key": {"pk": {"S": "one"}},
                    "UpdateExpression": "ADD made :number",
                    "ExpressionAttributeValues": {":number": {"N": number.to_string()}},
                }}],
            });
            let at = self.start + Duration::from_secs(seconds);
            self.transactions.run(&self.database, read(&request.to_string()).unwrap(), at)
        }

        fn made(&self) -> String {
            let key = json!({"TableName": "counters", "Key": {"pk": {"S": "one"}}});
            self.run("GetItem", &key)["Item"]["made"]["N"].as_str().unwrap_or("0").to_owned()
        }
    }

    #[test]
    fn a_repeat_within_ten_minutes_is_answered_and_not_made_again() {
        let counters = Counters::new();
        let first = counters.add("a", 1, 0).unwrap();
        assert_eq!(counters.add("a", 1, 599).unwrap(), first);
        assert_eq!(counters.made(), "1");
        let other = counters.add("a", 2, 599).unwrap_err();
        assert!(matches!(other, DynoxideError::IdempotentParameterMismatchException(_)), "{other}");
        counters.add("b", 1, 599).unwrap();
        assert_eq!(counters.made(), "2");
        counters.add("a", 1, 600).unwrap();
        assert_eq!(counters.made(), "3");
    }

    #[test]
    fn of_one_transaction_sent_eight_times_at_once_one_is_made() {
        let counters = Counters::new();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| counters.add("a", 1, 0).unwrap());
            }
        });
        assert_eq!(counters.made(), "1");
    }

    #[test]
    fn a_transaction_that_failed_may_be_made_with_the_same_token() {
        let counters = Counters::new();
        counters.run("DeleteTable", &json!({"TableName": "counters"}));
        assert!(counters.add("a", 1, 0).is_err());
        let again = Counters { transactions: counters.transactions, ..Counters::new() };
        again.add("a", 1, 1).unwrap();
        assert_eq!(again.made(), "1");
    }

    #[test]
    fn a_token_that_is_too_long_is_refused() {
        let refused = Counters::new().add(&"x".repeat(37), 1, 0).unwrap_err();
        assert!(matches!(refused, DynoxideError::ValidationException(_)), "{refused}");
    }

    #[test]
    fn only_the_transactions_of_ten_minutes_are_kept() {
        let counters = Counters::new();
        for second in 0..1_500 {
            counters.add(&second.to_string(), 1, second).unwrap();
        }
        let remembered = counters.transactions.0.lock().unwrap();
        assert_eq!((remembered.by_token.len(), remembered.oldest_first.len()), (600, 600));
    }
}
