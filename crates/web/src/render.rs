//! The one place where a problem becomes bytes: JSON for programs, a page for people.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::response::Response;
use http::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Request};
use tower_layer::Layer;
use tower_service::Service;
use watchroom_shield::Passed;

use crate::Problem;

/// Makes a page of a problem. The panel gives it.
pub type RenderProblem = Arc<dyn Fn(&Problem) -> String + Send + Sync>;

/// Renders the problems of all routes below it.
#[derive(Clone)]
pub struct RenderProblems {
    page: RenderProblem,
}

impl RenderProblems {
    /// Renders pages with `page`.
    #[must_use]
    pub fn new(page: RenderProblem) -> Self {
        Self { page }
    }
}

impl fmt::Debug for RenderProblems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RenderProblems").finish_non_exhaustive()
    }
}

impl<S> Layer<S> for RenderProblems {
    type Service = Rendering<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Rendering {
            inner,
            page: Arc::clone(&self.page),
        }
    }
}

/// A service whose problems are rendered.
#[derive(Clone)]
pub struct Rendering<S> {
    inner: S,
    page: RenderProblem,
}

type Answer<E> = Pin<Box<dyn Future<Output = Result<Response, E>> + Send>>;

impl<S> Service<Request<Body>> for Rendering<S>
where
    S: Service<Request<Body>, Response = Response>,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Answer<S::Error>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let wants_page = wants_page(&request);
        let request_id = request
            .extensions()
            .get::<Passed>()
            .map(|passed| passed.request_id);
        let page = Arc::clone(&self.page);
        let answer = self.inner.call(request);
        Box::pin(async move {
            let mut response = answer.await?;
            if let Some(mut problem) = response.extensions_mut().remove::<Problem>() {
                problem.request_id = request_id.map(|id| id.to_string());
                render(&mut response, &problem, wants_page.then_some(&page));
            }
            Ok(response)
        })
    }
}

/// Whether a person's browser asks for a page, rather than a program for JSON.
fn wants_page(request: &Request<Body>) -> bool {
    let accepts = request
        .headers()
        .get(ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .unwrap_or_default();
    !request.uri().path().starts_with("/api/") && accepts.contains("text/html")
}

fn render(response: &mut Response, problem: &Problem, page: Option<&RenderProblem>) {
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
        headers.insert(http::header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    *response.body_mut() = Body::from(body);
}
