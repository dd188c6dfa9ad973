//! A room of one's own: everything of the Host but the sockets; behind the port to the nodes one that obeys.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::body::{Body, to_bytes};
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use http::header::{ACCEPT, CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};
use http::{Request, StatusCode};
use time::macros::datetime;
use tower::ServiceExt;
use watchroom::host::{CaAuthority, ClusterVault};
use watchroom_defence::{Barred, Bystander, Bystanders, Defence, Edge};
use watchroom_fleet::nodes::join::JoinRules;
use watchroom_fleet::nodes::{Liveness, LocalNode};
use watchroom_fleet::{Fleet, Gateway, GatewayError, Ports};
use watchroom_identity::{
    Admission, CameBack, Config, Identity, Journey, Outsider, ProviderFault, Providers, SharedKey, Way,
};
use watchroom_kit::{Ambient, Clock, Entropy, ExposeSecret, Site, Tasks};
use watchroom_mail::Mail;
use watchroom_model::console::{ConsoleEvent, ConsoleFrom, Line, Source};
use watchroom_model::{
    Asker, Desired, Envelope, Heartbeat, Jail, Jailed, MachineOrder, NodeId, Order, OrderOutcome, Sample,
    ServerOrder, Share,
};
use watchroom_model::{ServerId, ServerReport, ServerStatus};
use watchroom_panel::{
    CertificateText, Certificates, Panel, PanelParts, ServedCertificate, problem_page, routes,
};
use watchroom_records::Records;
use watchroom_shield::{AllowedNetworks, Passed, Peer, Shield};
use watchroom_store::{Settings, Store};
use watchroom_testkit_folder::Folder;
use watchroom_trust::{ClusterCa, ClusterSecret};
use watchroom_web::{
    Check, ClosedWay, Dispatch, Doctor, Entrance, EntranceParts, Finding, RefusalLog, Route, RouteTable, Ways,
};

/// A password that breaks no rule.
pub const PASSWORD: &str = "Teal-Otter7 drums";

/// Nobody vouches for anybody.
#[derive(Debug)]
struct Nobody;

impl Nobody {
    fn away() -> ProviderFault {
        ProviderFault {
            is_away: true,
            word: "unknown",
            cause: "there are no providers".to_owned(),
        }
    }
}

#[async_trait]
impl Providers for Nobody {
    fn ways(&self) -> &[Way] {
        &[]
    }

    fn admission(&self, _: &str) -> Option<&Admission> {
        None
    }

    async fn begin(&self, _: &str, _: &Journey, _: Site) -> Result<String, ProviderFault> {
        Err(Self::away())
    }

    async fn finish(&self, _: &str, _: &Journey, _: &CameBack, _: Site) -> Result<Outsider, ProviderFault> {
        Err(Self::away())
    }

    async fn examine(&self) -> Vec<(String, Result<(), ProviderFault>)> {
        Vec::new()
    }
}

/// A node that does what it is told.
struct ObedientNode;

#[async_trait]
impl Gateway for ObedientNode {
    async fn order(&self, _: NodeId, envelope: Envelope) -> Result<OrderOutcome, GatewayError> {
        if let Order::Machine(MachineOrder::Unjail { .. }) = &envelope.order {
            return Ok(OrderOutcome::Done { report: None });
        }
        let Order::Server(order) = &envelope.order else {
            return Ok(OrderOutcome::GoesDown {
                stopped: Vec::new(),
                left: Vec::new(),
            });
        };
        let (id, desired) = match order {
            ServerOrder::Remove(_) => return Ok(OrderOutcome::Done { report: None }),
            ServerOrder::Start(id) | ServerOrder::Restart(id) => (*id, Desired::Running),
            order => (order.server(), Desired::Stopped),
        };
        let is_up = desired == Desired::Running;
        let report = ServerReport {
            id,
            desired,
            status: if is_up {
                ServerStatus::Running
            } else {
                ServerStatus::Stopped
            },
            reason: format!("ordered by {} <b>&", envelope.by),
            pid: is_up.then_some(42),
            started_at: None,
            exit_code: None,
            limited_by: String::new(),
        };
        Ok(OrderOutcome::Done { report: Some(report) })
    }

