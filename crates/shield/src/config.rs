//! The `shield` section: sizes, deadlines, connections, hosts, proxies and limits of the edge.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use watchroom_kit::config::{Problems, Section};

use crate::{AllowedNetworks, CorsConfig, InspectionConfig, Network, Window};

/// Largest header block and largest number of headers that can be configured: above them the HTTP library
/// answers by itself. So many headers it reads without asking for memory.
pub(crate) const MOST_HEADER_BYTES: usize = 64 * 1024;
const MOST_HEADERS: usize = 100;
/// The shortest and longest windows that can be counted.
const WINDOW_S: std::ops::RangeInclusive<u32> = 1..=86_400;

/// Paths that programs ask for which look for weaknesses of others' software.
const DECOYS: [&str; 3] = ["/wp-login.php", "/.env", "/.git/config"];

/// When browsers are told to use nothing but TLS for this host name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Hsts {
    /// For a host name, if the certificate is publicly trusted or was given by an administrator.
    #[default]
    Auto,
    /// Over any TLS, also with our own certificate. It binds the machine's other services too.
    Always,
    /// Never.
    Never,
}

/// What the element `<base>` may name in pages. None of ours has one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BaseUri {
    /// Addresses of ours.
    #[default]
    #[serde(rename = "self")]
    Ours,
    /// Nothing, as OWASP ASVS asks.
    None,
}

/// The edge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Addresses or networks of proxies whose forwarded headers are believed. Default: none.
    pub trusted_proxies: Vec<Network>,
    /// Whether trusted proxies begin each connection with a header of the PROXY protocol, version 2, which then
    /// names the client. A connection of theirs without one is closed. Default: false.
    pub proxy_protocol: bool,
    /// Host names and addresses that are answered; `*` answers any. Default: this machine's own.
    pub hosts: Vec<String>,
    /// From which networks which kinds of routes may be asked for.
    pub allowed_networks: AllowedNetworks,
    /// Paths that nobody has reason to ask for; who does is told of, and by default banned. Default:
    /// `/wp-login.php`, `/.env`, `/.git/config`.
    pub decoys: Vec<String>,
    /// Strict transport security: `auto`, `always` or `never`. Default: `auto`.
    pub hsts: Hsts,
    /// What the element `<base>` may name in pages: `self` or `none`. Default: `self`.
    pub base_uri: BaseUri,
    /// The path at which the application takes what browsers report of its pages ([`crate::Shield::take_report`]); pages
    /// then name it to them. Default: none.
    #[serde(skip)]
    pub reports_to: Option<&'static str>,
    /// Largest sum of header names and values, in bytes. Default: 16384.
    pub header_bytes: usize,
    /// Most headers of one request. Default: 100.
    pub headers: usize,
    /// Longest path and query, in bytes. Default: 8192.
    pub uri_bytes: usize,
    /// Largest body where the route says nothing else, in bytes; of whoever signs in a sixteenth of it. Default: 1048576.
    pub body_bytes: usize,
    /// Most bytes of bodies that are being read, all requests together. Default: 134217728.
    pub bodies_bytes: usize,
    /// Time for the TLS handshake, for the headers of a request, and for a connection to rest without one, in
    /// seconds. Default: 10.
    pub header_read_s: u64,
    /// Time for the body of a request, and for an answer of which nothing is taken, in seconds. Default: 30.
    pub body_read_s: u64,
    /// Slowest rate at which a body may come after its first five seconds, in bytes per second. Default: 256.
    pub body_floor_per_s: u64,
    /// Time for an answer to begin, in seconds. Default: 30.
    pub handler_s: u64,
    /// Time that requests in flight are given when the service stops, in seconds. Default: 10.
    pub drain_s: u64,
    /// Most connections in all. Default: 10000.
    pub connections: usize,
    /// Most connections from one address (IPv6: one /64, and four times as many from one /48); proxies that are
    /// trusted are not counted. Default: 256.
    pub connections_per_address: usize,
    /// TLS handshakes for HTTP that one address (IPv6: one /64, and four times as many from one /48) may begin at once
    /// when it was quiet; proxies that are trusted are not counted. Default: 256.
    pub handshakes_at_once: u32,
    /// How many it may begin in each second after that. Others wait for their turn. Default: 20.
    pub handshakes_per_s: u32,
    /// Pages of other origins whose scripts may read answers.
    pub cors: CorsConfig,
    /// What becomes of input that looks like an attack.
    pub inspection: InspectionConfig,
    /// How many requests in which time.
    pub limits: LimitsConfig,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            trusted_proxies: Vec::new(),
            proxy_protocol: false,
            hosts: Vec::new(),
            allowed_networks: AllowedNetworks::default(),
            decoys: DECOYS.map(str::to_owned).to_vec(),
            hsts: Hsts::default(),
            base_uri: BaseUri::default(),
            reports_to: None,
            header_bytes: 16 * 1024,
            headers: 100,
            uri_bytes: 8 * 1024,
            body_bytes: 1024 * 1024,
            bodies_bytes: 128 * 1024 * 1024,
            header_read_s: 10,
            body_read_s: 30,
            body_floor_per_s: 256,
            handler_s: 30,
            drain_s: 10,
            connections: 10_000,
            connections_per_address: 256,
            handshakes_at_once: 256,
            handshakes_per_s: 20,
            cors: CorsConfig::default(),
            inspection: InspectionConfig::default(),
            limits: LimitsConfig::default(),
        }
    }
}

