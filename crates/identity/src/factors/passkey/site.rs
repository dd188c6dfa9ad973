//! Where a browser asks, as far as passkeys go: they are made for a host name, on pages that came by a way nobody can change.

use std::net::IpAddr;

/// The place that passkeys are made for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    pub(super) rp_id: String,
    pub(super) origin: String,
}

/// Why no passkey works where a browser asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoSite {
    /// The page was asked for by an address, or by nothing.
    Address,
    /// The page came by plain HTTP.
    Insecure,
}

impl Site {
    /// The place of a page that was asked for by `host`, with its port if it has one. Only hosts that the edge lets through
    /// may come here: a key is made for whatever this says.
    ///
    /// # Errors
    /// [`NoSite`].
    pub fn of(host: &str, is_https: bool) -> Result<Self, NoSite> {
        let host = host.to_ascii_lowercase();
        let (name, port) = match host.rsplit_once(':') {
            Some((name, port)) => (name, Some(port.parse::<u16>().map_err(|_| NoSite::Address)?)),
            None => (host.as_str(), None),
        };
        let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
        // Browsers read a name that ends in a number as an address.
        let last = name.rsplit('.').next().unwrap_or_default();
        let is_name = !last.is_empty() && !last.bytes().all(|byte| byte.is_ascii_digit());
        if !is_name || !name.bytes().all(is_letter) || name.parse::<IpAddr>().is_ok() {
            return Err(NoSite::Address);
        }
        let is_this_machine = name == "localhost" || name.ends_with(".localhost");
        let (scheme, usual) = match (is_https, is_this_machine) {
            (true, _) => ("https", 443),
            (false, true) => ("http", 80),
            (false, false) => return Err(NoSite::Insecure),
        };
        let origin = match port.filter(|port| *port != usual) {
            Some(port) => format!("{scheme}://{name}:{port}"),
            None => format!("{scheme}://{name}"),
        };
        Ok(Self {
            rp_id: name.to_owned(),
            origin,
        })
    }

    /// The host name for which keys are made here.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.rp_id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_for_a_name_and_never_for_an_address() {
        let at = |host, is_https| Site::of(host, is_https).map(|site| (site.rp_id, site.origin));
        let found = |name: &str, origin: &str| Ok((name.to_owned(), origin.to_owned()));
        assert_eq!(
            at("Panel.Example.org", true),
            found("panel.example.org", "https://panel.example.org")
        );
        assert_eq!(
            at("panel.example.org:443", true),
            found("panel.example.org", "https://panel.example.org")
        );
        assert_eq!(
            at("localhost:7443", true),
            found("localhost", "https://localhost:7443")
        );
        assert_eq!(at("localhost:80", false), found("localhost", "http://localhost"));
        for address in [
            "192.0.2.7",
            "192.0.2.7:7443",
            "[2001:db8::7]:7443",
            "[::1]",
            "::1",
            "",
            ":7443",
            "1.2.3",
            "panel.",
            "a b",
            "panel.example.org:x",
            "panel.example.org:70000",
            "user@panel.example.org",
        ] {
            assert_eq!(at(address, true), Err(NoSite::Address), "{address}");
        }
        assert_eq!(at("panel.example.org", false), Err(NoSite::Insecure));
        assert_eq!(at("notlocalhost", false), Err(NoSite::Insecure));
    }
}