    async fn ping(&self, _: NodeId, _: Asker) -> Result<(Duration, Heartbeat), GatewayError> {
        Err(GatewayError::TimedOut {
            may_still_happen: false,
        })
    }

    async fn metrics(
        &self,
        _: NodeId,
        _: Asker,
        _: time::OffsetDateTime,
    ) -> Result<Vec<Sample>, GatewayError> {
        let share = Share {
            used_bytes: 1 << 30,
            total_bytes: 1 << 32,
        };
        let sample = |second: i64| Sample {
            at: datetime!(2026-11-20 17:57 UTC) + time::Duration::seconds(second),
            cpu_percent: Some(25.0),
            load: 0.5,
            memory: share,
            swap: Share::default(),
            disks: Vec::new(),
            network: None,
            servers: Vec::new(),
        };
        Ok(vec![sample(0), sample(5)])
    }

    async fn jail(&self, _: NodeId, _: Asker) -> Result<Jail, GatewayError> {
        let jailed = |address: &str| Jailed {
            address: address.parse().expect("an address"),
            since: Some("2026-11-20 17:00:00".to_owned()),
            until: None,
        };
        Ok(Jail {
            name: "watchroom".to_owned(),
            banned: vec![jailed("198.51.100.7"), jailed("2001:db8::5")],
        })
    }

    async fn console(
        &self,
        _: NodeId,
        _: Asker,
        _: ServerId,
        _: ConsoleFrom,
        _: bool,
    ) -> Result<BoxStream<'static, Result<ConsoleEvent, GatewayError>>, GatewayError> {
        let at = datetime!(2026-11-20 17:58 UTC);
        let line = Line {
            offset: 0,
            at,
            source: Source::Stdout,
            text: "<script>\u{1b}[31mhi".to_owned(),
        };
        Ok(stream::iter([Ok(ConsoleEvent::Lines(vec![line]))]).boxed())
    }
}

/// Every way is open already.
#[derive(Debug)]
struct AllOpen;

impl Ways for AllOpen {
    fn closed(&self, _: &Passed) -> ClosedWay {
        ClosedWay::default()
    }

    fn open(&self, _: &ClosedWay) -> std::io::Result<()> {
        Ok(())
    }
}

/// What a look over this room finds.
#[derive(Debug)]
struct OneCheck;

#[async_trait]
impl Doctor for OneCheck {
    async fn examine(&self) -> Vec<Check> {
        vec![Check::found("disk", Finding::Bad, "3 MiB free <b>", "make room")]
    }
}

/// A certificate that somebody gave, with three days left.
#[derive(Debug)]
struct Given;

impl Certificates for Given {
    fn served(&self) -> ServedCertificate {
        ServedCertificate {
            fingerprint: "AB:CD".to_owned(),
            says: Some(CertificateText {
                issuer: "CN=Some <CA>".to_owned(),
                is_ours: false,
                names: vec!["watch.example".to_owned(), "192.0.2.4".to_owned()],
                not_before: datetime!(2026-08-25 12:00 UTC),
                not_after: datetime!(2026-11-23 18:00 UTC),
                problems: vec!["it ends in 3 days (fewer than 14); renew it".to_owned()],
            }),
        }
    }
}

struct NoNotes;

/// Nobody is kept out of this room, and nobody is spared.
struct NoEdge;

/// A defence that keeps nobody out.
async fn spared(store: &Store, ambient: &Ambient) -> Defence {
    let ports = watchroom_defence::Ports {
        edge: Arc::new(NoEdge),
        bystanders: Arc::new(NoEdge),
    };
    let bans = watchroom_defence::Config::default();
    Defence::open(store.clone(), bans, ports, ambient.clone())
        .await
        .unwrap()
}

impl Edge for NoEdge {
    fn bar(&self, _: &[Barred]) {}
}

