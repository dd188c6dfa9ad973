//! HTTP/2 (RFC 9113) as the Host speaks it: the client's part on a connection that was dialled to it.
//!
//! Spoken without an HTTP library in between: every call of the link sends one message, and what a general client keeps
//! ready for each connection would be a sixth of what an idle link holds.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use h2::client::{Builder, Connection, SendRequest};
use h2::{Ping, PingPong, Reason, RecvStream};
use http::{Request, Response};
use http_body::Frame;
use http_body_util::BodyExt;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};
use tower_service::Service;

use crate::ConnectFault;
use crate::settings::{CALL_WINDOW, LINK_WINDOW, LinkSettings, MOST_GIVEN_UP};

/// Greets the other end. The connection does its work as the future that comes with the transport, and says to `ended`
/// why it ends, before calls on it break.
pub(crate) async fn open<S>(
    stream: S,
    settings: &LinkSettings,
    ended: oneshot::Sender<ConnectFault>,
) -> Result<(HostTransport, impl Future<Output = ()> + use<S>), ConnectFault>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let opened = Builder::new()
        .enable_push(false)
        .initial_window_size(CALL_WINDOW)
        .initial_connection_window_size(LINK_WINDOW)
        // Names and values of the link's headers repeat so rarely that a table of them is not worth its place.
        .header_table_size(0)
        // What the node still sent on calls given up here is told apart from a breach of the protocol only
        // while they are remembered; each such breach counts for the whole life of the link.
        .max_concurrent_reset_streams(MOST_GIVEN_UP)
        .max_pending_accept_reset_streams(MOST_GIVEN_UP)
        .max_local_error_reset_streams(None)
        .handshake(stream)
        .await;
    let (sender, connection) = opened.map_err(|error| ConnectFault::from_http2(&error))?;
    let (every, patience) = (settings.keep_alive_every, settings.keep_alive_patience);
    Ok((HostTransport(sender), run(connection, every, patience, ended)))
}

/// Reads and writes until the connection ends or the other end does not answer.
async fn run<S>(
    mut connection: Connection<S>,
    every: Duration,
    patience: Duration,
    ended: oneshot::Sender<ConnectFault>,
) where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let pings = connection.ping_pong();
    let why = tokio::select! {
        end = &mut connection => match end {
            Ok(()) => ConnectFault::closed(),
            Err(error) => ConnectFault::from_http2(&error),
        },
        () = silence(pings, every, patience) => ConnectFault::silent(),
    };
    // A receiver that has gone went with the link: nobody is left to tell.
    drop(ended.send(why));
}

/// Asks again and again whether the other end is there; is over when it does not answer in time.
async fn silence(pings: Option<PingPong>, every: Duration, patience: Duration) {
    if let Some(mut pings) = pings {
        loop {
            sleep(every).await;
            match timeout(patience, pings.ping(Ping::opaque())).await {
                Ok(Ok(_)) => {}
                // The connection is ending, and says itself why.
                Ok(Err(_)) => break,
                Err(_) => return,
            }
        }
    }
    std::future::pending::<()>().await;
}

/// The accepted stream as a gRPC client's transport. Cloning shares the connection.
#[derive(Clone)]
pub(crate) struct HostTransport(SendRequest<Bytes>);

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

impl TransportError {
    fn not_sent(error: impl std::fmt::Display) -> Self {
        Self::NotSent(error.to_string())
    }

    fn broken(error: impl std::fmt::Display) -> Self {
        Self::Broken(error.to_string())
    }
}

impl Service<Request<tonic::body::Body>> for HostTransport {
    type Response = Response<Answer>;
    type Error = TransportError;
    type Future = BoxFuture<'static, Result<Response<Answer>, TransportError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        self.0.poll_ready(context).map_err(TransportError::not_sent)
    }

    /// Every call has one message, so it is there as a whole before anything is sent.
    fn call(&mut self, request: Request<tonic::body::Body>) -> Self::Future {
        // The one that was found ready is used; a clone is as new.
        let next = self.0.clone();
        Box::pin(send(std::mem::replace(&mut self.0, next), request))
    }
}

async fn send(
    mut ready: SendRequest<Bytes>,
    request: Request<tonic::body::Body>,
) -> Result<Response<Answer>, TransportError> {
    let (head, body) = request.into_parts();
    let message = body.collect().await.map_err(TransportError::not_sent)?;
    let sent = ready.send_request(Request::from_parts(head, ()), false);
    let (answer, mut stream) = sent.map_err(TransportError::not_sent)?;
    stream
        .send_data(message.to_bytes(), true)
        .map_err(TransportError::broken)?;
    drop(stream);
    let answer = answer.await.map_err(TransportError::broken)?;
    Ok(answer.map(Answer))
}

/// The body of an answer, which makes room for more as it is read.
pub(crate) struct Answer(RecvStream);

impl Answer {
    fn taken(&mut self, data: Bytes) -> Result<Frame<Bytes>, h2::Error> {
        self.0.flow_control().release_capacity(data.len())?;
        Ok(Frame::data(data))
    }
}

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = TransportError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, TransportError>>> {
        let frame = match ready!(self.0.poll_data(context)) {
            Some(Ok(data)) => self.taken(data).map(Some),
            // Whoever gave it up wants nothing more of it.
            Some(Err(error)) if error.reason() == Some(Reason::CANCEL) => Ok(None),
            Some(Err(error)) => Err(error),
            None => {
                ready!(self.0.poll_trailers(context)).map(|trailers| trailers.map(Frame::<Bytes>::trailers))
            }
        };
        Poll::Ready(frame.map_err(TransportError::broken).transpose())
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }
}
