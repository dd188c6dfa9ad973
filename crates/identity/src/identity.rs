//! The one value that knows who is who: opening it, keeping it true, and what is asked of it on every request.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use sea_orm::EntityTrait;
use tokio::sync::broadcast;
use watchroom_kit::{Ambient, SecretString};
use watchroom_mail::Mail;
use watchroom_model::{DecisionId, UserId, UserName};
use watchroom_policy::{Act, Ask, Permit, Principal, Refusal, Target, Trail, decide};
use watchroom_store::{Changed, Store, StoreError, follow};

use crate::access::AccessKeys;
use crate::csrf::{PreSession, PreSessions, same};
use crate::decoys::Decoys;
use crate::device::Devices;
use crate::entity::{group, group_grant, role};
use crate::events::BACKLOG;
use crate::groups::Groups;
use crate::hashing::{Asking, HashError, HashThreads};
use crate::key::SharedKey;
use crate::links::Asks;
use crate::lockout::Lockouts;
use crate::network::Network;
use crate::outside::{Failures, Taken};
use crate::roles::Roles;
use crate::roll::Roll;
use crate::sessions::Session;
use crate::set_up::PendingCode;
use crate::signed::Signatures;
use crate::{Config, Directory, EntranceEvent, Vault};

/// Why identity could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The hash threads could not start.
    #[error("passwords cannot be hashed: {0}; lower identity.hashing.memory_kib or free memory")]
    Hashing(#[source] HashError),
    /// A key file for access tokens cannot be used.
    #[error("access tokens cannot be signed: {0}")]
    AccessKey(String),
    /// Nobody who may mend that could sign in.
    #[error(
        "no administrator could sign in: none has a way in that is switched on; set identity.methods.password = true, or \
         switch the passkeys, provider, directory or links back on by which one of them signs in"
    )]
    LockedOut,
    /// The store could not be read.
    #[error("accounts, sessions and tokens cannot be read: {0}")]
    Store(#[from] StoreError),
}

/// Accounts, sessions and tokens. Cloning is cheap and shares them.
#[derive(Clone, Debug)]
pub struct Identity {
    pub(crate) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) store: Store,
    pub(crate) config: Config,
    pub(crate) ambient: Ambient,
    pub(crate) vault: Arc<dyn Vault>,
    pub(crate) mail: Mail,
    pub(crate) roll: Roll,
    pub(crate) hashing: HashThreads,
    pub(crate) lockouts: Lockouts,
    /// Held while a code is compared and a wrong one counted, so that tries side by side gain nothing.
    pub(crate) comparing: Mutex<()>,
    pub(crate) devices: Devices,
    pub(crate) decoys: Decoys,
    pub(crate) pre_sessions: PreSessions,
    pub(crate) signatures: Signatures,
    pub(crate) access_keys: AccessKeys,
    pub(crate) taken: Taken,
    pub(crate) failures: Failures,
    pub(crate) asks: Asks,
    pub(crate) setup_code: Mutex<Option<PendingCode>>,
    pub(crate) directories: OnceLock<Vec<Arc<dyn Directory>>>,
    pub(crate) events: broadcast::Sender<EntranceEvent>,
    /// Held while rows are read and put on the roll, so that an older reading never replaces a newer one.
    rereading: tokio::sync::Mutex<()>,
}

