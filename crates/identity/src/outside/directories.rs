//! Signing in with a name and a password that a directory knows: between the same doors as a password of ours, and on
//! from there as by any provider's word.

use std::sync::Arc;

use async_trait::async_trait;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::Value;
use watchroom_kit::{Fault, FaultKind, SecretString, Site};
use watchroom_model::UserId;
use watchroom_policy::{Principal, Trail};
use watchroom_store::StoreError;

use super::{Admission, Entered, FromOutside, OutsideError, Outsider, Provider};
use crate::digest::Digest;
use crate::entity::outside_identity;
use crate::sessions::SignedIn;
use crate::sign_in::Attempt;
use crate::{Identity, SignIn, SignInError};

/// The longest name that a directory is asked for, in bytes.
const LONGEST: usize = 128;

/// A directory did not say whether a password is right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a directory is away: {why}")]
pub struct DirectoryAway {
    /// Why, for the log.
    pub why: String,
}

/// Says who somebody is by a name and a password.
#[async_trait]
pub trait Directory: std::fmt::Debug + Send + Sync + 'static {
    /// What it is called in forms.
    fn name(&self) -> &str;

    /// What people call it.
    fn title(&self) -> &str;

    /// Who comes in by it, and as what.
    fn admission(&self) -> &Admission;

    /// Who it is, if the password is theirs. Of one site only a few are asked for at once.
    async fn prove(
        &self,
        name: &str,
        password: &SecretString,
        from: Site,
    ) -> Result<Option<Outsider>, DirectoryAway>;

    /// Whether it could be asked now; if not, why.
    async fn examine(&self) -> Result<(), DirectoryAway>;
}

