//! Ways in that work once: invitations, new passwords, confirmations of addresses, and signing in.
//!
//! A link carries a secret of 160 random bits behind the `#`, of which only the hash is kept. It is spent in the
//! transaction of what it allows, so that of a thousand who try at once one succeeds.

mod asked;
mod email;
mod error;
mod invite;
mod magic;
mod prune;
mod reset;

use data_encoding::BASE32_NOPAD;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter};
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;
use watchroom_kit::{Ambient, ExposeSecret, SecretString};
use watchroom_mail::Link;
use watchroom_model::{EmailAddress, LinkId, UserId};
use watchroom_policy::PermissionSet;
use watchroom_store::{StoreError, WriteTx};

use crate::Identity;
use crate::digest::Digest;
use crate::entity::one_time_link;
use crate::stamp;
use crate::users::{UserStatus, everywhere_of};

pub(crate) use asked::Asks;
pub use email::EmailChange;
pub use error::LinkError;
pub use invite::{Accept, InvitationView, Invite};
pub use magic::{EnterByLink, MagicOffer};
pub use reset::ResetByLink;

/// What a link is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LinkKind {
    /// To make an account.
    Invitation,
    /// To choose a new password.
    Reset,
    /// To show that mail arrives.
    Email,
    /// To sign in.
    Magic,
}

impl LinkKind {
    const fn word(self) -> &'static str {
        match self {
            Self::Invitation => "invitation",
            Self::Reset => "reset",
            Self::Email => "email",
            Self::Magic => "magic",
        }
    }

    /// The page that it opens.
    const fn path(self) -> &'static str {
        match self {
            Self::Invitation => "/invitation",
            Self::Reset => "/reset-password",
            Self::Email => "/confirm-email",
            Self::Magic => "/login/link",
        }
    }

    /// How many minutes it holds.
    const fn minutes(self) -> u32 {
        match self {
            Self::Invitation => 72 * 60,
            Self::Reset | Self::Email => 24 * 60,
            // Or as long as the configuration says.
            Self::Magic => 15,
        }
    }
}

/// A link that was just made.
#[derive(Debug, Serialize, ToSchema)]
pub struct IssuedLink {
    /// Its id.
    pub id: LinkId,
    /// The link, shown this once; absent where it went by mail.
    pub link: Option<String>,
    /// The address that it went to.
    pub mailed_to: Option<EmailAddress>,
    /// Until when it holds.
    #[serde(with = "time::serde::rfc3339")]
    pub expires_at: OffsetDateTime,
}

/// A link about to be written.
#[derive(Clone, Debug)]
pub(crate) struct NewLink {
    pub(crate) id: LinkId,
    pub(crate) link: Link,
    pub(crate) hours: u32,
    pub(crate) expires_at: i64,
    pub(crate) row: one_time_link::ActiveModel,
}

impl NewLink {
    fn mint(ambient: &Ambient, kind: LinkKind, made_by: Option<UserId>) -> Self {
        let id = LinkId::mint(ambient);
        let code = BASE32_NOPAD
            .encode(&ambient.entropy.bytes::<20>())
            .to_ascii_lowercase();
        let now = ambient.clock.now_micros();
        let expires_at = now + stamp::seconds(kind.minutes() * 60);
        Self {
            id,
            hours: kind.minutes() / 60,
            expires_at,
            row: one_time_link::ActiveModel {
                id: Set(id.to_string()),
                kind: Set(kind.word().to_owned()),
                secret_hash: Set(Digest::of(&code).to_string()),
                user_id: Set(None),
                made_by: Set(made_by.map(|user| user.to_string())),
                email: Set(None),
                role: Set(None),
                created_at: Set(now),
                expires_at: Set(expires_at),
                used_at: Set(None),
                browser_hash: Set(None),
                code_hash: Set(None),
                tries: Set(0),
            },
            link: Link {
                path: kind.path(),
                code: code.into(),
            },
        }
    }