impl Identity {
    /// Loads users, grants, sessions, tokens and lockouts, starts the hash threads, and follows the store's changes.
    ///
    /// # Errors
    /// [`OpenError`], whose message names the next step.
    pub async fn open(
        store: Store,
        config: Config,
        (vault, mail): (Arc<dyn Vault>, Mail),
        key: SharedKey,
        ambient: Ambient,
    ) -> Result<Self, OpenError> {
        let hashing = HashThreads::start(&config.hashing, &ambient.entropy).map_err(OpenError::Hashing)?;
        let changes = store.changes();
        let inner = Arc::new(Inner {
            roll: Roll::new(&config),
            hashing,
            comparing: Mutex::default(),
            lockouts: Lockouts::new(config.lockout.clone(), &key),
            devices: Devices::new(&key),
            decoys: Decoys::default(),
            pre_sessions: PreSessions::new(&ambient),
            signatures: Signatures::new(&key),
            access_keys: AccessKeys::open(&config.jwt, &key).map_err(OpenError::AccessKey)?,
            taken: Taken::default(),
            failures: Failures::default(),
            asks: Asks::default(),
            setup_code: Mutex::default(),
            directories: OnceLock::new(),
            events: broadcast::Sender::new(BACKLOG),
            rereading: tokio::sync::Mutex::default(),
            store,
            config,
            vault,
            mail,
            ambient,
        });
        let identity = Self { inner };
        identity.read_roles().await?;
        identity.reread_locks().await?;
        identity.reread_lockouts().await?;
        identity.reread_access_keys().await?;
        identity.reread_decoys().await?;
        if !identity.has_way_in().await? {
            return Err(OpenError::LockedOut);
        }
        let follower = identity.clone();
        follow(
            "identity-follow-changes",
            changes,
            &identity.inner.ambient,
            move |change| {
                let follower = follower.clone();
                async move { follower.follow(change).await }
            },
        );
        identity.start_pruning();
        identity.start_pruning_links();
        identity.start_letting_go();
        identity.start_counting_failures();
        Ok(identity)
    }

    /// Whether there is any account yet. Until then there is only the set-up page.
    #[must_use]
    pub fn is_set_up(&self) -> bool {
        self.inner.roll.has_accounts()
    }

    /// What happens at the entrance from now on. A listener that falls far behind misses some.
    #[must_use]
    pub fn events(&self) -> broadcast::Receiver<EntranceEvent> {
        self.inner.events.subscribe()
    }

    /// Who holds every permission and is signed in, and from which address.
    #[must_use]
    pub fn administrators_at(&self) -> Vec<(UserName, IpAddr)> {
        let now = self.inner.ambient.clock.now_micros();
        self.inner.roll.administrators_at(now)
    }

    /// How many doors are locked now.
    #[must_use]
    pub fn locked_doors(&self) -> usize {
        let now = self.inner.ambient.clock.now_micros();
        self.inner.lockouts.locked(now).len()
    }

    /// The hash of a password that somebody may set who has proven so.
    pub(crate) async fn hash_new(&self, password: SecretString, trail: &Trail) -> Result<String, HashError> {
        let now = self.inner.ambient.clock.now_micros();
        self.inner
            .hashing
            .hash(password, Asking::known(trail.source_ip, now))
            .await
    }

    /// How long one hash takes here, when nobody else has one made.
    ///
    /// # Errors
    /// [`HashError::Busy`] if somebody has.
    pub async fn time_a_hash(&self) -> Result<Duration, HashError> {
        let asking = Asking::stranger(Network::Inside, self.inner.ambient.clock.now_micros());
        let turn = self.inner.hashing.turn(asking).await?;
        let began = self.inner.ambient.clock.elapsed();
        let password = self.inner.ambient.entropy.token().into();
        self.inner.hashing.verify(turn, password, None).await?;
        Ok(self.inner.ambient.clock.elapsed().saturating_sub(began))
    }

    /// What a person signs in with, for showing entries of the audit log, which names people by id.
    #[must_use]
    pub fn name_of(&self, user: UserId) -> Option<UserName> {
        self.inner.roll.account(user).map(|account| account.name.clone())
    }

    /// The account of that name, whatever its case. Whoever asks learns who exists: only for callers with leave
    /// to act on others' accounts.
    #[must_use]
    pub fn id_of(&self, name: &UserName) -> Option<UserId> {
        self.inner.roll.named(name.as_str()).map(|account| account.id)
    }

    /// The value of `csrf_token` for forms of this session.
    #[must_use]
    pub fn csrf_token(&self, session: &Session) -> String {
        session.csrf().to_owned()
    }

    /// Whether a form or request carries this session's token. Takes the same time wherever they differ.
    #[must_use]
    pub fn check_csrf(&self, session: &Session, token: &str) -> bool {
        same(session.csrf(), token)
    }

