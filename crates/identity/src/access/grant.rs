//! The first tokens of a program: by name and password, ours or a directory's, and a code where one is needed, through the
//! same doors as a browser's sign-in.

use watchroom_kit::{ExposeSecret, SecretString};
use watchroom_model::UserId;
use watchroom_policy::{SecondFactor, Trail};

use super::GrantError;
use crate::digest::Digest;
use crate::sessions::{Session, SignedIn};
use crate::{DirectoryError, Identity, SignIn, stamp};

/// Stands before every refresh token, for secret scanners.
const PREFIX: &str = "wr_ref_";
/// Stands between what names the family and what is good once.
const BETWEEN: char = '.';

/// What a program sends to sign in.
#[derive(Debug)]
pub struct TokenSignIn {
    /// The user name, as typed.
    pub username: String,
    /// The password.
    pub password: SecretString,
    /// The directory that knows them; none for an account of this Watchroom.
    pub directory: Option<String>,
    /// A code of a device or a recovery code, where a second factor is needed.
    pub code: Option<SecretString>,
}

/// Tokens that have just been made: the only moment at which their texts are known.
#[derive(Debug)]
pub struct Granted {
    /// Whose they are.
    pub user: UserId,
    /// Shown with each request.
    pub access: SecretString,
    /// Seconds for which that holds.
    pub expires_in_s: u32,
    /// Exchanged for the next two, once.
    pub refresh: SecretString,
    /// Seconds for which that holds.
    pub refresh_expires_in_s: u64,
}

/// A refresh token in its two parts: one names the family as long as it lives, the other is good once. Whoever shows the
/// first with another second part has had a token of the family before.
pub(super) struct Refresh {
    pub(super) family: Digest,
    pub(super) once: Digest,
}

impl Refresh {
    /// What names the family, and what is good once.
    pub(super) fn halves(text: &str) -> Option<(&str, &str)> {
        text.strip_prefix(PREFIX)?.split_once(BETWEEN)
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        let (family, once) = Self::halves(text)?;
        Some(Self {
            family: Digest::of(family),
            once: Digest::of(once),
        })
    }

    pub(super) fn text(family: &str, once: &str) -> SecretString {
        format!("{PREFIX}{family}{BETWEEN}{once}").into()
    }
}

impl Identity {
    /// Signs a program in and gives it its first tokens.
    ///
    /// # Errors
    /// [`GrantError`]; failures are written down and count towards the lockout as those of browsers do.
    pub async fn grant_tokens(&self, trail: &Trail, asked: TokenSignIn) -> Result<Granted, GrantError> {
        let once = self.inner.ambient.entropy.token();
        let sign_in = SignIn {
            username: asked.username,
            password: asked.password,
            remember_me: false,
            device: None,
        };
        let program = Some(Digest::of(&once));
        let begun = match &asked.directory {
            None => self.sign_in_as(trail, sign_in, program).await?,
            Some(name) => {
                let directory = self.directory_named(name).map_err(DirectoryError::from)?;
                let begun = self.sign_in_by_directory_as(trail, directory, sign_in, program);
                begun.await?
            }
        };
        let whole = self.made_whole(trail, begun, asked.code).await?;
        self.granted(&whole.session, whole.cookie.expose_secret(), &once)
    }

    /// Proves the second factor where one is needed. What lacks it opens nothing and is over in minutes.
    async fn made_whole(
        &self,
        trail: &Trail,
        begun: SignedIn,
        code: Option<SecretString>,
    ) -> Result<SignedIn, GrantError> {
        match (begun.session.principal.proof.second_factor, code) {
            (SecondFactor::NotNeeded | SecondFactor::Proven, _) => Ok(begun),
            (SecondFactor::ToEnrol, _) => Err(GrantError::ToEnrol),
            (SecondFactor::ToProve, None) => Err(GrantError::CodeNeeded),
            (SecondFactor::ToProve, Some(code)) => {
                let proven = self.prove_second_factor(&begun.session, trail, code, None);
                Ok(proven.await?)
            }
        }
    }

    pub(super) fn granted(&self, family: &Session, name: &str, once: &str) -> Result<Granted, GrantError> {
        let (access, expires_in_s) = self.access_token(family).ok_or(GrantError::Unsigned)?;
        let now = self.inner.ambient.clock.now_micros();
        Ok(Granted {
            user: family.user,
            access,
            expires_in_s,
            refresh: Refresh::text(name, once),
            refresh_expires_in_s: stamp::seconds_until(stamp::of(family.expires_at()), now),
        })
    }
}
