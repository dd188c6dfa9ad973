//! Opens a connection to a target.

use std::io;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;

use super::target::Remote;
use super::{CallError, Target};

/// A machine that does not answer a connection attempt by then will not answer the request either.
const CONNECT: Duration = Duration::from_secs(10);

pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A connection that HTTP can be spoken on.
pub(super) type Connection = TokioIo<Box<dyn Stream>>;

pub(super) async fn open(target: &Target) -> Result<Connection, CallError> {
    let connecting = async {
        match target {
            Target::Local { .. } => local(target).await,
            Target::Remote(remote) => tls(remote, &target.to_string()).await,
        }
    };
    let late = |_| CallError::Unreachable {
        target: target.to_string(),
        source: io::ErrorKind::TimedOut.into(),
    };
    let stream = tokio::time::timeout(CONNECT, connecting).await.map_err(late)??;
    Ok(TokioIo::new(stream))
}

async fn local(target: &Target) -> Result<Box<dyn Stream>, CallError> {
    let Target::Local { state, socket } = target else {
        return Err(unreachable(
            &target.to_string(),
            io::ErrorKind::Unsupported.into(),
        ));
    };
    match UnixStream::connect(socket).await {
        Ok(stream) => Ok(Box::new(stream)),
        Err(source) => Err(match source.kind() {
            // A socket without a listener is left over from a Host that was killed.
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
                CallError::NoHost { state: state.clone() }
            }
            io::ErrorKind::PermissionDenied => CallError::NotAdmitted {
                socket: socket.clone(),
            },
            _ => unreachable(&target.to_string(), source),
        }),
    }
}

async fn tls(remote: &Remote, target: &str) -> Result<Box<dyn Stream>, CallError> {
    let host = remote.host.trim_start_matches('[').trim_end_matches(']');
    let stream = TcpStream::connect((host, remote.port))
        .await
        .map_err(|source| unreachable(target, source))?;
    stream
        .set_nodelay(true)
        .map_err(|source| unreachable(target, source))?;
    let connector = TlsConnector::from(remote.tls.clone());
    let handshake = connector.connect(remote.name.clone(), stream).await;
    let untrusted = |source| CallError::Untrusted {
        target: target.to_owned(),
        source,
    };
    Ok(Box::new(handshake.map_err(untrusted)?))
}

fn unreachable(target: &str, source: io::Error) -> CallError {
    CallError::Unreachable {
        target: target.to_owned(),
        source,
    }
}
