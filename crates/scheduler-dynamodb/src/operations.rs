//! The operations of DynamoDB's API, by name.

use std::time::Instant;

use dynoxide::{Database, DynoxideError};

use crate::json::{read, write};
use crate::transactions::Transactions;

macro_rules! operations {
    ($($operation:literal => $method:ident,)+) => {
        /// Runs one operation and returns the JSON body of its answer; `None` if there is no such operation.
        /// Blocks until the operation has finished.
        pub(crate) fn run(
            database: &Database,
            transactions: &Transactions,
            operation: &str,
            body: &str,
        ) -> Option<Result<String, DynoxideError>> {
            Some(match operation {
                $($operation => read(body)
                    .and_then(|request| database.$method(request))
                    .and_then(|answer| write(&answer)),)+
                "TransactWriteItems" => {
                    read(body).and_then(|request| transactions.run(database, request, Instant::now()))
                }
                _ => return None,
            })
        }
    };
}

operations! {
    "BatchExecuteStatement" => batch_execute_statement,
    "BatchGetItem" => batch_get_item,
    "BatchWriteItem" => batch_write_item,
    "CreateTable" => create_table,
    "DeleteItem" => delete_item,
    "DeleteTable" => delete_table,
    "DescribeTable" => describe_table,
    "DescribeTimeToLive" => describe_time_to_live,
    "ExecuteStatement" => execute_statement,
    "ExecuteTransaction" => execute_transaction,
    "GetItem" => get_item,
    "ListTables" => list_tables,
    "ListTagsOfResource" => list_tags_of_resource,
    "PutItem" => put_item,
    "Query" => query,
    "Scan" => scan,
    "TagResource" => tag_resource,
    "TransactGetItems" => transact_get_items,
    "UntagResource" => untag_resource,
    "UpdateItem" => update_item,
    "UpdateTable" => update_table,
    "UpdateTimeToLive" => update_time_to_live,
}
