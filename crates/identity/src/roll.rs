//! The roll: accounts, live sessions and tokens in memory, so that a request is recognised without the database.
//!
//! One person is always replaced as a whole by what the database says of them: account, grants, sessions
//! and tokens. Nothing here is changed on its own, so the roll cannot drift from what is committed.

mod build;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use dashmap::DashMap;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use time::OffsetDateTime;
use watchroom_kit::HashedAlready;
use watchroom_model::{CallSign, DisplayName, EmailAddress, SessionId, TokenId, UserId, UserName};
use watchroom_policy::{Grant, PermissionSet, SecondFactor};
use watchroom_store::{Store, StoreError};

use crate::config::Config;
use crate::digest::Digest;
use crate::entity::{grant, group_member, passkey, recovery_code, session, token, totp_factor, user};
use crate::factors::{Passkey, TotpFactor, standing};
use crate::groups::{Groups, Membership};
use crate::locks::Book;
use crate::roles::Roles;
use crate::sessions::Session;
use crate::stamp;
use crate::tokens::Bearer;
use crate::users::{UserStatus, held_everywhere};

/// A person, as the rest of the crate reads them.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) id: UserId,
    pub(crate) name: UserName,
    pub(crate) display_name: DisplayName,
    pub(crate) email: Option<EmailAddress>,
    pub(crate) call_sign: Option<CallSign>,
    pub(crate) password_hash: Option<Arc<str>>,
    pub(crate) status: UserStatus,
    /// The groups they are in.
    pub(crate) groups: Vec<Membership>,
    /// All they were given, themselves or by a group, whether a lock is on it or not: what others are measured by.
    pub(crate) grants: Vec<Grant>,
    /// Those of them whose role is not locked: what they may use.
    pub(crate) usable: Vec<Grant>,
    /// Until when a lock keeps them out.
    pub(crate) locked_until: Option<OffsetDateTime>,
    pub(crate) created_at: OffsetDateTime,
    pub(crate) last_sign_in: Option<OffsetDateTime>,
    pub(crate) factors: Vec<TotpFactor>,
    pub(crate) passkeys: Vec<Passkey>,
    pub(crate) recovery: Vec<Digest>,
    /// Whether a role of theirs requires a second factor.
    pub(crate) requires_second_factor: bool,
}

impl Account {
    /// How whoever has proven a second factor of this account, or not, stands with it now.
    pub(crate) fn standing(&self, is_proven: bool) -> SecondFactor {
        standing(is_proven, self.has_factor(), self.requires_second_factor)
    }

    /// Whether they have any second factor.
    pub(crate) fn has_factor(&self) -> bool {
        !self.factors.is_empty() || !self.passkeys.is_empty()
    }
}

/// What the configuration says of people.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    /// How long a session lives without an act.
    pub(crate) idle: Duration,
    /// The roles that require a second factor.
    pub(crate) required_roles: Vec<String>,
}

/// Everything about one person, built from rows.
pub(crate) struct Person {
    account: Arc<Account>,
    sessions: HashMap<Digest, Arc<Session>>,
    tokens: HashMap<Digest, Arc<Bearer>>,
}

/// Where a person's sessions and tokens are found, to take them off the roll again.
#[derive(Debug)]
struct Entry {
    account: Arc<Account>,
    sessions: Vec<(SessionId, Digest)>,
    tokens: Vec<(TokenId, Digest)>,
}

/// Everybody.
#[derive(Debug)]
pub(crate) struct Roll {
    people: DashMap<UserId, Entry>,
    /// By folded name.
    names: DashMap<String, UserId>,
    /// Whose passkeys they are, by what their authenticators call them.
    passkeys: DashMap<Arc<str>, UserId>,
    sessions: DashMap<Digest, Arc<Session>, HashedAlready>,
    session_ids: DashMap<SessionId, Digest>,
    tokens: DashMap<Digest, Arc<Bearer>, HashedAlready>,
    token_ids: DashMap<TokenId, Digest>,
    rules: Rules,
    ground: RwLock<Arc<Ground>>,
}

/// What everybody is built on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ground {
    /// What is locked.
    pub(crate) locks: Book,
    /// What roles give.
    pub(crate) roles: Roles,
    /// What groups hold.
    pub(crate) groups: Groups,
}

