//! What all who send malformed input share: connections, and what was heard on them.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustix::net::{AddressFamily, SocketType};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

use crate::room::PATIENCE;
use crate::visitor::Wire;

/// The address of the proxy that the room trusts. All of 127.0.0.0/8 is this machine.
pub const PROXY: &str = "127.0.0.2";
/// How long an answer to something unfinished is waited for, before it is told that nothing follows.
const MOMENT: Duration = Duration::from_millis(15);
/// More than any answer has.
const MOST_HEARD: usize = 4 << 20;

/// Opens a connection on which reading gives up after a moment.
pub fn dial(authority: &str) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect(authority)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(MOMENT))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// The same with TLS, once hands were shaken.
pub fn dial_tls(authority: &str, config: &Arc<ClientConfig>, name: &str) -> std::io::Result<Wire> {
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let mut session = ClientConnection::new(Arc::clone(config), name).unwrap();
    let mut stream = dial(authority)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    session.complete_io(&mut stream)?;
    stream.set_read_timeout(Some(MOMENT))?;
    Ok(StreamOwned::new(session, stream))
}

/// Opens a connection from the address of the proxy that the room trusts.
fn dial_as_proxy(authority: &str) -> std::io::Result<TcpStream> {
    let from: SocketAddr = format!("{PROXY}:0").parse().unwrap();
    let to: SocketAddr = authority.parse().unwrap();
    let socket = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None)?;
    rustix::net::sockopt::set_socket_reuseaddr(&socket, true)?;
    rustix::net::bind(&socket, &from)?;
    rustix::net::connect(&socket, &to)?;
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(MOMENT))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// Whether reading only gave up for now.
pub fn is_nothing_yet(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

/// Sends bytes, then says that nothing follows, and hears what there is to hear until the other end has hung up.
pub fn converse(authority: &str, bytes: &[u8]) -> Vec<u8> {
    let mut stream = dial(authority).unwrap();
    // The other end may have had enough before it has all.
    let _sent = stream.write_all(bytes);
    hear_out(&mut stream)
}

/// The same as a proxy that has ended TLS for somebody.
pub fn converse_from_proxy(authority: &str, bytes: &[u8]) -> Vec<u8> {
    let mut stream = dial_as_proxy(authority).unwrap();
    let _sent = stream.write_all(bytes);
    hear_out(&mut stream)
}

/// Hears a connection out.
///
/// # Panics
/// If the other end neither says anything nor hangs up, though it knows that nothing follows.
pub fn hear_out(stream: &mut TcpStream) -> Vec<u8> {
    let mut heard = Vec::new();
    let mut piece = [0; 16 * 1024];
    let is_told_and_hears = |stream: &TcpStream| {
        let _told = stream.shutdown(Shutdown::Write);
        stream.set_read_timeout(Some(PATIENCE)).is_ok()
    };
    let mut is_told = false;
    loop {
        match stream.read(&mut piece) {
            Ok(0) => return heard,
            Ok(count) => {
                heard.extend_from_slice(&piece[..count]);
                assert!(heard.len() < MOST_HEARD, "an answer without an end");
                if !is_told {
                    is_told = is_told_and_hears(stream);
                }
            }
            Err(error) if is_nothing_yet(&error) && !is_told => is_told = is_told_and_hears(stream),
            Err(error) => {
                assert!(!is_nothing_yet(&error), "neither answered nor hung up");
                return heard;
            }
        }
    }
}

/// The statuses of answers among bytes, each with what follows.
pub fn statuses(heard: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    let start = b"HTTP/1.1 ";
    let found = heard
        .windows(start.len())
        .enumerate()
        .filter(move |(_, part)| part == start);
    found.filter_map(move |(at, _)| {
        let digits = heard.get(at + start.len()..at + start.len() + 3)?;
        let status = std::str::from_utf8(digits).ok()?.parse().ok()?;
        Some((status, &heard[at..]))
    })
}
