//! A clinic's FAQ: edited over the API, read by patients in the chat.

use reqwest::Method;
use scheduler_tests::{CLINIC, TestApp};
use serde_json::{Value, json};

use super::{MARIA, ask, create, error_fields, list};

fn question(key: &str, answer: &str, order: i32) -> Value {
    json!({ "question_key": key, "question_label": format!("Pergunta {key}?"), "answer": answer,
        "display_order": order })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_is_created_once_listed_in_order_changed_and_deactivated() {
    let app = TestApp::start().await;
    let keys = async || -> Vec<String> {
        let rows = list(&app, "faq", "faq").await;
        rows.iter().filter_map(|row| row["question_key"].as_str()).map(str::to_owned).collect()
    };
    let seeded = keys().await.len();
    let new = question("PARKING", "Temos estacionamento.", 0);
    let answer = create(&app, "faq", &new).await;
    let entry = &answer["faq"];
    assert_eq!(answer["faqId"], entry["faq_id"]);
    for field in ["question_key", "question_label", "answer", "display_order"] {
        assert_eq!(entry[field], new[field]);
    }
    create(&app, "faq", &question("PETS", "Não.", 100)).await;
    let twice = ask(&app, Method::POST, &format!("/clinics/{CLINIC}/faq"), &new, 409).await;
    assert_eq!(twice["status"], "ERROR");
    let all = keys().await;
    assert_eq!(all.len(), seeded + 2);
    assert_eq!((all[0].as_str(), all[seeded + 1].as_str()), ("PARKING", "PETS"));

    let path = format!("/faq/{}", entry["faq_id"].as_str().unwrap());
    let changed = json!({ "answer": "Na rua ao lado.", "display_order": 200 });
    let changed = ask(&app, Method::PUT, &path, &changed, 200).await;
    assert_eq!(changed["faq"]["question_label"], new["question_label"], "a field that was not sent stays");
    assert_eq!(changed["faq"]["answer"], "Na rua ao lado.");
    assert_eq!(keys().await[seeded + 1], "PARKING");
    ask(&app, Method::PUT, &path, &json!({ "active": false }), 200).await;
    assert!(!keys().await.contains(&"PARKING".to_owned()));
    ask(&app, Method::POST, &format!("/clinics/{CLINIC}/faq"), &new, 409).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_names_every_invalid_field_of_a_question() {
    let app = TestApp::start().await;
    let before = list(&app, "faq", "faq").await;
    let path = format!("/clinics/{CLINIC}/faq");
    for (body, fields) in [
        (json!({}), &["question_key", "question_label", "answer"][..]),
        (
            json!({ "question_key": "é", "question_label": 1, "answer": "", "display_order": -1, "x": 1 }),
            &["question_key", "question_label", "answer", "display_order", "x"],
        ),
        (question("A KEY", "x", 1), &["question_key"]),
    ] {
        let answer = ask(&app, Method::POST, &path, &body, 400).await;
        assert_eq!(error_fields(&answer), fields, "{body}: {answer}");
    }
    let path = format!("/faq/{}", before[0]["faq_id"].as_str().unwrap());
    for (body, fields) in [
        (json!({}), &["body"][..]),
        (json!({ "question_key": "OTHER" }), &["question_key"]),
        (json!({ "answer": null, "display_order": "1" }), &["answer", "display_order"]),
    ] {
        let answer = ask(&app, Method::PUT, &path, &body, 400).await;
        assert_eq!(error_fields(&answer), fields, "{body}: {answer}");
    }
    assert_eq!(list(&app, "faq", "faq").await, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn patients_read_an_answer_verbatim_including_placeholders() {
    let app = TestApp::start().await;
    let answer = "Escreva {{clinic_name}} no {{answer}}.";
    create(&app, "faq", &question("BRACES", answer, 0)).await;
    let mut maria = app.patient(MARIA, "Maria Silva");
    maria.says("Olá").await;
    maria.presses("faq").await;
    let said = maria.presses("faq_BRACES").await;
    assert_eq!(said[0].message, answer);
}
