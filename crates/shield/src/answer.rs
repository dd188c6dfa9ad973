//! From a request to its answer: the pass, the guarded body, the handler within its deadline, the headers.

use std::any::Any;
use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::DefaultBodyLimit;
use futures_util::FutureExt;
use http::{Request, Response};
use tower_service::Service;

use crate::body::{GuardedBody, Trouble};
use crate::{MayUpgrade, Passed, Peer, Refused, RouteClass, Shield, Why};

impl Shield {
    /// Answers one request: turned away here, or by `inner` with a [`Passed`] in its extensions. There is always
    /// an answer, with every header, even if `inner` panics or never comes back.
    pub async fn answer<B, S>(&self, request: Request<B>, peer: &Peer, inner: &mut S) -> Response<Body>
    where
        B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<axum::BoxError>,
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    {
        self.attend(request, peer, inner).await.0
    }

    /// The same, with the class of the route unless the request was turned away.
    pub(crate) async fn attend<B, S>(
        &self,
        request: Request<B>,
        peer: &Peer,
        inner: &mut S,
    ) -> (Response<Body>, Option<RouteClass>)
    where
        B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<axum::BoxError>,
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    {
        let (mut parts, body) = request.into_parts();
        let mut passed = match self.pass(&mut parts, peer) {
            Ok(passed) => passed,
            Err(refused) => return (self.refuse(&refused), None),
        };
        if self.limits().shared().is_some()
            && let Err(refused) = self.pass_together(&mut passed, &parts.headers).await
        {
            return (self.refuse(&refused), None);
        }
        if let Some(process) = passed.process {
            parts.extensions.insert(process);
        }
        if !passed.may_upgrade {
            parts.extensions.remove::<MayUpgrade>();
        }
        parts.extensions.insert(passed.clone());
        let (body, trouble) = self.guard(body, &passed);
        let mut request = Request::from_parts(parts, body);
        if trouble.is_some() {
            // The limit is ours; axum's own, of 2 MB, would stand in the way of routes that take more.
            DefaultBodyLimit::disable().apply(&mut request);
        }
        let outcome = self
            .within_deadline(async { inner.call(request).await }, passed.class)
            .await;
        // What went wrong with the body is ours to tell, whatever the handler made of it.
        let why = trouble
            .and_then(|trouble| trouble.why(passed.body_limit))
            .or_else(|| outcome.as_ref().err().copied());
        let (mut response, class) = match (why, outcome) {
            (None, Ok(_)) if passed.is_turned_away.load(Ordering::Relaxed) => {
                return (self.refuse(&Refused::later(Why::Banned, &passed)), None);
            }
            (None, Ok(response)) => (response, Some(passed.class)),
            (why, _) => {
                let refused = Refused::later(why.unwrap_or(Why::Crashed), &passed);
                self.note(&refused);
                (refused.render(self.pages()), None)
            }
        };
        self.finish(&passed.told, &mut response);
        (response, class)
    }

    /// Renders a refusal with every header.
    #[must_use]
    pub fn refuse(&self, refused: &Refused) -> Response<Body> {
        let mut response = refused.render(self.pages());
        self.finish(&refused.told, &mut response);
        response
    }

    fn guard<B>(&self, body: B, passed: &Passed) -> (Body, Option<Trouble>)
    where
        B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<axum::BoxError>,
    {
        if body.is_end_stream() {
            return (Body::empty(), None);
        }
        let (body, trouble) = GuardedBody::new(body, passed.body_limit, passed.class, &self.rules().config);
        (Body::new(body), Some(trouble))
    }

    async fn within_deadline<F>(&self, answer: F, class: RouteClass) -> Result<Response<Body>, Why>
    where
        F: Future<Output = Result<Response<Body>, Infallible>>,
    {
        let mut answer = pin!(AssertUnwindSafe(answer).catch_unwind());
        // Most handlers wait for nothing, and need no alarm.
        let outcome = match futures_util::poll!(answer.as_mut()) {
            Poll::Ready(outcome) => outcome,
            Poll::Pending if class == RouteClass::Stream => answer.await,
            Poll::Pending => {
                let deadline = Duration::from_secs(self.rules().config.handler_s);
                tokio::time::timeout(deadline, answer)
                    .await
                    .map_err(|_| Why::HandlerTooSlow)?
            }
        };
        match outcome {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(never)) => match never {},
            Err(panic) => {
                tracing::error!(
                    panic = panic_text(&*panic),
                    "a handler crashed; its request was answered with 500"
                );
                Err(Why::Crashed)
            }
        }
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("not a text")
}
