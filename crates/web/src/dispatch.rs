//! From a request that passed the shield to its handler, and from what the handler says to bytes.
//!
//! One lookup, one boxed future: every layer that wraps all requests costs about as much as all the
//! shield's checks together. Problems become JSON for programs and a page for people here, in one place.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::{Body, HttpBody};
use axum::response::{IntoResponse, Response};
use http::header::{ALLOW, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, Method, Request};
use matchit::Params;
use tower_service::Service;
use watchroom_shield::Passed;

use crate::params::PathValues;
use crate::paths::{Found, Paths, RouteClash};
use crate::route::{Answer, BoundRoute, Endpoint};
use crate::{MethodNotAllowed, NotFound, Problem};

/// Makes a page of a problem. The panel gives it.
pub type ProblemPage = Arc<dyn Fn(&Problem) -> String + Send + Sync>;

/// The service behind the shield. Cloning is cheap.
#[derive(Clone)]
pub struct Dispatch(Arc<Inner>);

/// Says why nobody is served now who comes this way for this path; nothing while the house is open.
pub type Gate = Arc<dyn Fn(&Passed, &str) -> Option<Problem> + Send + Sync>;

struct Inner {
    paths: Paths<Endpoint>,
    page: ProblemPage,
    gate: Gate,
}

impl fmt::Debug for Dispatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dispatch").finish_non_exhaustive()
    }
}

impl Dispatch {
    /// Serves these routes to whom the gate lets through, and shows people problems with `page`. The gate is asked before
    /// any handler, so that no route can be forgotten.
    ///
    /// # Errors
    /// [`RouteClash`] if two routes cannot be told apart.
    pub fn new(
        routes: impl IntoIterator<Item = BoundRoute>,
        page: ProblemPage,
        gate: Gate,
    ) -> Result<Self, RouteClash> {
        let rows = routes
            .into_iter()
            .map(|route| (route.path, route.method, route.endpoint));
        let paths = Paths::new(rows)?;
        Ok(Self(Arc::new(Inner { paths, page, gate })))
    }

    fn begin(&self, mut request: Request<Body>) -> Answer {
        let closed = request
            .extensions()
            .get::<Passed>()
            .and_then(|passed| (self.0.gate)(passed, request.uri().path()));
        if let Some(why) = closed {
            return at_once(why);
        }
        let (endpoint, values) = match self.0.paths.find(request.method(), request.uri().path()) {
            Found::Value(endpoint, params) => match values(&params) {
                Ok(values) => (endpoint, values),
                Err(nothing) => return at_once(nothing.into()),
            },
            Found::OtherMethods(methods) => return wrong_method(request.method(), methods),
            Found::Nothing => return at_once(NotFound.into()),
        };
        if let Some(values) = values {
            request.extensions_mut().insert(values);
        }
        endpoint(request)
    }

    fn finish(&self, asked: &Asked, response: &mut Response) {
        if let Some(mut problem) = response.extensions_mut().remove::<Problem>() {
            problem.request_id = asked.request_id.map(|id| id.to_string());
            let page = asked.wants_page.then_some(&self.0.page);
            render(response, &problem, page);
        }
        if asked.is_head {
            without_body(response);
        }
    }
}

impl Service<Request<Body>> for Dispatch {
    type Response = Response;
    type Error = Infallible;
    type Future = Answering;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Answering {
        let passed = request.extensions().get::<Passed>();
        let asked = Asked {
            request_id: passed.map(|passed| passed.request_id),
            wants_page: passed.is_some_and(|passed| passed.wants_page),
            is_head: *request.method() == Method::HEAD,
        };
        Answering {
            answer: self.begin(request),
            dispatch: self.clone(),
            asked,
        }
    }
}

/// What must be known of a request when its answer comes.
#[derive(Debug)]
struct Asked {
    request_id: Option<uuid::Uuid>,
    wants_page: bool,
    is_head: bool,
}

/// An answer on its way.
pub struct Answering {
    answer: Answer,
    dispatch: Dispatch,
    asked: Asked,
}

impl fmt::Debug for Answering {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answering")
            .field("asked", &self.asked)
            .finish_non_exhaustive()
    }
}

impl Future for Answering {
    type Output = Result<Response, Infallible>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut response = ready!(self.answer.as_mut().poll(context));
        self.dispatch.finish(&self.asked, &mut response);
        Poll::Ready(Ok(response))
    }
}

/// The parameters of a path, decoded; what is no UTF-8 names nothing.
fn values(params: &Params<'_, '_>) -> Result<Option<PathValues>, NotFound> {
    if params.is_empty() {
        return Ok(None);
    }
    PathValues::decode(params.iter().map(|(_, value)| value))
        .map(Some)
        .ok_or(NotFound)
}

fn at_once(problem: Problem) -> Answer {
    Box::pin(std::future::ready(problem.into_response()))
}

fn wrong_method(method: &Method, methods: &[(Method, Endpoint)]) -> Answer {
    let refused = MethodNotAllowed {
        method: method.clone(),
    };
    let mut response = Problem::from(refused).into_response();
    let mut allowed: Vec<&str> = methods.iter().map(|(method, _)| method.as_str()).collect();
    if allowed.contains(&"GET") {
        allowed.push("HEAD");
    }
    if let Ok(value) = HeaderValue::try_from(allowed.join(",")) {
        response.headers_mut().insert(ALLOW, value);
    }
    Box::pin(std::future::ready(response))
}

fn render(response: &mut Response, problem: &Problem, page: Option<&ProblemPage>) {
    let (content_type, body) = match page {
        Some(page) => ("text/html; charset=utf-8", page(problem)),
        None => (
            "application/problem+json",
            serde_json::to_string(problem).unwrap_or_default(),
        ),
    };
    let headers = response.headers_mut();
    headers.remove(CONTENT_LENGTH);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    if let Some(seconds) = problem.retry_after_s {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    if problem.status == 401 {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    *response.body_mut() = Body::from(body);
}

/// What GET would have answered, as far as it is headers (RFC 9110, 9.3.2).
fn without_body(response: &mut Response) {
    if let Some(length) = response.body().size_hint().exact() {
        response
            .headers_mut()
            .entry(CONTENT_LENGTH)
            .or_insert(HeaderValue::from(length));
    }
    *response.body_mut() = Body::empty();
}
