//! Serves the page at `/`: chat, agenda, and local tools. Its files are compiled in.
//!
//! `page/agenda` and `page/shared` use only the public API, so another server can serve them to
//! reception. `page/chat` and `page/local` need the local routes.

use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

/// Forbids other hosts, inline code, strings assigned as markup, and framing
/// (docs/rules/security.md#names-and-texts).
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
                      require-trusted-types-for 'script'; trusted-types 'none'";

const HEADERS: [(HeaderName, HeaderValue); 4] = [
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    // A rebuilt server serves other files at the same URL.
    (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
];

macro_rules! files {
    ($($path:literal)+) => {
        /// Path and content of every file of the page.
        const FILES: &[(&str, &str)] = &[$(($path, include_str!(concat!("../page/", $path)))),+];
    };
}

files! {
    "index.html"
    "agenda/agenda.css"
    "agenda/agenda.js"
    "agenda/api-key.js"
    "agenda/api.js"
    "agenda/appointment.css"
    "agenda/appointment.js"
    "agenda/dates.js"
    "agenda/keyboard.js"
    "agenda/layout.js"
    "agenda/opening-hours.js"
    "agenda/states.js"
    "agenda/week.js"
    "chat/chat.js"
    "chat/content.js"
    "chat/patients.js"
    "chat/phone.css"
    "chat/phone.js"
    "chat/thread.js"
    "chat/webhook.js"
    "local/clock.js"
    "local/inspector.js"
    "local/jobs.js"
    "local/local.css"
    "local/main.js"
    "local/server.js"
    "local/webhook-token.js"
    "shared/base.css"
    "shared/dom.js"
    "shared/icon.svg"
    "shared/icons.js"
    "shared/phones.js"
}

/// Generic over the router's state, because the page uses none.
pub(crate) fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        .route("/", get(|| async { file("index.html") }))
        .route("/page/{*path}", get(|Path(path): Path<String>| async move { file(&path) }))
}

fn file(path: &str) -> Response {
    let Some((_, content)) = FILES.iter().find(|(name, _)| *name == path) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let content_type = match path.rsplit_once('.') {
        Some((_, "html")) => "text/html; charset=utf-8",
        Some((_, "css")) => "text/css; charset=utf-8",
        Some((_, "svg")) => "image/svg+xml",
        _ => "text/javascript; charset=utf-8",
    };
    (HEADERS, [(header::CONTENT_TYPE, content_type)], *content).into_response()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Largest total size of the page's files.
    const MAX_TOTAL_BYTES: usize = 150_000;

    #[test]
    fn every_file_of_the_page_is_served_and_the_total_stays_small() {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/page");
        let mut found = BTreeSet::new();
        for folder in ["", "agenda", "chat", "local", "shared"] {
            for entry in std::fs::read_dir(format!("{root}/{folder}")).unwrap().map(Result::unwrap) {
                if entry.file_type().unwrap().is_file() {
                    let name = entry.file_name().into_string().unwrap();
                    found.insert(format!("{folder}/{name}").trim_start_matches('/').to_owned());
                }
            }
        }
        let served: BTreeSet<String> = FILES.iter().map(|(name, _)| (*name).to_owned()).collect();
        assert_eq!(served, found);
        let total: usize = FILES.iter().map(|(_, content)| content.len()).sum();
        println!("the page: {} files, {total} bytes of {MAX_TOTAL_BYTES}", FILES.len());
        assert!(total < MAX_TOTAL_BYTES, "{total} bytes");
    }

    #[test]
    fn agenda_and_shared_files_use_nothing_that_only_the_local_server_has() {
        let reusable =
            FILES.iter().filter(|(name, _)| name.starts_with("agenda/") || name.starts_with("shared/"));
        for (name, content) in reusable {
            for local in ["_local", "/chat/", "/local/", "webhook"] {
                assert!(!content.contains(local), "{name} contains {local}");
            }
        }
    }
}