/// Why nobody was signed in by a directory. The same for names that it knows and names that it does not.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// The password is wrong, or the name is locked.
    #[error(transparent)]
    SignIn(#[from] SignInError),
    /// The person is known there, and does not come in here.
    #[error(transparent)]
    Outside(#[from] OutsideError),
    /// It did not say.
    #[error(transparent)]
    Away(#[from] DirectoryAway),
}

impl Fault for DirectoryError {
    fn kind(&self) -> FaultKind {
        match self {
            Self::SignIn(error) => error.kind(),
            Self::Outside(error) => error.kind(),
            Self::Away(_) => FaultKind::Unavailable,
        }
    }

    fn slug(&self) -> &'static str {
        match self {
            Self::SignIn(error) => error.slug(),
            Self::Outside(error) => error.slug(),
            Self::Away(_) => "directory-away",
        }
    }

    fn public(&self) -> String {
        match self {
            Self::SignIn(error) => error.public(),
            Self::Outside(error) => error.public(),
            Self::Away(_) => {
                "the directory does not answer now; try again in a moment, or sign in with an account of this Watchroom"
                    .to_owned()
            }
        }
    }

    fn members(&self) -> Vec<(&'static str, Value)> {
        match self {
            Self::SignIn(error) => error.members(),
            Self::Outside(error) => error.members(),
            Self::Away(_) => Vec::new(),
        }
    }

    fn retry_after_s(&self) -> Option<u64> {
        match self {
            Self::SignIn(error) => error.retry_after_s(),
            Self::Outside(error) => error.retry_after_s(),
            Self::Away(_) => Some(5),
        }
    }
}

/// A name as a directory is asked for it: a directory takes many letters for one another, and each way to write a name
/// would have a count of wrong passwords of its own. So only names are asked for that can be written in one way.
fn written(name: &str) -> Option<String> {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"._-+@".contains(&byte);
    let is_name = (1..=LONGEST).contains(&name.len()) && name.bytes().all(is_letter);
    is_name.then(|| name.to_ascii_lowercase())
}

impl Identity {
    /// Lets people sign in by these directories too, from now on. Once.
    pub fn ask_directories(&self, directories: Vec<Arc<dyn Directory>>) {
        // Whoever came first stays.
        let _set_before = self.inner.directories.set(directories);
    }

    /// The directories by which people may sign in.
    #[must_use]
    pub fn directories(&self) -> &[Arc<dyn Directory>] {
        self.inner
            .directories
            .get()
            .map(Vec::as_slice)
            .unwrap_or_default()
    }

    /// The directory that people choose by this name.
    ///
    /// # Errors
    /// [`DirectoryAway`] if there is none.
    pub fn directory_named(&self, name: &str) -> Result<&dyn Directory, DirectoryAway> {
        let mut all = self.directories().iter();
        let chosen = all.find(|one| one.name() == name);
        chosen.map(AsRef::as_ref).ok_or_else(|| DirectoryAway {
            why: "there is none of that name".to_owned(),
        })
    }

    /// Signs a person in by the word of a directory. Wrong passwords count as those of accounts here do, under the
    /// directory's name; an empty one is wrong before anybody is asked.
    ///
    /// # Errors
    /// [`DirectoryError`]; failures are written down.
    pub async fn sign_in_by_directory(
        &self,
        trail: &Trail,
        directory: &dyn Directory,
        sign_in: SignIn,
    ) -> Result<SignedIn, DirectoryError> {
        self.sign_in_by_directory_as(trail, directory, sign_in, None)
            .await
    }

    /// The same for a program, which goes on by this token.
    pub(crate) async fn sign_in_by_directory_as(
        &self,
        trail: &Trail,
        directory: &dyn Directory,
        sign_in: SignIn,
        program: Option<Digest>,
    ) -> Result<SignedIn, DirectoryError> {
        if !self.is_set_up() {
            let why = "nobody comes by it before the first administrator".to_owned();
            return Err(DirectoryAway { why }.into());
        }
        let provider = Provider::ldap(directory.name());
        let name = written(&sign_in.username);
        let device = sign_in.device.as_deref();
        let known = self.called(&provider, name.as_deref().unwrap_or_default()).await;
        let stranger = Arc::new(Principal::stranger());
        let counted = format!("{provider} {}", name.as_deref().unwrap_or(&sign_in.username));
        let attempt = Attempt {
            trail,
            name: &counted,
            place: self.place(trail, known.map_err(SignInError::from)?, device),
            principal: &stranger,
            is_whole: true,
        };
        let asked = async {
            match &name {
                Some(name) => {
                    let from = Site::from(trail.source_ip);
                    directory.prove(name, &sign_in.password, from).await
                }
                None => Ok(None),
            }
        };
        let outsider = self.check_elsewhere(&attempt, asked).await??;
        let outsider = Outsider {
            // A password, a moment ago.
            proven_at: Some(self.inner.ambient.now()),
            ..outsider
        };
        let entering = FromOutside {
            outsider: &outsider,
            admission: directory.admission(),
            remember_me: sign_in.remember_me,
            device,
            held: None,
            errand: None,
            is_own_doing: true,
        };
        match self.enter_from_outside_as(trail, entering, program).await? {
            Entered::In(signed_in) => Ok(*signed_in),
            // A directory vouches for no address, so there is none by which an account could be offered.
            Entered::ToTie(_) => Err(OutsideError::NoAccount.into()),
        }
    }

    /// Whose account was tied to somebody of that name there: their browsers have a place of their own.
    async fn called(&self, provider: &Provider, name: &str) -> Result<Option<UserId>, StoreError> {
        let found = outside_identity::Entity::find()
            .filter(outside_identity::Column::Provider.eq(provider.as_str()))
            .filter(outside_identity::Column::Label.eq(name));
        let found = self.inner.store.read().await?.all(found).await?;
        Ok(match found.as_slice() {
            [one] => one.user_id.parse().ok(),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_asked_for_in_one_way_alone() {
        assert_eq!(
            written("Ann.Bee@Example.org"),
            Some("ann.bee@example.org".to_owned())
        );
        for name in [
            "",
            " ann",
            "ann ",
            "a nn",
            "*",
            "ann)(uid=*",
            "\u{ff41}nn",
            "änn",
            "ann\0",
            "ann\\2a",
        ] {
            assert_eq!(written(name), None, "{name:?}");
        }
    }
}
