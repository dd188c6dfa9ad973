//! Enrolling codes by time: a seed is offered, and a code made from it confirms that the device has it.

use sea_orm::ActiveValue::Set;
use sea_orm::EntityTrait;
use watchroom_kit::{ExposeSecret, SecretString};
use watchroom_mail::FactorChange;
use watchroom_model::{FactorId, UserId};
use watchroom_policy::{Permit, SecondFactor, act};
use watchroom_store::StoreError;

use super::enrolment::{Enrolment, NewFactor};
use super::error::FactorError;
use super::{MOST, keys, recovery, seed_place, totp};
use crate::entity::totp_factor;
use crate::roll::Account;
use crate::sessions::{NewCookie, Session, SignedIn};
use crate::{Identity, Place, stamp};

/// How long an offer holds, in seconds.
const HOLDS_S: u32 = 600;
/// Most characters of a name.
const LONGEST_NAME: usize = 64;

/// A seed to be kept by a device, not enrolled yet.
#[derive(Debug)]
pub struct TotpOffer {
    /// The seed in base32, for typing.
    pub secret: SecretString,
    /// The same as an address, for a QR code.
    pub address: SecretString,
    /// The seed under seal, to be sent back with the first code. Only this session can use it, once, for ten minutes.
    pub offer: SecretString,
}

/// What confirms that a device has the seed.
#[derive(Debug)]
pub struct ConfirmTotp {
    /// What was offered.
    pub offer: SecretString,
    /// A code of it.
    pub code: SecretString,
    /// What its owner calls it.
    pub name: String,
    /// What the browser shows of earlier sign-ins ([`SignedIn::device`]).
    pub device: Option<String>,
}

/// A second factor was enrolled.
#[derive(Debug)]
pub struct Enrolled {
    /// The session, which has proven it and has a new cookie.
    pub signed_in: SignedIn,
    /// The recovery codes that came with the first factor: the only time they are known.
    pub recovery_codes: Vec<SecretString>,
}

/// An offer as it was opened again.
struct Offered {
    id: FactorId,
    seed: SecretString,
}

impl Offered {
    fn parse(text: &SecretString, now: i64) -> Option<Self> {
        let mut parts = text.expose_secret().split(' ');
        let id = parts.next()?.parse().ok()?;
        let until: i64 = parts.next()?.parse().ok()?;
        let seed = SecretString::from(parts.next()?);
        (now < until).then_some(Self { id, seed })
    }
}

impl Identity {
    /// Offers a seed to the person of this session.
    ///
    /// # Errors
    /// [`FactorError`].
    pub async fn offer_totp(
        &self,
        permit: &Permit<act::AddFactor>,
        session: &Session,
    ) -> Result<TotpOffer, FactorError> {
        let account = self.enrolling(permit, session)?;
        if account.factors.len() >= MOST {
            return Err(FactorError::TooMany { most: MOST });
        }
        let secret = totp::new_seed(&self.inner.ambient.entropy);
        let until = self.inner.ambient.clock.now_micros() + stamp::seconds(HOLDS_S);
        let id = FactorId::mint(&self.inner.ambient);
        let offered = SecretString::from(format!("{id} {until} {}", secret.expose_secret()));
        let key = self.sealing_key().await?;
        let (row, column) = (session.id.to_string(), account.id.to_string());
        let offer = self
            .inner
            .vault
            .seal(&key, offer_place(&row, &column), &offered)?;
        Ok(TotpOffer {
            address: totp::address(
                &self.inner.config.second_factors.issuer,
                account.name.as_str(),
                &secret,
            ),
            secret,
            offer: offer.into(),
        })
    }

    /// Enrols what was offered. The session has then proven it, and those of the account that have proven nothing but a
    /// password end. With the first factor come recovery codes.
    ///
    /// # Errors
    /// [`FactorError`].
    pub async fn confirm_totp(
        &self,
        permit: &Permit<act::AddFactor>,
        session: &Session,
        confirm: ConfirmTotp,
    ) -> Result<Enrolled, FactorError> {
        let account = self.enrolling(permit, session)?;
        let name = name_of(&confirm.name)?;
        let offered = self.opened(session, account.id, &confirm.offer)?;
        let now = self.inner.ambient.clock.now_micros();
        let code = confirm.code.expose_secret().trim();
        let skew = self.inner.config.second_factors.skew_steps.into();
        let step = totp::step_of(&offered.seed, code, now.div_euclid(1_000_000), (-1, skew));
        let step = step.ok_or(FactorError::Code)?;
        let recovery_codes = match account.has_factor() {
            true => Vec::new(),
            false => recovery::new_codes(&self.inner.ambient.entropy),
        };
        let id = offered.id.to_string();
        let key = self.sealing_key().await?;
        let enrolment = Enrolment {
            user: account.id,
            session: session.id.to_string(),
            cookie: NewCookie::mint(&self.inner.ambient),
            factor: NewFactor::Totp(totp_factor::ActiveModel {
                id: Set(id.clone()),
                user_id: Set(account.id.to_string()),
                name: Set(name),
                seed: Set(self.inner.vault.seal(&key, seed_place(&id), &offered.seed)?),
                last_step: Set(step),
                created_at: Set(now),
                last_used: Set(None),
            }),
            must_be_first: permit.principal().proof.second_factor == SecondFactor::ToEnrol,
            recovery_codes,
            letter: self.letter_of_factors(&account, permit.trail(), FactorChange::Added),
            at: now,
        };
        self.enrol(permit, session, enrolment, confirm.device.as_deref())
            .await
    }

    /// The account that enrols: the session's own, for which the permit was given.
    pub(super) fn enrolling(
        &self,
        permit: &Permit<act::AddFactor>,
        session: &Session,
    ) -> Result<std::sync::Arc<Account>, FactorError> {
        let of = permit.principal().user().filter(|user| *user == session.user);
        of.and_then(|user| self.inner.roll.account(user))
            .ok_or(FactorError::Ended)
    }

    fn opened(&self, session: &Session, user: UserId, offer: &SecretString) -> Result<Offered, FactorError> {
        let (row, column) = (session.id.to_string(), user.to_string());
        let place = offer_place(&row, &column);
        // A text that does not open is somebody else's offer or none at all, which is the same to whoever sent it.
        let text = self.inner.vault.open(place, offer.expose_secret());
        let text = text.map_err(|_| FactorError::OfferOver)?;
        let now = self.inner.ambient.clock.now_micros();
        Offered::parse(&text, now).ok_or(FactorError::OfferOver)
    }

    /// The key that seals now.
    pub(super) async fn sealing_key(&self) -> Result<String, StoreError> {
        let read = self.inner.store.read().await?;
        let all = read.all(crate::entity::sealing_key::Entity::find()).await?;
        Ok(keys::newest(&all))
    }
}

/// A factor's name as its owner typed it.
pub(super) fn name_of(typed: &str) -> Result<String, FactorError> {
    let name = typed.trim();
    let is_fine =
        !name.is_empty() && name.chars().count() <= LONGEST_NAME && !name.chars().any(char::is_control);
    is_fine.then(|| name.to_owned()).ok_or(FactorError::Name)
}

/// An offer lies in no table: it is bound to the session and the account it was made for.
fn offer_place<'a>(session: &'a str, user: &'a str) -> Place<'a> {
    Place {
        table: "totp offers",
        row: session,
        column: user,
    }
}
