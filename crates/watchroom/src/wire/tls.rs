//! One port: the hello's ALPN tells links and joining machines from browsers, the cluster's own name in it tells nodes that
//! speak HTTP; the link takes its connections over.

use std::net::SocketAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use rustls::ServerConfig;
use rustls::server::ClientHello;
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;
use watchroom_kit::Clock;
use watchroom_link::{Arrival, Hub};
use watchroom_shield::{Choice, ChooseTls, HandOff, RouteClass};
use watchroom_trust::{ClusterCa, JOIN_ALPN, LINK_ALPN, PanelCertificate};

/// Chooses by ALPN.
pub(crate) struct ByAlpn {
    pub(crate) panel: Arc<ArcSwap<ServerConfig>>,
    pub(crate) link: Arc<ServerConfig>,
    pub(crate) join: Arc<ServerConfig>,
    /// For nodes that speak HTTP.
    pub(crate) node: Arc<ServerConfig>,
    /// The name by which those call the Host, which no browser ever looks up.
    pub(crate) node_name: String,
    pub(crate) hub: Arc<LinkHandOff>,
    /// One that an administrator gave lets strict transport security be promised.
    pub(crate) certificate: Arc<PanelCertificate>,
}

impl ChooseTls for ByAlpn {
    fn choose(&self, hello: &ClientHello<'_>) -> Choice {
        let asks_for = |protocol: &[u8]| {
            hello
                .alpn()
                .is_some_and(|mut names| names.any(|name| name == protocol))
        };
        if asks_for(LINK_ALPN) {
            Choice::HandOff(Arc::clone(&self.link), Arc::clone(&self.hub) as Arc<dyn HandOff>)
        } else if asks_for(JOIN_ALPN) {
            Choice::Narrow(Arc::clone(&self.join), RouteClass::Join)
        } else if hello.server_name() == Some(&self.node_name) {
            Choice::Narrow(Arc::clone(&self.node), RouteClass::Node)
        } else {
            Choice::Http(self.panel.load_full())
        }
    }

    fn is_publicly_trusted(&self) -> bool {
        self.certificate.is_given()
    }
}

/// Gives a node's connection to the hub.
#[derive(Debug)]
pub(crate) struct LinkHandOff {
    pub(crate) hub: Hub,
    pub(crate) ca: Arc<ClusterCa>,
    pub(crate) clock: Clock,
}

impl HandOff for LinkHandOff {
    fn take(&self, stream: Box<TlsStream<TcpStream>>, peer: SocketAddr) -> BoxFuture<'static, ()> {
        let (hub, ca, now) = (self.hub.clone(), Arc::clone(&self.ca), self.clock.now());
        async move {
            let (_, session) = stream.get_ref();
            // The handshake is done, but what was negotiated is believed only once looked at.
            if session.alpn_protocol() != Some(LINK_ALPN) {
                tracing::warn!(peer = %peer, "closed a connection that changed its protocol during the handshake");
                return;
            }
            match ca.peer(session.peer_certificates().unwrap_or_default(), now) {
                Ok(proven) => hub.serve(stream, Arrival::new(&proven, peer)).await,
                Err(error) => tracing::warn!(peer = %peer, %error, "closed a link without a node's certificate"),
            }
        }
        .boxed()
    }
}
