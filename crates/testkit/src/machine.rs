//! A machine that is no node yet: a key of its own on a folder of its own, and what it asks.

use std::net::{Ipv4Addr, SocketAddr};

use data_encoding::BASE64;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::net::TcpListener;
use watchroom::agent::{Agent, Page};
use watchroom::failure::Failure;
use watchroom::joining::{self, Invitation, Progress};
use watchroom::node_identity::NodeIdentity;
use watchroom::state::State;
use watchroom_kit::Ambient;
use watchroom_model::join::{JoinUrl, hand_over_proof};
use watchroom_node::{Allowed, Power};
use watchroom_trust::{Fingerprint, NodeKey};

use crate::premises::Premises;
use crate::room::allowed;
use crate::{Answer, Program, Visitor};

/// A second machine, in this process, with its own state folder.
pub struct Machine {
    premises: Premises,
    key: NodeKey,
    name: String,
    ambient: Ambient,
    agent: Option<(Agent, State)>,
}

impl Machine {
    /// A machine that wants to be called `name`, with a fresh key.
    ///
    /// # Panics
    /// If there is no folder for it.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let premises = Premises::new();
        let key = NodeKey::open_or_make(&premises.path().join("state")).expect("a key");
        Self {
            premises,
            key,
            name: name.to_owned(),
            ambient: Ambient::system(),
            agent: None,
        }
    }

    /// Where its state is.
    #[must_use]
    pub fn state(&self) -> std::path::PathBuf {
        self.premises.path().join("state")
    }

    /// The body of its request.
    ///
    /// # Panics
    /// If its key makes no certificate request.
    #[must_use]
    pub fn ask(&self, token: Option<&str>) -> Value {
        let request = self.key.request().expect("a certificate request");
        json!({
            "token": token,
            "name": self.name,
            "version": env!("CARGO_PKG_VERSION"),
            "certificate_request": BASE64.encode(&request),
            "nonce": BASE64.encode(&[7; 32]),
        })
    }

    /// Sends its request over the panel's port.
    pub async fn request(&self, by: &Visitor, token: Option<&str>) -> Answer {
        by.post("/api/cluster/request-join", self.ask(token)).await
    }

    /// The SHA-256 of its public key.
    #[must_use]
    pub fn key_fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.key.public_key())
    }

    /// The header by which it asks for its papers again.
    ///
    /// # Panics
    /// If its key does not sign.
    #[must_use]
    pub fn proof(&self, request: &str, at: OffsetDateTime) -> String {
        let message = hand_over_proof(request.parse().expect("an id"), at);
        let signature = self.key.sign(&message).expect("a signature");
        format!("{}.{}", at.unix_timestamp(), BASE64.encode(&signature))
    }

    /// A heartbeat made now, and the header by which token and key prove it without a link.
    ///
    /// # Panics
    /// If its key does not sign.
    #[must_use]
    pub fn heartbeat(&self, token: &str) -> (Value, String) {
        let share = json!({ "used_bytes": 1, "total_bytes": 2 });
        let heartbeat = json!({
            "name": self.name,
            "version": env!("CARGO_PKG_VERSION"),
            "port": 0,
            "server_count": 3,
            "load": 0.5,
            "memory": share,
            "disk": share,
            "clock": self.ambient.now().format(&Rfc3339).expect("a time"),
        });
        let message = format!("watchroom heartbeat 1\n{heartbeat}");
        let signature = self.key.sign(message.as_bytes()).expect("a signature");
        let key = BASE64.encode(&self.key.public_key());
        (heartbeat, format!("{token} {key} {}", BASE64.encode(&signature)))
    }

    /// Joins as `watchroom join` does, over TLS that is pinned to the CA of the URL; waits to be let in.
    ///
    /// # Errors
    /// Why it was not.
    ///
    /// # Panics
    /// If the URL is none.
    pub async fn join(&self, url: &str) -> Result<NodeIdentity, Failure> {
        self.join_telling(url, &mut |_| {}).await
    }

    /// The same, and hears how it goes.
    ///
    /// # Errors
    /// Why it was not let in.
    ///
    /// # Panics
    /// If the URL is none.
    pub async fn join_telling(
        &self,
        url: &str,
        tell: &mut dyn FnMut(Progress),
    ) -> Result<NodeIdentity, Failure> {
        let url: JoinUrl = url.parse().expect("a join URL");
        let invitation = Invitation {
            pin: Fingerprint::from(url.token.pin()),
            token: Some(url.token.secret().clone()),
            address: url.address,
            name: self.name.parse().expect("a node name"),
            own_address: None,
        };
        joining::join(&self.state(), invitation, &self.ambient, tell).await
    }

    /// Starts its agent, as `watchroom node` does.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn start(&mut self, program: Program) {
        self.start_with(program, Power::default()).await;
    }

    /// The same on a machine that may go down in these ways.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn start_with(&mut self, program: Program, power: Power) {
        self.begin(program, Allowed { power, ..allowed() }, None).await;
    }

    /// The same with a page of its own, which a proxy of this machine shows to others under this name; gives where the
    /// page listens.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn start_with_page(&mut self, program: Program, name: &str) -> SocketAddr {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let address = listener.local_addr().expect("a bound address");
        let page = Page {
            listener,
            proxied_as: Some(name.parse().expect("a host name")),
        };
        self.begin(program, allowed(), Some(page)).await;
        address
    }

    async fn begin(&mut self, program: Program, allowed: Allowed, page: Option<Page>) {
        let state = State::open(&self.state(), "node").unwrap_or_else(|error| panic!("{error:?}"));
        let agent = Agent::start(&state, program.shim, allowed, page, &self.ambient).await;
        let agent = agent.unwrap_or_else(|error| panic!("{error:?}"));
        self.agent = Some((agent, state));
    }

    /// Ends its agent and whatever it started.
    ///
    /// # Panics
    /// If something of it will not end.
    pub async fn close(mut self) {
        self.switch_off().await;
    }

    /// Ends its agent; the machine may be started again.
    ///
    /// # Panics
    /// If something of it will not end.
    pub async fn switch_off(&mut self) {
        if let Some((agent, _state)) = self.agent.take() {
            agent.close().await;
        }
        let ended = self
            .ambient
            .tasks
            .shutdown(std::time::Duration::from_secs(20))
            .await;
        assert!(ended, "some work of the machine did not end");
        self.ambient = Ambient::system();
    }
}
