//! What stands behind the shield.

use std::convert::Infallible;

use axum::body::Body;
use http::{Request, Response};
use tower_service::Service;

/// A service that answers every request: an `axum::Router`, or anything of that shape. It is cloned for each
/// request, so cloning should be cheap.
pub trait Application:
    Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send>
    + Clone
    + Send
    + Sync
    + 'static
{
}

impl<S> Application for S where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send>
        + Clone
        + Send
        + Sync
        + 'static
{
}
