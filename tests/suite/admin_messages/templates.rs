//! A clinic's message templates (docs/rules/conversation.md#wording): checked when they are saved and
//! used from the next message on.

use reqwest::Method;
use scheduler_tests::{CLINIC, TestApp};
use serde_json::{Value, json};

use super::{MARIA, ask, create, error_fields, list};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_template_is_created_once_listed_changed_and_deactivated() {
    let app = TestApp::start().await;
    let new = json!({
        "template_key": "ANYTHING_ELSE", "content": "Algo mais, {{clinic_name}}?",
        "buttons": [{ "id": "menu", "label": "Início" }],
    });
    let answer = create(&app, "templates", &new).await;
    let template = &answer["template"];
    assert_eq!(answer["templateId"], template["template_id"]);
    assert_eq!(template["clinic_id"], CLINIC);
    assert_eq!(template["active"], true);
    for field in ["template_key", "content", "buttons"] {
        assert_eq!(template[field], new[field]);
    }
    let twice = ask(&app, Method::POST, &format!("/clinics/{CLINIC}/templates"), &new, 409).await;
    assert_eq!(twice["status"], "ERROR");

    assert_eq!(list(&app, "templates?template_key=ANYTHING_ELSE", "templates").await.len(), 1);
    assert_eq!(list(&app, "templates?template_key=LEFT", "templates").await.len(), 0);
    let all = list(&app, "templates", "templates").await;
    let mut keys: Vec<&str> = all.iter().filter_map(|row| row["template_key"].as_str()).collect();
    assert!(keys.contains(&"ANYTHING_ELSE") && keys.contains(&"MAIN_MENU"), "{keys:?}");
    assert!(keys.is_sorted());
    keys.dedup();
    assert_eq!(keys.len(), all.len());

    let path = format!("/templates/{}", template["template_id"].as_str().unwrap());
    let changed = ask(&app, Method::PUT, &path, &json!({ "active": false }), 200).await;
    assert_eq!(changed["template"]["content"], new["content"], "a field that was not sent stays");
    assert_eq!(changed["template"]["buttons"], new["buttons"], "a field that was not sent stays");
    assert_eq!(list(&app, "templates?template_key=ANYTHING_ELSE", "templates").await.len(), 0);
    ask(&app, Method::POST, &format!("/clinics/{CLINIC}/templates"), &new, 409).await;
    let back = json!({ "active": true, "buttons": [] });
    let back = ask(&app, Method::PUT, &path, &back, 200).await;
    assert_eq!(back["template"]["buttons"], json!([]));
    assert_eq!(list(&app, "templates?template_key=ANYTHING_ELSE", "templates").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invalid_template_is_refused_with_the_values_that_are_allowed() {
    let app = TestApp::start().await;
    let templates = format!("/clinics/{CLINIC}/templates");
    let count = "select count(*) from scheduler.message_templates";
    let before = app.database.number(count).await;
    let new = |key: &str, content: &str, buttons: Value| json!({ "template_key": key, "content": content, "buttons": buttons });
    let menu = |id: &str| json!([{ "id": id, "label": "x" }]);
    let twice = json!([{ "id": "menu", "label": "x" }, { "id": "menu", "label": "y" }]);
    for (body, fields, named) in [
        (json!({}), &["template_key", "content"][..], &[][..]),
        (new("GREETING", "Oi", json!([])), &["template_key"], &["MAIN_MENU", "WELCOME_NEW"]),
        (
            new("LEFT", "{{nome_errado}} {{date}}", json!([])),
            &["content", "content"],
            &["{{nome_errado}}", "{{clinic_name}}", "{{address}}"],
        ),
        (new("KEPT", "{{nome_errado}}", json!([])), &["content"], &["{{date}}", "{{service}}"]),
        (new("CANCELLED", "Oi", menu("faq")), &["buttons"], &["schedule, menu"]),
        (new("LEFT", "Oi", menu("faq")), &["buttons"], &["não tem opções"]),
        (new("CANCELLED", "Oi", twice), &["buttons"], &["menu"]),
        (new("LEFT", " ", json!({})), &["content", "buttons"], &[]),
        (new("CANCELLED", "Oi", json!([{ "id": "menu", "label": "" }])), &["buttons"], &["label"]),
        (new("CANCELLED", "Oi", json!([{ "id": "menu", "url": "x" }])), &["buttons"], &["url"]),
        (new("CANCELLED", "{{x}}", menu("x")), &["content", "buttons"], &[]),
    ] {
        let answer = ask(&app, Method::POST, &templates, &body, 400).await;
        assert_eq!(error_fields(&answer), fields, "{body}: {answer}");
        for name in named {
            assert!(answer["errors"].to_string().contains(name), "{name} is not named: {answer}");
        }
    }
    assert_eq!(app.database.number(count).await, before, "nothing was written");

    let row = &list(&app, "templates?template_key=CANCELLED", "templates").await;
    assert!(row.is_empty());
    let row = &list(&app, "templates?template_key=BOOKED", "templates").await[0];
    let path = format!("/templates/{}", row["template_id"].as_str().unwrap());
    for (body, fields) in [
        (json!({}), &["body"][..]),
        (json!({ "content": "{{old_date}}" }), &["content"]),
        (json!({ "buttons": menu("schedule") }), &["buttons"]),
        (
            json!({ "content": null, "active": "no", "template_key": "LEFT" }),
            &["content", "active", "template_key"],
        ),
    ] {
        let answer = ask(&app, Method::PUT, &path, &body, 400).await;
        assert_eq!(error_fields(&answer), fields, "{body}: {answer}");
    }
    assert_eq!(&list(&app, "templates?template_key=BOOKED", "templates").await[0], row);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_chat_uses_a_changed_template_immediately() {
    let app = TestApp::start().await;
    let first = app.patient(MARIA, "Maria Silva").says("Olá").await;
    assert!(first[1].message.starts_with("Escolha uma opção"), "{first:?}");

    let menu = &list(&app, "templates?template_key=MAIN_MENU", "templates").await[0];
    let path = format!("/templates/{}", menu["template_id"].as_str().unwrap());
    let words = json!({
        "content": "Aqui na {{clinic_name}} você pode:",
        "buttons": [{ "id": "schedule", "label": "Quero marcar" }],
    });
    ask(&app, Method::PUT, &path, &words, 200).await;
    let greeting = &list(&app, "templates?template_key=WELCOME_NEW", "templates").await[0];
    let path = format!("/templates/{}", greeting["template_id"].as_str().unwrap());
    let labels = json!({ "buttons": [
        { "id": "schedule", "label": "Agendar" }, { "id": "faq", "label": "Dúvidas" },
    ] });
    ask(&app, Method::PUT, &path, &labels, 200).await;

    let mut joana = app.patient("5511999990001", "Joana Souza");
    let said = joana.says("Olá").await;
    assert_eq!(said[1].message, "Aqui na Laser Beauty você pode:");
    let labels: Vec<&str> = said[1].options.iter().map(|option| option.label.as_str()).collect();
    assert_eq!(labels, ["Quero marcar", "Remarcar sessão", "Dúvidas"]);
    joana.says("dúvidas").await;
    assert_eq!(
        app.state("5511999990001").await,
        "FAQ_MENU",
        "writing a clinic's own label selects its option"
    );
}
