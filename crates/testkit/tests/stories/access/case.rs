//! The things on which the walk tries everything, and a request that is right in everything.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::body::Body;
use http::Method;
use serde_json::{Value, json};
use time::OffsetDateTime;
use watchroom_fleet::OperationState;
use watchroom_identity::SignIn;
use watchroom_model::{SessionId, UserId};
use watchroom_policy::{Permission, Trail};
use watchroom_testkit::{Machine, PASSWORD, TestRoom, Visitor};

/// Who has proven the password alone, and has an authenticator.
pub const HALF: &str = "half";
/// The same person by a token that was made before there was one.
pub const OLD_TOKEN: &str = "old-token";

/// What a route's act is done to, as far as the walker is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    /// All of a kind, or the only one.
    Kind,
    /// One thing that is somebody else's.
    One,
    /// Something of the walker's own.
    OnesOwn,
}

/// The body of a request.
pub enum Sent {
    Nothing,
    Json(Value),
    /// As a browser sends what it kept out of a page.
    Report(Value),
    Form(Vec<(&'static str, String)>),
}

/// A request that is right in everything.
pub struct Asked {
    pub visitor: Visitor,
    pub method: Method,
    pub path: String,
    pub sent: Sent,
    /// A header beside the usual ones.
    pub header: Option<(&'static str, String)>,
    pub on: On,
    /// What must also be held to find the way: the path leads over something else.
    pub on_way: Option<Permission>,
    /// The status when it was done.
    pub done: u16,
    /// Whether the way on leads to the entrance even when it was done.
    pub is_to_entrance: bool,
    /// Whether the answer has no end.
    pub is_endless: bool,
}

/// The things of a room on which the walk tries everything.
pub struct Case<'a> {
    room: &'a TestRoom,
    admin: Visitor,
    pub node: String,
    /// A server that runs and hears.
    pub talker: String,
    /// A server that anybody may start and stop.
    pub idler: String,
    /// Somebody to whom things are done.
    pub somebody: UserId,
    /// Those who walk: by token, and by session. The stranger is first.
    tokens: Vec<(&'static str, Visitor)>,
    sessions: Vec<(&'static str, Visitor)>,
    pub asset: String,
    count: AtomicU32,
}

impl<'a> Case<'a> {
    pub async fn open(room: &'a TestRoom) -> Self {
        let admin = room.admin("keeper").await;
        let node = admin.get("/api/nodes").await.json()["items"][0]["id"]
            .as_str()
            .expect("a node")
            .to_owned();
        let talker = room.server(&admin, "talker", "exec cat").await;
        assert_eq!(
            admin
                .post(&format!("/api/servers/{talker}/start"), json!({}))
                .await
                .status,
            200
        );
        room.until_server(&admin, &talker, "running").await;
        let idler = room.server(&admin, "idler", "exec sleep 600").await;
        let somebody = room.account("somebody", "viewer").await;
        let stranger = room.stranger();
        let page = stranger.look("/login").await.text();
        let asset = page
            .split('"')
            .find(|part| part.starts_with("/assets/"))
            .expect("an asset")
            .to_owned();
        let mut case = Self {
            room,
            admin,
            node,
            talker,
            idler,
            somebody,
            tokens: vec![("stranger", stranger.clone())],
            sessions: vec![("stranger", stranger)],
            asset,
            count: AtomicU32::new(0),
        };
        case.renew_walkers().await;
        case
    }

    /// Other people of the same roles walk on: nobody may ask as often within a minute as there are routes.
    pub async fn renew_walkers(&mut self) {
        self.tokens.retain(|(walker, _)| *walker == "stranger");
        self.sessions.retain(|(walker, _)| *walker == "stranger");
        for role in ["viewer", "developer", "operator", "admin"] {
            let program = self.room.person(&self.fresh_name(), role).await;
            let person = self.room.signed_in(&self.fresh_name(), role).await;
            self.tokens.push((role, program));
            self.sessions.push((role, person));
        }
    }

    /// Somebody who may do everything, if only they had not stopped half-way: by a session of their password alone, and by
    /// a token from before. Half sessions end after minutes, so there are new ones each time.
    pub async fn add_halves(&mut self) {
        let name = self.fresh_name();
        self.room.account(&name, "admin").await;
        let mut whole = self.room.stranger();
        whole.sign_in(&name, PASSWORD).await;
        let draft = json!({ "name": "before", "allow_sensitive": true });
        let made = whole.post("/api/tokens", draft).await.json();
        let token = made["token"].as_str().expect("a token").to_owned();
        whole.enrol(self.room.host.ambient().now()).await;
        let mut half = self.room.stranger();
        let answer = half.try_sign_in(&name, PASSWORD).await;
        assert_eq!(answer.header("location"), "/login/mfa");
        let csrf = half.form_token("/login/mfa").await;
        half.set_csrf(Some(&csrf));
        for walkers in [&mut self.tokens, &mut self.sessions] {
            walkers.retain(|(walker, _)| ![HALF, OLD_TOKEN].contains(walker));
        }
        let old = Visitor::with_token(self.room.client(), &token);
        self.tokens
            .extend([(HALF, half.clone()), (OLD_TOKEN, old.clone())]);
        self.sessions.extend([(HALF, half), (OLD_TOKEN, old)]);
    }

    /// A name that nothing has yet.
    pub fn fresh_name(&self) -> String {
        format!("fresh-{}", self.count.fetch_add(1, Ordering::Relaxed))
    }

    /// An address from which nobody comes.
    pub fn fresh_network(&self) -> String {
        format!("198.51.100.{}", self.count.fetch_add(1, Ordering::Relaxed) % 256)
    }

    /// A ban for a moment, by its id; of loopback it is held.
    pub async fn fresh_ban(&self, network: &str) -> String {
        let new = json!({ "network": network, "kind": "sign_in", "reason": "walked into", "for_s": 60 });
        let made = self.admin.post("/api/security/bans", new).await.json();
        made["id"].as_str().expect("an id").to_owned()
    }

    /// A decoy token, by its id.
    pub async fn fresh_decoy(&self) -> String {
        let new = json!({ "name": self.fresh_name() });
        let made = self.admin.post("/api/security/decoys", new).await.json();
        made["id"].as_str().expect("an id").to_owned()
    }

    /// A lockout that holds, of a name that nobody has.
    pub async fn fresh_lockout(&self) -> String {
        // From no address, so that nobody is banned for it.
        let trail = Trail::default();
        let name = self.fresh_name();
        for _ in 0..5 {
            let sign_in = SignIn {
                username: name.clone(),
                password: "wrong".into(),
                remember_me: false,
                device: None,
            };
            drop(self.room.host.identity.sign_in(&trail, sign_in).await);
        }
        let listed = self.admin.get("/api/lockouts?limit=500").await.json();
        let last = listed["items"].as_array().and_then(|items| items.last());
        last.expect("a lockout")["id"].as_str().expect("an id").to_owned()
    }

    /// A session of somebody else, and whose it is.
    pub async fn fresh_session(&self) -> (UserId, SessionId) {
        let name = self.fresh_name();
        let user = self.room.account(&name, "viewer").await;
        let sign_in = SignIn {
            username: name,
            password: PASSWORD.into(),
            remember_me: false,
            device: None,
        };
        let identity = &self.room.host.identity;
        let signed_in = identity.sign_in(&Trail::default(), sign_in).await;
        (user, signed_in.expect("a session").session.id)
    }

    /// A name that no role has.
    pub fn fresh_role_name(&self) -> String {
        self.fresh_name().to_lowercase().replace('_', "-")
    }

    /// A role that nobody holds.
    pub async fn fresh_role(&self) -> String {
        let name = self.fresh_role_name();
        let role = json!({ "name": name, "role": { "permissions": ["nodes:read"] } });
        let made = self.admin.post("/api/roles", role).await;
        assert_eq!(made.status, 201, "{}", made.text());
        name
    }

    /// A role that somebody was given.
    pub async fn fresh_grant(&self) -> String {
        let grant = json!({ "user": self.somebody, "role": self.fresh_role().await });
        let given = self.admin.post("/api/grants", grant).await.json();
        given["id"].as_str().expect("an id").to_owned()
    }

    /// A group of nobody, by its id.
    pub async fn fresh_group(&self) -> String {
        let group = json!({ "name": self.fresh_role_name() });
        let made = self.admin.post("/api/groups", group).await.json();
        made["id"].as_str().expect("an id").to_owned()
    }

    /// Where somebody is in a group.
    pub async fn fresh_member(&self) -> String {
        let path = format!("/api/groups/{}/members", self.fresh_group().await);
        let added = self.admin.post(&path, json!({ "user": self.somebody })).await;
        assert_eq!(added.status, 201, "{}", added.text());
        format!("{path}/{}", self.somebody)
    }

    /// Where a group holds a role.
    pub async fn fresh_group_grant(&self) -> String {
        let path = format!("/api/groups/{}/grants", self.fresh_group().await);
        let given = self.admin.post(&path, json!({ "role": "viewer" })).await.json();
        format!("{path}/{}", given["grants"][0]["id"].as_str().expect("an id"))
    }

    /// A lock that holds.
    pub async fn fresh_lock(&self) -> String {
        let target = format!("user:{}", self.somebody);
        let lock = json!({ "target": target, "for_s": 600, "reason": "walked into" });
        let made = self.admin.post("/api/locks", lock).await.json();
        made["id"].as_str().expect("an id").to_owned()
    }

    /// An invitation that waits.
    pub async fn fresh_invitation(&self) -> String {
        let role = json!({ "role": "viewer" });
        let made = self.admin.post("/api/users/invitations", role).await.json();
        made["id"].as_str().expect("an id").to_owned()
    }

    /// A server of its own, and its name.
    pub async fn fresh_server(&self) -> (String, String) {
        let name = self.fresh_name();
        (self.room.server(&self.admin, &name, "true").await, name)
    }

    /// A machine's request that waits, and its poll secret.
    pub async fn fresh_request(&self) -> (String, String) {
        let machine = Machine::new(&self.fresh_name());
        let ticket = machine.request(&self.admin, None).await.json();
        let text = |name: &str| ticket[name].as_str().expect("a text").to_owned();
        (text("id"), text("poll_secret"))
    }

    /// A heartbeat of a node that has no link, and the header that proves it.
    pub async fn fresh_heartbeat(&self) -> (Value, String) {
        let machine = Machine::new(&self.fresh_name());
        let ticket = machine.request(&self.admin, None).await.json();
        let text = |name: &str| ticket[name].as_str().expect("a text").to_owned();
        let (id, secret) = (text("id"), text("poll_secret"));
        let approve = format!("/api/cluster/requests/{id}/approve");
        self.admin.post(&approve, json!({ "words_match": true })).await;
        let check = self
            .admin
            .request(Method::GET, &format!("/api/cluster/check-approval/{id}"))
            .header("x-poll-secret", secret);
        let papers = self
            .admin
            .send(check.body(Body::empty()).expect("a request"))
            .await;
        let token = papers.json()["papers"]["token"]
            .as_str()
            .expect("a token")
            .to_owned();
        machine.heartbeat(&token)
    }

    /// A node that was let in and never came.
    pub async fn fresh_node(&self) -> String {
        self.fresh_named_node().await.0
    }

    /// Its id and its name.
    pub async fn fresh_named_node(&self) -> (String, String) {
        let (id, _) = self.fresh_request().await;
        let path = format!("/api/cluster/requests/{id}/approve");
        let decided = self
            .admin
            .post(&path, json!({ "words_match": true }))
            .await
            .json();
        let text = |name: &str| decided["request"][name].as_str().expect("a text").to_owned();
        (text("node"), text("name"))
    }

    /// An operation that came to nothing: the room's own node refuses to go down.
    pub async fn ended_operation(&self) -> String {
        let path = format!("/api/nodes/{}", self.node);
        let name = self.admin.get(&path).await.json()["name"].clone();
        let restart = self
            .admin
            .post(&format!("{path}/restart"), json!({ "confirm_name": name }))
            .await;
        assert!([202, 409].contains(&restart.status), "{}", restart.text());
        let node = self.node.parse().expect("an id");
        loop {
            let last = self
                .room
                .host
                .fleet
                .last_operation(node, OffsetDateTime::UNIX_EPOCH)
                .await;
            let last = last.expect("a database").expect("an operation");
            if last.state != OperationState::Underway {
                return last.id.to_string();
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// A join token that nobody has used.
    pub async fn fresh_join_token(&self) -> String {
        let made = self.admin.post("/api/cluster/tokens", json!({})).await.json();
        made["id"].as_str().expect("an id").to_owned()
    }

    pub fn by_token(&self, walker: &str) -> Visitor {
        held(&self.tokens, walker)
    }

    pub fn by_session(&self, walker: &str) -> Visitor {
        held(&self.sessions, walker)
    }

    /// A walker whose session may end with the request.
    pub async fn by_fresh_session(&self, walker: &str) -> Visitor {
        match walker {
            "stranger" => self.room.stranger(),
            HALF | OLD_TOKEN => self.by_session(walker),
            role => self.room.signed_in(&self.fresh_name(), role).await,
        }
    }

    /// The id of a token of this account.
    pub async fn fresh_token_of(&self, owner: UserId) -> String {
        let before = self.all_tokens().await;
        self.room.token(owner, false).await;
        let after = self.all_tokens().await;
        after
            .into_iter()
            .find(|id| !before.contains(id))
            .expect("a new token")
    }

    async fn all_tokens(&self) -> Vec<String> {
        let page = self.admin.get("/api/tokens?limit=500").await.json();
        let items = page["items"].as_array().expect("items").iter();
        items
            .map(|token| token["id"].as_str().expect("an id").to_owned())
            .collect()
    }

    /// The id of a token of the walker's own, or of somebody's for a stranger.
    pub async fn own_token(&self, walker: &str) -> String {
        let me = self.by_session(walker).get("/api/auth/me").await.json();
        let owner = me["user_id"]
            .as_str()
            .and_then(|id| id.parse().ok())
            .unwrap_or(self.somebody);
        self.fresh_token_of(owner).await
    }

    /// The walker with a form of the entrance, and the token in it.
    pub async fn at_the_entrance(&self, walker: &str) -> (Visitor, String) {
        let mut before = self.room.stranger();
        let token = before.form_token("/login").await;
        let mut visitor = self.by_session(walker);
        visitor.share_cookies(&before);
        visitor.set_csrf(Some(&token));
        (visitor, token)
    }
}

fn held(walkers: &[(&str, Visitor)], walker: &str) -> Visitor {
    walkers
        .iter()
        .find(|(name, _)| *name == walker)
        .expect("a walker")
        .1
        .clone()
}

impl Asked {
    pub fn by(visitor: Visitor, path: impl Into<String>) -> Self {
        Self {
            visitor,
            method: Method::GET,
            path: path.into(),
            sent: Sent::Nothing,
            header: None,
            on: On::Kind,
            on_way: None,
            done: 200,
            is_to_entrance: false,
            is_endless: false,
        }
    }

    pub fn on(mut self, on: On) -> Self {
        self.on = on;
        self
    }

    pub fn done(mut self, status: u16) -> Self {
        self.done = status;
        self
    }

    pub fn with(mut self, name: &'static str, value: String) -> Self {
        self.header = Some((name, value));
        self
    }

    pub fn endless(mut self) -> Self {
        self.is_endless = true;
        self
    }

    pub fn over(mut self, permission: Permission) -> Self {
        self.on_way = Some(permission);
        self
    }

    pub fn json(mut self, json: Value) -> Self {
        self.sent = Sent::Json(json);
        self
    }

    pub fn report(mut self, report: Value) -> Self {
        self.sent = Sent::Report(report);
        self
    }

    pub fn form(mut self, fields: Vec<(&'static str, String)>) -> Self {
        self.sent = Sent::Form(fields);
        self
    }
}
