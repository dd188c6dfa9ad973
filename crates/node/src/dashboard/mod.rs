//! The node's own page, for whoever sits at this machine: who it is, how its links stand, its servers, what was done.
//!
//! It is served on loopback alone, behind the shield's checks of host, bans, sizes and headers; what changes something also
//! needs a same-origin request and the form's token. Nobody signs in with a password here: `watchroom node open` makes
//! a link that works once ([`Invitations`]), and the session lives in memory. Without it `/api/status` tells the
//! node's name, version and state and nothing else. It is plain HTML, and works without scripts.

mod answers;
mod invitation;
mod markup;
mod page;
mod sessions;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::{Method, Request, Response};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tower_service::Service;
use watchroom_kit::Ambient;
use watchroom_link::{LinkState, LinkStates};
use watchroom_model::{BarredList, HostName};
use watchroom_shield::{Body, Config, RouteClass, RouteRule, Shield};
use watchroom_trust::Fingerprint;

pub use self::invitation::Invitations;
use self::sessions::Sessions;
use crate::bans;
use crate::supervisor::Supervisor;

/// This machine, as the peer of a proxy that runs on it.
const THIS_MACHINE: [&str; 2] = ["127.0.0.0/8", "::1"];
/// The largest form: a token, with room to spare.
const FORM_BYTES: usize = 4_096;

/// Who this node is, as its page says it.
#[derive(Clone, Debug)]
pub struct Portrait {
    /// Its name.
    pub name: String,
    /// Its id.
    pub node: String,
    /// The id of its cluster.
    pub cluster: String,
    /// The fingerprint of its key, as the Host shows it when it asks to join.
    pub key: Fingerprint,
    /// The fingerprints of the cluster's CAs that it trusts.
    pub authorities: Vec<Fingerprint>,
}

/// What the page is made of.
#[derive(Debug)]
pub struct DashboardParts {
    /// Who this node is.
    pub portrait: Portrait,
    /// Its servers.
    pub supervisor: Arc<Supervisor>,
    /// Its links.
    pub links: watch::Receiver<LinkStates>,
    /// Under which name a proxy of this machine shows the page to others, over TLS. Whom it names is then asked for
    /// the bans of the Host; without a proxy only this machine reaches the page.
    pub proxied_as: Option<HostName>,
    /// Where invitations are kept: `<state>/run` (0700).
    pub run: PathBuf,
    /// Time, chance and tasks.
    pub ambient: Ambient,
}

/// The page as an application behind a shield.
#[derive(Clone, Debug)]
pub(crate) struct Dashboard(Arc<Room>);

/// What every answer may look at.
#[derive(Debug)]
struct Room {
    parts: DashboardParts,
    sessions: Sessions,
    invitations: Invitations,
    /// Cookies know no ports: each node of one machine needs a name of its own. By its prefix no other host can set it.
    cookie: String,
}

/// Serves the page on this listener until the tasks stop.
///
/// # Errors
/// If the listener is not on loopback: this page has no TLS.
pub fn serve_dashboard(listener: TcpListener, parts: DashboardParts) -> std::io::Result<()> {
    let address = listener.local_addr()?;
    let tasks = parts.ambient.tasks.clone();
    let shield = shield(parts.proxied_as.as_ref(), &parts.ambient);
    obey(&shield, parts.supervisor.bans(), &parts.ambient);
    let dashboard = Dashboard::new(parts, address);
    let serving = watchroom_shield::serve_loopback(listener, shield, dashboard, &tasks)?;
    drop(tasks.spawn_graceful("serve-dashboard", serving));
    Ok(())
}

/// An edge that answers to loopback's own names alone: a page in a browser of this machine may reach any port here
/// under a name that it chose (DNS rebinding). Behind a proxy it answers to the name that others know.
fn shield(proxied_as: Option<&HostName>, ambient: &Ambient) -> Shield {
    let classify = |method: &Method, path: &str| match (method.as_str(), path) {
        ("GET" | "HEAD", "/style.css") => RouteRule::new(RouteClass::Static),
        ("GET" | "HEAD", "/api/status") => RouteRule::new(RouteClass::Read),
        ("GET" | "HEAD", _) => RouteRule::new(RouteClass::Page),
        _ => RouteRule::new(RouteClass::Change).with_body_limit(FORM_BYTES),
    };
    let proxies = proxied_as.iter().flat_map(|_| THIS_MACHINE);
    let config = Config {
        trusted_proxies: proxies.filter_map(|network| network.parse().ok()).collect(),
        ..Config::default()
    };
    let names: Vec<String> = proxied_as.iter().map(ToString::to_string).collect();
    Shield::new(config, &names, Arc::new(classify), ambient)
}

/// Keeps out whom the Host has banned, from now on.
fn obey(shield: &Shield, mut list: watch::Receiver<Arc<BarredList>>, ambient: &Ambient) {
    shield.ban(bans::book(&list.borrow_and_update()));
    let shield = shield.clone();
    drop(ambient.tasks.spawn("dashboard-bans", async move {
        while list.changed().await.is_ok() {
            shield.ban(bans::book(&list.borrow_and_update()));
        }
    }));
}

impl Dashboard {
    fn new(parts: DashboardParts, address: SocketAddr) -> Self {
        Self(Arc::new(Room {
            sessions: Sessions::new(parts.ambient.clone()),
            invitations: Invitations::of(&parts.run),
            cookie: format!("__Host-watchroom_node_{}", address.port()),
            parts,
        }))
    }
}

impl Room {
    /// `online` with a link, `connecting` while the first is dialled, else `offline`.
    fn state(&self) -> &'static str {
        let links = self.parts.links.borrow();
        let mut states = links.values();
        if links.values().any(|state| matches!(state, LinkState::Up { .. })) {
            "online"
        } else if states.all(|state| matches!(state, LinkState::Connecting)) {
            "connecting"
        } else {
            "offline"
        }
    }
}

impl Service<Request<Body>> for Dashboard {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let room = Arc::clone(&self.0);
        async move { Ok(room.answer(request).await) }.boxed()
    }
}