/// How many requests in which time, per kind. An empty list means no limit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsConfig {
    /// Requests by nobody known, per address. Default: 200 in 60 s.
    pub anonymous: Vec<Window>,
    /// Requests that present a cookie or token, valid or not, per address. Default: 2000 in 60 s.
    pub presented: Vec<Window>,
    /// Sign-in attempts per address; a success is given back. Default: 5 in 60 s and 20 in 3600 s.
    pub sign_in: Vec<Window>,
    /// Requests per person beside their role's rate a minute: by the hour or day, say. Default: none.
    pub person: Vec<Window>,
    /// Requests with one token, beside its owner's. Default: none.
    pub token: Vec<Window>,
    /// Requests per person to routes that have a limit of their own: `nodes`, the list of nodes. Default: 100 in 60 s.
    pub routes: BTreeMap<String, Vec<Window>>,
    /// Requests to sensitive routes, per person. Default: 10 in 60 s.
    pub sensitive: Vec<Window>,
    /// Static files per address. Default: 2000 in 60 s.
    pub static_files: Vec<Window>,
    /// Reports that browsers send by themselves, per address. Default: 20 in 60 s and 200 in 3600 s.
    pub reports: Vec<Window>,
    /// Most keys that are counted at once; beyond, those unseen for longest are forgotten. Default: 65536.
    pub keys: usize,
    /// A Redis or Valkey where several Hosts count together, a database of its own for each cluster:
    /// `redis://127.0.0.1:6379/0`, to another machine always with TLS (`rediss://`). Default: none, each Host
    /// counts for itself.
    pub redis_url: Option<String>,
    /// A file of mode 0600 that holds the password for it and nothing else. Default: none.
    pub redis_password_file: Option<PathBuf>,
    /// A PEM file with the authorities that may have signed its certificate. Default: the system's.
    pub redis_ca_file: Option<PathBuf>,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            anonymous: vec![Window::per_minute(200)],
            presented: vec![Window::per_minute(2_000)],
            sign_in: vec![Window::per_minute(5), Window::per_hour(20)],
            person: Vec::new(),
            token: Vec::new(),
            routes: BTreeMap::new(),
            sensitive: vec![Window::per_minute(10)],
            static_files: vec![Window::per_minute(2_000)],
            reports: vec![Window::per_minute(20), Window::per_hour(200)],
            keys: 65_536,
            redis_url: None,
            redis_password_file: None,
            redis_ca_file: None,
        }
    }
}

impl Section for Config {
    const NAME: &'static str = "shield";

