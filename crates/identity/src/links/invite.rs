//! Invitations: a link by which somebody makes their own account, with a role that was chosen for them.

use std::sync::Arc;

use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;
use watchroom_kit::SecretString;
use watchroom_mail::{Content, Words};
use watchroom_model::{DisplayName, EmailAddress, LinkId, UserId, UserName};
use watchroom_policy::{Permit, Principal, Resource, ResourceKind, Role, Trail, act};
use watchroom_store::{Changed, StoreError};

use super::{IssuedLink, LinkError, LinkKind, NewLink, spend};
use crate::entity::one_time_link;
use crate::sessions::{NewSession, SignedIn};
use crate::users::{NewAccount, held_everywhere};
use crate::{EndError, Identity, stamp};

/// Whom to invite.
#[derive(Debug)]
pub struct Invite {
    /// Their role, everywhere.
    pub role: String,
    /// Where the link goes. Without one, or where no mail is sent, it is shown once to whoever invites.
    pub email: Option<EmailAddress>,
}

/// An invitation that waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct InvitationView {
    /// Its id.
    pub id: LinkId,
    /// The role that it gives.
    pub role: String,
    /// Where it went.
    pub email: Option<String>,
    /// Who made it.
    pub made_by: Option<UserName>,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// Until when it holds.
    #[serde(with = "time::serde::rfc3339")]
    pub expires_at: OffsetDateTime,
}

/// What the form behind an invitation sends.
#[derive(Debug)]
pub struct Accept {
    /// The secret of the link.
    pub code: SecretString,
    /// What they will sign in with.
    pub name: UserName,
    /// Their name as others see it.
    pub display_name: DisplayName,
    /// Their password.
    pub password: SecretString,
}

impl Identity {
    /// Makes an invitation. It holds as long as whoever makes it could make such an account.
    ///
    /// # Errors
    /// [`LinkError`].
    pub async fn invite(
        &self,
        permit: &Permit<act::InviteUser>,
        invite: Invite,
    ) -> Result<IssuedLink, LinkError> {
        let role = self
            .role(&invite.role)
            .ok_or_else(|| LinkError::Role(invite.role.clone()))?;
        if !held_everywhere(permit.principal()).covers(role.permissions) {
            return Err(LinkError::MoreThanOwn);
        }
        let mut new = NewLink::mint(
            &self.inner.ambient,
            LinkKind::Invitation,
            permit.principal().user(),
        );
        new.row.role = Set(Some(role.name.clone()));
        new.row.email = Set(invite.email.as_ref().map(ToString::to_string));
        let content = Content::Invitation {
            inviter: Words::of(&permit.principal().display_name()),
            link: new.link.clone(),
            hours: new.hours,
        };
        let letter = match &invite.email {
            Some(to) => self.inner.mail.draft(to, None, &content)?,
            None => None,
        };
        let mailed_to = invite.email.filter(|_| letter.is_some());
        let (row, id, by_mail) = (new.row.clone(), new.id, mailed_to.is_some());
        let written = self.inner.store.write(permit, async move |tx| {
            tx.insert(row.clone()).await?;
            if let Some(letter) = &letter {
                letter.put(tx).await?;
            }
            tx.note("role", role.name.as_str());
            tx.note("link", id.to_string());
            tx.note("by_mail", by_mail);
            Ok::<_, StoreError>(())
        });
        written.await?;
        Ok(new.issued(self, mailed_to))
    }

