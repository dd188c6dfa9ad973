//! What enrolling a factor writes, whatever its kind.

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use watchroom_kit::SecretString;
use watchroom_mail::Draft;
use watchroom_model::UserId;
use watchroom_policy::{Permit, act};
use watchroom_store::{Changed, WriteTx};

use super::error::FactorError;
use super::passkey::{MOST_PASSKEYS, PASSKEY, SpentChallenge};
use super::{Enrolled, MOST, TOTP, all_in, replace_recovery_codes};
use crate::entity::{passkey, session, totp_factor, user};
use crate::sessions::{NewCookie, Session, give_cookie};
use crate::{Identity, users};

/// A factor about to be enrolled.
pub(super) enum NewFactor {
    Totp(totp_factor::ActiveModel),
    Passkey {
        row: passkey::ActiveModel,
        challenge: SpentChallenge,
    },
}

impl NewFactor {
    const fn word(&self) -> &'static str {
        match self {
            Self::Totp(_) => TOTP,
            Self::Passkey { .. } => PASSKEY,
        }
    }
}

/// What enrolling writes.
pub(super) struct Enrolment {
    pub(super) user: UserId,
    pub(super) session: String,
    pub(super) cookie: NewCookie,
    pub(super) factor: NewFactor,
    pub(super) must_be_first: bool,
    pub(super) recovery_codes: Vec<SecretString>,
    pub(super) letter: Option<Draft>,
    pub(super) at: i64,
}

impl Identity {
    /// Writes it. The session has then proven the factor, and those of the account that have proven nothing but a
    /// password end.
    pub(super) async fn enrol(
        &self,
        permit: &Permit<act::AddFactor>,
        session: &Session,
        enrolment: Enrolment,
        device: Option<&str>,
    ) -> Result<Enrolled, FactorError> {
        let (user, cookie) = (enrolment.user, enrolment.cookie.clone());
        let recovery_codes = enrolment.recovery_codes.clone();
        let written = self
            .inner
            .store
            .write(permit, async move |tx| enrolment.write(tx).await);
        written.await?;
        self.reread(user).await?;
        let signed_in = self.signed_in(cookie).ok_or(FactorError::Ended)?;
        self.touch(&signed_in.session);
        Ok(Enrolled {
            signed_in: match session.is_half() {
                true => self.known(signed_in, device),
                false => signed_in,
            },
            recovery_codes,
        })
    }
}

impl Enrolment {
    async fn write(&self, tx: &WriteTx) -> Result<(), FactorError> {
        let user = self.user.to_string();
        if !users::is_active(tx, &user).await? {
            return Err(FactorError::Ended);
        }
        let (devices, passkeys) = all_in(tx, &user).await?;
        let is_first = devices.is_empty() && passkeys.is_empty();
        // Of two who know the password one enrols, and the other learns nothing by it.
        if self.must_be_first && !is_first {
            return Err(FactorError::Ended);
        }
        match &self.factor {
            NewFactor::Totp(row) => {
                if devices.iter().any(|known| Some(&known.id) == row.id.try_as_ref()) {
                    return Err(FactorError::OfferOver);
                }
                if devices.len() >= MOST {
                    return Err(FactorError::TooMany { most: MOST });
                }
                tx.insert(row.clone()).await?;
            }
            NewFactor::Passkey { row, challenge } => {
                if !challenge.spend(tx, self.at).await? {
                    return Err(FactorError::OfferOver);
                }
                if passkeys.len() >= MOST_PASSKEYS {
                    return Err(FactorError::TooMany { most: MOST_PASSKEYS });
                }
                tx.insert(row.clone()).await?;
            }
        }
        if is_first {
            replace_recovery_codes(tx, self.user, &self.recovery_codes).await?;
        }
        self.write_session(tx, user).await?;
        if let Some(letter) = &self.letter {
            letter.put(tx).await?;
        }
        tx.note_resource(format!("user:{}", self.user));
        tx.note("factor", self.factor.word());
        tx.changed(Changed::User(self.user));
        Ok(())
    }

    async fn write_session(&self, tx: &WriteTx, user: String) -> Result<(), FactorError> {
        let risen = give_cookie(session::Entity::update_many(), &self.cookie.digest.to_string())
            .col_expr(session::Column::SecondFactor, Expr::value(self.factor.word()))
            .col_expr(session::Column::ProvenAt, Expr::value(self.at))
            .col_expr(session::Column::FactorAt, Expr::value(self.at))
            .filter(session::Column::Id.eq(self.session.clone()));
        if tx.update(risen).await? == 0 {
            return Err(FactorError::Ended);
        }
        let unproven = session::Entity::delete_many()
            .filter(session::Column::UserId.eq(user.clone()))
            .filter(session::Column::SecondFactor.is_null());
        tx.note("sessions_ended", tx.delete(unproven).await?);
        if self.must_be_first {
            // Only now is the sign-in whole.
            let seen = user::Entity::update_many()
                .col_expr(user::Column::LastSignIn, Expr::value(self.at))
                .filter(user::Column::Id.eq(user));
            tx.update(seen).await?;
        }
        Ok(())
    }
}
