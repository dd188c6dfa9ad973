//! A room of one's own: a real store, an outbox, and whatever mail server the story wants.

use std::sync::Arc;
use std::time::Duration;

use watchroom_kit::ExposeSecret;
use watchroom_kit::{Ambient, SecretString};
use watchroom_mail::config::Protection;
use watchroom_mail::{Config, Content, Link, Mail, MailView, OpenError, Pace, Seal, SealError, SendError};
use watchroom_model::DecisionId;
use watchroom_policy::{Ask, Permit, Principal, Resource, ResourceKind, Trail, act, decide};
use watchroom_store::{Settings, Store, StoreError};
use watchroom_testkit_folder::Folder;
use watchroom_testkit_mail::{MailServer, USER};

/// Quick enough for a story.
pub const QUICK: Pace = Pace {
    patience: Duration::from_secs(2),
    waits: (Duration::from_millis(100), Duration::from_millis(400)),
    gives_up: Duration::from_secs(86_400),
};
const PATIENCE: Duration = Duration::from_secs(40);

pub struct Room {
    pub mail: Mail,
    pub store: Store,
    pub ambient: Ambient,
    folder: Folder,
}

/// Binds to the row as a real one does, and hides nothing from whoever looks twice.
#[derive(Debug)]
struct Drawer;

impl Seal for Drawer {
    fn seal(&self, letter: &str, text: &SecretString) -> Result<String, SealError> {
        let hidden: Vec<String> = text
            .expose_secret()
            .bytes()
            .map(|byte| format!("{:02x}", byte ^ 0x5a))
            .collect();
        Ok(format!("{letter}.{}", hidden.concat()))
    }

    fn open(&self, letter: &str, sealed: &str) -> Result<SecretString, SealError> {
        let foreign = || SealError("sealed elsewhere".into());
        let hidden = sealed
            .strip_prefix(letter)
            .and_then(|rest| rest.strip_prefix('.'));
        let hidden = hidden.ok_or_else(foreign)?;
        let byte = |at: usize| u8::from_str_radix(hidden.get(at..at + 2)?, 16).ok();
        let bytes: Option<Vec<u8>> = (0..hidden.len()).step_by(2).map(byte).collect();
        let bytes = bytes.ok_or_else(foreign)?.into_iter().map(|byte| byte ^ 0x5a);
        let text = String::from_utf8(bytes.collect()).map_err(|_| foreign())?;
        Ok(text.into())
    }
}

/// The configuration for this server.
pub fn towards(server: &MailServer, protection: Protection) -> Config {
    let is_open = protection == Protection::None;
    Config {
        server: Some("127.0.0.1".into()),
        port: Some(server.port()),
        protection,
        ca_file: server.authority(),
        user: (!is_open).then(|| USER.into()),
        password_file: (!is_open).then(|| server.password_file()),
        from: Some("watchroom@host.example".parse().unwrap()),
        panel_url: Some("https://host.example:7443".into()),
    }
}

impl Room {
    pub async fn open(config: Config) -> Self {
        Self::at(config, QUICK).await
    }

    pub async fn at(config: Config, pace: Pace) -> Self {
        Self::on(Folder::new(), config, pace).await
    }

    async fn on(folder: Folder, config: Config, pace: Pace) -> Self {
        drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
        let ambient = Ambient::system();
        let settings = Settings::within(folder.path());
        let store = Store::open(settings, ambient.clone()).await.unwrap();
        let mail = Self::mail(&store, config, pace, &ambient).unwrap();
        Self {
            mail,
            store,
            ambient,
            folder,
        }
    }

    pub fn mail(store: &Store, config: Config, pace: Pace, ambient: &Ambient) -> Result<Mail, OpenError> {
        Mail::open(store.clone(), config, Arc::new(Drawer), pace, ambient.clone())
    }

    /// Ends everything as a crash would, and opens it again with another configuration.
    pub async fn again(self, config: Config) -> Self {
        let folder = self.close().await;
        Self::on(folder, config, QUICK).await
    }

    pub fn permit<A: watchroom_policy::Act>(&self, act: A) -> Permit<A> {
        let ask = Ask {
            principal: &Arc::new(Principal::local("root")),
            trail: &Trail::default(),
            decision: DecisionId::mint(&self.ambient),
            now: self.ambient.now(),
        };
        decide(&ask, act, &Resource::all(ResourceKind::Host)).unwrap()
    }

    /// Puts an invitation into the outbox as a change would.
    pub async fn write(&self, to: &str, code: &str) {
        self.put(to, code, false).await.unwrap();
    }

    /// Puts one there for an address that nobody has.
    pub async fn write_blank(&self, to: &str) {
        self.put(to, "nothing", true).await.unwrap();
    }

    async fn put(&self, to: &str, code: &str, is_blank: bool) -> Result<(), StoreError> {
        let content = Content::SignInLink {
            link: Link {
                path: "/login/magic",
                code: code.into(),
            },
            minutes: 15,
        };
        let to = to.parse().unwrap();
        let draft = match is_blank {
            true => self.mail.blank(&to, &content),
            false => self.mail.draft(&to, None, &content),
        };
        let draft = draft.unwrap().unwrap();
        let permit = self.permit(act::RotateKeys);
        self.store
            .write(&permit, async move |tx| draft.put(tx).await)
            .await
    }

    pub async fn test(&self) -> Result<(), SendError> {
        let to = "ada@home.example".parse().unwrap();
        self.mail.test(&self.permit(act::TestMail), &to).await
    }

    /// Waits until what is shown of mail is so.
    pub async fn until(&self, what: &str, is_so: impl Fn(&MailView) -> bool) -> MailView {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let state = self.mail.state().await.unwrap();
            if is_so(&state) {
                return state;
            }
            assert!(tokio::time::Instant::now() < deadline, "{what}: {state:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub async fn close(self) -> Folder {
        assert!(self.ambient.tasks.shutdown(Duration::from_secs(10)).await);
        self.store.close().await;
        self.folder
    }
}
