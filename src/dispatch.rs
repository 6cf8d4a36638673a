//! One call from its first byte to its answer: the same for a Lambda, the local server and a test.

use std::time::Instant;

use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use scheduler_core::tally;
use tracing::Instrument;
use uuid::Uuid;

use crate::auth::{check_token, scope_of};
use crate::envelope::answer;
use crate::error::ApiError;
use crate::request::{Call, read_body, read_query};
use crate::routes::{Auth, ROUTES, Route};
use crate::world::World;

/// Finds the route and answers; 404 and 405 as the local server gives them (API Gateway has routed
/// before a Lambda is called).
pub async fn dispatch(world: &World, request: Request<Vec<u8>>) -> Response<String> {
    if request.method() == Method::OPTIONS {
        return answer(StatusCode::NO_CONTENT, String::new());
    }
    let path = request.uri().path();
    let there = || ROUTES.iter().filter(|route| route.matches(path).is_some());
    match there().find(|route| route.method == request.method().as_str()) {
        Some(route) => respond(world, route, request).await,
        None if there().next().is_some() => wrong_method(there().map(|route| route.method)),
        None => ApiError::NotFound("Rota não encontrada.").into_response(""),
    }
}

/// 405, with the methods that the path has.
fn wrong_method<'a>(methods: impl Iterator<Item = &'a str>) -> Response<String> {
    let mut response = ApiError::WrongMethod.into_response("");
    let allowed = methods.chain(["OPTIONS"]).collect::<Vec<_>>().join(", ");
    if let Ok(allowed) = HeaderValue::try_from(allowed) {
        response.headers_mut().insert(header::ALLOW, allowed);
    }
    response
}

/// Answers a call of one route.
pub(crate) async fn respond(world: &World, route: &Route, request: Request<Vec<u8>>) -> Response<String> {
    let trace_id = trace_id(&request);
    let span = tracing::info_span!("call", trace_id, function = route.function);
    async {
        let started = Instant::now();
        let (answered, tally) = tally::of(run(world, route, request)).await;
        world.metrics.emit_call(&tally, started.elapsed(), world.clock.now());
        answered.map_or_else(|error| error.into_response(&trace_id), Response::from)
    }
    .instrument(span)
    .await
}

async fn run(
    world: &World,
    route: &Route,
    request: Request<Vec<u8>>,
) -> Result<crate::envelope::Reply, ApiError> {
    let (parts, bytes) = request.into_parts();
    let path = route.matches(parts.uri.path()).ok_or(ApiError::NotFound("Rota não encontrada."))?;
    let read = read_body(&bytes, route.auth);
    let mut call = Call {
        scope: None,
        body: None,
        now: world.clock.now(),
        headers: parts.headers,
        query: parts.uri.query().map(read_query).unwrap_or_default(),
        path,
    };
    match route.auth {
        Auth::Token => {
            check_token(&call, world.webhook_token.as_ref())?;
            call.body = read?;
        }
        // Who may not come in learns nothing of their body.
        Auth::Key => match read {
            Ok(body) => {
                call.body = body;
                call.scope = scope_of(&mut call, &world.keys)?;
            }
            Err(error) => {
                scope_of(&mut call, &world.keys)?;
                return Err(error);
            }
        },
    }
    (route.handler)(world, call).await
}

/// API Gateway's own id of the call, else one of ours.
fn trace_id(request: &Request<Vec<u8>>) -> String {
    let given = request.headers().get("x-amzn-trace-id").and_then(|id| id.to_str().ok());
    let plain = |id: &&str| {
        id.len() <= 128 && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-=;:.".contains(&byte))
    };
    given.filter(plain).map_or_else(|| Uuid::new_v4().to_string(), str::to_owned)
}