impl Bystanders for NoEdge {
    fn hit(&self, _: &ipnet::IpNet) -> Option<Bystander> {
        None
    }
}

impl RefusalLog for NoNotes {
    fn refused(&self, _: &watchroom_policy::Refusal) {}
    fn forged(&self, _: &str, _: &watchroom_policy::Trail) {}
}

/// The cheapest hashes Argon2 has, and a second factor of nobody.
fn cheap() -> Config {
    let mut config = Config::default();
    config.hashing.memory_kib = 8;
    config.hashing.passes = 1;
    config.second_factors.required_roles = Vec::new();
    config
}

/// The room.
pub struct Room {
    pub ambient: Ambient,
    pub identity: Identity,
    dispatch: Dispatch,
    shield: Shield,
    _folder: Folder,
}

/// Who people are, with the cheapest hashes.
async fn people(store: &Store, vault: Arc<ClusterVault>, mail: Mail, ambient: &Ambient) -> Identity {
    let key = SharedKey::by_chance(&ambient.entropy);
    let opened = Identity::open(store.clone(), cheap(), (vault, mail), key, ambient.clone());
    opened.await.unwrap()
}

/// Mail of a Host that has no server for it.
fn no_mail(store: &Store, vault: &Arc<ClusterVault>, ambient: &Ambient) -> Mail {
    let (config, pace) = (watchroom_mail::Config::default(), watchroom_mail::Pace::default());
    Mail::open(store.clone(), config, vault.clone(), pace, ambient.clone()).unwrap()
}

impl Room {
    /// An empty room with a node and nobody in it.
    pub async fn open() -> Self {
        let clock = Clock::manual(datetime!(2026-11-20 17:58 UTC));
        let ambient = Ambient {
            clock,
            entropy: Entropy::system(),
            tasks: Tasks::new(),
        };
        let folder = Folder::new();
        let opened = Store::open(Settings::within(folder.path()), ambient.clone());
        let store = opened.await.unwrap();
        let secret = ClusterSecret::by_chance(&ambient.entropy);
        let vault = Arc::new(ClusterVault::of(secret.clone(), &ambient));
        let mail = no_mail(&store, &vault, &ambient);
        let identity = people(&store, vault, mail.clone(), &ambient).await;
        let ca = ClusterCa::found(secret, &ambient).unwrap();
        let ports = Ports {
            gateway: Arc::new(ObedientNode),
            authority: Arc::new(CaAuthority {
                ca: Arc::new(ca),
                ambient: ambient.clone(),
            }),
        };
        let (liveness, rules) = (Liveness::default(), JoinRules::default());
        let fleet = Fleet::open(store.clone(), ports, liveness, rules, ambient.clone())
            .await
            .unwrap();
        let node = LocalNode {
            id: NodeId::mint(&ambient),
            name: "harbour".parse().unwrap(),
            version: "0.1.0".to_owned(),
            certificate_expires_at: datetime!(2027-11-20 17:58 UTC),
        };
        fleet.enrol_local(node).await.unwrap();
        let table = RouteTable::new(routes().iter().map(Route::rule)).unwrap();
        let shield_config = watchroom_shield::Config {
            hosts: vec!["*".to_owned()],
            // Browsers of these stories sit in a network of documentation, which is nobody's own.
            allowed_networks: AllowedNetworks {
                administration: Vec::new(),
                ..AllowedNetworks::default()
            },
            ..Default::default()
        };
        let shield = Shield::new(shield_config, &[], Arc::new(table), &ambient);
        let entrance = Entrance::new(EntranceParts {
            identity: identity.clone(),
            shield: shield.clone(),
            ambient: ambient.clone(),
            refusals: Arc::new(NoNotes),
            own_uid: u32::MAX,
        });
        let defence = spared(&store, &ambient).await;
        let records = Records::new(store, ambient.clone());
        let panel = Panel::new(PanelParts {
            entrance,
            fleet,
            records,
            defence,
            mail,
            doctor: Arc::new(OneCheck),
            certificates: Arc::new(Given),
            ways: Arc::new(AllOpen),
            providers: Arc::new(Nobody),
        });
        let bound = routes().into_iter().map(|route| route.with_state(panel.clone()));
        let dispatch = Dispatch::new(bound, Arc::new(problem_page), Arc::new(|_, _| None)).unwrap();
        Self {
            ambient,
            identity,
            dispatch,
            shield,
            _folder: folder,
        }
    }

