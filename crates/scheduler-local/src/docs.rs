//! Serves the OpenAPI document and Swagger UI. Every file comes from this server, and the content
//! security policy forbids other hosts.

use axum::http::{HeaderValue, header};
use axum::middleware::map_response;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use swagger_ui_dist::{ApiDefinition, OpenApiSource, generate_routes};

const PAGE: &str = r#"<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Scheduler: API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/docs/swagger/swagger-ui.css">
<div id="docs"></div>
<script src="/docs/swagger/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</html>
"#;

// Without `validatorUrl: null`, Swagger UI calls a public validator.
const START_SCRIPT: &str = "\
SwaggerUIBundle({ url: '/openapi.json', dom_id: '#docs', validatorUrl: null, docExpansion: 'list' });
";

// Swagger UI's style sheet embeds images as data URLs, and React sets inline styles.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub(crate) fn router() -> Router {
    let swagger = ApiDefinition {
        uri_prefix: "/docs/swagger",
        api_definition: OpenApiSource::Uri("/openapi.json"),
        title: None,
    };
    let script = ([(header::CONTENT_TYPE, "text/javascript")], START_SCRIPT);
    Router::new()
        .route("/docs", get(|| async { Html(PAGE) }))
        .route("/docs/start.js", get(move || async move { script }))
        .merge(generate_routes(swagger))
        .layer(map_response(add_security_headers))
        .route("/openapi.json", get(document))
}

async fn document() -> impl IntoResponse {
    ([(header::CACHE_CONTROL, "no-store")], Json(scheduler_api::openapi::document()))
}

async fn add_security_headers(mut response: Response) -> Response {
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    response
}
