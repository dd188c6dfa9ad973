//! From an address to a stream on which the Host has spoken first, or the name of what went wrong.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use watchroom_trust::{LINK_ALPN, LinkClient};

use crate::{ConnectFault, LinkSettings};

/// A connection on which the Host's first bytes have arrived.
pub(crate) type HostStream = BufReader<TlsStream<TcpStream>>;

pub(crate) async fn dial(
    address: &str,
    client: &LinkClient,
    settings: &LinkSettings,
) -> Result<HostStream, ConnectFault> {
    let patience = settings.hello_patience;
    let late = || ConnectFault::TimedOut {
        address: address.to_owned(),
        after_s: patience.as_secs(),
    };
    let socket = timeout(patience, connect(address)).await.map_err(|_| late())??;
    let connector = TlsConnector::from(client.config());
    let greeting = async {
        let from_io = |error: &io::Error| ConnectFault::from_io(error, address);
        let stream = connector
            .connect(client.server_name(), socket)
            .await
            .map_err(|error| match error.kind() {
                // Something that speaks no TLS hangs up on a hello it does not understand.
                io::ErrorKind::UnexpectedEof => ConnectFault::NotAHost {
                    address: address.to_owned(),
                },
                _ => from_io(&error),
            })?;
        if stream.get_ref().1.alpn_protocol() != Some(LINK_ALPN) {
            return Err(ConnectFault::NotAHost {
                address: address.to_owned(),
            });
        }
        // In TLS 1.3 a client is done before the server has judged its certificate: only the Host's first
        // bytes, or its alert, say how that went.
        let mut stream = BufReader::new(stream);
        let first = stream.fill_buf().await.map_err(|error| from_io(&error))?;
        if first.is_empty() {
            return Err(ConnectFault::Lost {
                why: "the Host hung up without a word".to_owned(),
            });
        }
        Ok(stream)
    };
    timeout(patience, greeting).await.map_err(|_| late())?
}

/// A connection to name and port, or the name of what went wrong.
pub(crate) async fn connect(address: &str) -> Result<TcpStream, ConnectFault> {
    let unreachable = |why: String| ConnectFault::NotReachable {
        address: address.to_owned(),
        why,
    };
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let found: Vec<SocketAddr> = match tokio::net::lookup_host(address).await {
        Ok(found) => found.collect(),
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
            return Err(unreachable(
                "an address is a name or number, a colon and a port".to_owned(),
            ));
        }
        Err(_) => {
            return Err(ConnectFault::NameNotFound {
                host: host.to_owned(),
            });
        }
    };
    let mut last = ConnectFault::NameNotFound {
        host: host.to_owned(),
    };
    for candidate in found {
        match TcpStream::connect(candidate).await {
            Ok(socket) => {
                socket
                    .set_nodelay(true)
                    .map_err(|error| unreachable(error.to_string()))?;
                return Ok(socket);
            }
            Err(error) => last = unreachable(error.to_string()),
        }
    }
    Err(last)
}
