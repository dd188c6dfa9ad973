//! A room of one's own: a real store in a temporary folder, a clock turned by hand, cheap hashes.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sea_orm::{EntityTrait, QueryOrder};
use time::macros::datetime;
use watchroom_identity::{
    Config, CreateUserError, Identity, NewToken, NewUser, OpenError, Place, SetUp, SharedKey, SignIn,
    SignInError, SignedIn, TokenKind, UserView, Vault, VaultError,
};
use watchroom_kit::{Ambient, Clock, Entropy, SecretString, Tasks};
use watchroom_mail::config::Protection;
use watchroom_mail::{Mail, Pace, Seal, SealError};
use watchroom_model::{DecisionId, UserId};
use watchroom_policy::{
    Act, Ask, Permit, Principal, Refusal, Resource, ResourceKind, Target, Trail, act, decide,
};
use watchroom_store::{Settings, Store};
use watchroom_testkit_folder::Folder;

/// A password that breaks no rule.
pub const PASSWORD: &str = "Teal-Otter7 drums";

/// What the browser in these stories calls itself.
pub const BROWSER: &str = "Browser/1.0";

/// The outbox as it lies in the database.
mod outbox {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "letters")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub kind: String,
        pub content: String,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub struct Room {
    pub identity: Identity,
    pub store: Store,
    pub ambient: Ambient,
    pub config: Config,
    folder: Folder,
}

/// A vault that binds to key and place as a real one does, and hides nothing from whoever looks twice.
#[derive(Debug)]
pub struct Drawer;

impl Vault for Drawer {
    fn seal(&self, key: &str, place: Place<'_>, text: &SecretString) -> Result<String, VaultError> {
        let hidden: String = text_of(text)
            .bytes()
            .map(|byte| format!("{:02x}", byte ^ 0x5a))
            .collect();
        Ok(format!(
            "{key}.{}.{}.{}.{hidden}",
            place.table, place.row, place.column
        ))
    }

    fn open(&self, place: Place<'_>, sealed: &str) -> Result<SecretString, VaultError> {
        let bound = format!(".{}.{}.{}.", place.table, place.row, place.column);
        let foreign = || VaultError("sealed elsewhere".into());
        let (_, hidden) = sealed.split_once(&bound).ok_or_else(foreign)?;
        let byte = |at| u8::from_str_radix(hidden.get(at..at + 2)?, 16).ok();
        let bytes: Option<Vec<u8>> = (0..hidden.len()).step_by(2).map(byte).collect();
        let bytes = bytes.ok_or_else(foreign)?.into_iter().map(|byte| byte ^ 0x5a);
        let text = String::from_utf8(bytes.collect()).map_err(|_| foreign())?;
        Ok(text.into())
    }
}

impl Seal for Drawer {
    fn seal(&self, letter: &str, text: &SecretString) -> Result<String, SealError> {
        let sealed = Vault::seal(self, "letters", content_of(letter), text);
        sealed.map_err(|error| SealError(error.to_string()))
    }

    fn open(&self, letter: &str, sealed: &str) -> Result<SecretString, SealError> {
        let opened = Vault::open(self, content_of(letter), sealed);
        opened.map_err(|error| SealError(error.to_string()))
    }
}

fn content_of(letter: &str) -> Place<'_> {
    Place {
        table: "letters",
        row: letter,
        column: "content",
    }
}

/// Mail towards a server that is not there: what is written waits in the outbox.
pub fn mail_of(store: &Store, ambient: &Ambient) -> Mail {
    let config = watchroom_mail::Config {
        server: Some("127.0.0.1".into()),
        port: Some(1),
        protection: Protection::None,
        from: Some("watchroom@host.example".parse().unwrap()),
        panel_url: Some("https://host.example".into()),
        ..watchroom_mail::Config::default()
    };
    Mail::open(
        store.clone(),
        config,
        Arc::new(Drawer),
        Pace::default(),
        ambient.clone(),
    )
    .unwrap()
}

/// The cheapest hashes Argon2 has.
pub fn cheap() -> Config {
    let mut config = Config::default();
    config.hashing.memory_kib = 8;
    config.hashing.passes = 1;
    config.hashing.busy_delay_ms = 20;
    // Most stories are of other things; those of second factors say who needs one.
    config.second_factors.required_roles = Vec::new();
    config
}

/// What the Hosts of these stories share.
pub fn shared_key() -> SharedKey {
    SharedKey::new([7; 32])
}

impl Room {
    pub async fn open() -> Self {
        Self::with(cheap()).await
    }

    pub async fn with(config: Config) -> Self {
        let clock = Clock::manual(datetime!(2026-05-04 08:00 UTC));
        let ambient = Ambient {
            clock,
            entropy: Entropy::system(),
            tasks: Tasks::new(),
        };
        let folder = Folder::new();
        let store = Store::open(Settings::within(folder.path()), ambient.clone())
            .await
            .unwrap();
        let identity = Identity::open(
            store.clone(),
            config.clone(),
            (Arc::new(Drawer), mail_of(&store, &ambient)),
            shared_key(),
            ambient.clone(),
        )
        .await
        .unwrap();
        Self {
            identity,
            store,
            ambient,
            config,
            folder,
        }
    }

    /// The same room with a set-up done by alice, the administrator, and her session.
    pub async fn with_admin() -> (Self, SignedIn) {
        let room = Self::open().await;
        let alice = room.set_up("alice").await;
        (room, alice)
    }

    pub async fn set_up(&self, name: &str) -> SignedIn {
        let code = self
            .identity
            .setup_code()
            .await
            .unwrap()
            .expect("nobody is there yet")
            .code;
        self.identity.set_up(&trail(), set_up(name, code)).await.unwrap()
    }

