//! The shield as a Tower layer, for an application that keeps its own listener.
//!
//! Connection limits, header deadlines and errors of the HTTP library need the accept loop of
//! [`crate::serve`]; all checks of requests and all headers of answers are the same here.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::extract::ConnectInfo;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use tower_layer::Layer;
use tower_service::Service;

use crate::{Peer, Shield};

/// Wraps a service in a shield.
#[derive(Clone, Debug)]
pub struct ShieldLayer {
    shield: Shield,
}

impl ShieldLayer {
    /// A layer that puts every request through `shield`.
    #[must_use]
    pub fn new(shield: Shield) -> Self {
        Self { shield }
    }
}

impl<S> Layer<S> for ShieldLayer {
    type Service = Shielded<S>;

    fn layer(&self, inner: S) -> Shielded<S> {
        Shielded {
            shield: self.shield.clone(),
            inner,
        }
    }
}

/// A service behind a shield. The other end is read from the extensions of the request: a [`Peer`], or axum's
/// `ConnectInfo<SocketAddr>`, which then means plain HTTP.
#[derive(Clone, Debug)]
pub struct Shielded<S> {
    shield: Shield,
    inner: S,
}

impl<S, B> Service<Request<B>> for Shielded<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
    B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<axum::BoxError>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // The service that was found ready is the one to call; its clone takes its place.
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        let shield = self.shield.clone();
        Box::pin(async move {
            let peer = peer(&request);
            Ok(shield.answer(request, &peer, &mut inner).await)
        })
    }
}

/// A request of unknown origin counts as one from nowhere in particular: all such share their limits, and none
/// has the privileges of this machine.
fn peer<B>(request: &Request<B>) -> Peer {
    let extensions = request.extensions();
    let nowhere = || SocketAddr::from(([0, 0, 0, 0], 0));
    let address = || {
        extensions
            .get::<ConnectInfo<SocketAddr>>()
            .map_or_else(nowhere, |info| info.0)
    };
    extensions
        .get::<Peer>()
        .copied()
        .unwrap_or_else(|| Peer::plain(address()))
}