    /// A new pre-session, for the sign-in and set-up forms; it holds for an hour.
    #[must_use]
    pub fn pre_session(&self) -> PreSession {
        self.inner.pre_sessions.make()
    }

    /// The form token of a pre-session cookie that the browser already has, if it still holds.
    #[must_use]
    pub fn pre_session_token(&self, cookie: &str) -> Option<String> {
        self.inner.pre_sessions.token(cookie)
    }

    /// Whether a form's token belongs to the browser's pre-session.
    #[must_use]
    pub fn check_pre_session(&self, cookie: &str, token: &str) -> bool {
        self.inner.pre_sessions.check(cookie, token)
    }

    /// Asks the evaluator in the name of `principal`.
    pub(crate) fn permit<A: Act>(
        &self,
        principal: &Arc<Principal>,
        trail: &Trail,
        act: A,
        on: &impl Target,
    ) -> Result<Permit<A>, Box<Refusal>> {
        let decision = DecisionId::mint(&self.inner.ambient);
        decide(
            &Ask {
                principal,
                trail,
                decision,
                now: self.inner.ambient.now(),
            },
            act,
            on,
        )
    }

    /// Puts what is committed about one person on the roll. Where that cannot be read the person is off the
    /// roll until it can: whoever has just been disabled or signed out must not stay.
    pub(crate) async fn reread(&self, user: UserId) -> Result<(), StoreError> {
        let _turn = self.inner.rereading.lock().await;
        let read = self.inner.roll.reread(&self.inner.store, user).await;
        if read.is_err() {
            self.inner.roll.forget(user);
        }
        read
    }

    pub(crate) async fn reread_all(&self) -> Result<(), StoreError> {
        let _turn = self.inner.rereading.lock().await;
        self.inner.roll.reread_all(&self.inner.store).await
    }

    /// Takes in all locks that hold, and then everybody on whom they might be.
    pub(crate) async fn reread_locks(&self) -> Result<(), StoreError> {
        let _turn = self.inner.rereading.lock().await;
        self.read_locks().await?;
        self.inner.roll.reread_all(&self.inner.store).await
    }

    /// Takes in what roles give and groups hold, and then everybody who may hold them.
    pub(crate) async fn reread_roles(&self) -> Result<(), StoreError> {
        let _turn = self.inner.rereading.lock().await;
        self.read_roles().await?;
        self.inner.roll.reread_all(&self.inner.store).await
    }

    async fn read_roles(&self) -> Result<(), StoreError> {
        let read = self.inner.store.read().await?;
        let roles = Roles::of(read.all(role::Entity::find()).await?)?;
        let groups = read.all(group::Entity::find()).await?;
        let groups = Groups::of(groups, read.all(group_grant::Entity::find()).await?)?;
        self.inner.roll.change_ground(|ground| {
            ground.roles = roles;
            ground.groups = groups;
        });
        Ok(())
    }

    async fn follow(&self, change: Changed) -> Result<(), StoreError> {
        let (roll, store) = (&self.inner.roll, &self.inner.store);
        let user = match change {
            Changed::Lockout(id) => return self.reread_lockout(id).await,
            Changed::Roles => return self.reread_roles().await,
            Changed::Lock(_) => return self.reread_locks().await,
            Changed::Decoys => return self.reread_decoys().await,
            Changed::Keys => return self.reread_access_keys().await,
            Changed::User(user) => Some(user),
            Changed::Session(session) => roll.owner_of_session(store, session).await?,
            Changed::Token(token) => roll.owner_of_token(store, token).await?,
            Changed::Everything => {
                self.reread_roles().await?;
                self.reread_locks().await?;
                self.reread_lockouts().await?;
                self.reread_access_keys().await?;
                return self.reread_decoys().await;
            }
            Changed::Node(_)
            | Changed::Server(_)
            | Changed::Ban(_)
            | Changed::Authorities
            | Changed::Letters
            | Changed::Audit => None,
        };
        match user {
            Some(user) => self.reread(user).await,
            None => Ok(()),
        }
    }

    pub(crate) fn pending_code(&self) -> std::sync::MutexGuard<'_, Option<PendingCode>> {
        self.inner
            .setup_code
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
