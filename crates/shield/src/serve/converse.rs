//! One HTTP conversation: hyper over an [`Edge`], every request through the shield.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::BoxError;
use axum::body::Body;
use futures_util::future::{BoxFuture, Either};
use http::{HeaderValue, Request, Response, StatusCode, header};
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use watchroom_kit::Tasks;

use super::SURPLUS_PATIENCE;
use super::edge::{AnswerBody, Busy, Edge, Pulse};
use super::heard_out::HeardOut;
use super::unless::unless;
use crate::body::EndingBody;
use crate::certificates::PersonsCertificates;
use crate::config::MOST_HEADER_BYTES;
use crate::connections::Place;
use crate::upgrade::{Upgrade, Wish};
use crate::{Application, Peer, RouteClass, Shield, ShownCertificates};

/// Streams of one HTTP/2 connection at once.
const STREAMS: u32 = 100;
/// How often a silent HTTP/2 connection is asked whether it is still there, and how long it may take to say so.
const KEEP_ALIVE: Duration = Duration::from_secs(30);
const KEEP_ALIVE_PATIENCE: Duration = Duration::from_secs(20);

/// Runs what hyper runs beside a connection, in the listener's tasks.
#[derive(Clone, Debug)]
pub(super) struct Beside(Tasks);

impl<F> hyper::rt::Executor<F> for Beside
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    fn execute(&self, work: F) {
        self.0.spawn_graceful("http stream", async move {
            work.await;
        });
    }
}

/// How HTTP is spoken: one builder for each version.
#[derive(Clone, Debug)]
pub(super) struct Speech {
    h1: http1::Builder,
    h2: Builder<Beside>,
}

impl Speech {
    pub(super) fn new(tasks: &Tasks) -> Self {
        // The library's own limits lie far above ours, so that it is we who answer, with every header.
        let mut h1 = http1::Builder::new();
        h1.writev(false)
            .header_read_timeout(None)
            .max_buf_size(MOST_HEADER_BYTES + 16 * 1024);
        let mut h2 = Builder::new(Beside(tasks.clone())).http2_only();
        h2.http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(STREAMS)
            .max_header_list_size(u32::try_from(MOST_HEADER_BYTES).unwrap_or(u32::MAX))
            .keep_alive_interval(KEEP_ALIVE)
            .keep_alive_timeout(KEEP_ALIVE_PATIENCE);
        Self { h1, h2 }
    }
}

/// One connection that speaks HTTP.
pub(super) struct Conversation<S> {
    pub(super) shield: Shield,
    pub(super) application: S,
    pub(super) speech: Speech,
    pub(super) tasks: Tasks,
    pub(super) drain: Duration,
    pub(super) peer: Peer,
    pub(super) place: Option<Place>,
    pub(super) shown: Option<ShownCertificates>,
    pub(super) persons: Option<PersonsCertificates>,
    pub(super) is_h2: bool,
}

impl<S: Application> Conversation<S> {
    /// Holds it until either side ends it, or it is told to stop and its time to finish is over. Boxed, since a
    /// connection is one of several things, and should have room for what it is alone.
    pub(super) fn hold<I>(self, stream: I) -> BoxFuture<'static, ()>
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        Box::pin(self.converse(stream))
    }

    async fn converse<I>(self, stream: I)
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Self {
            shield,
            application,
            speech,
            tasks,
            drain,
            peer,
            place,
            shown,
            persons,
            is_h2,
        } = self;
        let pulse = Arc::new(Pulse::default());
        let edge = Edge::new(stream, Arc::clone(&pulse), shield.clone(), peer, place, is_h2);
        let common = Arc::new(Common {
            shield,
            peer,
            tasks,
            upgrade: Upgrade::default(),
            is_h2,
        });
        let held = Held {
            common: Arc::clone(&common),
            pulse: Arc::clone(&pulse),
            drain,
        };
        let service = service_fn(move |mut request: Request<Incoming>| {
            if let Some(shown) = &shown {
                request.extensions_mut().insert(shown.clone());
            }
            if let Some(persons) = &persons {
                request.extensions_mut().insert(persons.clone());
            }
            Arc::clone(&common).answer(request, application.clone(), Busy::begin(&pulse))
        });
        let ended = if is_h2 {
            held.by_h2(&speech.h2, edge, service).await
        } else {
            held.by_h1(&speech.h1, edge, service).await
        };
        if let Err(error) = ended {
            tracing::debug!(client.address = %peer.address, error = %error, "a connection broke off");
        }
        // Nothing that is written from here on is one of the library's own answers.
        let _busy = Busy::begin(&held.pulse);
        held.common.upgrade.go_on(&held.common.tasks, drain).await;
    }
}

/// What all requests of a connection have in common, behind one count for each of them.
struct Common {
    shield: Shield,
    peer: Peer,
    tasks: Tasks,
    upgrade: Upgrade,
    is_h2: bool,
}

