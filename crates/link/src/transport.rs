//! HTTP/2 as both ends use it: the accepted stream as a gRPC client's transport, and tasks for hyper.

use std::future::Future;
use std::task::{Context, Poll};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::http2::SendRequest;
use hyper::rt::Executor;
use tonic::body::Body;
use tower_service::Service;
use watchroom_kit::Tasks;

/// Runs hyper's own work inside the link's task group, so that it ends with the link.
#[derive(Clone)]
pub(crate) struct LinkExecutor(pub(crate) Tasks);

impl<F> Executor<F> for LinkExecutor
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, work: F) {
        // The group tracks and ends it; nobody waits for one piece of it.
        drop(self.0.spawn("link.http2", work));
    }
}

/// The Host's sender as a tower service. Cloning shares the connection.
#[derive(Clone)]
pub(crate) struct HostTransport(pub(crate) SendRequest<Body>);

/// What went wrong below gRPC. The text of the cause is kept, not its type: the gRPC layer would look into
/// it for a status and hide which of the two happened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TransportError {
    /// The request never left this machine.
    #[error("nothing was sent: {0}")]
    NotSent(String),
    /// It may have reached the node.
    #[error("{0}")]
    Broken(String),
}

impl Service<Request<Body>> for HostTransport {
    type Response = Response<Incoming>;
    type Error = TransportError;
    type Future = BoxFuture<'static, Result<Response<Incoming>, TransportError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        self.0
            .poll_ready(context)
            .map_err(|error| TransportError::NotSent(error.to_string()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let sent = self.0.try_send_request(request);
        sent.map(|answer| {
            answer.map_err(|error| {
                let why = error.error().to_string();
                if error.message().is_some() {
                    TransportError::NotSent(why)
                } else {
                    TransportError::Broken(why)
                }
            })
        })
        .boxed()
    }
}
