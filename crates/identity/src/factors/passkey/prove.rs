//! Proving a passkey: what a browser is asked, and what it brings.

use std::sync::Arc;

use data_encoding::BASE64URL_NOPAD;
use serde::Serialize;
use serde_json::{Value, json};
use watchroom_model::UserId;
use watchroom_passkey::{Assertion, Ceremony, PublicKey};
use watchroom_policy::{Principal, Resource, Trail, act};
use watchroom_store::StoreError;

use super::challenge::{HOLDS_S, Purpose, SpentChallenge};
use super::{Passkey, Site, bytes, handle};
use crate::factors::Code;
use crate::roll::Account;
use crate::sessions::Session;
use crate::sign_in::SignInError;
use crate::signed::Signatures;
use crate::{Identity, Method};

/// What a browser is asked to prove, as `PublicKeyCredentialRequestOptionsJSON` (WebAuthn, 5.1.9).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct PasskeyRequest(Value);

/// What a browser brings to prove a passkey; bytes as base64url without padding.
#[derive(Clone, Debug, Default)]
pub struct PasskeyAnswer {
    /// The challenge that it was given.
    pub challenge: String,
    /// What the key is called.
    pub id: String,
    /// What the browser says.
    pub client_data: String,
    /// What the authenticator says.
    pub authenticator_data: String,
    /// Its signature over both.
    pub signature: String,
    /// Whose key it is, if the authenticator says so.
    pub user_handle: String,
}

/// An answer to a challenge of ours, not looked at yet.
#[derive(Debug)]
pub(crate) struct Presented<'a> {
    pub(super) answer: &'a PasskeyAnswer,
    pub(super) site: &'a Site,
    pub(super) challenge: SpentChallenge,
    pub(super) purpose: Purpose,
}

impl Presented<'_> {
    /// The key, if it is one of this account and made the answer. Why it is not is for the log.
    pub(crate) fn check(&self, account: &Account, signatures: &Signatures) -> Option<Code> {
        let mut keys = account.passkeys.iter();
        let key = keys.find(|key| *key.credential_id == *self.answer.id)?;
        if !key.is_bound(account.id, signatures) {
            tracing::error!(user.id = %account.id, factor.id = %key.id, "a passkey's row was changed by somebody else");
            return None;
        }
        match self.check_with(key, account) {
            Ok(code) => Some(code),
            Err(why) => {
                tracing::info!(user.id = %account.id, factor.id = %key.id, error = why, "a passkey was refused");
                None
            }
        }
    }

    fn check_with(&self, key: &Passkey, account: &Account) -> Result<Code, String> {
        let whose = bytes(&self.answer.user_handle);
        let is_whose = match self.purpose {
            // Nobody was named: the key itself says whose it is.
            Purpose::SignIn => whose == handle(account.id),
            _ => whose.is_empty() || whose == handle(account.id),
        };
        if !is_whose {
            return Err("it is somebody else's by its own word".to_owned());
        }
        let ceremony = Ceremony {
            challenge: &self.answer.challenge,
            origin: &self.site.origin,
            rp_id: &self.site.rp_id,
            // After a password it is enough to have the key; alone it must be its person, too.
            needs_verification: self.purpose != Purpose::SecondFactor,
        };
        let brought = Assertion {
            client_data: bytes(&self.answer.client_data),
            authenticator_data: bytes(&self.answer.authenticator_data),
            signature: bytes(&self.answer.signature),
        };
        let public = PublicKey::read(&bytes(&key.public_key)).map_err(|error| error.to_string())?;
        let said = ceremony
            .assert(&public, &brought)
            .map_err(|error| error.to_string())?;
        if said.may_be_copied != key.may_be_copied {
            return Err("whether it may be copied has changed".to_owned());
        }
        Ok(Code::Passkey {
            factor: key.id,
            counter: i64::from(said.counter),
            challenge: self.challenge,
        })
    }
}

impl Identity {
    /// Asks for any passkey of this host, to sign in with nothing else. The same for everybody: no name is asked, and
    /// none is told. `pre_session` is the cookie of the browser that asks.
    ///
    /// # Errors
    /// [`SignInError::SwitchedOff`].
    pub fn ask_passkey_to_sign_in(
        &self,
        pre_session: &str,
        site: &Site,
    ) -> Result<PasskeyRequest, SignInError> {
        self.find_offered(Method::Passkey)?;
        Ok(self.ask(Purpose::SignIn, pre_session, site, &[]))
    }

