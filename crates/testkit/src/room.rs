//! The room itself.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use watchroom::agent::Agent;
use watchroom::config::Config;
use watchroom::host::{Host, Listeners};
use watchroom::replica::Replica;
use watchroom::state::State;
use watchroom_identity::{NewToken, NewUser, TokenKind};
use watchroom_kit::{Ambient, Clock, Entropy, ExposeSecret, SecretString, Tasks};
use watchroom_model::{DecisionId, NodeStatus, UserId};
use watchroom_node::{Allowed, Rules};
use watchroom_policy::{Ask, Principal, Resource, ResourceKind, Trail, act, decide};
use watchroom_testkit_postgres::TestDatabase;
use watchroom_trust::PanelKeyKind;

use crate::premises::Premises;
use crate::{Client, Engine, Program, Visitor, trusting};

/// The password of everybody in a room.
pub const PASSWORD: &str = "correct Horse 7 battery";
/// How long anything may take before a story gives up.
const PATIENCE: Duration = Duration::from_secs(20);

/// A Host and its own node, on a folder and ports of their own.
pub struct TestRoom {
    /// The Host's parts.
    pub host: Host,
    agent: Option<Agent>,
    panel: SocketAddr,
    http: Option<SocketAddr>,
    premises: Premises,
    _state: State,
    /// The database, if it is on a server; several rooms may share one.
    pub(crate) database: Option<Arc<TestDatabase>>,
}

impl TestRoom {
    /// Opens a room with the usual configuration and waits until its node is online. `program` is what it runs on:
    /// see [`crate::program`].
    ///
    /// # Panics
    /// If that fails.
    pub async fn open(program: Program) -> Self {
        Self::with(program, Ambient::system(), |_| {}).await
    }

    /// Opens a room with another clock or configuration.
    ///
    /// # Panics
    /// If that fails.
    pub async fn with(program: Program, ambient: Ambient, change: impl FnOnce(&mut Config)) -> Self {
        let database = (program.engine == Engine::Postgres).then(|| Arc::new(TestDatabase::fresh()));
        Self::on(program, ambient, database, None, (change, allowed())).await
    }

    /// Opens a room whose clock the story moves.
    ///
    /// # Panics
    /// If that fails.
    pub async fn timeless(program: Program) -> (Self, Clock) {
        let clock = Clock::manual(Clock::system().now());
        let ambient = Ambient {
            clock: clock.clone(),
            entropy: Entropy::system(),
            tasks: Tasks::new(),
        };
        (Self::with(program, ambient, |_| {}).await, clock)
    }

    /// Opens a room whose own node allows something else than usual.
    ///
    /// # Panics
    /// If that fails.
    pub async fn allowing(program: Program, change: impl FnOnce(&mut Allowed)) -> Self {
        let database = (program.engine == Engine::Postgres).then(|| Arc::new(TestDatabase::fresh()));
        let mut allowed = allowed();
        change(&mut allowed);
        let usual = |_: &mut Config| {};
        Self::on(program, Ambient::system(), database, None, (usual, allowed)).await
    }

    /// Opens another whole Host on the database of this one, with a node of its own. It has the secrets of this one,
    /// as replicas do.
    ///
    /// # Panics
    /// If that fails, or the database is a file.
    pub async fn replica(&self, program: Program) -> Self {
        self.replica_with(program, |_| {}).await
    }

    /// The same with another configuration.
    ///
    /// # Panics
    /// As [`TestRoom::replica`].
    pub async fn replica_with(&self, program: Program, change: impl FnOnce(&mut Config)) -> Self {
        assert!(self.database.is_some(), "a file has one Host");
        let secrets = Replica::of(&self.state()).unwrap_or_else(|failure| panic!("{failure:?}"));
        let name = |config: &mut Config| {
            config.node.name = Some("replica".parse().expect("a name"));
            change(config);
        };
        Self::on(
            program,
            Ambient::system(),
            self.database.clone(),
            Some(secrets),
            (name, allowed()),
        )
        .await
    }

