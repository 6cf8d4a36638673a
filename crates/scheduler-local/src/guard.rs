//! Keeps pages of other servers away from this one, which they reach through a browser on this machine
//! (docs/rules/security.md#browsers-at-the-local-server).

mod place;

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use serde_json::json;

use self::place::{Host, Place};

/// Decides which requests a server of this machine takes. Clones share their lists.
#[derive(Debug, Clone, Default)]
pub struct Guard(Arc<Admitted>);

#[derive(Debug, Default)]
struct Admitted {
    hosts: Vec<String>,
    origins: Vec<String>,
}

/// What the guard found out about a request that it lets in.
#[derive(Debug, PartialEq, Eq)]
enum Caller {
    /// A page of this server, or a client that is not a page.
    Own,
    /// A page of this other origin, which the settings let in.
    Admitted(HeaderValue),
}

impl Guard {
    /// Also lets in requests for these host names (`LOCAL_HOSTS`) and pages of these origins
    /// (`LOCAL_ORIGINS`).
    pub fn admitting(hosts: &[String], origins: &[String]) -> Self {
        Self(Arc::new(Admitted { hosts: hosts.to_vec(), origins: origins.to_vec() }))
    }

    /// Puts the guard in front of every route of a router. A refused request gets 403 and reaches no route.
    pub(crate) fn protect(&self, router: Router) -> Router {
        router.layer(from_fn_with_state(self.clone(), check))
    }

    /// `None`: the request is refused.
    fn admit(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Option<Caller> {
        let place = Place::parse(one(headers, header::HOST)??)?;
        // A target with a host in it overrides the header `Host`.
        let is_other = |authority: &Authority| Place::parse(authority.as_str()).as_ref() != Some(&place);
        if uri.authority().is_some_and(is_other) || !self.serves(&place.host) {
            return None;
        }
        match one(headers, header::ORIGIN)? {
            Some(origin) => self.admit_origin(origin, &place),
            None => is_harmless(method, headers).then_some(Caller::Own),
        }
    }

    /// A name that leads to this server only because somebody's DNS says so is not served: a page of that
    /// name would count as this server's own.
    fn serves(&self, host: &Host) -> bool {
        match host {
            Host::Address(_) => true,
            Host::Name(name) => name == "localhost" || self.0.hosts.contains(name),
        }
    }

    fn admit_origin(&self, origin: &str, place: &Place) -> Option<Caller> {
        let own = origin.strip_prefix("http://").and_then(Place::parse);
        if own.is_some_and(|origin| origin.is_same_server(place)) {
            return Some(Caller::Own);
        }
        let listed = self.0.origins.iter().any(|listed| listed.eq_ignore_ascii_case(origin));
        let value = listed.then(|| HeaderValue::from_str(origin).ok()).flatten();
        value.map(Caller::Admitted)
    }
}

/// The value of a header that may occur once: `Some(None)` if it is absent, `None` if it occurs more often or
/// is not ASCII text.
fn one(headers: &HeaderMap, name: HeaderName) -> Option<Option<&str>> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Some(None),
        (Some(value), None) => value.to_str().ok().map(Some),
        (Some(_), Some(_)) => None,
    }
}

/// Whether a request without `Origin` may come from a page of another server: it may lead to this server's
/// page, as a link does, but not load something into its own.
fn is_harmless(method: &Method, headers: &HeaderMap) -> bool {
    let fetch = |name: &str| headers.get(name).map(HeaderValue::as_bytes);
    match fetch("sec-fetch-site") {
        None | Some(b"same-origin" | b"none") => true,
        Some(_) => {
            method.is_safe()
                && matches!(fetch("sec-fetch-mode"), Some(b"navigate"))
                && matches!(fetch("sec-fetch-dest"), Some(b"document"))
        }
    }
}

async fn check(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    match guard.admit(request.method(), request.uri(), request.headers()) {
        None => refuse(),
        Some(Caller::Own) => next.run(request).await,
        Some(Caller::Admitted(origin)) if request.method() == Method::OPTIONS => {
            allow_next_request(request.headers(), origin)
        }
        Some(Caller::Admitted(origin)) => {
            let mut response = next.run(request).await;
            let headers = response.headers_mut();
            headers.entry(header::ACCESS_CONTROL_ALLOW_ORIGIN).or_insert(origin);
            headers.append(header::VARY, HeaderValue::from_static("origin"));
            response
        }
    }
}

fn refuse() -> Response {
    let message = "the Host or the Origin of this request is not this server's: see LOCAL_HOSTS and LOCAL_ORIGINS \
                   in README.md";
    (StatusCode::FORBIDDEN, Json(json!({"status": "ERROR", "message": message}))).into_response()
}