    /// Asks for a passkey of the session's person as the second factor.
    #[must_use]
    pub fn ask_passkey_as_second(&self, session: &Session, site: &Site) -> PasskeyRequest {
        let keys = self.passkeys_of(session);
        self.ask(Purpose::SecondFactor, &session.id.to_string(), site, &keys)
    }

    /// Asks for a passkey of the session's person as a fresh proof.
    #[must_use]
    pub fn ask_passkey_to_step_up(&self, session: &Session, site: &Site) -> PasskeyRequest {
        let keys = self.passkeys_of(session);
        self.ask(Purpose::StepUp, &session.id.to_string(), site, &keys)
    }

    /// Whether the session's person has a passkey that works at this place.
    #[must_use]
    pub fn has_passkey_for(&self, session: &Session, site: &Site) -> bool {
        self.passkeys_of(session)
            .iter()
            .any(|key| key.rp_id == site.rp_id)
    }

    /// Whether the session's person has a passkey for any place.
    #[must_use]
    pub fn has_passkey(&self, session: &Session) -> bool {
        !self.passkeys_of(session).is_empty()
    }

    /// Whether the account has a passkey that this cluster wrote, for whatever place.
    pub(crate) fn has_own_passkey(&self, account: &Account) -> bool {
        let mut keys = account.passkeys.iter();
        keys.any(|key| key.is_bound(account.id, &self.inner.signatures))
    }

    fn passkeys_of(&self, session: &Session) -> Vec<Passkey> {
        let account = self.inner.roll.account(session.user);
        account
            .map(|account| account.passkeys.clone())
            .unwrap_or_default()
    }

    fn ask(&self, purpose: Purpose, bound_to: &str, site: &Site, keys: &[Passkey]) -> PasskeyRequest {
        let fitting = keys.iter().filter(|key| key.rp_id == site.rp_id);
        let allowed: Vec<Value> = fitting
            .map(|key| json!({ "type": "public-key", "id": &*key.credential_id }))
            .collect();
        let verification = match purpose {
            Purpose::SecondFactor => "preferred",
            _ => "required",
        };
        PasskeyRequest(json!({
            "challenge": self.challenge(purpose, bound_to),
            "timeout": HOLDS_S * 1_000,
            "rpId": site.rp_id,
            "allowCredentials": allowed,
            "userVerification": verification,
        }))
    }

    /// Writes down that a key was refused since its count went back: somebody may have a second one.
    pub(crate) async fn suspect_clone(
        &self,
        principal: &Arc<Principal>,
        trail: &Trail,
        user: UserId,
        code: Code,
    ) -> Result<(), SignInError> {
        let permit = self.permit(principal, trail, act::SuspectClone, &Resource::user(user))?;
        let factor = match code {
            Code::Passkey { factor, .. } => factor.to_string(),
            Code::Totp { .. } | Code::Recovery { .. } => return Ok(()),
        };
        tracing::warn!(user.id = %user, factor.id = factor, "a passkey's count went back: there may be two of it");
        let written = self.inner.store.write(&permit, async move |tx| {
            tx.note("factor", factor.as_str());
            tx.note_denied();
            Ok::<_, StoreError>(())
        });
        Ok(written.await?)
    }

    /// An answer to a challenge of ours that still holds, for that browser.
    pub(super) fn presented<'a>(
        &self,
        (purpose, bound_to): (Purpose, &str),
        site: &'a Site,
        answer: &'a PasskeyAnswer,
    ) -> Option<Presented<'a>> {
        // One text for one key, as it stands in the database.
        BASE64URL_NOPAD.decode(answer.id.as_bytes()).ok()?;
        let challenge = self.answered(purpose, bound_to, &answer.challenge)?;
        Some(Presented {
            answer,
            site,
            challenge,
            purpose,
        })
    }

    pub(crate) fn presented_as_second<'a>(
        &self,
        session: &Session,
        site: &'a Site,
        answer: &'a PasskeyAnswer,
    ) -> Option<Presented<'a>> {
        self.presented((Purpose::SecondFactor, &session.id.to_string()), site, answer)
    }

    pub(crate) fn presented_to_step_up<'a>(
        &self,
        session: &Session,
        site: &'a Site,
        answer: &'a PasskeyAnswer,
    ) -> Option<Presented<'a>> {
        self.presented((Purpose::StepUp, &session.id.to_string()), site, answer)
    }
}