    async fn on(
        program: Program,
        ambient: Ambient,
        database: Option<Arc<TestDatabase>>,
        secrets: Option<Replica>,
        (change, allowed): (impl FnOnce(&mut Config), Allowed),
    ) -> Self {
        // Whichever room is first installs it; the others find it there.
        drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
        let premises = Premises::new();
        let state =
            State::open(&premises.path().join("state"), "host").unwrap_or_else(|error| panic!("{error:?}"));
        if let Some(secrets) = secrets {
            let kept = secrets.keep(state.folder(), false, ambient.now());
            kept.unwrap_or_else(|failure| panic!("{failure:?}"));
        }
        let mut config = Config::default();
        config.host.listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        config.host.ops_listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        // Cheap where the product is costly on purpose: hashes, keys, and one address with many people behind it.
        config.identity.hashing.memory_kib = 64;
        config.identity.hashing.passes = 1;
        config.tls.key = PanelKeyKind::EcdsaP256;
        config.shield.limits.sign_in = Vec::new();
        config.shield.limits.anonymous = Vec::new();
        config.shield.limits.sensitive = Vec::new();
        config.join.per_address_per_hour = 100_000;
        // Most stories are of other things; those of second factors say who needs one.
        config.identity.second_factors.required_roles = Vec::new();
        config.store.url = database.as_ref().map(|database| database.url());
        change(&mut config);
        let socket = premises.path().join("host.sock");
        let listeners = Listeners::bind(&config, &socket)
            .await
            .unwrap_or_else(|error| panic!("{error:?}"));
        let panel = listeners.panel.local_addr().expect("a bound address");
        let http = listeners
            .http
            .as_ref()
            .map(|http| http.local_addr().expect("a bound address"));
        let host = Host::open(&state, &config, ambient.clone())
            .await
            .unwrap_or_else(|error| panic!("{error:?}"));
        host.serve(listeners);
        let enrolled = host.enrol_local(state.folder(), &config, panel.to_string()).await;
        enrolled.unwrap_or_else(|error| panic!("{error:?}"));
        host.expect_local_node();
        let agent = Agent::start(&state, program.shim, allowed, None, &ambient).await;
        let agent = agent.unwrap_or_else(|error| panic!("{error:?}"));
        let room = Self {
            host,
            agent: Some(agent),
            panel,
            http,
            premises,
            _state: state,
            database,
        };
        room.until("the node is online", || {
            let node = room.host.fleet.local_node()?;
            let view = room.host.fleet.view_node(&node);
            (view.status == NodeStatus::Online).then_some(())
        })
        .await;
        room
    }

    /// Where the room's state is.
    #[must_use]
    pub fn state(&self) -> PathBuf {
        self.premises.path().join("state")
    }

