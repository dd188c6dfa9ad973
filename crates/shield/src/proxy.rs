//! The PROXY protocol, version 2: how a balancer that only passes bytes on says whose they are.
//!
//! It is read from trusted proxies alone, on listeners where it is switched on, before anything else; from
//! anybody else its first bytes are no HTTP and no TLS and are refused as that. Its description is
//! `doc/proxy-protocol.txt` of HAProxy, section 2.2.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::io::{AsyncRead, AsyncReadExt};

/// How every header begins: nothing that HTTP or TLS begins with.
const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";
/// Longest rest of a header that is read, in bytes; addresses take 36, and what follows them is of no use here.
const MOST_BYTES: u16 = 4_096;

/// What a header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// The bytes come from there.
    From(SocketAddr),
    /// The proxy speaks for itself, or says nothing of use.
    Itself,
}

/// Whether the first 16 bytes begin a header, and how long its rest is.
fn rest_of(head: [u8; 16]) -> Option<(Fixed, u16)> {
    let (signature, [version, family, high, low]) =
        head.split_first_chunk::<12>().and_then(|(first, rest)| {
            let rest: [u8; 4] = rest.try_into().ok()?;
            Some((*first, rest))
        })?;
    let is_local = match version {
        0x20 => true,
        0x21 => false,
        _ => return None,
    };
    let length = u16::from_be_bytes([high, low]);
    let fixed = Fixed { is_local, family };
    (signature == SIGNATURE && length <= MOST_BYTES).then_some((fixed, length))
}

/// What the fixed part says.
#[derive(Clone, Copy, Debug)]
struct Fixed {
    is_local: bool,
    family: u8,
}

impl Fixed {
    /// The source that the rest names; `None` if it is too short for what it promises, or names an address that no
    /// connection comes from.
    fn source(self, rest: &[u8]) -> Option<Said> {
        if self.is_local {
            return Some(Said::Itself);
        }
        let (address, port) = match self.family {
            // TCP over IPv4: two addresses, two ports.
            0x11 => {
                let (source, rest) = rest.split_first_chunk::<4>()?;
                let (_, ports) = rest.split_first_chunk::<4>()?;
                (IpAddr::V4(Ipv4Addr::from(*source)), ports.first_chunk::<4>()?)
            }
            // TCP over IPv6.
            0x21 => {
                let (source, rest) = rest.split_first_chunk::<16>()?;
                let (_, ports) = rest.split_first_chunk::<16>()?;
                (IpAddr::V6(Ipv6Addr::from(*source)), ports.first_chunk::<4>()?)
            }
            // Other kinds of socket have no address that could be counted.
            _ => return Some(Said::Itself),
        };
        // Nobody comes from there over a wire, and loopback would lend what only this machine may do.
        if !is_somewhere(address) {
            return None;
        }
        let [high, low, ..] = *port;
        Some(Said::From(SocketAddr::new(
            address,
            u16::from_be_bytes([high, low]),
        )))
    }
}

/// Whether somebody can be at this address, in whatever form it is written.
fn is_somewhere(address: IpAddr) -> bool {
    let address = address.to_canonical();
    !(address.is_loopback() || address.is_unspecified() || address.is_multicast())
}

/// Reads a header off a stream, and nothing behind it.
///
/// # Errors
/// If the stream ends or fails, or what comes is no header, or one that names an address nobody comes from.
pub(crate) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Said> {
    let none = || {
        io::Error::new(
            io::ErrorKind::InvalidData,
            "what came is no PROXY header of version 2",
        )
    };
    let mut head = [0; 16];
    stream.read_exact(&mut head).await?;
    let (fixed, length) = rest_of(head).ok_or_else(none)?;
    let mut rest = vec![0; usize::from(length)];
    stream.read_exact(&mut rest).await?;
    fixed.source(&rest).ok_or_else(none)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn header(version: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
        [&SIGNATURE[..], &[version, family], &length, rest].concat()
    }

    fn addresses(source: SocketAddr) -> (u8, Vec<u8>) {
        let port = source.port().to_be_bytes();
        match source.ip() {
            IpAddr::V4(ip) => (
                0x11,
                [&ip.octets()[..], &[10, 0, 0, 1], &port, &[0x1d, 0x13]].concat(),
            ),
            IpAddr::V6(ip) => (0x21, [&ip.octets()[..], &[0; 16], &port, &[0x1d, 0x13]].concat()),
        }
    }

    fn said(bytes: &[u8]) -> io::Result<(Said, usize)> {
        let mut left = bytes;
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let said = runtime.block_on(read(&mut left))?;
        Ok((said, left.len()))
    }

    proptest! {
        #[test]
        fn whoever_is_named_is_read_and_not_a_byte_more(
            ip in any::<IpAddr>().prop_filter("somewhere", |ip| is_somewhere(*ip)), port in any::<u16>(),
            extra in proptest::collection::vec(any::<u8>(), 0..64),
            behind in proptest::collection::vec(any::<u8>(), 0..64),
        ) {
            let source = SocketAddr::new(ip, port);
            let (family, mut rest) = addresses(source);
            rest.extend(extra);
            let mut bytes = header(0x21, family, &rest);
            bytes.extend(&behind);
            prop_assert_eq!(said(&bytes).unwrap(), (Said::From(source), behind.len()));
        }

        #[test]
        fn no_bytes_are_too_odd(bytes in proptest::collection::vec(any::<u8>(), 0..128), is_signed in any::<bool>()) {
            let bytes = if is_signed { [&SIGNATURE[..], &bytes].concat() } else { bytes };
            let _either = said(&bytes);
        }
    }

    #[test]
    fn whoever_says_they_are_at_an_address_that_nobody_comes_from_is_refused() {
        for nowhere in [
            "127.0.0.1",
            "127.8.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "::1",
            "::",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:0.0.0.0",
        ] {
            let (family, rest) = addresses(SocketAddr::new(nowhere.parse().unwrap(), 4_711));
            assert!(said(&header(0x21, family, &rest)).is_err(), "{nowhere}");
        }
    }

    #[test]
    fn what_is_no_header_is_refused() {
        let (family, rest) = addresses("198.51.100.7:4711".parse().unwrap());
        let whole = header(0x21, family, &rest);
        for end in 0..whole.len() {
            assert!(said(&whole[..end]).is_err(), "cut after {end} bytes");
        }
        assert!(said(&header(0x11, family, &rest)).is_err(), "another version");
        assert!(
            said(&header(0x21, family, &rest[..11])).is_err(),
            "no room for its addresses"
        );
        assert!(
            said(&header(0x21, family, &[0; 5_000])).is_err(),
            "longer than anybody needs"
        );
        assert!(
            said(b"PROXY TCP4 198.51.100.7 10.0.0.1 1 2\r\n").is_err(),
            "version 1"
        );
        assert_eq!(said(&header(0x20, 0, &[])).unwrap(), (Said::Itself, 0));
        assert_eq!(said(&header(0x21, 0, &[])).unwrap(), (Said::Itself, 0));
    }
}
