//! Clinics over the API: creating, listing and changing them.

use reqwest::Method;
use scheduler_core::domain::clinic::Secret;
use scheduler_core::webhook_url::WebhookMasters;
use scheduler_tests::{CLINIC, TestApp, TestConfig};
use serde_json::{Value, json};

use super::{ask, column, error_fields, february, get, post, put, text};

const HOURS: &str = r#"{"mon":{"start":"09:00","end":"18:00"}}"#;

fn hours() -> Value {
    serde_json::from_str(HOURS).expect("hours")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_clinic_gets_a_readable_id_and_is_listed_until_it_is_deactivated() {
    let app = TestApp::start().await;
    let body = json!({ "name": "Clínica São João", "phone": "(11) 98888-0000", "business_hours": hours(),
        "zapi_instance_id": "instance-9", "zapi_instance_token": "secret-token" });
    let made = post(&app, "/clinics", body).await;
    let id = text(&made, "clinicId");
    let digits = id.strip_prefix("clinica-sao-joao-").expect("the name in kebab-case");
    assert!(digits.len() == 6 && digits.bytes().all(|digit| b"0123456789abcdef".contains(&digit)), "{id}");
    let clinic = &made["clinic"];
    assert_eq!(clinic["clinic_id"], *id);
    assert_eq!(clinic["phone"], "5511988880000");
    assert_eq!(clinic["business_hours"], hours());
    assert_eq!(
        (&clinic["timezone"], &clinic["buffer_minutes"], &clinic["min_notice_minutes"]),
        (&json!("America/Sao_Paulo"), &json!(10), &json!(0))
    );
    assert_eq!(
        (&clinic["max_days_ahead"], &clinic["google_sheet_name"], &clinic["active"]),
        (&json!(60), &json!("Agenda"), &json!(true))
    );
    assert_eq!(
        (&clinic["zapi_instance_id"], &clinic["zapi_token_set"]),
        (&json!("instance-9"), &json!(true))
    );
    assert!(!made.to_string().contains("secret-token"));
    assert_eq!(get(&app, &format!("/clinics/{id}")).await["clinic"], *clinic);

    let namesake = post(&app, "/clinics", json!({ "name": "Clínica São João", "business_hours": {} })).await;
    assert_ne!(text(&namesake, "clinicId"), id);
    let listed = column(&get(&app, "/clinics").await, "clinics", "clinic_id");
    assert_eq!(listed.len(), 3);
    assert!(listed.contains(&json!(id)) && listed.contains(&json!(CLINIC)), "{listed:?}");

    let path = format!("/clinics/{id}");
    assert_eq!(put(&app, &path, json!({ "active": false })).await["clinic"]["active"], false);
    let listed = column(&get(&app, "/clinics").await, "clinics", "clinic_id");
    assert!(listed.len() == 2 && !listed.contains(&json!(id)), "{listed:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_keeps_the_other_fields_and_takes_effect_immediately() {
    let app = TestApp::start().await;
    let path = format!("/clinics/{CLINIC}");
    let before = get(&app, &path).await["clinic"].clone();
    assert_eq!(app.slots(february(18)).await[..2], ["09:00", "09:55"]);
    let mut after = put(&app, &path, json!({ "buffer_minutes": 0, "address": null })).await["clinic"].clone();
    assert_eq!(app.slots(february(18)).await[..2], ["09:00", "09:45"]);
    assert_eq!((&after["buffer_minutes"], &after["address"]), (&json!(0), &Value::Null));
    for changed in ["buffer_minutes", "address", "updated_at"] {
        after[changed] = before[changed].clone();
    }
    assert_eq!(after, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_zapi_instance_belongs_to_one_clinic_and_needs_its_token() {
    let app = TestApp::start().await;
    let taken = json!({ "name": "Outra", "business_hours": {}, "zapi_instance_id": "instance-123",
        "zapi_instance_token": "t" });
    ask(&app, Method::POST, "/clinics", taken, 409).await;
    let made = post(&app, "/clinics", json!({ "name": "Outra", "business_hours": {} })).await;
    let path = format!("/clinics/{}", text(&made, "clinicId"));
    for (body, status, named) in [
        (json!({ "zapi_instance_id": "instance-123", "zapi_instance_token": "t" }), 409, &[][..]),
        (json!({ "zapi_instance_id": "instance-9" }), 400, &["zapi_instance_token"]),
        (json!({ "zapi_instance_token": "t" }), 400, &["zapi_instance_id"]),
        (json!({ "zapi_client_token": "t" }), 400, &["zapi_instance_id"]),
    ] {
        let refused = ask(&app, Method::PUT, &path, body, status).await;
        assert_eq!(error_fields(&refused), named);
    }
    assert_eq!(get(&app, &path).await["clinic"], made["clinic"]);
    let instance = json!({ "zapi_instance_id": "instance-9", "zapi_instance_token": "t" });
    assert_eq!(put(&app, &path, instance).await["clinic"]["zapi_token_set"], true);
    let without = put(&app, &path, json!({ "zapi_instance_id": null })).await;
    assert_eq!(without["clinic"]["zapi_token_set"], false);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tab_of_a_spreadsheet_belongs_to_one_clinic() {
    let app = TestApp::start().await;
    let sheet = |tab: &str| json!({ "google_spreadsheet_id": "1BxiMV", "google_sheet_name": tab });
    put(&app, &format!("/clinics/{CLINIC}"), sheet("Agenda")).await;
    let mut new = sheet("Agenda");
    new["name"] = json!("Outra");
    new["business_hours"] = json!({});
    let refused = ask(&app, Method::POST, "/clinics", new.clone(), 409).await;
    assert!(text(&refused, "message").contains("planilha"), "{refused}");
    new["google_sheet_name"] = json!("Outra");
    let made = post(&app, "/clinics", new).await;
    let path = format!("/clinics/{}", text(&made, "clinicId"));
    // One spreadsheet cannot have both of these.
    for tab in ["Agenda", "AGENDA"] {
        ask(&app, Method::PUT, &path, json!({ "google_sheet_name": tab }), 409).await;
    }
    assert_eq!(get(&app, &path).await["clinic"], made["clinic"]);
    put(&app, &format!("/clinics/{CLINIC}"), json!({ "google_spreadsheet_id": null })).await;
    assert_eq!(put(&app, &path, sheet("Agenda")).await["clinic"]["google_sheet_name"], "Agenda");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_for_one_clinic_neither_creates_nor_lists_clinics() {
    let keys = "test-api-key,laser-beauty-sp:one-key";
    let app = TestApp::with(TestConfig { keys, ..TestConfig::default() }).await;
    let body = json!({ "name": "Outra", "business_hours": {} });
    let (own, key) = (format!("/clinics/{CLINIC}"), Some("one-key"));
    assert_eq!(app.ask_with(key, Method::GET, &own, None).await.status, 200);
    assert_eq!(app.ask_with(key, Method::GET, "/clinics", None).await.status, 404);
    assert_eq!(app.ask_with(key, Method::POST, "/clinics", Some(&body)).await.status, 404);
    assert_eq!(app.database.number("select count(*) from scheduler.clinics").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_webhook_url_is_shown_only_to_a_key_for_every_clinic_and_is_accepted() {
    let keys = "test-api-key,laser-beauty-sp:one-key";
    let config = TestConfig { keys, webhook_token: Some("new-master,old-master"), ..TestConfig::default() };
    let mut app = TestApp::with(config).await;
    let path = format!("/clinics/{CLINIC}");
    let token = WebhookMasters::new(Secret::new("new-master")).token_of("instance-123");
    let path_of_webhook = format!("/webhook/whatsapp?token={}", token.expose());
    let shown = get(&app, &path).await;
    let url = text(&shown["clinic"], "webhook_url");
    assert_eq!(url, app.url(&path_of_webhook));
    let event = json!({ "type": "ConnectedCallback", "instanceId": "instance-123" });
    let posted = app.client().post(url).json(&event).send().await.expect("an answer");
    assert_eq!(posted.status(), 200);

    let mut own_view = app.ask_with(Some("one-key"), Method::GET, &path, None).await.body;
    assert_eq!(own_view["clinic"]["webhook_url"], Value::Null);
    own_view["clinic"]["webhook_url"] = shown["clinic"]["webhook_url"].clone();
    assert_eq!(own_view, shown, "the clinic's own key sees everything else");
    for other in [
        get(&app, "/clinics").await,
        put(&app, &path, json!({ "address": "Rua Exemplo, 5" })).await,
        post(&app, "/clinics", json!({ "name": "Outra", "business_hours": {} })).await,
    ] {
        assert!(!other.to_string().contains("webhook_url"), "{other}");
    }
    put(&app, &path, json!({ "zapi_instance_id": null })).await;
    assert_eq!(get(&app, &path).await["clinic"].get("webhook_url"), None);

    let instance = json!({ "zapi_instance_id": "instance-9", "zapi_instance_token": "t" });
    put(&app, &path, instance).await;
    app.set_env("WEBHOOK_BASE_URL", "https://api.example.com/prod".to_owned());
    app.restart(None).await;
    let shown = get(&app, &path).await;
    let url = text(&shown["clinic"], "webhook_url");
    assert!(url.starts_with("https://api.example.com/prod/webhook/whatsapp?token="), "{url}");
    assert!(!url.ends_with(token.expose()), "{url}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_webhook_token_no_webhook_url_is_shown() {
    let app = TestApp::start().await;
    assert_eq!(get(&app, &format!("/clinics/{CLINIC}")).await["clinic"].get("webhook_url"), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_for_one_clinic_sets_no_field_that_connects_it_to_other_services() {
    let keys = "test-api-key,laser-beauty-sp:one-key";
    let app = TestApp::with(TestConfig { keys, ..TestConfig::default() }).await;
    let (path, key) = (format!("/clinics/{CLINIC}"), Some("one-key"));
    let before = app.database.fingerprint().await;
    let clinic = get(&app, &path).await["clinic"].clone();
    let unchanged = |name: &str| json!({ name: clinic[name] });
    for (body, named) in [
        (
            json!({ "zapi_instance_id": "instance-9", "zapi_instance_token": "t" }),
            &["zapi_instance_id", "zapi_instance_token"][..],
        ),
        (json!({ "zapi_client_token": null }), &["zapi_client_token"]),
        (
            json!({ "google_spreadsheet_id": "of-somebody-else", "address": "Rua Nova, 1" }),
            &["google_spreadsheet_id"],
        ),
        (unchanged("google_sheet_name"), &["google_sheet_name"]),
        (unchanged("zapi_instance_id"), &["zapi_instance_id"]),
        // Refused before the fields are checked.
        (json!({ "google_sheet_name": 1, "colour": "red" }), &["google_sheet_name"]),
    ] {
        let refused = app.ask_with(key, Method::PUT, &path, Some(&body)).await;
        assert_eq!(
            (refused.status, &refused.body["status"]),
            (403, &json!("ERROR")),
            "{body}: {}",
            refused.body
        );
        assert!(refused.body["errors"].is_null(), "{}", refused.body);
        let message = text(&refused.body, "message");
        let fields: Vec<&str> = message.split([' ', ',', '.']).filter(|word| word.contains('_')).collect();
        assert_eq!(fields, named, "{message}");
    }
    let new = json!({ "name": "Outra", "business_hours": {}, "zapi_instance_id": "instance-9", "zapi_instance_token": "t" });
    assert_eq!(app.ask_with(key, Method::POST, "/clinics", Some(&new)).await.status, 404);
    assert_eq!(app.database.fingerprint().await, before, "nothing was written");
    // Another clinic stays unknown, and the key still changes everything else.
    let integration = json!({ "google_sheet_name": "Agenda 2" });
    assert_eq!(app.ask_with(key, Method::PUT, "/clinics/nowhere", Some(&integration)).await.status, 404);
    let address = json!({ "address": "Rua Nova, 1" });
    assert_eq!(app.ask_with(key, Method::PUT, &path, Some(&address)).await.status, 200);
    assert_eq!(put(&app, &path, integration).await["clinic"]["google_sheet_name"], "Agenda 2");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clinics_are_listed_page_by_page_in_the_order_of_their_names() {
    let app = TestApp::start().await;
    for name in ["Beleza", "Beleza", "Ábaco", "Zeta", "Corpo"] {
        post(&app, "/clinics", json!({ "name": name, "business_hours": {} })).await;
    }
    let whole = get(&app, "/clinics").await;
    assert_eq!(whole["nextCursor"], Value::Null);
    let expected = column(&whole, "clinics", "clinic_id");
    assert_eq!(expected.len(), 6);
    for limit in [1, 2, 3, 5, 6, 100] {
        let (mut listed, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = get(&app, &format!("/clinics?limit={limit}{cursor}")).await;
            let ids = column(&page, "clinics", "clinic_id");
            assert!(!ids.is_empty() && ids.len() <= limit, "{limit}: {page}");
            listed.extend(ids);
            match page["nextCursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(listed, expected, "{limit}");
    }
    for (query, named) in [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=%2B5", "limit"),
        ("limit=05", "limit"),
        ("cursor=nowhere", "cursor"),
        ("cursor=%00", "cursor"),
        ("page=2", "page"),
    ] {
        let refused = ask(&app, Method::GET, &format!("/clinics?{query}"), Value::Null, 400).await;
        assert_eq!(error_fields(&refused), [named], "{query}");
    }
    // A clinic that was deactivated meanwhile still marks the place.
    let second = expected[1].as_str().expect("an id");
    put(&app, &format!("/clinics/{second}"), json!({ "active": false })).await;
    let rest = get(&app, &format!("/clinics?cursor={second}")).await;
    assert_eq!(column(&rest, "clinics", "clinic_id"), expected[2..]);
}
