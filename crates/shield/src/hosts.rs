//! Which host was asked for, and whether it is one of ours.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use http::uri::Authority;
use http::{HeaderValue, Uri};

use crate::address::folded;
use crate::heads::Lines;

/// Longest host name (RFC 1123), in bytes.
const LONGEST: usize = 253;

/// The host a request was for, as it was written (`panel.example.org:7443`). Cloning is cheap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host(Source);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Source {
    Header(HeaderValue),
    Target(Authority),
}

/// A host without its port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Named<'a> {
    Address(IpAddr),
    Name(&'a str),
}

impl fmt::Display for Named<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(formatter),
            Self::Name(name) => formatter.write_str(&name.to_ascii_lowercase()),
        }
    }
}

/// There is no host, more than one, or none that could be written so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BadHost;

impl Host {
    /// The host a request is for: of its target if that names one (HTTP/2, absolute form), else of `Host`.
    /// Two that differ are refused, since whoever stands in front of us may have read the other one. Whether it
    /// is written as a host can be is seen by [`Host::named`].
    pub(crate) fn of(uri: &Uri, lines: Lines<'_>) -> Result<Self, BadHost> {
        let line = match lines {
            Lines::None => None,
            Lines::One(line) => Some(line),
            Lines::Several(..) => return Err(BadHost),
        };
        match (uri.authority(), line) {
            (Some(target), Some(line))
                if !line.as_bytes().eq_ignore_ascii_case(target.as_str().as_bytes()) =>
            {
                Err(BadHost)
            }
            (Some(target), _) => Ok(Self(Source::Target(target.clone()))),
            (None, Some(line)) => Ok(Self(Source::Header(line.clone()))),
            (None, None) => Err(BadHost),
        }
    }

    /// The host that a trusted proxy names.
    pub(crate) fn forwarded(text: &str) -> Result<Self, BadHost> {
        HeaderValue::from_str(text)
            .map(|value| Self(Source::Header(value)))
            .map_err(|_| BadHost)
    }

    /// Name or address with the port, if one was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Source::Header(value) => value.to_str().unwrap_or(""),
            Source::Target(authority) => authority.as_str(),
        }
    }

    /// Name or address, an IPv6 one in its brackets.
    pub(crate) fn without_port(&self) -> &str {
        let text = self.as_str();
        match text.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => host,
            _ => text,
        }
    }

    pub(crate) fn named(&self) -> Option<Named<'_>> {
        split(self.as_str())
    }
}

impl fmt::Display for Host {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// The hosts that are answered; there are a handful, so that looking through them costs less than hashing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hosts {
    is_any: bool,
    names: Vec<Box<str>>,
    addresses: Vec<IpAddr>,
}

impl Hosts {
    pub(crate) fn new<'a>(texts: impl Iterator<Item = &'a str>) -> Self {
        let mut hosts = Self::default();
        for text in texts {
            match bare(text) {
                _ if text == "*" => hosts.is_any = true,
                Some(Named::Address(address)) => hosts.addresses.push(address),
                Some(Named::Name(name)) => hosts.names.push(name.to_ascii_lowercase().into()),
                None => {}
            }
        }
        hosts
    }

    /// Whether this is one of ours. Loopback's own names are ours for whoever really is on this machine.
    pub(crate) fn contain(&self, host: Named<'_>, is_loopback: bool) -> bool {
        if self.is_any || (is_loopback && is_loopback_name(host)) {
            return true;
        }
        match host {
            Named::Address(address) => self.addresses.contains(&address),
            Named::Name(name) => self.names.iter().any(|ours| ours.eq_ignore_ascii_case(name)),
        }
    }
}

pub(crate) fn is_loopback_name(host: Named<'_>) -> bool {
    match host {
        Named::Address(address) => address.is_loopback(),
        Named::Name(name) => name.eq_ignore_ascii_case("localhost"),
    }
}

/// Whether a text is a host name (RFC 1123) or an address without a port. What others ask for is read more kindly: a name that
/// cannot be only meets nobody, while here somebody has mistyped one.
pub(crate) fn is_name(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(is_letter)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.parse::<IpAddr>().is_ok() || text.len() <= LONGEST && text.split('.').all(is_label)
}