    /// Another process on the same store: what it knows it has from the database alone.
    pub async fn another(&self) -> Identity {
        self.try_another().await.unwrap()
    }

    pub async fn try_another(&self) -> Result<Identity, OpenError> {
        Identity::open(
            self.store.clone(),
            self.config.clone(),
            (Arc::new(Drawer), mail_of(&self.store, &self.ambient)),
            shared_key(),
            self.ambient.clone(),
        )
        .await
    }

    pub fn permit<A: Act>(
        &self,
        who: &Arc<Principal>,
        act: A,
        on: &impl Target,
    ) -> Result<Permit<A>, Box<Refusal>> {
        let decision = DecisionId::mint(&self.ambient);
        decide(
            &Ask {
                principal: who,
                trail: &trail(),
                decision,
                now: self.ambient.now(),
            },
            act,
            on,
        )
    }

    /// An account made over the Unix socket.
    pub async fn user(&self, name: &str, role: &str) -> UserView {
        self.try_user(name, role, PASSWORD).await.unwrap()
    }

    pub async fn try_user(
        &self,
        name: &str,
        role: &str,
        password: &str,
    ) -> Result<UserView, CreateUserError> {
        let permit = self
            .permit(&root(), act::CreateUser, &Resource::all(ResourceKind::User))
            .unwrap();
        let new = NewUser {
            name: name.parse().unwrap(),
            role: role.to_owned(),
            password: Some(password.into()),
            display_name: None,
            email: None,
            call_sign: None,
        };
        Ok(self.identity.create_user(&permit, new).await?.user)
    }

    /// Sets where mail reaches somebody, as root on the socket does.
    pub async fn give_email(&self, user: UserId, email: &str) {
        let permit = self
            .permit(&root(), act::ChangeEmail, &Resource::user(user))
            .unwrap();
        let email = Some(email.parse().unwrap());
        self.identity.change_email(&permit, email).await.unwrap();
    }

    /// The kinds of the letters in the outbox, in the order of the alphabet.
    pub async fn letters(&self) -> Vec<String> {
        let rows = self.outbox().await;
        let mut kinds: Vec<_> = rows.into_iter().map(|row| row.kind).collect();
        kinds.sort();
        kinds
    }

    /// The secret in the link of the newest letter of this kind, of those a minute apart.
    pub async fn code_in_letter(&self, kind: &str) -> String {
        let rows = self.outbox().await;
        let row = rows.into_iter().rev().find(|row| row.kind == kind).unwrap();
        let text = text_of(&Seal::open(&Drawer, &row.id, &row.content).unwrap());
        let (_, rest) = text.split_once("#code=").unwrap();
        rest.split_whitespace().next().unwrap().to_owned()
    }

    async fn outbox(&self) -> Vec<outbox::Model> {
        let select = outbox::Entity::find().order_by_asc(outbox::Column::Id);
        self.store.read().await.unwrap().all(select).await.unwrap()
    }

    pub async fn sign_in(&self, name: &str, password: &str) -> Result<SignedIn, SignInError> {
        self.identity.sign_in(&trail(), typed(name, password)).await
    }

    /// A token made over the Unix socket.
    pub async fn token(&self, owner: UserId, new: NewToken) -> String {
        let permit = self
            .permit(&root(), act::CreateToken, &self.identity.draft_token(owner))
            .unwrap();
        text(&self.identity.create_token(&permit, new).await.unwrap().token)
    }

    pub fn pass(&self, minutes: u64) {
        self.ambient.clock.advance(Duration::from_secs(minutes * 60));
    }

    /// Whether any file of the room's state holds this text.
    pub fn holds_anywhere(&self, wanted: &str) -> bool {
        self.holds_anywhere_bytes(wanted.as_bytes())
    }

    pub fn holds_anywhere_bytes(&self, wanted: &[u8]) -> bool {
        let files = files_below(self.folder.path());
        let holds = |bytes: &Vec<u8>| bytes.windows(wanted.len()).any(|window| window == wanted);
        files.iter().any(holds)
    }
}

fn files_below(folder: &Path) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_below(&path));
        } else {
            found.push(std::fs::read(path).unwrap());
        }
    }
    found
}

pub fn root() -> Arc<Principal> {
    Arc::new(Principal::local("root"))
}

pub fn trail() -> Trail {
    trail_from("192.0.2.7")
}

pub fn trail_from(address: &str) -> Trail {
    Trail {
        source_ip: Some(address.parse::<IpAddr>().unwrap()),
        user_agent: Some(BROWSER.into()),
        ..Trail::default()
    }
}

pub fn typed(name: &str, password: &str) -> SignIn {
    SignIn {
        username: name.to_owned(),
        password: password.into(),
        remember_me: false,
        device: None,
    }
}

pub fn set_up(name: &str, code: SecretString) -> SetUp {
    SetUp {
        allowed: Vec::new(),
        code,
        name: name.parse().unwrap(),
        display_name: name.parse().unwrap(),
        password: PASSWORD.into(),
    }
}

pub fn new_token(name: &str) -> NewToken {
    NewToken {
        name: name.parse().unwrap(),
        kind: TokenKind::Personal,
        permissions: None,
        networks: Vec::new(),
        expires_in: None,
        allow_sensitive: false,
    }
}

pub fn text(secret: &SecretString) -> String {
    text_of(secret)
}

fn text_of(secret: &SecretString) -> String {
    use watchroom_kit::ExposeSecret;
    secret.expose_secret().to_owned()
}

/// Waits until something that another task does has happened.
pub async fn eventually(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..1_000 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{what} did not happen within ten seconds");
}
