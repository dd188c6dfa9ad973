//! How a port is taken: wholly, or with the flag to change.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::net::TcpListener;
use watchroom_kit::FaultKind;

use crate::failure::Failure;

/// Binds a listener.
///
/// # Errors
/// If the address is taken or not this machine's; the failure names the flag to change.
pub(crate) async fn bind(address: SocketAddr, flag: &str) -> Result<TcpListener, Failure> {
    let bound = match TcpListener::bind(address).await {
        // A machine without IPv6 still has every IPv4 address.
        Err(error) if is_without_v6(&error) && address.ip() == IpAddr::V6(Ipv6Addr::UNSPECIFIED) => {
            TcpListener::bind((Ipv4Addr::UNSPECIFIED, address.port())).await
        }
        other => other,
    };
    bound.map_err(|error| {
        // Nobody failed to be reached, so this is a plain failure (exit code 1).
        let failure = Failure::new(
            FaultKind::Conflict,
            format!("cannot listen on {address}: {error}"),
        );
        match error.kind() {
            io::ErrorKind::AddrInUse => failure.next_step(format!(
                "stop the program that uses the port, or choose another with {flag}"
            )),
            io::ErrorKind::PermissionDenied => failure.next_step(format!(
                "choose a port above 1023 with {flag}, or grant CAP_NET_BIND_SERVICE"
            )),
            _ => failure.next_step(format!("choose an address of this machine with {flag}")),
        }
    })
}

fn is_without_v6(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(code) if code == rustix::io::Errno::AFNOSUPPORT.raw_os_error()
        || code == rustix::io::Errno::ADDRNOTAVAIL.raw_os_error())
}