/// Answers the question that a browser asks before a request of another origin.
fn allow_next_request(asked: &HeaderMap, origin: HeaderValue) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(header::VARY, HeaderValue::from_static("origin"));
    for (question, answer) in [
        (header::ACCESS_CONTROL_REQUEST_METHOD, header::ACCESS_CONTROL_ALLOW_METHODS),
        (header::ACCESS_CONTROL_REQUEST_HEADERS, header::ACCESS_CONTROL_ALLOW_HEADERS),
    ] {
        if let Some(value) = asked.get(question) {
            headers.insert(answer, value.clone());
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admitted(guard: &Guard, method: Method, uri: &str, headers: &[(&str, &str)]) -> Option<Caller> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            map.append(name, HeaderValue::from_str(value).unwrap());
        }
        guard.admit(&method, &uri.parse().unwrap(), &map)
    }

    #[test]
    fn only_addresses_localhost_and_listed_names_are_hosts_of_this_server() {
        let guard = Guard::admitting(&["scheduler.test".into()], &[]);
        for host in [
            "127.0.0.1:9000",
            "127.0.0.1",
            "192.168.0.7:80",
            "localhost:1",
            "LOCALHOST",
            "[::1]:9000",
            "[::1]",
            "scheduler.test:9000",
            "Scheduler.Test",
        ] {
            let caller = admitted(&guard, Method::GET, "/", &[("host", host)]);
            assert_eq!(caller, Some(Caller::Own), "{host}");
        }
        for host in [
            "attacker.test",
            "attacker.test:9000",
            "localhost.attacker.test",
            "127.0.0.1.attacker.test",
            "a@127.0.0.1",
            "127.0.0.1@attacker.test",
            "0x7f.1",
            "2130706433",
            "localhost:",
            "localhost:70000",
            "",
            "::1",
            "sub.scheduler.test",
        ] {
            assert_eq!(admitted(&guard, Method::GET, "/", &[("host", host)]), None, "{host}");
        }
        assert_eq!(admitted(&guard, Method::GET, "/", &[]), None);
        let twice = [("host", "localhost"), ("host", "attacker.test")];
        assert_eq!(admitted(&guard, Method::GET, "/", &twice), None);
        let target = "http://attacker.test/";
        assert_eq!(admitted(&guard, Method::GET, target, &[("host", "localhost")]), None);
    }

    #[test]
    fn an_origin_is_the_servers_own_or_a_listed_one() {
        let guard = Guard::admitting(&[], &["https://tool.test".into(), "http://localhost:5173".into()]);
        for (host, origin) in [
            ("127.0.0.1:9000", "http://127.0.0.1:9000"),
            ("127.0.0.1:9000", "http://localhost:9000"),
            ("localhost:9000", "http://[::1]:9000"),
            ("[::1]:9000", "http://127.0.0.1:9000"),
            ("10.0.0.7:9000", "http://10.0.0.7:9000"),
            ("localhost", "http://localhost"),
        ] {
            let headers = [("host", host), ("origin", origin), ("sec-fetch-site", "cross-site")];
            assert_eq!(admitted(&guard, Method::POST, "/", &headers), Some(Caller::Own), "{host} {origin}");
        }
        for origin in ["https://tool.test", "http://localhost:5173"] {
            let headers = [("host", "127.0.0.1:9000"), ("origin", origin)];
            let caller = admitted(&guard, Method::POST, "/", &headers);
            assert_eq!(caller, Some(Caller::Admitted(HeaderValue::from_str(origin).unwrap())));
        }
        for origin in [
            "null",
            "",
            "http://127.0.0.1:9001",
            "http://127.0.0.1",
            "https://127.0.0.1:9000",
            "http://10.0.0.7:9000",
            "http://attacker.test",
            "http://127.0.0.1:9000.attacker.test",
            "http://tool.test",
            "file://",
        ] {
            let headers = [("host", "127.0.0.1:9000"), ("origin", origin)];
            assert_eq!(admitted(&guard, Method::POST, "/", &headers), None, "{origin}");
            assert_eq!(admitted(&guard, Method::GET, "/", &headers), None, "{origin}");
        }
        let twice =
            [("host", "localhost"), ("origin", "http://localhost"), ("origin", "http://attacker.test")];
        assert_eq!(admitted(&guard, Method::POST, "/", &twice), None);
    }

    #[test]
    fn a_page_of_another_server_may_link_here_but_load_nothing() {
        let guard = Guard::default();
        let ask = |method: Method, site: &str, mode: &str, dest: &str| {
            let fetch = [("sec-fetch-site", site), ("sec-fetch-mode", mode), ("sec-fetch-dest", dest)];
            let headers = [&[("host", "127.0.0.1:9000")][..], &fetch].concat();
            admitted(&guard, method, "/", &headers).is_some()
        };
        assert!(ask(Method::GET, "none", "navigate", "document"));
        assert!(ask(Method::GET, "same-origin", "no-cors", "script"));
        assert!(ask(Method::POST, "same-origin", "cors", "empty"));
        for site in ["cross-site", "same-site", "unheard-of"] {
            assert!(ask(Method::GET, site, "navigate", "document"), "a link");
            assert!(!ask(Method::POST, site, "navigate", "document"), "a form");
            assert!(!ask(Method::GET, site, "navigate", "iframe"));
            assert!(!ask(Method::GET, site, "no-cors", "script"));
            assert!(!ask(Method::GET, site, "no-cors", "image"));
            assert!(!ask(Method::GET, site, "websocket", "websocket"));
        }
    }
}
