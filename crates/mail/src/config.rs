//! The section `mail`: the server that takes our letters, and how we come to it.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use watchroom_kit::config::{Problems, Section};
use watchroom_model::{EmailAddress, HostName};

/// Where Debian and its kin keep the public authorities.
const AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";
/// Names of this machine, by which a letter never leaves it.
const OURS: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// How the way to the server is protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Protection {
    /// `STARTTLS` (RFC 3207), without which nothing is said: the usual way on port 587.
    #[default]
    StartTls,
    /// TLS from the first byte (RFC 8314): the usual way on port 465.
    Tls,
    /// None: only to a server on this machine, and without a password.
    None,
}

impl Protection {
    /// The port where servers usually take letters this way.
    const fn port(self) -> u16 {
        match self {
            Self::StartTls => 587,
            Self::Tls => 465,
            Self::None => 25,
        }
    }
}

/// How letters leave. Without a server none does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The SMTP server that takes our letters: a name or an address. Default none: no mail is sent.
    pub server: Option<String>,
    /// Its port. Default 587, with `protection = "tls"` 465, with `"none"` 25.
    pub port: Option<u16>,
    /// `starttls` (required, not tried), `tls` from the first byte, or `none`, which only a server on this machine may
    /// have and no password may go by. Default `starttls`.
    pub protection: Protection,
    /// A PEM file with the authorities that may have signed the server's certificate. Default
    /// `/etc/ssl/certs/ca-certificates.crt`.
    pub ca_file: PathBuf,
    /// Who we are at the server. Default none: it takes letters from us without a password.
    pub user: Option<String>,
    /// A file of mode 0600 that holds the password for it and nothing else. Default none.
    pub password_file: Option<PathBuf>,
    /// From whom letters come. Needed with a server.
    pub from: Option<EmailAddress>,
    /// Where people reach the panel, as it stands in links: `https://` and a name, with a port unless it is 443. Default:
    /// the first of `host.names`, or an address that this machine has at the start.
    pub panel_url: Option<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            server: None,
            port: None,
            protection: Protection::default(),
            ca_file: PathBuf::from(AUTHORITIES),
            user: None,
            password_file: None,
            from: None,
            panel_url: None,
        }
    }
}

impl Config {
    /// The port of the server.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(self.protection.port())
    }
}

impl Section for Config {
    const NAME: &'static str = "mail";

    fn check(&self, problems: &mut Problems) {
        if let Some(url) = &self.panel_url
            && !is_panel(url)
        {
            problems.add(
                "mail.panel_url",
                "must be https:// and a name or address, and nothing after its port",
            );
        }
        let Some(server) = &self.server else {
            let idle = [
                ("mail.user", self.user.is_some()),
                ("mail.password_file", self.password_file.is_some()),
            ];
            for (key, _) in idle.into_iter().filter(|(_, is_set)| *is_set) {
                problems.add(key, "is of no use without mail.server");
            }
            return;
        };
        if server.parse::<std::net::IpAddr>().is_err() && server.parse::<HostName>().is_err() {
            problems.add(
                "mail.server",
                "must be a name or an address; the port stands in mail.port",
            );
        }
        if self.port == Some(0) {
            problems.add("mail.port", "must be 1 to 65535");
        }
        if self.from.is_none() {
            problems.add(
                "mail.from",
                "must say from whom letters come, such as watchroom@host.example",
            );
        }
        if self.user.is_some() != self.password_file.is_some() {
            problems.add(
                "mail.password_file",
                "belongs together with mail.user: set both, or neither",
            );
        }
        self.check_protection(server, problems);
    }
}

impl Config {
    fn check_protection(&self, server: &str, problems: &mut Problems) {
        if self.protection != Protection::None {
            return;
        }
        if self.user.is_some() || self.password_file.is_some() {
            problems.add(
                "mail.protection",
                "a password never goes in the clear: use starttls or tls, with mail.ca_file for a certificate of your own",
            );
        }
        if !OURS.contains(&server) {
            problems.add(
                "mail.protection",
                format!("{server} is not this machine, and none would send letters in the clear: use starttls or tls"),
            );
        }
    }
}

/// Whether a link may begin like this.
fn is_panel(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("https://") else {
        return false;
    };
    let (name, port) = match rest.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => (name, Some(port)),
        _ => (rest, None),
    };
    let is_name = match name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => name.parse::<HostName>().is_ok(),
    };
    is_name && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port != 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(config: &Config) -> Vec<String> {
        let mut problems = Problems::default();
        config.check(&mut problems);
        problems
            .into_vec()
            .into_iter()
            .map(|problem| problem.key)
            .collect()
    }

    fn usual() -> Config {
        Config {
            server: Some("mail.example".into()),
            from: Some("watchroom@host.example".parse().unwrap()),
            user: Some("watchroom".into()),
            password_file: Some("/etc/watchroom/mail".into()),
            ..Config::default()
        }
    }

    #[test]
    fn what_is_usual_is_fine() {
        assert_eq!(keys(&Config::default()), Vec::<String>::new());
        assert_eq!(keys(&usual()), Vec::<String>::new());
        assert_eq!(usual().port(), 587);
    }

    #[test]
    fn a_password_never_goes_in_the_clear_and_nothing_leaves_the_machine_so() {
        let open = Config {
            protection: Protection::None,
            ..usual()
        };
        assert_eq!(keys(&open), ["mail.protection", "mail.protection"]);
        let here = Config {
            server: Some("127.0.0.1".into()),
            ..open.clone()
        };
        assert_eq!(keys(&here), ["mail.protection"]);
        let without = Config {
            user: None,
            password_file: None,
            ..here
        };
        assert_eq!(keys(&without), Vec::<String>::new());
        assert_eq!(without.port(), 25);
    }

    #[test]
    fn all_that_is_missing_is_told_at_once() {
        let config = Config {
            server: Some("mail.example:587".into()),
            from: None,
            password_file: None,
            panel_url: Some("http://host.example".into()),
            ..usual()
        };
        let wanted = ["mail.panel_url", "mail.server", "mail.from", "mail.password_file"];
        assert_eq!(keys(&config), wanted);
    }

    #[test]
    fn a_link_begins_with_a_name_of_ours_alone() {
        for good in [
            "https://host.example",
            "https://host.example:7443",
            "https://[::1]:7443",
            "https://192.0.2.7:7443",
        ] {
            assert!(is_panel(good), "{good}");
        }
        for bad in [
            "http://host.example",
            "https://host.example/",
            "https://a@host.example",
            "https://host.example:0",
            "https://",
            "https://host.example?x",
            "https://host.example:7443#x",
        ] {
            assert!(!is_panel(bad), "{bad}");
        }
    }
}
