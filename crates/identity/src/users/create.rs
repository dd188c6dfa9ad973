//! Making an account with a role and a first password.

use sea_orm::ActiveValue::Set;
use watchroom_kit::{Fault, FaultKind, FieldFault, SecretString};
use watchroom_model::{CallSign, DisplayName, EmailAddress, UserId, UserName};
use watchroom_policy::{Permit, Scope, act};
use watchroom_store::{Changed, StoreError, WriteTx};

use super::{UserStatus, UserView, held_everywhere};
use crate::Identity;
use crate::entity::{grant, user};
use crate::hashing::HashError;

/// What an account is to be.
#[derive(Debug)]
pub struct NewUser {
    /// What the person signs in with; unique whatever its case.
    pub name: UserName,
    /// Their role, everywhere.
    pub role: String,
    /// Their first password. Who is to choose it themselves is invited instead ([`crate::Invite`]).
    pub password: Option<SecretString>,
    /// Their name as others see it; the user name if there is none.
    pub display_name: Option<DisplayName>,
    /// Where mail reaches them.
    pub email: Option<EmailAddress>,
    /// Their call sign.
    pub call_sign: Option<CallSign>,
}

/// An account that has just been made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreatedUser {
    /// The account.
    pub user: UserView,
}

/// Why no account was made.
#[derive(Debug, thiserror::Error)]
pub enum CreateUserError {
    /// The name belongs to somebody, in whatever case.
    #[error("the user name is taken")]
    NameTaken,
    /// There is no such role.
    #[error("there is no role {0:?}")]
    Role(String),
    /// The role gives more than whoever makes the account holds.
    #[error("the role gives more than its giver holds")]
    MoreThanOwn,
    /// No password was given.
    #[error("an account without a password was asked for")]
    PasswordWanted,
    /// The password breaks these rules.
    #[error("the new account's password breaks {} rules", .0.len())]
    Password(Vec<FieldFault>),
    /// The password could not be hashed.
    #[error(transparent)]
    Hashing(#[from] HashError),
    /// The store refused.
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for CreateUserError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Taken {
                constraint: "user_name_key",
            } => Self::NameTaken,
            other => Self::Store(other),
        }
    }
}

impl Fault for CreateUserError {
    fn kind(&self) -> FaultKind {
        match self {
            Self::NameTaken => FaultKind::Conflict,
            Self::MoreThanOwn => FaultKind::Forbidden,
            Self::Role(_) | Self::PasswordWanted | Self::Password(_) => FaultKind::Invalid,
            Self::Hashing(error) => error.kind(),
            Self::Store(error) => error.kind(),
        }
    }

    fn slug(&self) -> &'static str {
        match self {
            Self::NameTaken => "name-taken",
            Self::MoreThanOwn => "more-than-own",
            Self::Role(_) | Self::PasswordWanted | Self::Password(_) => "invalid-input",
            Self::Hashing(error) => error.slug(),
            Self::Store(error) => error.slug(),
        }
    }

    fn public(&self) -> String {
        match self {
            Self::NameTaken => "there is an account of that name already; choose another name".to_owned(),
            Self::MoreThanOwn => "this role gives more than you hold; choose a lesser one".to_owned(),
            Self::Role(_) => "there is no such role; `watchroom role list` shows them".to_owned(),
            Self::PasswordWanted => {
                "give the account a password, or invite the person, who then chooses one".to_owned()
            }
            Self::Password(_) => "the password is not strong enough".to_owned(),
            Self::Hashing(error) => error.public(),
            Self::Store(error) => error.public(),
        }
    }

    fn fields(&self) -> Vec<FieldFault> {
        match self {
            Self::NameTaken => vec![FieldFault::new("name", "taken", self.public())],
            Self::Role(_) => vec![FieldFault::new("role", "unknown", self.public())],
            Self::PasswordWanted => vec![FieldFault::new("password", "required", self.public())],
            Self::Password(faults) => faults.clone(),
            Self::MoreThanOwn | Self::Hashing(_) | Self::Store(_) => Vec::new(),
        }
    }

    fn retry_after_s(&self) -> Option<u64> {
        match self {
            Self::Hashing(error) => error.retry_after_s(),
            Self::Store(error) => error.retry_after_s(),
            _ => None,
        }
    }
}

