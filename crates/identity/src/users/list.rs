//! Showing people: all with `users:read`, oneself always.

use std::collections::BTreeSet;

use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter};
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;
use watchroom_kit::{Fault, FaultKind, FieldFault};
use watchroom_model::{CallSign, DisplayName, EmailAddress, Page, PageError, PageRequest, UserId, UserName};
use watchroom_policy::{Principal, Reach, Resource, Target, permission, reach};
use watchroom_store::StoreError;

use super::UserStatus;
use crate::Identity;
use crate::entity::user;
use crate::factors::{PASSKEY, TOTP};
use crate::roll::Account;

/// A person as others see them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct UserView {
    /// The account.
    pub id: UserId,
    /// What they sign in with.
    pub name: UserName,
    /// Their name as others see it.
    pub display_name: DisplayName,
    /// Where mail reaches them.
    pub email: Option<EmailAddress>,
    /// Their call sign.
    pub call_sign: Option<CallSign>,
    /// Whether the account may be used.
    pub status: UserStatus,
    /// The roles they hold, wherever.
    pub roles: BTreeSet<String>,
    /// How they can prove who they are (`password`, `totp`, `passkey`).
    pub factors: Vec<String>,
    /// When the account was made.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When they last signed in.
    #[serde(with = "time::serde::rfc3339::option")]
    pub last_sign_in: Option<OffsetDateTime>,
}

impl From<&Account> for UserView {
    fn from(account: &Account) -> Self {
        Self {
            id: account.id,
            name: account.name.clone(),
            display_name: account.display_name.clone(),
            email: account.email.clone(),
            call_sign: account.call_sign.clone(),
            status: account.status,
            roles: account
                .grants
                .iter()
                .map(|grant| grant.role.name.clone())
                .collect(),
            factors: account
                .password_hash
                .iter()
                .map(|_| "password".to_owned())
                .chain((!account.factors.is_empty()).then(|| TOTP.to_owned()))
                .chain((!account.passkeys.is_empty()).then(|| PASSKEY.to_owned()))
                .collect(),
            created_at: account.created_at,
            last_sign_in: account.last_sign_in,
        }
    }
}

impl Target for UserView {
    fn resource(&self) -> Resource {
        Resource::user(self.id).labelled(self.name.as_str())
    }
}

/// Why something could not be shown.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// There is no such thing, or the caller may not know of it.
    #[error("there is no such thing, or the caller may not know of it")]
    NotFound,
    /// No such page can be asked for.
    #[error(transparent)]
    Page(#[from] PageError),
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Fault for ReadError {
    fn kind(&self) -> FaultKind {
        match self {
            Self::NotFound => FaultKind::NotFound,
            Self::Page(_) => FaultKind::Invalid,
            Self::Store(error) => error.kind(),
        }
    }

    fn slug(&self) -> &'static str {
        match self {
            Self::NotFound => "not-found",
            Self::Page(_) => "invalid-input",
            Self::Store(error) => error.slug(),
        }
    }

    fn public(&self) -> String {
        match self {
            Self::NotFound => "there is no such thing, or you may not know of it".to_owned(),
            Self::Page(error) => error.to_string(),
            Self::Store(error) => error.public(),
        }
    }

    fn fields(&self) -> Vec<FieldFault> {
        match self {
            Self::Page(PageError::Limit) => vec![FieldFault::new("limit", "out_of_range", self.public())],
            Self::Page(PageError::Cursor) => vec![FieldFault::new("cursor", "unknown", self.public())],
            Self::Store(error) => error.fields(),
            Self::NotFound => Vec::new(),
        }
    }

    fn retry_after_s(&self) -> Option<u64> {
        match self {
            Self::Store(error) => error.retry_after_s(),
            Self::NotFound | Self::Page(_) => None,
        }
    }
}

impl Identity {
    /// People the caller may see.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn users(
        &self,
        principal: &Principal,
        request: &PageRequest,
    ) -> Result<Page<UserView>, ReadError> {
        request.limit()?;
        let visible = match (may_see_all(principal), principal.user()) {
            (true, _) => Condition::all(),
            (false, Some(user)) => Condition::all().add(user::Column::Id.eq(user.to_string())),
            (false, None) => {
                return Ok(Page {
                    items: Vec::new(),
                    next_cursor: None,
                });
            }
        };
        let select = user::Entity::find().filter(visible);
        let page = self
            .inner
            .store
            .read()
            .await?
            .page(select, user::Column::Id, request)
            .await?;
        // The roll holds the same people with their grants; one who is not on it has just been removed.
        let views = page
            .items
            .iter()
            .filter_map(|row| row.id.parse().ok())
            .filter_map(|id| self.inner.roll.account(id));
        Ok(Page {
            items: views.map(|account| UserView::from(account.as_ref())).collect(),
            next_cursor: page.next_cursor,
        })
    }

    /// One person, if the caller may know of them. Neither waits nor asks the database.
    ///
    /// # Errors
    /// [`ReadError::NotFound`].
    pub fn user(&self, principal: &Principal, id: UserId) -> Result<UserView, ReadError> {
        if !may_see_all(principal) && principal.user() != Some(id) {
            return Err(ReadError::NotFound);
        }
        let account = self.inner.roll.account(id).ok_or(ReadError::NotFound)?;
        Ok(UserView::from(account.as_ref()))
    }

    /// One person by user name, whatever its case, if the caller may know of them.
    ///
    /// # Errors
    /// [`ReadError::NotFound`].
    pub fn user_named(&self, principal: &Principal, name: &UserName) -> Result<UserView, ReadError> {
        let account = self.inner.roll.named(name.as_str()).ok_or(ReadError::NotFound)?;
        self.user(principal, account.id)
    }
}

fn may_see_all(principal: &Principal) -> bool {
    reach(principal, permission::USERS_READ) == Reach::Everything
}
