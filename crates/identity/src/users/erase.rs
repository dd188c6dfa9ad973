//! Handing over what is held about a person, and erasing it.
//!
//! The audit chain names people by their id alone. Erasing takes away what resolves it, and touches no entry.

use std::time::Duration;

use sea_orm::EntityTrait;
use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;
use utoipa::ToSchema;
use watchroom_kit::{Fault, FaultKind};
use watchroom_model::{PageRequest, UserId, UserName};
use watchroom_policy::{Act, Permit, act};
use watchroom_store::{AuditFilter, Changed, Person, StoreError};

use super::{ChangeUserError, all_of, has_administrator, held_everywhere};
use crate::Identity;
use crate::entity::user;
use crate::roll::Account;

/// Most entries of the audit log in one hand-over; all of them are in an export of the log.
const MOST_ENTRIES: usize = 10_000;
/// How often the files are tried to be cleared, and how long between.
const TRIES: u32 = 20;
const BETWEEN: Duration = Duration::from_millis(100);

/// All that is held about a person, but for secrets.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PersonExport {
    /// The account.
    pub id: UserId,
    /// What they sign in with.
    pub name: UserName,
    /// When this was put together.
    #[serde(with = "time::serde::rfc3339")]
    pub exported_at: OffsetDateTime,
    /// Rows of the tables by table; under `named` what the rows of others say of them.
    #[schema(value_type = Object)]
    pub held: Value,
    /// What they did and what was done to their account, as the audit log has it, the newest first.
    #[schema(value_type = Vec<Object>)]
    pub entries: Vec<Value>,
    /// Whether the log holds more than is here.
    pub has_more: bool,
}

/// What erasing a person took.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Erased {
    /// Rows that were removed.
    pub removed: u64,
    /// Rows of others that forgot the name.
    pub forgot: u64,
    /// Whether the database's files hold nothing of it any more. If somebody was reading, they do once the Host was restarted.
    pub is_cleared: bool,
}

/// Why a person was not erased, or nothing handed over.
#[derive(Debug, thiserror::Error)]
pub enum EraseError {
    /// The name that was typed is not theirs.
    #[error("the name that confirms is not the account's")]
    OtherName,
    /// What keeps an account from being changed keeps it from this, too.
    #[error(transparent)]
    Account(#[from] ChangeUserError),
}

impl From<StoreError> for EraseError {
    fn from(error: StoreError) -> Self {
        Self::Account(error.into())
    }
}

impl Fault for EraseError {
    fn kind(&self) -> FaultKind {
        match self {
            Self::OtherName => FaultKind::Invalid,
            Self::Account(error) => error.kind(),
        }
    }

    fn slug(&self) -> &'static str {
        match self {
            Self::OtherName => "name-differs",
            Self::Account(error) => error.slug(),
        }
    }

    fn public(&self) -> String {
        match self {
            Self::OtherName => "the name typed is not this person's; nothing was erased".to_owned(),
            Self::Account(error) => error.public(),
        }
    }

    fn retry_after_s(&self) -> Option<u64> {
        match self {
            Self::OtherName => None,
            Self::Account(error) => error.retry_after_s(),
        }
    }
}

impl Identity {
    /// All that is held about the person that the permit was given for. That it was handed over stands in the audit log.
    ///
    /// # Errors
    /// [`EraseError`].
    pub async fn export_user(&self, permit: &Permit<act::ExportUser>) -> Result<PersonExport, EraseError> {
        let account = self.person_of(permit)?;
        let written = self.inner.store.write(permit, async move |tx| {
            tx.note("what", "all that is held about a person");
            Ok::<_, StoreError>(())
        });
        written.await?;
        let held = self.inner.store.held_about(person(&account)).await?;
        let (entries, has_more) = self.entries_of(account.id).await?;
        Ok(PersonExport {
            id: account.id,
            name: account.name.clone(),
            exported_at: self.inner.ambient.now(),
            held,
            entries,
            has_more,
        })
    }

    /// Erases the person that the permit was given for: the account with all that is theirs, and their name in what others
    /// have. `confirm` is the name, typed again.
    ///
    /// # Errors
    /// [`EraseError`]; then nothing was erased.
    pub async fn erase_user(
        &self,
        permit: &Permit<act::EraseUser>,
        confirm: &str,
    ) -> Result<Erased, EraseError> {
        let account = self.person_of(permit)?;
        if confirm.trim() != account.name.as_str() {
            return Err(EraseError::OtherName);
        }
        let (id, person) = (account.id, person(&account));
        let erased = self.inner.store.write(permit, async move |tx| {
            if tx.one(user::Entity::find_by_id(id.to_string())).await?.is_none() {
                return Err(ChangeUserError::Unknown);
            }
            let had = has_administrator(tx).await?;
            let (removed, forgot) = tx.erase(&person).await?;
            if had && !has_administrator(tx).await? {
                return Err(ChangeUserError::LastAdministrator);
            }
            tx.note("rows_removed", removed);
            tx.note("rows_that_forgot", forgot);
            // Their name may stand in anybody's cache.
            tx.changed(Changed::User(id));
            tx.changed(Changed::Everything);
            Ok((removed, forgot))
        });
        let (removed, forgot) = erased.await?;
        self.reread(id).await?;
        Ok(Erased {
            removed,
            forgot,
            is_cleared: self.clear_files().await?,
        })
    }

    /// The account of whoever the permit is about; that of somebody who holds more is for those who hold as much.
    fn person_of<A: Act>(&self, permit: &Permit<A>) -> Result<std::sync::Arc<Account>, ChangeUserError> {
        let id = permit.resource().owner().ok_or(ChangeUserError::Unknown)?;
        let account = self.inner.roll.account(id).ok_or(ChangeUserError::Unknown)?;
        let asks = permit.principal();
        let is_own = asks.user() == Some(id);
        match is_own || held_everywhere(asks).covers(all_of(&account.grants)) {
            true => Ok(account),
            false => Err(ChangeUserError::MoreThanOwn),
        }
    }

    /// The entries that name this id, whether as who acted, by a token, or as on whom.
    async fn entries_of(&self, user: UserId) -> Result<(Vec<Value>, bool), StoreError> {
        let filter = AuditFilter {
            text: Some(user.to_string()),
            ..AuditFilter::default()
        };
        let (mut found, log) = (Vec::new(), self.inner.store.audit());
        let mut request = PageRequest::default();
        loop {
            let page = log.page(&filter, &request).await?;
            for entry in &page.items {
                found.push(serde_json::to_value(entry).map_err(|error| {
                    StoreError::Database(format!(
                        "an entry of the audit log cannot be written out: {error}"
                    ))
                })?);
            }
            request.cursor = page.next_cursor;
            if request.cursor.is_none() || found.len() >= MOST_ENTRIES {
                return Ok((found, request.cursor.is_some()));
            }
        }
    }

    async fn clear_files(&self) -> Result<bool, StoreError> {
        for _ in 0..TRIES {
            if self.inner.store.settle().await? {
                return Ok(true);
            }
            tokio::time::sleep(BETWEEN).await;
        }
        tracing::warn!(
            "somebody kept reading the database; what was erased stands in its write-ahead log until a restart"
        );
        Ok(false)
    }
}

fn person(account: &Account) -> Person {
    Person {
        id: account.id,
        name: account.name.clone(),
        email: account.email.clone(),
    }
}