    /// Says how many minutes it holds, from when it was made.
    fn holds_for(&mut self, minutes: u32) {
        self.expires_at = self.row.created_at.as_ref() + stamp::seconds(minutes * 60);
        self.row.expires_at = Set(self.expires_at);
    }

    /// As whoever made it is told: with the link itself, unless it went by mail.
    fn issued(self, identity: &Identity, mailed_to: Option<EmailAddress>) -> IssuedLink {
        let link = self.link.on(&identity.inner.mail.panel());
        IssuedLink {
            id: self.id,
            link: mailed_to.is_none().then(|| link.expose_secret().to_owned()),
            mailed_to,
            expires_at: stamp::at(self.expires_at),
        }
    }
}

/// Links of this kind and secret that still hold.
fn holding(kind: LinkKind, code: &SecretString, now: i64) -> Condition {
    let digest = Digest::of(code.expose_secret().trim());
    Condition::all()
        .add(one_time_link::Column::SecretHash.eq(digest.to_string()))
        .add(one_time_link::Column::Kind.eq(kind.word()))
        .add(one_time_link::Column::UsedAt.is_null())
        .add(one_time_link::Column::ExpiresAt.gt(now))
}

/// Uses a link up, as part of what it allows; none if there is none that holds.
async fn spend(
    tx: &WriteTx,
    kind: LinkKind,
    code: &SecretString,
    now: i64,
) -> Result<Option<one_time_link::Model>, StoreError> {
    let holds = holding(kind, code, now);
    let select = one_time_link::Entity::find().filter(holds.clone());
    let Some(row) = tx.one(select).await? else {
        return Ok(None);
    };
    let spent = one_time_link::Entity::update_many()
        .col_expr(one_time_link::Column::UsedAt, Expr::value(now))
        .filter(holds);
    let is_ours = tx.update(spent).await? == 1;
    tx.note("link", row.id.as_str());
    Ok(is_ours.then_some(row))
}

/// Uses up the links by which an account could be entered, or get a new password, without its password: what was on its way
/// when the password, the address or the leave to come in changed opens nothing any more.
pub(crate) async fn void_ways_in(tx: &WriteTx, user: UserId, now: i64) -> Result<(), StoreError> {
    for kind in [LinkKind::Magic, LinkKind::Reset] {
        void(tx, kind, user, now).await?;
    }
    Ok(())
}

/// Uses up all other links of this kind for an account.
async fn void(tx: &WriteTx, kind: LinkKind, user: UserId, now: i64) -> Result<u64, StoreError> {
    let others = one_time_link::Entity::update_many()
        .col_expr(one_time_link::Column::UsedAt, Expr::value(now))
        .filter(one_time_link::Column::Kind.eq(kind.word()))
        .filter(one_time_link::Column::UserId.eq(user.to_string()))
        .filter(one_time_link::Column::UsedAt.is_null());
    tx.update(others).await
}

impl Identity {
    /// The link of this secret, if it still holds: asked before anything costly is done for it.
    async fn link(&self, kind: LinkKind, code: &SecretString) -> Result<one_time_link::Model, LinkError> {
        let now = self.inner.ambient.clock.now_micros();
        let select = one_time_link::Entity::find().filter(holding(kind, code, now));
        let row = self.inner.store.read().await?.one(select).await?;
        row.ok_or(LinkError::Over)
    }

    /// Whether whoever made a link could still give as much: a link holds no longer than its maker's own leave.
    fn is_still_given(&self, link: &one_time_link::Model, permissions: PermissionSet) -> bool {
        let Some(maker) = &link.made_by else {
            return true; // Made on the Unix socket.
        };
        let maker = maker.parse().ok().and_then(|user| self.inner.roll.account(user));
        maker.is_some_and(|maker| {
            let may = maker.status == UserStatus::Active && maker.locked_until.is_none();
            may && everywhere_of(&maker.usable).covers(permissions)
        })
    }
}