impl Roll {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            people: DashMap::new(),
            names: DashMap::new(),
            passkeys: DashMap::new(),
            sessions: DashMap::default(),
            session_ids: DashMap::new(),
            tokens: DashMap::default(),
            token_ids: DashMap::new(),
            rules: Rules {
                idle: Duration::from_secs(u64::from(config.session.idle_s)),
                required_roles: config.second_factors.required_roles.clone(),
            },
            ground: RwLock::default(),
        }
    }

    /// What is locked, what roles give, and what groups hold.
    pub(crate) fn ground(&self) -> Arc<Ground> {
        Arc::clone(&self.ground.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes in what is locked, what roles give, or what groups hold. Who is on the roll is built anew by whoever calls this.
    pub(crate) fn change_ground(&self, change: impl FnOnce(&mut Ground)) {
        let mut held = self.ground.write().unwrap_or_else(PoisonError::into_inner);
        let mut ground = Ground::clone(&held);
        change(&mut ground);
        *held = Arc::new(ground);
    }

    pub(crate) fn has_accounts(&self) -> bool {
        !self.people.is_empty()
    }

    pub(crate) fn account(&self, user: UserId) -> Option<Arc<Account>> {
        self.people.get(&user).map(|entry| Arc::clone(&entry.account))
    }

    /// The account of a name as typed, whatever its case.
    pub(crate) fn named(&self, name: &str) -> Option<Arc<Account>> {
        let user = *self.names.get(&name.to_ascii_lowercase())?;
        self.account(user)
    }

    /// Whoever has this address, whatever its case. Addresses are looked for so seldom that there is no index of them.
    pub(crate) fn with_email(&self, email: &EmailAddress) -> Vec<Arc<Account>> {
        let is_theirs = |account: &Account| {
            let own = account.email.as_ref();
            own.is_some_and(|own| own.as_str().eq_ignore_ascii_case(email.as_str()))
        };
        let people = self.people.iter();
        people
            .filter(|entry| is_theirs(&entry.account))
            .map(|entry| Arc::clone(&entry.account))
            .collect()
    }

    /// Everybody of whom this is so.
    pub(crate) fn accounts(&self, is_so: impl Fn(&Account) -> bool) -> Vec<Arc<Account>> {
        let people = self.people.iter();
        people
            .filter(|entry| is_so(&entry.account))
            .map(|entry| Arc::clone(&entry.account))
            .collect()
    }

    /// Whose passkey it is, by what its authenticator calls it.
    pub(crate) fn with_passkey(&self, credential_id: &str) -> Option<Arc<Account>> {
        let user = *self.passkeys.get(credential_id)?;
        let account = self.account(user)?;
        let is_theirs = account
            .passkeys
            .iter()
            .any(|key| *key.credential_id == *credential_id);
        is_theirs.then_some(account)
    }

    pub(crate) fn session(&self, cookie: Digest) -> Option<Arc<Session>> {
        self.sessions.get(&cookie).map(|session| Arc::clone(&session))
    }

    pub(crate) fn session_by_id(&self, id: SessionId) -> Option<Arc<Session>> {
        let digest = *self.session_ids.get(&id)?;
        self.session(digest)
    }

    pub(crate) fn sessions_of(&self, user: UserId) -> Vec<Arc<Session>> {
        let digests: Vec<Digest> = self
            .people
            .get(&user)
            .map(|entry| entry.sessions.iter().map(|(_, digest)| *digest).collect())
            .unwrap_or_default();
        digests
            .into_iter()
            .filter_map(|digest| self.session(digest))
            .collect()
    }

    /// Those who hold every permission, with the addresses from which their live sessions began.
    pub(crate) fn administrators_at(&self, now: i64) -> Vec<(UserName, IpAddr)> {
        let of_session = |session: &Session| {
            // Who knows a password alone is no administrator yet, and no address is spared for them.
            let is_admin = !session.principal.proof.second_factor.is_lacking()
                && held_everywhere(&session.principal) == PermissionSet::ALL;
            let account = self
                .account(session.user)
                .filter(|_| is_admin && !session.is_over(now))?;
            Some((account.name.clone(), session.source_ip?))
        };
        let sessions = self.sessions.iter();
        sessions.filter_map(|session| of_session(&session)).collect()
    }

    pub(crate) fn token(&self, secret: Digest) -> Option<Arc<Bearer>> {
        self.tokens.get(&secret).map(|token| Arc::clone(&token))
    }

    pub(crate) fn token_by_id(&self, id: TokenId) -> Option<Arc<Bearer>> {
        let digest = *self.token_ids.get(&id)?;
        self.token(digest)
    }

    /// Puts one person on the roll as committed, or takes them off it.
    pub(crate) async fn reread(&self, store: &Store, id: UserId) -> Result<(), StoreError> {
        let text = id.to_string();
        let tx = store.read().await?;
        let Some(row) = tx.one(user::Entity::find_by_id(text.clone())).await? else {
            self.forget(id);
            return Ok(());
        };
        let rows = build::Rows {
            user: row,
            grants: tx
                .all(grant::Entity::find().filter(grant::Column::UserId.eq(text.clone())))
                .await?,
            memberships: tx
                .all(group_member::Entity::find().filter(group_member::Column::UserId.eq(text.clone())))
                .await?,
            sessions: tx
                .all(session::Entity::find().filter(session::Column::UserId.eq(text.clone())))
                .await?,
            tokens: tx
                .all(
                    token::Entity::find()
                        .filter(live_tokens())
                        .filter(token::Column::Owner.eq(text.clone())),
                )
                .await?,
            factors: tx
                .all(totp_factor::Entity::find().filter(totp_factor::Column::UserId.eq(text.clone())))
                .await?,
            passkeys: tx
                .all(passkey::Entity::find().filter(passkey::Column::UserId.eq(text.clone())))
                .await?,
            recovery: tx
                .all(recovery_code::Entity::find().filter(recovery_code::Column::UserId.eq(text)))
                .await?,
        };
        self.put(&build::person(rows, &self.rules, &self.ground())?);
        Ok(())
    }

    /// Puts everybody on the roll as committed.
    pub(crate) async fn reread_all(&self, store: &Store) -> Result<(), StoreError> {
        let ground = self.ground();
        let tx = store.read().await?;
        let mut grants = grouped(tx.all(grant::Entity::find()).await?, |row| row.user_id.clone());
        let memberships = tx.all(group_member::Entity::find()).await?;
        let mut memberships = grouped(memberships, |row| row.user_id.clone());
        let mut sessions = grouped(tx.all(session::Entity::find()).await?, |row| row.user_id.clone());
        let tokens = tx.all(token::Entity::find().filter(live_tokens())).await?;
        let mut tokens = grouped(tokens, |row| row.owner.clone());
        let mut factors = grouped(tx.all(totp_factor::Entity::find()).await?, |row| {
            row.user_id.clone()
        });
        let mut passkeys = grouped(tx.all(passkey::Entity::find()).await?, |row| row.user_id.clone());
        let mut recovery = grouped(tx.all(recovery_code::Entity::find()).await?, |row| {
            row.user_id.clone()
        });
        let mut seen = std::collections::HashSet::new();
        for row in tx.all(user::Entity::find()).await? {
            let rows = build::Rows {
                grants: grants.remove(&row.id).unwrap_or_default(),
                memberships: memberships.remove(&row.id).unwrap_or_default(),
                sessions: sessions.remove(&row.id).unwrap_or_default(),
                tokens: tokens.remove(&row.id).unwrap_or_default(),
                factors: factors.remove(&row.id).unwrap_or_default(),
                passkeys: passkeys.remove(&row.id).unwrap_or_default(),
                recovery: recovery.remove(&row.id).unwrap_or_default(),
                user: row,
            };
            let person = build::person(rows, &self.rules, &ground)?;
            seen.insert(person.account.id);
            self.put(&person);
        }
        let gone: Vec<UserId> = self
            .people
            .iter()
            .map(|entry| *entry.key())
            .filter(|id| !seen.contains(id))
            .collect();
        gone.into_iter().for_each(|id| self.forget(id));
        Ok(())
    }

    /// Whose session it is or was.
    pub(crate) async fn owner_of_session(
        &self,
        store: &Store,
        id: SessionId,
    ) -> Result<Option<UserId>, StoreError> {
        if let Some(session) = self.session_by_id(id) {
            return Ok(Some(session.user));
        }
        let row = store
            .read()
            .await?
            .one(session::Entity::find_by_id(id.to_string()))
            .await?;
        row.map(|row| build::parsed("sessions", "user_id", &row.user_id))
            .transpose()
    }

    /// Whose token it is or was.
    pub(crate) async fn owner_of_token(
        &self,
        store: &Store,
        id: TokenId,
    ) -> Result<Option<UserId>, StoreError> {
        if let Some(bearer) = self.token_by_id(id) {
            return Ok(Some(bearer.owner));
        }
        let row = store
            .read()
            .await?
            .one(token::Entity::find_by_id(id.to_string()))
            .await?;
        row.map(|row| build::parsed("tokens", "owner", &row.owner))
            .transpose()
    }

    /// Takes a person with all sessions and tokens off the roll.
    pub(crate) fn forget(&self, id: UserId) {
        if let Some((_, entry)) = self.people.remove(&id) {
            self.names
                .remove_if(&entry.account.name.folded(), |_, holder| *holder == id);
            self.take_off_passkeys(&entry.account, |_| false);
            self.take_off(&entry, |_| false, |_| false);
        }
    }

    fn put(&self, person: &Person) {
        let id = person.account.id;
        let entry = Entry {
            sessions: person
                .sessions
                .iter()
                .map(|(digest, session)| (session.id, *digest))
                .collect(),
            tokens: person
                .tokens
                .iter()
                .map(|(digest, token)| (token.id, *digest))
                .collect(),
            account: Arc::clone(&person.account),
        };
        // New ones first, stale ones after: at no instant is a live session or token missing.
        for (digest, session) in &person.sessions {
            if let Some(before) = self.session_by_id(session.id) {
                session.carry_over(&before);
            }
            self.sessions.insert(*digest, Arc::clone(session));
            self.session_ids.insert(session.id, *digest);
        }
        for (digest, token) in &person.tokens {
            if let Some(before) = self.token(*digest) {
                token.carry_over(&before);
            }
            self.tokens.insert(*digest, Arc::clone(token));
            self.token_ids.insert(token.id, *digest);
        }
        for key in &person.account.passkeys {
            self.passkeys.insert(Arc::clone(&key.credential_id), id);
        }
        self.names.insert(person.account.name.folded(), id);
        if let Some(before) = self.people.insert(id, entry) {
            if before.account.name.folded() != person.account.name.folded() {
                self.names
                    .remove_if(&before.account.name.folded(), |_, holder| *holder == id);
            }
            let kept = &person.account.passkeys;
            self.take_off_passkeys(&before.account, |id| {
                kept.iter().any(|key| *key.credential_id == *id)
            });
            self.take_off(
                &before,
                |digest| person.sessions.contains_key(digest),
                |digest| person.tokens.contains_key(digest),
            );
        }
    }

    fn take_off_passkeys(&self, account: &Account, keeps: impl Fn(&str) -> bool) {
        for key in account.passkeys.iter().filter(|key| !keeps(&key.credential_id)) {
            self.passkeys
                .remove_if(&key.credential_id, |_, holder| *holder == account.id);
        }
    }

    fn take_off(
        &self,
        entry: &Entry,
        keeps_session: impl Fn(&Digest) -> bool,
        keeps_token: impl Fn(&Digest) -> bool,
    ) {
        for (id, digest) in entry.sessions.iter().filter(|(_, digest)| !keeps_session(digest)) {
            self.sessions.remove(digest);
            self.session_ids.remove_if(id, |_, held| held == digest);
        }
        for (id, digest) in entry.tokens.iter().filter(|(_, digest)| !keeps_token(digest)) {
            self.tokens.remove(digest);
            self.token_ids.remove_if(id, |_, held| held == digest);
        }
    }
}

fn live_tokens() -> sea_orm::Condition {
    sea_orm::Condition::all().add(token::Column::RevokedAt.is_null())
}

fn grouped<R>(rows: Vec<R>, by: impl Fn(&R) -> String) -> HashMap<String, Vec<R>> {
    let mut groups: HashMap<String, Vec<R>> = HashMap::new();
    for row in rows {
        groups.entry(by(&row)).or_default().push(row);
    }
    groups
}

/// When a stored time may be absent.
pub(crate) fn moment(micros: Option<i64>) -> Option<OffsetDateTime> {
    micros.map(stamp::at)
}
