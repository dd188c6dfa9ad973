//! What a sign-in writes, whatever proved the first factor: the session, whole or half, if the account is still as it was.

use std::sync::Arc;

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use watchroom_mail::Draft;
use watchroom_model::UserId;
use watchroom_store::{Changed, StoreError, WriteTx};

use crate::entity::{session, user};
use crate::factors::PASSKEY;
use crate::outside::Vouched;
use crate::users::UserStatus;

/// Most sessions a person has at once.
const MOST_SESSIONS: usize = 50;
/// Most of them that have still to prove a second factor: a known password must end no session that has.
const MOST_HALVES: usize = 5;

/// What proved the first factor.
pub(crate) enum First {
    /// The account's password.
    Password {
        /// The hash against which it was checked.
        checked: Option<Arc<str>>,
        /// A hash to store instead, where the parameters have risen.
        stronger: Option<String>,
    },
    /// Somebody else's word.
    Vouched(Vouched),
    /// A passkey, which is spent in the same change.
    Passkey,
}

/// What a sign-in writes.
pub(crate) struct Begun {
    pub(crate) user: UserId,
    pub(crate) first: First,
    pub(crate) session: session::ActiveModel,
    pub(crate) session_id: String,
    pub(crate) at: i64,
    /// Whether a second factor is still to come.
    pub(crate) is_half: bool,
    /// What the owner is told of it.
    pub(crate) letter: Option<Draft>,
}

impl Begun {
    /// Whether the account is still as it was when the first factor was checked; only then is there a session.
    pub(crate) async fn write(&self, tx: &WriteTx) -> Result<bool, StoreError> {
        let id = self.user.to_string();
        tx.note_resource(format!("session:{}", self.session_id));
        let row = tx.one(user::Entity::find_by_id(id.clone())).await?;
        let active = row.filter(|row| row.status == UserStatus::Active.word());
        let stands = match (active, &self.first) {
            (None, _) => false,
            (Some(row), First::Password { checked, .. }) => {
                row.password_hash.as_deref() == checked.as_deref()
            }
            (Some(_), First::Vouched(vouched)) => vouched.write(tx, self.at).await?,
            (Some(_), First::Passkey) => true,
        };
        if !stands {
            tx.note_failure();
            return Ok(false);
        }
        self.update_account(tx, id).await?;
        tx.insert(self.session.clone()).await?;
        if let Some(letter) = &self.letter {
            letter.put(tx).await?;
        }
        tx.note("awaits_second_factor", self.is_half);
        self.end_oldest(tx).await?;
        tx.changed(Changed::User(self.user));
        Ok(true)
    }

    async fn update_account(&self, tx: &WriteTx, id: String) -> Result<(), StoreError> {
        let stronger = match &self.first {
            First::Password { stronger, .. } => {
                tx.note("method", "password");
                stronger.as_ref()
            }
            First::Vouched(_) => None,
            First::Passkey => {
                tx.note("method", PASSKEY);
                None
            }
        };
        if self.is_half && stronger.is_none() {
            return Ok(());
        }
        let mut update = user::Entity::update_many();
        if !self.is_half {
            update = update.col_expr(user::Column::LastSignIn, Expr::value(self.at));
        }
        if let Some(hash) = stronger {
            update = update.col_expr(user::Column::PasswordHash, Expr::value(hash.clone()));
        }
        tx.update(update.filter(user::Column::Id.eq(id))).await.map(drop)
    }

    /// Ends the sessions that are too many, the oldest first: a known password must not fill the store.
    async fn end_oldest(&self, tx: &WriteTx) -> Result<(), StoreError> {
        let all = session::Entity::find()
            .filter(session::Column::UserId.eq(self.user.to_string()))
            // The one that begins stays, however its id compares with those of the same instant.
            .filter(session::Column::Id.ne(self.session_id.clone()))
            // A program that signs in over and over ends no browser's.
            .filter(match self.session.refresh_hash.as_ref() {
                Some(_) => session::Column::RefreshHash.is_not_null(),
                None => session::Column::RefreshHash.is_null(),
            })
            .filter(match self.is_half {
                true => session::Column::SecondFactor.is_null(),
                false => session::Column::Id.is_not_null(),
            })
            .order_by_desc(session::Column::Id);
        let most = if self.is_half { MOST_HALVES } else { MOST_SESSIONS };
        let surplus: Vec<String> = tx
            .all(all)
            .await?
            .into_iter()
            .skip(most - 1)
            .map(|row| row.id)
            .collect();
        if surplus.is_empty() {
            return Ok(());
        }
        tx.note("sessions_ended", surplus.len());
        let delete = session::Entity::delete_many().filter(session::Column::Id.is_in(surplus));
        tx.delete(delete).await.map(drop)
    }
}
