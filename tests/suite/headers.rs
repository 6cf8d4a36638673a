//! Every answer says that it may not be stored and is of no other type than it says, whatever its status
//! (docs/rules/api.md#envelope).

use std::collections::BTreeSet;

use reqwest::Method;
use scheduler_api::routes::ROUTES;
use scheduler_tests::http::KEY;
use scheduler_tests::{CLINIC, TestApp, TestConfig, fill_placeholders};
use serde_json::json;

/// Sends a request, checks the headers of the answer and returns its status.
async fn status(app: &TestApp, method: &str, path: &str, key: Option<&str>, body: Vec<u8>) -> u16 {
    let method: Method = method.parse().expect("a method");
    let mut request = app.client().request(method.clone(), app.url(path)).body(body);
    if let Some(key) = key {
        request = request.header("x-api-key", key);
    }
    let answer = request.send().await.expect("an answer");
    let header = |name: &str| answer.headers().get(name).map(|value| value.to_str().expect("text"));
    let shown = format!("{method} {path}: {}", answer.status());
    assert_eq!(header("cache-control"), Some("no-store"), "{shown}");
    assert_eq!(header("x-content-type-options"), Some("nosniff"), "{shown}");
    answer.status().as_u16()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_answer_of_any_route_may_be_stored_or_sniffed() {
    let keys = "test-api-key,laser-beauty-sp:one-key";
    let app = TestApp::with(TestConfig { keys, webhook_token: Some("right"), ..TestConfig::default() }).await;
    let mut seen = BTreeSet::new();
    let large = || vec![b'x'; (1 << 20) + 1];
    let clinic = format!("/clinics/{CLINIC}");
    let integration = json!({ "google_sheet_name": "Agenda" }).to_string().into_bytes();
    seen.insert(status(&app, "PUT", &clinic, Some("one-key"), integration).await);
    seen.insert(status(&app, "GET", &clinic, Some(KEY), Vec::new()).await);
    let service = json!({ "name": "Massagem", "duration_minutes": 30 }).to_string().into_bytes();
    seen.insert(status(&app, "POST", &format!("{clinic}/services"), Some(KEY), service).await);
    let unknown = json!({ "zapi_instance_id": "i", "zapi_instance_token": "t" }).to_string().into_bytes();
    seen.insert(status(&app, "PUT", "/clinics/nowhere", Some(KEY), unknown).await);
    for path in ["/nothing", "/_local/nothing", "/page/nothing.js"] {
        assert_eq!(status(&app, "GET", path, Some(KEY), Vec::new()).await, 404, "{path}");
    }
    for path in ["/_local/health", "/_local/clock", "/openapi.json"] {
        assert_eq!(status(&app, "GET", path, None, Vec::new()).await, 200, "{path}");
    }
    assert_eq!(status(&app, "POST", "/_local/health", None, Vec::new()).await, 405);
    for route in ROUTES {
        let path = fill_placeholders(route.path, |name| match name {
            "clinicId" => CLINIC.to_owned(),
            _ => uuid::Uuid::nil().to_string(),
        });
        assert_eq!(status(&app, route.method, &path, None, b"{}".to_vec()).await, 401, "{path}");
        for (method, key, body) in [
            ("DELETE", Some(KEY), Vec::new()),
            ("OPTIONS", None, Vec::new()),
            (route.method, Some(KEY), b"{".to_vec()),
            (route.method, Some(KEY), large()),
        ] {
            seen.insert(status(&app, method, &path, key, body).await);
        }
    }
    // No query works any more, which is a fault of the product.
    sqlx::query("alter schema scheduler rename to gone").execute(&app.database.pool).await.expect("renamed");
    for route in ROUTES.iter().filter(|route| route.method == "GET" && !route.path.ends_with("slots")) {
        let path = fill_placeholders(route.path, |_| CLINIC.to_owned());
        assert_eq!(status(&app, "GET", &path, Some(KEY), Vec::new()).await, 500, "{path}");
    }
    println!("statuses: {seen:?}, 401 and 500");
    let wanted = [200, 201, 204, 400, 401, 403, 404, 405, 413];
    assert_eq!(seen, BTreeSet::from(wanted));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_files_of_the_page_are_not_sniffed_and_keep_their_own_caching() {
    let app = TestApp::start().await;
    for (path, caching) in [
        ("/", Some("no-cache")),
        ("/page/shared/base.css", Some("no-cache")),
        ("/docs", None),
        ("/docs/swagger/swagger-ui.css", None),
    ] {
        let answer = app.client().get(app.url(path)).send().await.expect("an answer");
        assert_eq!(answer.status(), 200, "{path}");
        let header = |name: &str| answer.headers().get(name).map(|value| value.to_str().expect("text"));
        assert_eq!(
            (header("cache-control"), header("x-content-type-options")),
            (caching, Some("nosniff")),
            "{path}"
        );
    }
}