    /// Invitations that wait, the newest first; the caller has leave to list people.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn invitations(&self, _: &Permit<act::ListUsers>) -> Result<Vec<InvitationView>, StoreError> {
        let now = self.inner.ambient.clock.now_micros();
        let select = one_time_link::Entity::find()
            .filter(one_time_link::Column::Kind.eq(LinkKind::Invitation.word()))
            .filter(one_time_link::Column::UsedAt.is_null())
            .filter(one_time_link::Column::ExpiresAt.gt(now))
            .order_by_desc(one_time_link::Column::Id);
        let rows = self.inner.store.read().await?.all(select).await?;
        let view = |row: one_time_link::Model| {
            let made_by = row
                .made_by
                .as_deref()
                .and_then(|user| user.parse::<UserId>().ok());
            Some(InvitationView {
                id: row.id.parse().ok()?,
                role: row.role?,
                email: row.email,
                made_by: made_by.and_then(|user| self.name_of(user)),
                created_at: stamp::at(row.created_at),
                expires_at: stamp::at(row.expires_at),
            })
        };
        Ok(rows.into_iter().filter_map(view).collect())
    }

    /// Takes an invitation back.
    ///
    /// # Errors
    /// [`EndError::Unknown`] where there is none such that waits.
    pub async fn take_invitation_back(
        &self,
        permit: &Permit<act::InviteUser>,
        id: LinkId,
    ) -> Result<(), EndError> {
        let now = self.inner.ambient.clock.now_micros();
        let taken = self.inner.store.write(permit, async move |tx| {
            let update = one_time_link::Entity::update_many()
                .col_expr(one_time_link::Column::UsedAt, Expr::value(now))
                .filter(one_time_link::Column::Id.eq(id.to_string()))
                .filter(one_time_link::Column::Kind.eq(LinkKind::Invitation.word()))
                .filter(one_time_link::Column::UsedAt.is_null());
            if tx.update(update).await? == 0 {
                return Err(EndError::Unknown(
                    "there is no such invitation; it may have been used already",
                ));
            }
            tx.note("link", id.to_string());
            tx.note("taken_back", true);
            Ok(())
        });
        taken.await
    }

    /// Makes the account that an invitation allows, and signs its owner in. The link is spent by success alone, so that a
    /// name that is taken or a password that is too weak can be mended.
    ///
    /// # Errors
    /// [`LinkError`].
    pub async fn accept_invitation(&self, trail: &Trail, accept: Accept) -> Result<SignedIn, LinkError> {
        let link = self.link(LinkKind::Invitation, &accept.code).await?;
        let role = self.still_given(&link)?;
        let names = [accept.name.as_str(), accept.display_name.as_str()];
        let rules = &self.inner.config.password;
        let faults = rules.faults("password", &accept.password, &names);
        if !faults.is_empty() {
            return Err(LinkError::Password(faults));
        }
        let hash = self.hash_new(accept.password, trail).await?;
        let permit = self.permit(
            &Arc::new(Principal::stranger()),
            trail,
            act::AcceptInvitation,
            &Resource::all(ResourceKind::User),
        )?;
        let (ambient, user) = (&self.inner.ambient, UserId::mint(&self.inner.ambient));
        let account = NewAccount {
            id: user,
            name: accept.name,
            display_name: accept.display_name,
            email: link.email.as_deref().and_then(|email| email.parse().ok()),
            call_sign: None,
            password_hash: Some(hash),
            at: ambient.clock.now_micros(),
        };
        let new = NewSession::mint(ambient, &self.inner.config.session, user, trail, false).by_password();
        let (first_session, grant) = (new.row, self.new_grant(user, role.name, None));
        let (code, now) = (accept.code, account.at);
        let written = self.inner.store.write(&permit, async move |tx| {
            if spend(tx, LinkKind::Invitation, &code, now).await?.is_none() {
                return Err(LinkError::Over);
            }
            account.insert_with(tx, &grant).await?;
            tx.insert(first_session.clone()).await?;
            tx.note_resource(format!("user:{user}"));
            tx.changed(Changed::User(user));
            Ok(())
        });
        written.await?;
        self.reread(user).await?;
        let signed_in = self.signed_in(new.cookie).ok_or(LinkError::Over)?;
        Ok(self.known(signed_in, None))
    }

    /// The role of an invitation, if whoever made it could still give it: whoever has been disabled or lost a role invites
    /// nobody any more.
    fn still_given(&self, link: &one_time_link::Model) -> Result<Role, LinkError> {
        let role = link
            .role
            .as_deref()
            .and_then(|role| self.role(role))
            .ok_or(LinkError::Over)?;
        self.is_still_given(link, role.permissions)
            .then_some(role)
            .ok_or(LinkError::Over)
    }
}