    /// The room after set-up, with its first administrator at a browser.
    pub async fn with_alice() -> (Self, Browser) {
        let room = Self::open().await;
        let mut browser = Browser::default();
        let code = room.identity.setup_code().await.unwrap().unwrap();
        let fields = [
            ("code", code.code.expose_secret()),
            ("username", "alice"),
            ("password", PASSWORD),
            ("confirm_password", PASSWORD),
        ];
        let answer = browser.submit(&room, "/setup", "/setup", &fields).await;
        assert_eq!(
            (answer.status, answer.to.as_str()),
            (StatusCode::SEE_OTHER, "/"),
            "{}",
            answer.html
        );
        (room, browser)
    }
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub to: String,
    pub html: String,
}

/// A browser: it keeps cookies and reads form tokens.
#[derive(Default)]
pub struct Browser {
    cookies: BTreeMap<String, String>,
}

impl Browser {
    /// Opens a page.
    pub async fn get(&mut self, room: &Room, path: &str) -> Answer {
        self.send(room, Request::get(path), "").await
    }

    /// Asks for the live part of a page.
    pub async fn fragment(&mut self, room: &Room, path: &str) -> Answer {
        self.send(room, Request::get(path).header("x-fragment", "live"), "")
            .await
    }

    /// Opens the page `on`, takes its token and submits `fields` to `to`.
    pub async fn submit(&mut self, room: &Room, on: &str, to: &str, fields: &[(&str, &str)]) -> Answer {
        let page = self.get(room, on).await.html;
        let token = page
            .split("name=\"csrf_token\" value=\"")
            .nth(1)
            .unwrap_or_default();
        let token = token.split('"').next().unwrap_or_default().to_owned();
        let mut fields = fields.to_vec();
        fields.push(("csrf_token", &token));
        self.post(room, to, &fields).await
    }

    /// Submits `fields` as they are.
    pub async fn post(&mut self, room: &Room, to: &str, fields: &[(&str, &str)]) -> Answer {
        let encode = |text: &str| {
            percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
        };
        let pairs: Vec<_> = fields
            .iter()
            .map(|(name, value)| format!("{name}={}", encode(value)))
            .collect();
        let request = Request::post(to)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header("sec-fetch-site", "same-origin");
        self.send(room, request, &pairs.join("&")).await
    }

    async fn send(&mut self, room: &Room, request: http::request::Builder, body: &str) -> Answer {
        let cookies: Vec<_> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let request = request
            .header(COOKIE, cookies.join("; "))
            .header(ACCEPT, "text/html")
            .header("host", "room");
        let (mut parts, body) = request.body(Body::from(body.to_owned())).unwrap().into_parts();
        let peer = Peer::tls(SocketAddr::from(([192, 0, 2, 9], 4711)), false);
        let passed = room
            .shield
            .pass(&mut parts, &peer)
            .expect("the edge lets it pass");
        parts.extensions.insert(passed);
        let response = room
            .dispatch
            .clone()
            .oneshot(Request::from_parts(parts, body))
            .await
            .unwrap();
        for cookie in response.headers().get_all(SET_COOKIE) {
            let cookie = cookie.to_str().unwrap();
            assert!(
                cookie.contains("; Path=/; Secure; HttpOnly; SameSite=Lax"),
                "{cookie}"
            );
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            if cookie.ends_with("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        let to = response
            .headers()
            .get(LOCATION)
            .map(|to| to.to_str().unwrap().to_owned())
            .unwrap_or_default();
        let status = response.status();
        let bytes = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        Answer {
            status,
            to,
            html: String::from_utf8(bytes.to_vec()).unwrap_or_default(),
        }
    }
}
