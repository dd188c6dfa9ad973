//! From a request to its answer: the pass, the guarded body, the handler within its deadline, the headers.

use std::any::Any;
use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::DefaultBodyLimit;
use futures_util::FutureExt;
use http::{Request, Response};
use tower_service::Service;

use crate::address::folded;
use crate::body::{GuardedBody, Trouble};
use crate::cors::preflight;
use crate::{MayUpgrade, Passed, Peer, Refused, RouteClass, Shield, Why};

/// A request that was looked at, and what came of it. It is small on purpose: whoever waits for an answer holds one, and a
/// request itself, carried through each function that waits, would be kept and moved once for each of them.
pub(crate) enum Begun<F> {
    /// It was turned away, or is the edge's own affair.
    Refused(Response<Body>),
    /// Its handler is at work.
    Inside(Inside<F>),
    /// It waits for a word of those who count together with us.
    Asking(Box<Asking>),
}

/// A request in the hands of its handler.
pub(crate) struct Inside<F> {
    passed: Passed,
    trouble: Option<Trouble>,
    answer: Result<F, Why>,
}

/// A request before its handler.
pub(crate) struct Asking {
    passed: Passed,
    trouble: Option<Trouble>,
    request: Request<Body>,
}

impl Shield {
    /// Answers one request: turned away here, or by `inner` with a [`Passed`] in its extensions. There is always
    /// an answer, with every header, even if a check or `inner` panics, or `inner` never comes back.
    pub fn answer<'a, B, S>(
        &'a self,
        request: Request<B>,
        peer: &Peer,
        inner: &'a mut S,
    ) -> impl Future<Output = Response<Body>> + use<'a, B, S>
    where
        B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<axum::BoxError>,
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    {
        let begun = self.begin(request, peer, inner);
        async move { self.end(begun, inner).await.0 }
    }

    /// Looks at a request, and hands it to `inner` if it may pass.
    pub(crate) fn begin<B, S>(&self, request: Request<B>, peer: &Peer, inner: &mut S) -> Begun<S::Future>
    where
        B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<axum::BoxError>,
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    {
        let (mut parts, body) = request.into_parts();
        // A crash is this request's alone, not that of all on its connection.
        let passed = match catch_unwind(AssertUnwindSafe(|| self.pass(&mut parts, peer))) {
            Ok(Ok(passed)) => passed,
            Ok(Err(refused)) => return Begun::Refused(self.refuse(&refused)),
            Err(panic) => {
                let client = folded(peer.address.ip());
                let refused = Refused::unread(crashed(&*panic), client, self.next_id());
                self.note(&refused);
                return Begun::Refused(self.refuse(&refused));
            }
        };
        if let Some(mut answer) = preflight(&parts, &passed.told) {
            self.finish(&passed.told, &mut answer);
            return Begun::Refused(answer);
        }
        let (body, trouble) = self.guard(body, &passed);
        let asking = Asking {
            passed,
            trouble,
            request: Request::from_parts(parts, body),
        };
        if self.limits().shared().is_some() {
            return Begun::Asking(Box::new(asking));
        }
        Begun::Inside(asking.enter(inner))
    }

    /// The answer to a request, with the class of its route unless it was turned away.
    pub(crate) async fn end<S>(
        &self,
        begun: Begun<S::Future>,
        inner: &mut S,
    ) -> (Response<Body>, Option<RouteClass>)
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    {
        let inside = match begun {
            Begun::Refused(response) => return (response, None),
            Begun::Inside(inside) => inside,
            Begun::Asking(mut asking) => {
                let together = self.pass_together(&mut asking.passed, asking.request.headers());
                if let Err(refused) = Box::pin(together).await {
                    return (self.refuse(&refused), None);
                }
                asking.enter(inner)
            }
        };
        let Inside {
            passed,
            trouble,
            answer,
        } = inside;
        let outcome = match answer {
            Ok(answer) => self.within_deadline(answer, passed.class).await,
            Err(why) => Err(why),
        };
        // What went wrong with the body is ours to tell, whatever the handler made of it.
        let why = trouble
            .and_then(|trouble| trouble.why(passed.body_limit()))
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
        let (limit, held) = (passed.body_limit(), self.held());
        let (body, trouble) = GuardedBody::new(body, limit, passed.class, &self.rules().config, held);
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
                Box::pin(tokio::time::timeout(deadline, answer))
                    .await
                    .map_err(|_| Why::HandlerTooSlow)?
            }
        };
        match outcome {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(never)) => match never {},
            Err(panic) => Err(crashed(&*panic)),
        }
    }
}

impl Asking {
    /// Goes to the handler.
    fn enter<S>(self, inner: &mut S) -> Inside<S::Future>
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    {
        let Self {
            passed,
            trouble,
            mut request,
        } = self;
        if trouble.is_some() {
            // The limit is ours; axum's own, of 2 MB, would stand in the way of routes that take more.
            DefaultBodyLimit::disable().apply(&mut request);
        }
        let extensions = request.extensions_mut();
        if let Some(process) = passed.process {
            extensions.insert(process);
        }
        if !passed.may_upgrade {
            extensions.remove::<MayUpgrade>();
        }
        extensions.insert(passed.clone());
        let answer = catch_unwind(AssertUnwindSafe(|| inner.call(request)));
        Inside {
            passed,
            trouble,
            answer: answer.map_err(|panic| crashed(&*panic)),
        }
    }
}

fn crashed(panic: &(dyn Any + Send)) -> Why {
    tracing::error!(
        panic = panic_text(panic),
        "answering crashed; the request was answered with 500"
    );
    Why::Crashed
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("not a text")
}
