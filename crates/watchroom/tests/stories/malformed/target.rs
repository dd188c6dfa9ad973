//! What malformed input is sent to: where everything listens, and what a person and a node would show there.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use watchroom_trust::{JOIN_ALPN, LINK_ALPN};

use super::chance::Chance;
use crate::heartbeats::joined;
use crate::room::{PASSWORD, Room};

/// How often a token is shown before the next takes its turn: its owner's role allows 1,000 a minute.
const SHOWN: usize = 900;
/// An id of nothing.
const NOBODY: &str = "0198c0de-0000-7000-8000-000000000000";
/// Answers without an end, and acts whose cost grows with what there is: they are told of elsewhere.
const LEFT_OUT: &[&str] = &[
    "/api/stream",
    "/api/servers/{id}/console",
    "/api/audit/export",
    "/api/audit/verify",
    "/api/cluster/ca/rotate",
    "/api/keys/rotate",
];

/// Everything that a sender must know.
pub struct Target {
    pub panel: String,
    pub node_page: String,
    pub ops: String,
    pub browser: Arc<ClientConfig>,
    pub h2: Arc<ClientConfig>,
    pub link: Arc<ClientConfig>,
    pub join: Arc<ClientConfig>,
    /// The name by which nodes know the Host.
    pub host_name: String,
    /// Raised with each link that is dialled.
    pub epoch: AtomicU64,
    /// A session's cookie and the token of its forms.
    pub cookie: String,
    pub csrf: String,
    tokens: Vec<String>,
    shown: AtomicUsize,
    routes: Vec<(String, String)>,
}

impl Target {
    /// Makes what is needed for so many requests with a token.
    pub fn of(room: &Room, requests: usize) -> Self {
        let address = |name: &str| room.endpoint(name).split("//").nth(1).unwrap().to_owned();
        let machine = joined(room, "buoy");
        let authorities = machine.done("node certificate --authorities");
        let chain = machine.done("node certificate");
        let key = PrivateKeyDer::from_pem_file(machine.state().join("keys/node.key")).unwrap();
        let cluster = roots(authorities.as_bytes());
        let panel = roots(&std::fs::read(room.state().join("keys/panel-ca.crt")).unwrap());
        let tokens = (0..=requests / SHOWN).map(|number| {
            let name = format!("user-{number}");
            room.add_user(&name, "admin");
            room.token_of(&name)
        });
        let tokens = tokens.collect();
        room.add_user("alice", "admin");
        let (cookie, csrf) = room.stranger().sign_in("alice", PASSWORD);
        let mut link = with_roots(cluster.clone())
            .with_client_auth_cert(certificates(chain.as_bytes()), key)
            .unwrap();
        link.alpn_protocols = vec![LINK_ALPN.to_vec()];
        Self {
            panel: address("panel"),
            node_page: address("node"),
            ops: address("ops"),
            browser: nobody(panel.clone(), b"http/1.1"),
            h2: nobody(panel, b"h2"),
            link: Arc::new(link),
            join: nobody(cluster, JOIN_ALPN),
            host_name: machine.done("node certificate --host-name").trim().to_owned(),
            epoch: AtomicU64::new(1_000),
            cookie,
            csrf,
            tokens,
            shown: AtomicUsize::new(0),
            routes: routes(room),
        }
    }

    /// A token whose owner may still ask.
    pub fn token(&self) -> &str {
        let number = self.shown.fetch_add(1, Ordering::Relaxed) / SHOWN;
        &self.tokens[number % self.tokens.len()]
    }

    /// A method and a path that there are.
    pub fn route(&self, chance: &mut Chance) -> (&str, &str) {
        let (method, path) = &self.routes[chance.below(self.routes.len())];
        (method, path)
    }

    /// The same, of those that read a body.
    pub fn route_with_body(&self, chance: &mut Chance) -> (&str, &str) {
        loop {
            let route = self.route(chance);
            if route.0 == "POST" {
                return route;
            }
        }
    }
}

fn certificates(pem: &[u8]) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(pem).map(Result::unwrap).collect()
}

fn roots(pem: &[u8]) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(certificates(pem));
    assert!(added > 0, "no authority");
    roots
}

fn with_roots(roots: RootCertStore) -> rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(roots)
}

/// Somebody who shows no certificate and speaks this.
fn nobody(roots: RootCertStore, speaks: &[u8]) -> Arc<ClientConfig> {
    let mut config = with_roots(roots).with_no_client_auth();
    config.alpn_protocols = vec![speaks.to_vec()];
    Arc::new(config)
}

/// What the API's own document names, about nothing and about a server that there is.
fn routes(room: &Room) -> Vec<(String, String)> {
    let document: Value = serde_json::from_str(&room.done("openapi")).unwrap();
    let server = room.create("talker", "exec cat");
    let mut routes = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        if LEFT_OUT.contains(&path.as_str()) {
            continue;
        }
        for method in item.as_object().unwrap().keys() {
            let id = if path.starts_with("/api/servers/") && method == "get" {
                &server
            } else {
                NOBODY
            };
            let path = path.replace("{id}", id).replace("{name}", "talker");
            routes.push((method.to_uppercase(), path));
        }
    }
    assert!(routes.len() > 30, "{routes:?}");
    routes
}