impl Common {
    /// The request is looked at before anything waits, so that what waits need not hold it.
    fn answer<S: Application>(
        self: Arc<Self>,
        mut request: Request<Incoming>,
        mut application: S,
        busy: Busy,
    ) -> impl Future<Output = Result<Response<AnswerBody>, Infallible>> + Send {
        let wish = Wish::take(&mut request);
        let request = request.map(|body| HeardOut::new(body, self.is_h2.then_some(&self.tasks)));
        let has_body = !request.body().is_end_stream();
        let begun = self.shield.begin(request, &self.peer, &mut application);
        async move {
            let (mut response, class) = self.shield.end(begun, &mut application).await;
            let is_error = response.status().is_client_error() || response.status().is_server_error();
            if has_body && is_error {
                // Somebody may still be sending: the connection is good for nothing else, but they shall hear why.
                busy.linger();
                if !self.is_h2 && class.is_none() {
                    let headers = response.headers_mut();
                    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
                }
            }
            if let Some(wish) = wish.filter(|_| response.status() == StatusCode::SWITCHING_PROTOCOLS) {
                self.upgrade.grant(wish);
            }
            Ok(response.map(|body| AnswerBody::new(ending(body, class, &self.tasks), busy)))
        }
    }
}

/// What ends a conversation, beside those who hold it.
struct Held {
    common: Arc<Common>,
    pulse: Arc<Pulse>,
    drain: Duration,
}

type Ended = Result<(), BoxError>;

/// Why a conversation is interrupted.
enum Interruption {
    /// It was let in for a moment only, and that is over.
    Surplus,
    /// Nothing was asked for too long.
    Rests { has_asked: bool },
    /// Hardly any of the answers was taken.
    Stalls,
    /// The service ends.
    Stopped,
}

impl Held {
    /// With upgrades, and so not by the builder of both versions: there it would wait, for ever, to find out itself which
    /// is spoken, and would speak one that was not agreed upon.
    async fn by_h1<I, S>(&self, speech: &http1::Builder, edge: Edge<I>, service: S) -> Ended
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        S: Service<Request<Incoming>, Response = Response<AnswerBody>, Error = Infallible>,
    {
        let connection = speech.serve_connection(TokioIo::new(edge), service);
        let mut connection = pin!(connection.with_upgrades());
        let ended = match unless(connection.as_mut(), self.interruption(false)).await {
            Either::Left(ended) => ended,
            Either::Right(Interruption::Stopped) => {
                connection.as_mut().graceful_shutdown();
                tokio::time::timeout(self.drain, connection)
                    .await
                    .unwrap_or(Ok(()))
            }
            Either::Right(_) => Ok(()),
        };
        ended.map_err(Into::into)
    }

    async fn by_h2<I, S>(&self, speech: &Builder<Beside>, edge: Edge<I>, service: S) -> Ended
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        S: Service<Request<Incoming>, Response = Response<AnswerBody>, Error = Infallible>,
        S::Future: Send + 'static,
    {
        let mut connection = pin!(speech.serve_connection(TokioIo::new(edge), service));
        match unless(connection.as_mut(), self.interruption(true)).await {
            Either::Left(ended) => ended,
            Either::Right(Interruption::Stopped | Interruption::Rests { has_asked: true }) => {
                connection.as_mut().graceful_shutdown();
                tokio::time::timeout(self.drain, connection)
                    .await
                    .unwrap_or(Ok(()))
            }
            Either::Right(_) => Ok(()),
        }
    }

    /// What interrupts it, and when. The library has a timer for the headers of HTTP/1, but sets it anew for each request;
    /// here one goes on for as long as the connection is there.
    async fn interruption(&self, is_h2: bool) -> Interruption {
        let (rest, patience, floor_per_s) = {
            let config = &self.common.shield.rules().config;
            let seconds = Duration::from_secs;
            (
                seconds(config.header_read_s),
                seconds(config.body_read_s),
                config.body_floor_per_s,
            )
        };
        let interruption = tokio::select! {
            () = tokio::time::sleep(SURPLUS_PATIENCE), if self.common.peer.is_surplus => Interruption::Surplus,
            () = self.pulse.stalls(patience, floor_per_s), if is_h2 => Interruption::Stalls,
            has_asked = self.pulse.rests(rest) => Interruption::Rests { has_asked },
            () = self.common.tasks.stopped() => Interruption::Stopped,
        };
        let address = self.common.peer.address;
        match interruption {
            Interruption::Rests { has_asked } => {
                tracing::debug!(client.address = %address, has_asked, "closed a connection on which nothing was asked");
            }
            Interruption::Stalls => {
                tracing::debug!(client.address = %address, "closed a connection on which hardly anything was taken");
            }
            Interruption::Surplus | Interruption::Stopped => {}
        }
        interruption
    }
}

/// An answer without an end of its own ends when the service is told to stop.
fn ending(body: Body, class: Option<RouteClass>, tasks: &Tasks) -> Body {
    let is_endless = body.size_hint().exact().is_none();
    if class == Some(RouteClass::Stream) && is_endless {
        let tasks = tasks.clone();
        return Body::new(EndingBody::new(body, async move { tasks.stopped().await }));
    }
    body
}
