//! The page: the chat, the agenda and what happened behind them, compiled in and served at `/`.
//!
//! `page/agenda` and `page/shared` know the public API alone and can be served to reception as they
//! are; `page/chat` and `page/local` need the routes that only this server has.

use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

/// Nothing from elsewhere, nothing inline, no text that is taken for markup, in nobody's frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
                      require-trusted-types-for 'script'; trusted-types 'none'";

const HEADERS: [(HeaderName, HeaderValue); 5] = [
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    // Another build may answer under the same address a minute later.
    (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
];

macro_rules! files {
    ($($path:literal)+) => {
        /// Every file of the page and what it holds.
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
    "shared/base.css"
    "shared/dom.js"
    "shared/icon.svg"
    "shared/icons.js"
    "shared/phones.js"
}

/// Generic over the state of whoever serves it: the page has none.
pub(crate) fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        .route("/", get(|| async { file("index.html") }))
        .route("/page/{*path}", get(|Path(path): Path<String>| async move { file(&path) }))
}

fn file(path: &str) -> Response {
    let Some((_, content)) = FILES.iter().find(|(name, _)| *name == path) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let kind = match path.rsplit_once('.') {
        Some((_, "html")) => "text/html; charset=utf-8",
        Some((_, "css")) => "text/css; charset=utf-8",
        Some((_, "svg")) => "image/svg+xml",
        _ => "text/javascript; charset=utf-8",
    };
    (HEADERS, [(header::CONTENT_TYPE, kind)], *content).into_response()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// What the whole page may weigh, in bytes.
    const MOST: usize = 150_000;

    #[test]
    fn every_file_of_the_folder_is_served_and_together_they_are_light() {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/page");
        let mut there = BTreeSet::new();
        for folder in ["", "agenda", "chat", "local", "shared"] {
            for entry in std::fs::read_dir(format!("{root}/{folder}")).unwrap().map(Result::unwrap) {
                if entry.file_type().unwrap().is_file() {
                    let name = entry.file_name().into_string().unwrap();
                    there.insert(format!("{folder}/{name}").trim_start_matches('/').to_owned());
                }
            }
        }
        let served: BTreeSet<String> = FILES.iter().map(|(name, _)| (*name).to_owned()).collect();
        assert_eq!(served, there);
        let weight: usize = FILES.iter().map(|(_, content)| content.len()).sum();
        println!("the page: {} files, {weight} bytes of {MOST}", FILES.len());
        assert!(weight < MOST, "{weight} bytes");
    }

    #[test]
    fn receptions_files_reach_for_nothing_that_only_this_server_has() {
        let receptions =
            FILES.iter().filter(|(name, _)| name.starts_with("agenda/") || name.starts_with("shared/"));
        for (name, content) in receptions {
            for foreign in ["_local", "/chat/", "/local/", "webhook"] {
                assert!(!content.contains(foreign), "{name} knows {foreign}");
            }
        }
    }
}