    /// Where the panel listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.panel
    }

    /// Where plain HTTP is sent from, if the configuration wants that.
    #[must_use]
    pub fn http_address(&self) -> Option<SocketAddr> {
        self.http
    }

    /// A client that trusts the room's panel.
    ///
    /// # Panics
    /// If the panel's authority cannot be read.
    #[must_use]
    pub fn client(&self) -> Client {
        Client::new(self.panel, trusting(self.host.certificate.authority()))
    }

    /// Somebody nobody knows.
    #[must_use]
    pub fn stranger(&self) -> Visitor {
        Visitor::stranger(self.client())
    }

    /// A viewer with a token.
    pub async fn viewer(&self, name: &str) -> Visitor {
        self.person(name, "viewer").await
    }

    /// A developer with a token.
    pub async fn developer(&self, name: &str) -> Visitor {
        self.person(name, "developer").await
    }

    /// An operator with a token.
    pub async fn operator(&self, name: &str) -> Visitor {
        self.person(name, "operator").await
    }

    /// An administrator with a token made for sensitive acts.
    pub async fn admin(&self, name: &str) -> Visitor {
        self.person(name, "admin").await
    }

    /// Somebody with this role and a token made for sensitive acts.
    pub async fn person(&self, name: &str, role: &str) -> Visitor {
        let user = self.account(name, role).await;
        Visitor::with_token(self.client(), &self.token(user, true).await)
    }

    /// Somebody with this role, signed in through the page.
    pub async fn signed_in(&self, name: &str, role: &str) -> Visitor {
        self.account(name, role).await;
        let mut visitor = self.stranger();
        visitor.sign_in(name, PASSWORD).await;
        visitor
    }

    /// Makes an account, as root on the socket would.
    ///
    /// # Panics
    /// If that fails.
    pub async fn account(&self, name: &str, role: &str) -> UserId {
        let permit = self.as_root(act::CreateUser, &Resource::all(ResourceKind::User));
        let new = NewUser {
            name: name.parse().expect("a user name"),
            role: role.to_owned(),
            password: Some(SecretString::from(PASSWORD)),
            display_name: None,
            email: None,
            call_sign: None,
        };
        self.host
            .identity
            .create_user(&permit, new)
            .await
            .expect("an account")
            .user
            .id
    }

    /// Makes a token for an account, as root on the socket would.
    ///
    /// # Panics
    /// If that fails.
    pub async fn token(&self, owner: UserId, allow_sensitive: bool) -> String {
        let draft = self.host.identity.draft_token(owner);
        let permit = self.as_root(act::CreateToken, &draft);
        let new = NewToken {
            name: format!("test-{}", draft.id).parse().expect("a token name"),
            kind: TokenKind::Personal,
            permissions: None,
            networks: Vec::new(),
            expires_in: None,
            allow_sensitive,
        };
        let issued = self
            .host
            .identity
            .create_token(&permit, new)
            .await
            .expect("a token");
        issued.token.expose_secret().to_owned()
    }

    /// Leave for an act, as root on the socket has it.
    ///
    /// # Panics
    /// If even root may not.
    pub fn as_root<A: watchroom_policy::Act>(
        &self,
        act: A,
        on: &impl watchroom_policy::Target,
    ) -> watchroom_policy::Permit<A> {
        let ambient = self.host.ambient();
        let principal = Arc::new(Principal::local("root"));
        let (trail, decision) = (Trail::default(), DecisionId::mint(ambient));
        decide(
            &Ask {
                principal: &principal,
                trail: &trail,
                decision,
                now: ambient.now(),
            },
            act,
            on,
        )
        .expect("root may do anything")
    }

    /// Creates a server that runs this shell script, and gives its id.
    ///
    /// # Panics
    /// If that fails.
    pub async fn server(&self, visitor: &Visitor, name: &str, script: &str) -> String {
        let body = json!({ "name": name, "command": ["/bin/sh", "-c", script] });
        let answer = visitor.post("/api/servers", body).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        answer.json()["server"]["id"].as_str().expect("an id").to_owned()
    }

    /// Waits until a server is in this state, and shows it.
    ///
    /// # Panics
    /// If it does not get there in time.
    pub async fn until_server(&self, visitor: &Visitor, id: &str, status: &str) -> Value {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let server = visitor.get(&format!("/api/servers/{id}")).await.json();
            if server["status"] == status {
                return server;
            }
            assert!(tokio::time::Instant::now() < deadline, "not {status}: {server}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until something is so.
    ///
    /// # Panics
    /// If it does not become so in time.
    pub async fn until<T>(&self, what: &str, is_so: impl Fn() -> Option<T>) -> T {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            if let Some(found) = is_so() {
                return found;
            }
            assert!(tokio::time::Instant::now() < deadline, "waited in vain: {what}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Ends the room: its servers, its agent, its Host, its folder.
    ///
    /// # Panics
    /// If something of it will not end.
    pub async fn close(mut self) {
        let servers = self
            .host
            .fleet
            .servers(&Principal::system(), &Default::default(), &Default::default());
        let own = self.host.fleet.local_node().map(|node| node.id());
        let servers = servers.expect("a page").items.into_iter();
        for server in servers.filter(|server| Some(server.node_id) == own) {
            if let Some(server) = self.host.fleet.server(server.id) {
                let permit = self.as_root(act::RemoveServer, &*server);
                self.host
                    .fleet
                    .remove(&permit)
                    .await
                    .expect("the server is removed");
            }
        }
        if let Some(agent) = self.agent.take() {
            agent.close().await;
        }
        assert!(
            self.host.ambient().tasks.shutdown(PATIENCE).await,
            "some work of the room did not end"
        );
        self.host.store.close().await;
    }
}

/// What the nodes of a room allow. The same account is of no meaning to root; without root there would be no servers.
pub(crate) fn allowed() -> Allowed {
    let rules = Rules {
        same_account: true,
        ..Rules::default()
    };
    Allowed {
        rules,
        ..Allowed::default()
    }
}
