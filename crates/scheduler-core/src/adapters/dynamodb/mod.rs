//! Sessions with their inbox and lease, instance inboxes and the history of messages, in DynamoDB.

/// The tables and the client that reaches them.
#[derive(Clone)]
pub struct Tables {}