fn bare(text: &str) -> Option<Named<'_>> {
    text.parse()
        .map(folded)
        .map(Named::Address)
        .ok()
        .or_else(|| name(text))
}

/// Takes the port off and reads what is left.
fn split(text: &str) -> Option<Named<'_>> {
    if let Some(rest) = text.strip_prefix('[') {
        let (address, port) = rest.split_once(']')?;
        is_port(port.strip_prefix(':').unwrap_or(port)).then_some(())?;
        return address
            .parse::<Ipv6Addr>()
            .ok()
            .map(|address| Named::Address(folded(address.into())));
    }
    // Searching so short a text by a general searcher would take longer than reading it.
    let colon = text.bytes().position(|byte| byte == b':');
    let (host, port) = colon.map_or((text, ""), |colon| text.split_at(colon));
    let port = port.strip_prefix(':').unwrap_or(port);
    is_port(port).then_some(())?;
    host.parse()
        .map(|address| Named::Address(IpAddr::V4(address)))
        .ok()
        .or_else(|| name(host))
}

fn is_port(text: &str) -> bool {
    text.is_empty() || (text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok())
}

fn name(text: &str) -> Option<Named<'_>> {
    let text = text.strip_suffix('.').unwrap_or(text);
    let is_label = |label: &str| !label.is_empty() && label.len() <= 63;
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let is_name = text.len() <= LONGEST && text.bytes().all(is_letter) && text.split('.').all(is_label);
    is_name.then_some(Named::Name(text))
}

#[cfg(test)]
mod tests {
    use http::{Request, header};
    use proptest::prelude::*;

    use super::*;
    use crate::heads::Heads;

    fn asked(target: &str, hosts: &[&str]) -> Option<String> {
        let mut request = Request::builder().uri(target);
        for host in hosts {
            request = request.header(header::HOST, *host);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let host = Host::of(&parts.uri, Heads::of(&parts.headers).host).ok()?;
        host.named().map(|_| host.to_string())
    }

    #[test]
    fn the_target_wins_and_whatever_is_doubtful_is_no_host() {
        assert_eq!(asked("/", &["panel"]).as_deref(), Some("panel"));
        assert_eq!(asked("https://panel:7443/x", &[]).as_deref(), Some("panel:7443"));
        assert_eq!(asked("https://panel/x", &["PANEL"]).as_deref(), Some("panel"));
        let doubtful: &[&[&str]] = &[
            &[],
            &["panel", "panel"],
            &[""],
            &["a b"],
            &["panel:99999"],
            &["u@panel"],
            &["[::1"],
            &["a..b"],
            &["panel/x"],
        ];
        for hosts in doubtful {
            assert_eq!(asked("/", hosts), None, "{hosts:?}");
        }
        assert_eq!(asked("https://panel/x", &["other"]), None);
        assert_eq!(asked("https://user@panel/x", &[]), None);
    }

    #[test]
    fn ours_are_found_whatever_their_case_port_or_spelling() {
        let hosts = Hosts::new(["Panel.Example.org", "192.0.2.1", "2001:db8::1"].into_iter());
        let is_ours = |text: &str, is_loopback| hosts.contain(split(text).unwrap(), is_loopback);
        for text in [
            "panel.example.org",
            "PANEL.example.org:7443",
            "panel.example.org.",
            "192.0.2.1:1",
            "[2001:DB8::1]:7443",
        ] {
            assert!(is_ours(text, false), "{text}");
        }
        assert!(!is_ours("evil.example", false) && !is_ours("evil.example", true));
        assert!(is_ours("localhost:7443", true) && is_ours("127.0.0.1", true) && is_ours("[::1]", true));
        assert!(!is_ours("localhost", false));
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_harm(text in "[ -~]{0,80}") {
            if let Some(Named::Name(name)) = split(&text) {
                prop_assert!(!name.contains(['/', '@', ' ', '"', '<']));
            }
        }
    }
}
