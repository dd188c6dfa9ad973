//! Making a passkey: what a browser is asked, and taking what it brings.

use data_encoding::BASE64URL_NOPAD;
use sea_orm::ActiveValue::Set;
use serde::Serialize;
use serde_json::{Value, json};
use watchroom_mail::FactorChange;
use watchroom_model::FactorId;
use watchroom_passkey::Ceremony;
use watchroom_policy::{Permit, SecondFactor, act};

use super::challenge::{HOLDS_S, Purpose};
use super::{MOST_PASSKEYS, Site, binding, bytes, handle};
use crate::Identity;
use crate::entity::passkey;
use crate::factors::enrol::name_of;
use crate::factors::enrolment::{Enrolment, NewFactor};
use crate::factors::{Enrolled, FactorError, recovery};
use crate::sessions::{NewCookie, Session};

/// What a browser is asked to make, as `PublicKeyCredentialCreationOptionsJSON` (WebAuthn, 5.1.8).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct PasskeyCreation(Value);

/// What a browser brings of a key that it had made.
#[derive(Debug)]
pub struct RegisterPasskey {
    /// The challenge that it was given.
    pub challenge: String,
    /// What the browser says, base64url.
    pub client_data: String,
    /// What the authenticator says, base64url.
    pub attestation: String,
    /// What its owner calls it.
    pub name: String,
    /// What the browser shows of earlier sign-ins ([`crate::SignedIn::device`]).
    pub device: Option<String>,
}

impl Identity {
    /// Asks the browser of this session to make a passkey. Of those that the account has it is told the names, so that
    /// one authenticator does not make two.
    ///
    /// # Errors
    /// [`FactorError`].
    pub fn offer_passkey(
        &self,
        permit: &Permit<act::AddFactor>,
        session: &Session,
        site: &Site,
    ) -> Result<PasskeyCreation, FactorError> {
        let account = self.enrolling(permit, session)?;
        if account.passkeys.len() >= MOST_PASSKEYS {
            return Err(FactorError::TooMany { most: MOST_PASSKEYS });
        }
        let known = account.passkeys.iter();
        let known: Vec<Value> = known
            .map(|key| json!({ "type": "public-key", "id": &*key.credential_id }))
            .collect();
        let kinds = [-7, -8, -257].map(|alg| json!({ "type": "public-key", "alg": alg }));
        Ok(PasskeyCreation(json!({
            "rp": { "id": site.rp_id, "name": self.inner.config.second_factors.issuer },
            "user": {
                "id": BASE64URL_NOPAD.encode(&handle(account.id)),
                "name": account.name.as_str(),
                "displayName": account.display_name.to_string(),
            },
            "challenge": self.challenge(Purpose::Registration, &session.id.to_string()),
            "pubKeyCredParams": kinds,
            "timeout": HOLDS_S * 1_000,
            "excludeCredentials": known,
            "authenticatorSelection": { "residentKey": "preferred", "userVerification": "preferred" },
            "attestation": "none",
        })))
    }

    /// Enrols the key that the browser had made. What follows is as with any other factor: see
    /// [`Identity::confirm_totp`].
    ///
    /// # Errors
    /// [`FactorError`].
    pub async fn register_passkey(
        &self,
        permit: &Permit<act::AddFactor>,
        session: &Session,
        site: &Site,
        made: RegisterPasskey,
    ) -> Result<Enrolled, FactorError> {
        let account = self.enrolling(permit, session)?;
        let name = name_of(&made.name)?;
        let challenge = self
            .answered(Purpose::Registration, &session.id.to_string(), &made.challenge)
            .ok_or(FactorError::OfferOver)?;
        let ceremony = Ceremony {
            challenge: &made.challenge,
            origin: &site.origin,
            rp_id: &site.rp_id,
            needs_verification: false,
        };
        let registered = ceremony.register(&bytes(&made.client_data), &bytes(&made.attestation))?;
        let id = FactorId::mint(&self.inner.ambient).to_string();
        let now = self.inner.ambient.clock.now_micros();
        let credential_id = BASE64URL_NOPAD.encode(&registered.id);
        let public_key = BASE64URL_NOPAD.encode(&registered.public_key);
        let parts = [site.rp_id.as_str(), &credential_id, &public_key];
        let binding = binding(&self.inner.signatures, &id, account.id, parts);
        let row = passkey::ActiveModel {
            id: Set(id),
            user_id: Set(account.id.to_string()),
            name: Set(name),
            rp_id: Set(site.rp_id.clone()),
            credential_id: Set(credential_id),
            public_key: Set(public_key),
            binding: Set(binding),
            counter: Set(i64::from(registered.counter)),
            may_be_copied: Set(registered.may_be_copied),
            created_at: Set(now),
            last_used: Set(None),
        };
        let recovery_codes = match account.has_factor() {
            true => Vec::new(),
            false => recovery::new_codes(&self.inner.ambient.entropy),
        };
        let enrolment = Enrolment {
            user: account.id,
            session: session.id.to_string(),
            cookie: NewCookie::mint(&self.inner.ambient),
            factor: NewFactor::Passkey { row, challenge },
            must_be_first: permit.principal().proof.second_factor == SecondFactor::ToEnrol,
            recovery_codes,
            letter: self.letter_of_factors(&account, permit.trail(), FactorChange::Added),
            at: now,
        };
        self.enrol(permit, session, enrolment, made.device.as_deref())
            .await
    }
}
