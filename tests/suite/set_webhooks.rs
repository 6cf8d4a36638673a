//! The command `set-webhooks` against a fake z-api (docs/rules/api.md#webhooks).

use std::sync::Arc;

use scheduler_core::adapters::clock::SystemClock;
use scheduler_core::domain::clinic::Secret;
use scheduler_core::webhook_url::WebhookMasters;
use scheduler_local::fake_zapi::{FakeZapi, ScriptedAnswer};
use scheduler_tests::{Process, database};
use serde_json::json;
use tempfile::TempDir;

const BASE: &str = "https://api.example.com/prod";
const MASTER: &str = "marked-master";

/// An active clinic that comes before the example clinic, one without an instance, and an inactive one.
const OTHER_CLINICS: &str = "insert into scheduler.clinics
    (clinic_id, name, zapi_instance_id, zapi_instance_token, zapi_client_token, active)
    values ('first', 'A', 'instance-1', 'marked-token-1', 'marked-client-token', true),
        ('without-instance', 'B', null, null, null, true),
        ('inactive', 'C', 'instance-3', 'marked-token-3', null, false)";

fn url_of(instance: &str) -> String {
    let token = WebhookMasters::new(Secret::new(MASTER)).token_of(instance);
    format!("{BASE}/webhook/whatsapp?token={}", token.expose())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_active_clinic_gets_its_own_url_and_a_failure_stops_no_other() {
    let database = database().await;
    sqlx::raw_sql(OTHER_CLINICS).execute(&database.pool).await.unwrap();
    let zapi = FakeZapi::start(Arc::new(SystemClock)).await.unwrap();
    let folder = TempDir::new().unwrap();
    let settings = [
        ("DATABASE_URL", database.url.clone()),
        ("ZAPI_BASE_URL", zapi.base_url()),
        ("ZAPI_CLIENT_TOKEN", "marked-account-token".to_owned()),
        ("WEBHOOK_TOKEN", format!("{MASTER},marked-old-master")),
        ("WEBHOOK_BASE_URL", format!("{BASE}/")),
    ];
    let refused = r#"{"error":"Client-Token marked-client-token not allowed"}"#;
    for (answer, succeeds, expected) in [
        (
            Some(ScriptedAnswer::respond(403, refused)),
            false,
            "first: failed, z-api: HTTP 403: client-token\nwithout-instance: has no z-api instance\n\
            laser-beauty-sp: set\n1 set, 1 failed\n",
        ),
        (
            Some(ScriptedAnswer::respond(200, r#"{"value":false}"#)),
            false,
            "first: failed, z-api: HTTP 200\nwithout-instance: has no z-api instance\n\
            laser-beauty-sp: set\n1 set, 1 failed\n",
        ),
        (
            None,
            true,
            "first: set\nwithout-instance: has no z-api instance\nlaser-beauty-sp: set\n2 set, 0 failed\n",
        ),
    ] {
        zapi.clear();
        if let Some(answer) = answer {
            zapi.answer_next(answer);
        }
        let (status, printed) = Process::run(folder.path(), &settings, "set-webhooks");
        assert_eq!((status.success(), printed.as_str()), (succeeds, expected));
        let calls = zapi.calls();
        let called: Vec<_> = calls
            .iter()
            .map(|call| {
                (call.method.as_str(), call.endpoint.as_str(), call.token.as_str(), &call.client_token)
            })
            .collect();
        let (own, account) =
            (Some("marked-client-token".to_owned()), Some("marked-account-token".to_owned()));
        assert_eq!(
            called,
            [
                ("PUT", "update-every-webhooks", "marked-token-1", &own),
                ("PUT", "update-every-webhooks", "example-token", &account),
            ]
        );
        for (call, instance) in calls.iter().zip(["instance-1", "instance-123"]) {
            assert_eq!(call.instance, instance);
            assert_eq!(call.body, json!({ "value": url_of(instance), "notifySentByMe": true }));
        }
    }
}

#[test]
fn missing_variables_are_named_and_no_secret_is_printed() {
    let folder = TempDir::new().unwrap();
    let database = ("DATABASE_URL", "postgres://somebody:marked-word@127.0.0.1:9/clinic".to_owned());
    let token = ("WEBHOOK_TOKEN", MASTER.to_owned());
    let base = ("WEBHOOK_BASE_URL", BASE.to_owned());
    for (settings, named) in [
        (vec![token.clone(), base.clone()], "RDS_HOST"),
        (vec![database.clone(), base.clone()], "WEBHOOK_TOKEN"),
        (vec![database.clone(), token.clone()], "WEBHOOK_BASE_URL"),
        (
            vec![database.clone(), token.clone(), ("WEBHOOK_BASE_URL", "example.com".to_owned())],
            "WEBHOOK_BASE_URL",
        ),
        (vec![database, token, base], "could not list clinics"),
    ] {
        let (status, printed) = Process::run(folder.path(), &settings, "set-webhooks");
        assert!(!status.success() && printed.contains(named), "{named}: {printed}");
        assert!(!printed.contains("marked"), "{printed}");
    }
}