/// An account with its first role, about to be written.
#[derive(Clone, Debug)]
pub(crate) struct NewAccount {
    pub(crate) id: UserId,
    pub(crate) name: UserName,
    pub(crate) display_name: DisplayName,
    pub(crate) email: Option<EmailAddress>,
    pub(crate) call_sign: Option<CallSign>,
    pub(crate) password_hash: Option<String>,
    pub(crate) at: i64,
}

/// A role that somebody holds, about to be written.
#[derive(Clone, Debug)]
pub(crate) struct NewGrant {
    pub(crate) id: String,
    pub(crate) user: UserId,
    pub(crate) role: String,
    /// The provider whose word gives it; `None` where a person does.
    pub(crate) source: Option<String>,
}

impl NewGrant {
    /// Writes it; the role holds everywhere.
    pub(crate) async fn insert(&self, tx: &WriteTx) -> Result<(), StoreError> {
        tx.insert(grant::ActiveModel {
            id: Set(self.id.clone()),
            user_id: Set(self.user.to_string()),
            role: Set(self.role.clone()),
            scope: Set(Scope::Everything.to_string()),
            source: Set(self.source.clone()),
        })
        .await
    }
}

impl NewAccount {
    pub(crate) async fn insert(&self, tx: &WriteTx) -> Result<(), StoreError> {
        tx.insert(user::ActiveModel {
            id: Set(self.id.to_string()),
            name: Set(self.name.to_string()),
            name_folded: Set(self.name.folded()),
            display_name: Set(self.display_name.to_string()),
            email: Set(self.email.as_ref().map(ToString::to_string)),
            call_sign: Set(self.call_sign.as_ref().map(ToString::to_string)),
            password_hash: Set(self.password_hash.clone()),
            status: Set(UserStatus::Active.word().to_owned()),
            created_at: Set(self.at),
            last_sign_in: Set(None),
        })
        .await
    }

    /// Writes it with a role that holds everywhere.
    pub(crate) async fn insert_with(&self, tx: &WriteTx, role: &NewGrant) -> Result<(), StoreError> {
        self.insert(tx).await?;
        role.insert(tx).await?;
        tx.note("role", role.role.as_str());
        tx.note("scope", Scope::Everything.to_string());
        Ok(())
    }
}

impl Identity {
    pub(crate) fn new_grant(&self, user: UserId, role: String, source: Option<String>) -> NewGrant {
        NewGrant {
            id: self.inner.ambient.uuid().to_string(),
            user,
            role,
            source,
        }
    }

    /// Makes an account with a role that holds everywhere.
    ///
    /// # Errors
    /// [`CreateUserError`].
    pub async fn create_user(
        &self,
        permit: &Permit<act::CreateUser>,
        new: NewUser,
    ) -> Result<CreatedUser, CreateUserError> {
        let role = self
            .role(&new.role)
            .ok_or_else(|| CreateUserError::Role(new.role.clone()))?;
        if !held_everywhere(permit.principal()).covers(role.permissions) {
            return Err(CreateUserError::MoreThanOwn);
        }
        let password = new.password.ok_or(CreateUserError::PasswordWanted)?;
        let faults = self
            .inner
            .config
            .password
            .faults("password", &password, &[new.name.as_str()]);
        if !faults.is_empty() {
            return Err(CreateUserError::Password(faults));
        }
        let account = NewAccount {
            id: UserId::mint(&self.inner.ambient),
            display_name: new.display_name.unwrap_or_else(|| DisplayName::from(&new.name)),
            name: new.name,
            email: new.email,
            call_sign: new.call_sign,
            password_hash: Some(self.hash_new(password, permit.trail()).await?),
            at: self.inner.ambient.clock.now_micros(),
        };
        let id = account.id;
        let grant = self.new_grant(id, role.name, None);
        let made = self.inner.store.write(permit, async move |tx| {
            account.insert_with(tx, &grant).await?;
            tx.note_resource(format!("user:{id}"));
            tx.changed(Changed::User(id));
            Ok::<_, CreateUserError>(())
        });
        made.await?;
        self.reread(id).await.map_err(CreateUserError::Store)?;
        let account = self
            .inner
            .roll
            .account(id)
            .ok_or(CreateUserError::Store(StoreError::Closed))?;
        Ok(CreatedUser {
            user: UserView::from(account.as_ref()),
        })
    }
}
