//! The secrets that each kind of function reads (docs/rules/security.md#secrets). `sls/secrets.yml` allows its
//! role to read exactly these.

use scheduler_core::adapters::postgres::Db;
use scheduler_core::adapters::ssm::RDS_PASSWORD;

use crate::context::sheet_writer::SheetWriter;
use crate::context::{Admin, ClinicReader, Context, Job, Messenger, Reception, Sender, Webhook};

pub(crate) const SCHEDULER_API_KEY: &str = "SCHEDULER_API_KEY";
pub(crate) const WEBHOOK_TOKEN: &str = "WEBHOOK_TOKEN";
const ZAPI_CLIENT_TOKEN: &str = "ZAPI_CLIENT_TOKEN";
const GOOGLE_SHEETS_SERVICE_ACCOUNT: &str = "GOOGLE_SHEETS_SERVICE_ACCOUNT";

/// A variable with one of these names is a secret. No function is deployed with such a variable.
pub const ALL: [&str; 5] =
    [RDS_PASSWORD, SCHEDULER_API_KEY, WEBHOOK_TOKEN, ZAPI_CLIENT_TOKEN, GOOGLE_SHEETS_SERVICE_ACCOUNT];

/// A context that is built from secrets.
pub trait ReadsSecrets: Context {
    /// Names of the variables that hold them: at most ten, because SSM is asked once.
    const SECRETS: &'static [&'static str];

    /// The database that one of the secrets opens.
    fn db(&self) -> &Db;
}

macro_rules! reads_secrets {
    ($($context:ident: $secrets:expr, $($db:ident).+;)+) => {$(
        impl ReadsSecrets for $context {
            const SECRETS: &'static [&'static str] = &$secrets;

            fn db(&self) -> &Db {
                &self.$($db).+
            }
        }
    )+};
}

reads_secrets! {
    Admin: [RDS_PASSWORD, SCHEDULER_API_KEY], db;
    ClinicReader: [RDS_PASSWORD, SCHEDULER_API_KEY, WEBHOOK_TOKEN], admin.db;
    Reception: [RDS_PASSWORD, SCHEDULER_API_KEY], db;
    Messenger: [RDS_PASSWORD, SCHEDULER_API_KEY, ZAPI_CLIENT_TOKEN], chats.db;
    Sender: [RDS_PASSWORD, SCHEDULER_API_KEY, ZAPI_CLIENT_TOKEN], chats.db;
    Webhook: [RDS_PASSWORD, WEBHOOK_TOKEN, ZAPI_CLIENT_TOKEN], chats.db;
    Job: [RDS_PASSWORD, ZAPI_CLIENT_TOKEN], chats.db;
    SheetWriter: [RDS_PASSWORD, GOOGLE_SHEETS_SERVICE_ACCOUNT], db;
}
