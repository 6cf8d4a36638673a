//! One HTTP function: its route, and how a call is answered. Lambdas, the local server and tests run the same
//! code.

use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;
use std::time::Instant;

use http::{Request, Response};
use scheduler_core::call_stats;
use scheduler_core::config::Lookup;
use tracing::Instrument;
use uuid::Uuid;

use crate::auth::Auth;
use crate::context::all::Contexts;
use crate::context::{HttpContext, StartError};
#[cfg(feature = "openapi")]
use crate::description::Description;
use crate::envelope::Reply;
use crate::error::ApiError;
use crate::kebab::kebab;
use crate::request::{ApiRequest, percent_decode, read_body, read_query, read_webhook_body};
use crate::secrets::ReadsSecrets;

/// The future of a handler.
pub type HandlerFuture<'a> = Pin<Box<dyn Future<Output = Result<Reply, ApiError>> + Send + 'a>>;

/// A route's function, path and access, without its handler.
pub struct RouteInfo {
    /// Name of the function in AWS, such as `GetClinic`.
    pub function: &'static str,
    /// HTTP method.
    pub method: &'static str,
    /// Path in API Gateway's syntax.
    pub path: &'static str,
    /// Who may call it.
    pub auth: Auth,
    /// For the OpenAPI document.
    #[cfg(feature = "openapi")]
    pub(crate) description: Description,
}

/// A route whose handler runs with the context `C`.
pub struct Route<C> {
    pub(crate) info: RouteInfo,
    pub(crate) handler: for<'a> fn(&'a C, ApiRequest) -> HandlerFuture<'a>,
}

/// A route with any context, so that one process can serve all of them.
pub trait AnyRoute: Sync {
    /// The route's function, path and access.
    fn info(&self) -> &RouteInfo;

    /// Answers a call with the route's own context.
    fn respond<'a>(
        &'a self,
        contexts: &'a Contexts,
        request: Request<Vec<u8>>,
    ) -> Pin<Box<dyn Future<Output = Response<String>> + Send + 'a>>;

    /// Reads the environment as the function does when it starts.
    fn check_env(&self, env: Lookup<'_>) -> Result<(), StartError>;

    /// The secrets that the function reads.
    fn secrets(&self) -> &'static [&'static str];
}

impl Deref for dyn AnyRoute + '_ {
    type Target = RouteInfo;

    fn deref(&self) -> &RouteInfo {
        self.info()
    }
}

impl<C> Deref for Route<C> {
    type Target = RouteInfo;

    fn deref(&self) -> &RouteInfo {
        &self.info
    }
}

impl<C: HttpContext + ReadsSecrets> AnyRoute for Route<C>
where
    Contexts: AsRef<C>,
{
    fn info(&self) -> &RouteInfo {
        &self.info
    }

    fn respond<'a>(
        &'a self,
        contexts: &'a Contexts,
        request: Request<Vec<u8>>,
    ) -> Pin<Box<dyn Future<Output = Response<String>> + Send + 'a>> {
        Box::pin(respond(contexts.as_ref(), self, request))
    }

    fn check_env(&self, env: Lookup<'_>) -> Result<(), StartError> {
        C::from_env(env).map(drop)
    }

    fn secrets(&self) -> &'static [&'static str] {
        C::SECRETS
    }
}

impl RouteInfo {
    /// The values of the placeholders if `path` matches this route, with or without API Gateway's stage in
    /// front.
    pub fn matches(&self, path: &str) -> Option<Vec<(&'static str, String)>> {
        let given: Vec<&str> = path.trim_matches('/').split('/').collect();
        let wanted: Vec<&'static str> = self.path.trim_matches('/').split('/').collect();
        match_segments(&wanted, &given).or_else(|| match_segments(&wanted, given.get(1..)?))
    }

    /// The binary's name, such as `get-clinic`.
    pub fn binary(&self) -> String {
        kebab(self.function)
    }
}

/// Answers a call.
pub async fn respond<C: HttpContext>(
    context: &C,
    route: &Route<C>,
    request: Request<Vec<u8>>,
) -> Response<String> {
    let trace_id = trace_id(&request);
    let span = tracing::info_span!("call", trace_id, function = route.function);
    async {
        let started = Instant::now();
        let (answered, stats) = call_stats::measure(run(context, route, request)).await;
        context.metrics().emit_call(&stats, started.elapsed(), context.clock().now());
        answered.map_or_else(|error| error.into_response(&trace_id), Response::from)
    }
    .instrument(span)
    .await
}

async fn run<C: HttpContext>(
    context: &C,
    route: &Route<C>,
    request: Request<Vec<u8>>,
) -> Result<Reply, ApiError> {
    let (parts, bytes) = request.into_parts();
    let path = route.matches(parts.uri.path()).ok_or(ApiError::NotFound("Rota não encontrada."))?;
    let read = match route.auth {
        Auth::Token => read_webhook_body(&bytes),
        Auth::Key => read_body(&bytes),
    };
    let mut request = ApiRequest {
        scope: None,
        body: None,
        now: context.clock().now(),
        headers: parts.headers,
        query: parts.uri.query().map(read_query).unwrap_or_default(),
        path,
    };
    let body_error = match read {
        Ok(body) => {
            request.body = body;
            None
        }
        // An oversized event is handled like one that is not JSON: z-api could only send it again.
        Err(_) if route.auth == Auth::Token => None,
        Err(error) => Some(error),
    };
    // Check the key before reporting errors in the body.
    context.authorize(&mut request)?;
    match body_error {
        Some(error) => Err(error),
        None => (route.handler)(context, request).await,
    }
}

/// The trace id that API Gateway set, or a new UUID.
fn trace_id(request: &Request<Vec<u8>>) -> String {
    let given = request.headers().get("x-amzn-trace-id").and_then(|id| id.to_str().ok());
    let is_safe = |id: &&str| {
        id.len() <= 128 && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-=;:.".contains(&byte))
    };
    given.filter(is_safe).map_or_else(|| Uuid::new_v4().to_string(), str::to_owned)
}

fn match_segments(wanted: &[&'static str], given: &[&str]) -> Option<Vec<(&'static str, String)>> {
    if wanted.len() != given.len() {
        return None;
    }
    let mut values = Vec::new();
    for (wanted, given) in wanted.iter().zip(given) {
        match wanted.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
            Some(name) => values.push((name, percent_decode(given))),
            None if wanted == given => {}
            None => return None,
        }
    }
    Some(values)
}

#[cfg(test)]
mod tests {
    use crate::routes::{CREATE_AVAILABILITY_RULE, GET_CLINIC, WHATSAPP_STATUS_WEBHOOK};

    #[test]
    fn a_path_matches_with_and_without_the_stage() {
        let check = |path: &str, clinic: Option<&str>| {
            let found = GET_CLINIC.matches(path).map(|values| values[0].1.clone());
            assert_eq!(found.as_deref(), clinic, "{path}");
        };
        check("/clinics/sp-1", Some("sp-1"));
        check("/dev/clinics/sp-1", Some("sp-1"));
        check("/clinics/a%20b/", Some("a b"));
        check("/clinics", None);
        check("/clinics/sp-1/services", None);
    }

    #[test]
    fn a_binary_is_named_after_its_function() {
        assert_eq!(WHATSAPP_STATUS_WEBHOOK.binary(), "whatsapp-status-webhook");
        assert_eq!(CREATE_AVAILABILITY_RULE.binary(), "create-availability-rule");
    }
}
