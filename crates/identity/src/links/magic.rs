//! Signing in by a link that comes by mail: bound to the browser that asked, and usable in another only with the code that
//! the first one shows.
//!
//! Whoever asks is answered the same whether anybody has the address or not: the same rows are written, and a letter that
//! nobody gets is sealed like one that somebody does.

use std::sync::Arc;

use data_encoding::BASE32_NOPAD;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use watchroom_kit::{ExposeSecret, SecretString};
use watchroom_mail::{Content, Draft};
use watchroom_model::{EmailAddress, GuessId, UserId};
use watchroom_policy::{Principal, Resource, ResourceKind, Trail, act};
use watchroom_store::{Changed, Claimed, Guess, StoreError, WriteTx};

use super::asked::Asking;
use super::{LinkError, LinkKind, NewLink, holding, spend};
use crate::digest::Digest;
use crate::entity::{one_time_link, session, user};
use crate::lockout::Place;
use crate::roll::Account;
use crate::sessions::{NEVER, NewSession, SignedIn};
use crate::sign_in::just_proven;
use crate::users::{UserStatus, is_active};
use crate::{Identity, stamp};

/// Links that one address may be sent in an hour.
const MOST_AN_HOUR: u32 = 3;
const HOUR: i64 = 3_600_000_000;
/// Wrong codes that another browser may type before the link is over.
const MOST_TRIES: i64 = 4;

/// What the browser that asked is given.
#[derive(Debug)]
pub struct MagicOffer {
    /// The value of the cookie that the link is bound to.
    pub browser: SecretString,
    /// The code by which it may be used in another browser, as it is shown.
    pub code: SecretString,
}

/// What the form behind the link sends.
#[derive(Debug)]
pub struct EnterByLink {
    /// The secret of the link.
    pub code: SecretString,
    /// The cookie of the browser that asked, if this is it.
    pub browser: Option<String>,
    /// The code that the browser which asked shows, as typed here.
    pub typed: Option<SecretString>,
    /// What the browser shows of earlier sign-ins.
    pub device: Option<String>,
}

impl Identity {
    /// Whether people may sign in by a link that comes by mail.
    #[must_use]
    pub fn offers_links(&self) -> bool {
        self.inner.config.magic_links.is_on && self.inner.mail.is_on()
    }

    /// Sends a link to the person of this address, if there is one; the answer does not tell. `device` is what the browser
    /// shows of earlier sign-ins ([`SignedIn::device`]).
    ///
    /// # Errors
    /// [`LinkError`].
    pub async fn ask_for_link(
        &self,
        trail: &Trail,
        email: &EmailAddress,
        device: Option<&str>,
    ) -> Result<MagicOffer, LinkError> {
        if !self.offers_links() {
            return Err(LinkError::Off);
        }
        let now = self.inner.ambient.clock.now_micros();
        let account = self.alone_with(email);
        let user = account.as_ref().map(|account| account.id);
        let asking = Asking {
            site: trail.source_ip.into(),
            is_known: matches!(self.place(trail, user, device), Place::Device(_)),
        };
        self.inner.asks.count(asking, now)?;
        self.claim_letter(&format!("link to {}", folded(email)), MOST_AN_HOUR)
            .await?;
        let mut new = NewLink::mint(&self.inner.ambient, LinkKind::Magic, None);
        new.holds_for(self.inner.config.magic_links.minutes);
        let browser = self.inner.ambient.entropy.token();
        let code = BASE32_NOPAD.encode(&self.inner.ambient.entropy.bytes::<5>());
        new.row.user_id = Set(account.as_ref().map(|account| account.id.to_string()));
        new.row.browser_hash = Set(Some(Digest::of(&browser).to_string()));
        new.row.code_hash = Set(Some(Digest::of(&code).to_string()));
        let content = Content::SignInLink {
            link: new.link.clone(),
            minutes: self.inner.config.magic_links.minutes,
        };
        let mail = &self.inner.mail;
        let letter = match &account {
            Some(account) => mail.draft(email, Some(account.id), &content)?,
            None => mail.blank(email, &content)?,
        };
        let permit = self.permit(
            &Arc::new(Principal::stranger()),
            trail,
            act::AskForLink,
            &Resource::all(ResourceKind::Session),
        )?;
        let (row, id) = (new.row, new.id);
        let written = self.inner.store.write(&permit, async move |tx| {
            tx.insert(row.clone()).await?;
            if let Some(letter) = &letter {
                letter.put(tx).await?;
            }
            tx.note("link", id.to_string());
            Ok::<_, StoreError>(())
        });
        written.await?;
        let (first, second) = code.split_at(code.len() / 2);
        Ok(MagicOffer {
            browser: browser.into(),
            code: format!("{first}-{second}").into(),
        })
    }

    /// The one active account with this address; none where several have it, as nobody could say who asks.
    fn alone_with(&self, email: &EmailAddress) -> Option<Arc<Account>> {
        let all = self.inner.roll.with_email(email).into_iter();
        let mut active = all.filter(|account| account.status == UserStatus::Active);
        let first = active.next()?;
        active.next().is_none().then_some(first)
    }

    /// Counts a letter against how many of its kind may be written in an hour, whether anybody has the address or not.
    pub(super) async fn claim_letter(&self, name: &str, most: u32) -> Result<(), LinkError> {
        let now = self.inner.ambient.clock.now_micros();
        // Under the key that replicas share, as lockouts are: nobody's address stands in the database for it.
        let door = self.inner.lockouts.doors(name, Place::of(None)).far;
        let guess = Guess {
            id: GuessId::mint(&self.inner.ambient),
            budget: format!("link {door}"),
            limit: most,
            window: HOUR,
            at: now,
        };
        match self.inner.store.claim(guess).await? {
            Claimed::Taken { .. } => Ok(()),
            Claimed::Full { oldest, .. } => Err(LinkError::TooMany {
                retry_after_s: stamp::seconds_until(oldest + HOUR, now),
            }),
        }
    }