    fn check(&self, problems: &mut Problems) {
        check_range(
            problems,
            "shield.header_bytes",
            self.header_bytes,
            1_024..=MOST_HEADER_BYTES - 1_024,
        );
        check_range(problems, "shield.headers", self.headers, 16..=MOST_HEADERS);
        check_range(problems, "shield.uri_bytes", self.uri_bytes, 256..=32_768);
        check_range(problems, "shield.body_bytes", self.body_bytes, 1..=1 << 30);
        check_range(
            problems,
            "shield.bodies_bytes",
            self.bodies_bytes,
            self.body_bytes..=1 << 40,
        );
        check_range(problems, "shield.header_read_s", self.header_read_s, 1..=300);
        check_range(problems, "shield.body_read_s", self.body_read_s, 1..=3_600);
        check_range(problems, "shield.handler_s", self.handler_s, 1..=3_600);
        check_range(problems, "shield.drain_s", self.drain_s, 0..=600);
        check_range(problems, "shield.connections", self.connections, 1..=1_000_000);
        check_range(
            problems,
            "shield.connections_per_address",
            self.connections_per_address,
            1..=1_000_000,
        );
        for (name, value) in [
            ("shield.handshakes_at_once", self.handshakes_at_once),
            ("shield.handshakes_per_s", self.handshakes_per_s),
        ] {
            check_range(problems, name, value, 1..=1_000_000);
        }
        check_range(
            problems,
            "shield.limits.keys",
            self.limits.keys,
            1_024..=16_777_216,
        );
        for host in self
            .hosts
            .iter()
            .filter(|host| *host != "*" && !crate::hosts::is_name(host))
        {
            problems.add(
                "shield.hosts",
                format!("{host:?} is not a host name or address; write it without scheme and port"),
            );
        }
        self.limits.check_redis(problems);
        if self.proxy_protocol && self.trusted_proxies.is_empty() {
            problems.add(
                "shield.proxy_protocol",
                "is believed of trusted proxies alone; name them in shield.trusted_proxies",
            );
        }
        for path in self.decoys.iter().filter(|path| !is_decoy(path)) {
            problems.add(
                "shield.decoys",
                format!(
                    "{path:?} is no path to bait with; write one from / on that is nobody's, without a query"
                ),
            );
        }
        for (key, windows) in self.limits.named() {
            check_windows(problems, &key, windows);
        }
    }
}

/// Whether a path may be a decoy: the way in is not, or people would be banned for coming.
fn is_decoy(path: &str) -> bool {
    let is_ours = ["/", "/login", "/setup", "/health"].contains(&path);
    path.starts_with('/') && !is_ours && !path.contains(['?', '#', ' '])
}

impl LimitsConfig {
    fn check_redis(&self, problems: &mut Problems) {
        if self.redis_url.is_some() {
            #[cfg(not(feature = "redis"))]
            problems.add("shield.limits.redis_url", "this build has no Redis in it");
            #[cfg(feature = "redis")]
            if let Some(Err(error)) = self.redis_url.as_deref().map(crate::RedisServer::check) {
                problems.add("shield.limits.redis_url", error.to_string());
            }
        } else {
            let without_server = [
                ("shield.limits.redis_password_file", &self.redis_password_file),
                ("shield.limits.redis_ca_file", &self.redis_ca_file),
            ];
            for (key, _) in without_server.iter().filter(|(_, file)| file.is_some()) {
                problems.add(*key, "is of no use without shield.limits.redis_url");
            }
        }
    }

    /// The counters that several Hosts share, if they are configured; reads the files that are named.
    ///
    /// # Errors
    /// [`crate::RedisError`], whose message names the next step.
    #[cfg(feature = "redis")]
    pub fn redis(&self) -> Result<Option<crate::RedisServer>, crate::RedisError> {
        let Some(url) = &self.redis_url else {
            return Ok(None);
        };
        let password = self
            .redis_password_file
            .as_deref()
            .map(read_password)
            .transpose()?;
        crate::RedisServer::new(url, password.as_ref(), self.redis_ca_file.as_deref()).map(Some)
    }

    fn named(&self) -> impl Iterator<Item = (String, &[Window])> {
        let fixed = [
            ("shield.limits.anonymous", &self.anonymous),
            ("shield.limits.presented", &self.presented),
            ("shield.limits.sign_in", &self.sign_in),
            ("shield.limits.person", &self.person),
            ("shield.limits.token", &self.token),
            ("shield.limits.sensitive", &self.sensitive),
            ("shield.limits.static_files", &self.static_files),
            ("shield.limits.reports", &self.reports),
        ];
        let fixed = fixed
            .into_iter()
            .map(|(key, windows)| (key.to_owned(), windows.as_slice()));
        let routes = self.routes.iter();
        fixed
            .chain(routes.map(|(name, windows)| (format!("shield.limits.routes.{name}"), windows.as_slice())))
    }
}

