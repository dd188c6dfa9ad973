//! One HTTP conversation: hyper over an [`Edge`], every request through the shield.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::BoxError;
use axum::body::Body;
use futures_util::future::BoxFuture;
use http::{HeaderValue, Request, Response, StatusCode, Version, header};
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
    pub(super) fn new(shield: &Shield, tasks: &Tasks) -> Self {
        let patience = Duration::from_secs(shield.rules().config.header_read_s);
        // The library's own limits lie far above ours, so that it is we who answer, with every header.
        let mut h1 = http1::Builder::new();
        h1.writev(false)
            .timer(TokioTimer::new())
            .header_read_timeout(patience)
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
        let (upgrade, stopping) = (Upgrade::default(), tasks.clone());
        let held = Held {
            peer,
            pulse: Arc::clone(&pulse),
            tasks: &stopping,
            drain,
        };
        let (granted, asked) = (upgrade.clone(), shield.clone());
        let service = service_fn(move |mut request: Request<Incoming>| {
            if let Some(shown) = &shown {
                request.extensions_mut().insert(shown.clone());
            }
            if let Some(persons) = &persons {
                request.extensions_mut().insert(persons.clone());
            }
            let (shield, tasks, granted) = (asked.clone(), tasks.clone(), granted.clone());
            let (mut application, busy) = (application.clone(), Busy::begin(&pulse));
            async move {
                let wish = Wish::take(&mut request);
                let request = request.map(|body| HeardOut::new(body, is_h2.then_some(&tasks)));
                let (response, class) = attend(request, &shield, peer, &mut application, &busy).await;
                if let Some(wish) = wish.filter(|_| response.status() == StatusCode::SWITCHING_PROTOCOLS) {
                    granted.grant(wish);
                }
                Ok(response.map(|body| AnswerBody::new(ending(body, class, tasks), busy)))
            }
        });
        let ended = if is_h2 {
            held.by_h2(&speech.h2, &shield, edge, service).await
        } else {
            held.by_h1(&speech.h1, edge, service).await
        };
        if let Err(error) = ended {
            tracing::debug!(client.address = %peer.address, error = %error, "a connection broke off");
        }
        // Nothing that is written from here on is one of the library's own answers.
        let _busy = Busy::begin(&held.pulse);
        upgrade.go_on(&stopping, drain).await;
    }
}

/// What ends a conversation, beside those who hold it.
struct Held<'a> {
    peer: Peer,
    pulse: Arc<Pulse>,
    tasks: &'a Tasks,
    drain: Duration,
}

type Ended = Result<(), BoxError>;

impl Held<'_> {
    /// With upgrades, and so not by the builder of both versions: there it would wait, for ever, to find out itself which
    /// is spoken, and would speak one that was not agreed upon.
    async fn by_h1<I, S>(&self, speech: &http1::Builder, edge: Edge<I>, service: S) -> Ended
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        S: Service<Request<Incoming>, Response = Response<AnswerBody>, Error = Infallible>,
    {
        let connection = speech.serve_connection(TokioIo::new(edge), service);
        let mut connection = pin!(connection.with_upgrades());
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = tokio::time::sleep(SURPLUS_PATIENCE), if self.peer.is_surplus => Ok(()),
            () = self.tasks.stopped() => {
                connection.as_mut().graceful_shutdown();
                tokio::time::timeout(self.drain, connection).await.unwrap_or(Ok(()))
            }
        };
        ended.map_err(Into::into)
    }

    async fn by_h2<I, S>(&self, speech: &Builder<Beside>, shield: &Shield, edge: Edge<I>, service: S) -> Ended
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        S: Service<Request<Incoming>, Response = Response<AnswerBody>, Error = Infallible>,
        S::Future: Send + 'static,
    {
        let (rest, patience, floor_per_s) = {
            let config = &shield.rules().config;
            let seconds = Duration::from_secs;
            (
                seconds(config.header_read_s),
                seconds(config.body_read_s),
                config.body_floor_per_s,
            )
        };
        let address = self.peer.address;
        let mut connection = pin!(speech.serve_connection(TokioIo::new(edge), service));
        tokio::select! {
            ended = connection.as_mut() => ended,
            () = tokio::time::sleep(SURPLUS_PATIENCE), if self.peer.is_surplus => Ok(()),
            () = self.pulse.stalls(patience, floor_per_s) => {
                tracing::debug!(client.address = %address, "closed a connection on which hardly anything was taken");
                Ok(())
            }
            // HTTP/1 has a timer of its own for this, which runs from its first byte on.
            has_asked = self.pulse.rests(rest) => {
                tracing::debug!(client.address = %address, has_asked, "closed a connection on which nothing was asked");
                if has_asked {
                    connection.as_mut().graceful_shutdown();
                    tokio::time::timeout(self.drain, connection).await.unwrap_or(Ok(()))
                } else {
                    Ok(())
                }
            }
            () = self.tasks.stopped() => {
                connection.as_mut().graceful_shutdown();
                tokio::time::timeout(self.drain, connection).await.unwrap_or(Ok(()))
            }
        }
    }
}

async fn attend<S: Application>(
    request: Request<HeardOut>,
    shield: &Shield,
    peer: Peer,
    application: &mut S,
    busy: &Busy,
) -> (Response<Body>, Option<RouteClass>) {
    let has_body = !request.body().is_end_stream();
    let is_h1 = request.version() < Version::HTTP_2;
    let (mut response, class) = shield.attend(request, &peer, application).await;
    let is_error = response.status().is_client_error() || response.status().is_server_error();
    if has_body && is_error {
        // Somebody may still be sending: the connection is good for nothing else, but they shall hear why.
        busy.linger();
        if is_h1 && class.is_none() {
            response
                .headers_mut()
                .insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
    }
    (response, class)
}

/// An answer without an end of its own ends when the service is told to stop.
fn ending(body: Body, class: Option<RouteClass>, tasks: Tasks) -> Body {
    let is_endless = body.size_hint().exact().is_none();
    if class == Some(RouteClass::Stream) && is_endless {
        return Body::new(EndingBody::new(body, async move { tasks.stopped().await }));
    }
    body
}