    /// Signs in whoever has the link, in the browser that asked for it or with the code that it shows. Where a second factor
    /// is needed it is half a session, as after a password.
    ///
    /// # Errors
    /// [`LinkError`].
    pub async fn enter_by_link(&self, trail: &Trail, asked: EnterByLink) -> Result<SignedIn, LinkError> {
        if !self.offers_links() {
            return Err(LinkError::Off);
        }
        let link = self.link(LinkKind::Magic, &asked.code).await?;
        let id: Option<UserId> = link.user_id.as_deref().and_then(|user| user.parse().ok());
        let account = id.and_then(|id| self.inner.roll.account(id));
        let account = account.ok_or(LinkError::Over)?;
        if account.status != UserStatus::Active {
            return Err(LinkError::Over);
        }
        let is_same_browser = matches(asked.browser.as_deref(), link.browser_hash.as_deref());
        let typed = asked.typed.as_ref().map(plain).filter(|typed| !typed.is_empty());
        if !is_same_browser && typed.is_none() {
            return Err(LinkError::OtherBrowser { is_wrong: false });
        }
        let principal = Arc::new(just_proven(&account, self.inner.ambient.now()));
        self.find_unlocked::<LinkError>(&principal, trail).await?;
        let on = Resource::all(ResourceKind::Session);
        let permit = self.permit(&principal, trail, act::SignIn, &on)?;
        let rules = &self.inner.config.session;
        let mut new = NewSession::mint(&self.inner.ambient, rules, account.id, trail, false);
        // Who reads somebody's mail has proven nothing that they know or have themselves.
        new.row.proven_at = Set(NEVER);
        let is_half = account.standing(false).is_lacking();
        let device = asked.device.as_deref();
        let entering = Entering {
            code: asked.code,
            typed: if is_same_browser { None } else { typed },
            user: account.id,
            session: new.row,
            session_id: new.id.to_string(),
            letter: match is_half {
                true => None,
                false => self.letter_of_device(&account, trail, device),
            },
            at: self.inner.ambient.clock.now_micros(),
            is_half,
        };
        let written = self
            .inner
            .store
            .write(&permit, async move |tx| entering.write(tx).await);
        if !written.await? {
            return Err(LinkError::OtherBrowser { is_wrong: true });
        }
        self.reread(account.id).await?;
        let signed_in = self.signed_in(new.cookie).ok_or(LinkError::Over)?;
        Ok(self.known(signed_in, device))
    }
}

/// What entering by a link writes.
struct Entering {
    code: SecretString,
    /// What was typed in another browser; none in the one that asked.
    typed: Option<String>,
    user: UserId,
    session: session::ActiveModel,
    session_id: String,
    letter: Option<Draft>,
    at: i64,
    is_half: bool,
}

impl Entering {
    /// Whether the code was right, or none was needed. A wrong one is counted, and the fifth ends the link.
    async fn write(&self, tx: &WriteTx) -> Result<bool, LinkError> {
        tx.note("method", "sign_in_link");
        let holds = holding(LinkKind::Magic, &self.code, self.at);
        let row = tx.one(one_time_link::Entity::find().filter(holds)).await?;
        let row = row.ok_or(LinkError::Over)?;
        if let Some(typed) = &self.typed
            && !matches(Some(typed), row.code_hash.as_deref())
        {
            let mut wrong = one_time_link::Entity::update_many()
                .col_expr(one_time_link::Column::Tries, Expr::value(row.tries + 1));
            if row.tries >= MOST_TRIES {
                wrong = wrong.col_expr(one_time_link::Column::UsedAt, Expr::value(self.at));
            }
            tx.update(wrong.filter(one_time_link::Column::Id.eq(row.id)))
                .await?;
            tx.note_failure();
            return Ok(false);
        }
        let spent = spend(tx, LinkKind::Magic, &self.code, self.at).await?;
        let user = self.user.to_string();
        if spent.is_none() || !is_active(tx, &user).await? {
            return Err(LinkError::Over);
        }
        if !self.is_half {
            let seen = user::Entity::update_many()
                .col_expr(user::Column::LastSignIn, Expr::value(self.at))
                .filter(user::Column::Id.eq(user));
            tx.update(seen).await?;
        }
        tx.insert(self.session.clone()).await?;
        if let Some(letter) = &self.letter {
            letter.put(tx).await?;
        }
        tx.note_resource(format!("session:{}", self.session_id));
        tx.note("awaits_second_factor", self.is_half);
        tx.changed(Changed::User(self.user));
        Ok(true)
    }
}

/// Whether a secret is the one of which this is the digest, in a time that does not tell where they differ.
fn matches(secret: Option<&str>, digest: Option<&str>) -> bool {
    let digest = digest.and_then(Digest::parse);
    secret
        .zip(digest)
        .is_some_and(|(secret, digest)| Digest::of(secret) == digest)
}

/// A code as it was made: without what people type between, in capitals.
fn plain(typed: &SecretString) -> String {
    let letters = typed.expose_secret().chars();
    letters
        .filter(char::is_ascii_alphanumeric)
        .map(|letter| letter.to_ascii_uppercase())
        .collect()
}

/// An address as it is counted, whatever its case.
pub(super) fn folded(email: &EmailAddress) -> String {
    email.as_str().to_ascii_lowercase()
}