#[cfg(feature = "redis")]
fn read_password(path: &std::path::Path) -> Result<watchroom_kit::SecretString, crate::RedisError> {
    watchroom_kit::files::read_secret(path).map_err(|why| crate::RedisError::File {
        path: path.to_owned(),
        why,
    })
}

fn check_windows(problems: &mut Problems, key: &str, windows: &[Window]) {
    for window in windows {
        if window.limit == 0 {
            problems.add(
                key,
                "a limit of 0 would refuse everything; write an empty list for no limit",
            );
        }
        check_range(problems, &format!("{key}.per_s"), window.per_s, WINDOW_S);
    }
}

fn check_range<N: Copy + PartialOrd + std::fmt::Display>(
    problems: &mut Problems,
    key: &str,
    value: N,
    allowed: std::ops::RangeInclusive<N>,
) {
    if !allowed.contains(&value) {
        problems.add(
            key,
            format!("{value} is not between {} and {}", allowed.start(), allowed.end()),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaints(config: &Config) -> Vec<String> {
        let mut problems = Problems::default();
        config.check(&mut problems);
        problems
            .into_vec()
            .into_iter()
            .map(|problem| problem.key)
            .collect()
    }

    #[test]
    fn the_defaults_are_right_and_all_that_is_wrong_is_reported_at_once() {
        assert_eq!(complaints(&Config::default()), Vec::<String>::new());
        let mut wrong = Config {
            headers: 5_000,
            hosts: vec!["https://x".into()],
            ..Config::default()
        };
        wrong.limits.sign_in = vec![Window { limit: 0, per_s: 0 }];
        let keys = complaints(&wrong);
        assert_eq!(
            keys,
            [
                "shield.headers",
                "shield.hosts",
                "shield.limits.sign_in",
                "shield.limits.sign_in.per_s"
            ]
        );
    }

    #[test]
    fn a_host_is_a_name_an_address_or_any() {
        for host in [
            "*",
            "panel.example",
            "x",
            "1.example",
            "xn--caf-dma.example",
            "192.0.2.1",
            "2001:db8::1",
        ] {
            let config = Config {
                hosts: vec![host.to_owned()],
                ..Config::default()
            };
            assert_eq!(complaints(&config), Vec::<String>::new(), "{host}");
        }
        for host in [
            "",
            "x_",
            "-x_",
            "-x.example",
            "x-.example",
            "a..b",
            "panel.example.",
            "panel.example:7443",
            "[2001:db8::1]",
            "https://x",
            "*.example",
        ] {
            let mut problems = Problems::default();
            Config {
                hosts: vec!["panel.example".to_owned(), host.to_owned()],
                ..Config::default()
            }
            .check(&mut problems);
            let problems = problems.into_vec();
            assert_eq!(problems.len(), 1, "{host}");
            assert_eq!(problems[0].key, "shield.hosts", "{host}");
            assert!(problems[0].message.starts_with(&format!("{host:?} ")), "{host}");
        }
    }

    #[test]
    fn a_section_survives_being_written_and_read_and_unknown_keys_are_refused() {
        let text =
            r#"{"trusted_proxies":["10.0.0.7","fd00::/8"],"limits":{"anonymous":[{"limit":3,"per_s":60}]}}"#;
        let config: Config = serde_json::from_str(text).unwrap();
        assert!(config.trusted_proxies[0].contains("::ffff:10.0.0.7".parse().unwrap()));
        let again: Config = serde_json::from_str(&serde_json::to_string(&config).unwrap()).unwrap();
        assert_eq!(config, again);
        assert!(serde_json::from_str::<Config>(r#"{"header_byte":1}"#).is_err());
        assert!(serde_json::from_str::<Config>(r#"{"trusted_proxies":["everybody"]}"#).is_err());
    }
}
