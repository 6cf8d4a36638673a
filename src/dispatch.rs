//! Finds the route of a request, for a process that serves all of them. In AWS, API Gateway does this.

use http::{HeaderValue, Method, Request, Response, StatusCode, header};

use crate::context::all::Contexts;
use crate::error::ApiError;
use crate::response::with_headers;
use crate::routes::ROUTES;

/// Answers a request; 404 for an unknown path, 405 for a method that the path does not have.
pub async fn dispatch(contexts: &Contexts, request: Request<Vec<u8>>) -> Response<String> {
    if request.method() == Method::OPTIONS {
        return with_headers(StatusCode::NO_CONTENT, String::new());
    }
    let path = request.uri().path();
    let matching = || ROUTES.iter().filter(|route| route.matches(path).is_some());
    match matching().find(|route| route.method == request.method().as_str()) {
        Some(route) => route.respond(contexts, request).await,
        None if matching().next().is_some() => wrong_method(matching().map(|route| route.method)),
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
