//! Invitations: join tokens, made once and shown once.

use std::collections::BTreeMap;
use std::time::Duration;

use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};
use serde::{Deserialize, Serialize};
use serde_json::json;
use time::OffsetDateTime;
use utoipa::ToSchema;
use watchroom_kit::SecretString;
use watchroom_model::join::{JoinToken, JoinUrl};
use watchroom_model::{JoinTokenId, NodeId, NodeName, Page, PageRequest};
use watchroom_policy::{Change, Permit, Principal, Reach, Resource, Target, act, permission, reach};
use watchroom_store::StoreError;

use super::{HOUR_US, JoinError, digest, labels, token_entity as entity};
use crate::fleet::from_micros;
use crate::idempotency::Begun;
use crate::{Fleet, IdempotencyKey};

/// The longest that an invitation may hold, in seconds: 30 days.
const LONGEST_S: u64 = 30 * 24 * 60 * 60;
/// The most machines that one invitation may let ask.
const MOST_USES: u32 = 10_000;

/// What an invitation is to be. All of it may be left out.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct NewJoinToken {
    /// The name that the machine gets; it then may be used once.
    pub name: Option<NodeName>,
    /// The id or name of a node whose place another machine is to take: a reinstalled one, or a revoked one.
    pub replaces: Option<String>,
    /// Labels that the node gets.
    pub labels: BTreeMap<String, String>,
    /// Whether machines are let in by it without a person.
    pub auto_approve: bool,
    /// How many machines may use it: 1 if absent.
    pub uses: Option<u32>,
    /// Seconds it holds: an hour if absent, 30 days at most.
    pub expires_in_s: Option<u64>,
}

/// An invitation that has just been made: the only moment at which its URL is known.
#[derive(Debug)]
pub struct Invitation {
    /// The join URL.
    pub url: SecretString,
    /// What lists show of it.
    pub view: JoinTokenView,
}

/// An invitation as lists show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct JoinTokenView {
    /// Its id.
    pub id: JoinTokenId,
    /// The name that the machine gets.
    pub name: Option<NodeName>,
    /// The node whose place it gives away.
    pub replaces: Option<NodeId>,
    /// Labels that the node gets.
    pub labels: BTreeMap<String, String>,
    /// Whether it lets machines in without a person.
    pub auto_approve: bool,
    /// How many machines may use it.
    pub uses: u32,
    /// How many still may.
    pub uses_left: u32,
    /// Who made it.
    pub created_by: String,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// Until when it holds.
    #[serde(with = "time::serde::rfc3339")]
    pub expires_at: OffsetDateTime,
}

impl Target for JoinTokenView {
    fn resource(&self) -> Resource {
        Resource::join_token(self.id)
    }
}

impl TryFrom<entity::Model> for JoinTokenView {
    type Error = StoreError;

    fn try_from(row: entity::Model) -> Result<Self, StoreError> {
        let damaged = |column: &str| StoreError::Database(format!("join_tokens.{column} cannot be read"));
        let count = |count: i64| u32::try_from(count).map_err(|_| damaged("uses"));
        Ok(Self {
            id: row.id.parse().map_err(|_| damaged("id"))?,
            name: row
                .node_name
                .map(|name| name.parse())
                .transpose()
                .map_err(|_| damaged("node_name"))?,
            replaces: row
                .replaces
                .map(|id| id.parse())
                .transpose()
                .map_err(|_| damaged("replaces"))?,
            labels: labels(&row.labels)?,
            auto_approve: row.admits,
            uses: count(row.uses)?,
            uses_left: count(row.uses_left)?,
            created_by: row.created_by,
            created_at: from_micros(row.created_at).ok_or_else(|| damaged("created_at"))?,
            expires_at: from_micros(row.expires_at).ok_or_else(|| damaged("expires_at"))?,
        })
    }
}

impl Fleet {
    /// An invitation to be: what to ask leave for.
    #[must_use]
    pub fn draft_join_token(&self) -> Resource {
        Resource::join_token(JoinTokenId::mint(self.ambient()))
    }

    /// Makes an invitation, which may let machines in by itself.
    ///
    /// # Errors
    /// [`JoinError`].
    pub async fn create_join_token(
        &self,
        permit: &Permit<act::CreateJoinToken>,
        new: NewJoinToken,
        key: Option<IdempotencyKey>,
    ) -> Result<Invitation, JoinError> {
        self.invite(permit, new, key).await
    }

    /// Makes an invitation that is bound to a name or place and that a person still approves.
    ///
    /// # Errors
    /// [`JoinError`].
    pub async fn register_node(
        &self,
        permit: &Permit<act::RegisterNode>,
        new: NewJoinToken,
        key: Option<IdempotencyKey>,
    ) -> Result<Invitation, JoinError> {
        if new.auto_approve {
            let message = "a node registered by hand is approved by a person; make a join token instead";
            return Err(JoinError::invalid("auto_approve", "not_here", message));
        }
        self.invite(permit, new, key).await
    }

    async fn invite<A: Change>(
        &self,
        permit: &Permit<A>,
        new: NewJoinToken,
        key: Option<IdempotencyKey>,
    ) -> Result<Invitation, JoinError> {
        let now = self.ambient().clock.now_micros();
        let token = JoinToken::make(self.authority().pin(), &self.ambient().entropy);
        let row = self.token_row(
            permit,
            &new,
            digest(watchroom_kit::ExposeSecret::expose_secret(token.secret())),
            now,
        )?;
        let written = row.clone();
        self.store()
            .write(permit, async move |tx| {
                if let Some(key) = &key {
                    match key.begin_once::<()>(tx, now).await? {
                        Begun::New => key.answer(tx, &()).await?,
                        Begun::Before(()) => return Err(JoinError::SecretGone),
                        Begun::Other => return Err(JoinError::KeyReused),
                    }
                }
                tx.insert(entity::ActiveModel {
                    id: Set(written.id.clone()),
                    secret_hash: Set(written.secret_hash.clone()),
                    node_name: Set(written.node_name.clone()),
                    replaces: Set(written.replaces.clone()),
                    labels: Set(written.labels.clone()),
                    admits: Set(written.admits),
                    uses: Set(written.uses),
                    uses_left: Set(written.uses_left),
                    created_by: Set(written.created_by.clone()),
                    created_at: Set(now),
                    expires_at: Set(written.expires_at),
                    revoked_at: Set(None),
                })
                .await?;
                let bound = json!({ "name": written.node_name, "replaces": written.replaces });
                tx.note("after", bound);
                tx.note("auto_approve", written.admits);
                tx.note("uses", written.uses);
                Ok(())
            })
            .await?;
        let address = self.addresses().first().cloned().unwrap_or_default();
        let url = JoinUrl { address, token };
        Ok(Invitation {
            url: url.secret(),
            view: row.try_into()?,
        })
    }

    fn token_row<A: Change>(
        &self,
        permit: &Permit<A>,
        new: &NewJoinToken,
        secret_hash: String,
        now: i64,
    ) -> Result<entity::Model, JoinError> {
        let id = permit.resource().id().ok_or(JoinError::NotFound)?;
        let replaced = self.replaced(permit.principal(), new)?;
        let name = replaced
            .as_ref()
            .map(|node| node.name())
            .or_else(|| new.name.clone());
        let uses = new.uses.unwrap_or(1);
        if uses == 0 || uses > MOST_USES || (name.is_some() && uses > 1) {
            let message = "1 to 10000 machines; a URL bound to one name is for one";
            return Err(JoinError::invalid("uses", "out_of_range", message));
        }
        let lasts = new
            .expires_in_s
            .map_or(Duration::from_secs(3_600), Duration::from_secs);
        if lasts.as_secs() < 60 || lasts.as_secs() > LONGEST_S {
            let message = "a join URL holds for at least a minute and at most 30 days";
            return Err(JoinError::invalid("expires_in_s", "out_of_range", message));
        }
        let lasts = i64::try_from(lasts.as_micros()).unwrap_or(HOUR_US);
        let labels =
            serde_json::to_string(&new.labels).map_err(|error| StoreError::Database(error.to_string()))?;
        Ok(entity::Model {
            id: id.to_owned(),
            secret_hash,
            node_name: name.map(|name| name.to_string()),
            replaces: replaced.map(|node| node.id().to_string()),
            labels,
            admits: new.auto_approve,
            uses: uses.into(),
            uses_left: uses.into(),
            created_by: permit.principal().display_name(),
            created_at: now,
            expires_at: now + lasts,
            revoked_at: None,
        })
    }

    fn replaced(
        &self,
        principal: &Principal,
        new: &NewJoinToken,
    ) -> Result<Option<std::sync::Arc<crate::Node>>, JoinError> {
        let Some(which) = &new.replaces else {
            return Ok(None);
        };
        let node = self.find_node(principal, which).ok_or(JoinError::NoSuchNode)?;
        if node.is_local() {
            return Err(JoinError::OwnNode);
        }
        if new.name.as_ref().is_some_and(|name| *name != node.name()) {
            let message = "a machine that takes a node's place takes its name too; leave the name out";
            return Err(JoinError::invalid("name", "differs", message));
        }
        Ok(Some(node))
    }

    /// Invitations that can still be used, oldest first, for those who may make them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn join_tokens(
        &self,
        principal: &Principal,
        request: &PageRequest,
    ) -> Result<Page<JoinTokenView>, StoreError> {
        let now = self.ambient().clock.now_micros();
        let mut select = entity::Entity::find().filter(usable(now));
        if reach(principal, permission::NODES_APPROVE) != Reach::Everything {
            select = select.filter(Expr::value(false));
        }
        let page = self
            .store()
            .read()
            .await?
            .page(select, entity::Column::Id, request)
            .await?;
        let items = page
            .items
            .into_iter()
            .map(JoinTokenView::try_from)
            .collect::<Result<_, _>>()?;
        Ok(Page {
            items,
            next_cursor: page.next_cursor,
        })
    }

    /// Takes an invitation back.
    ///
    /// # Errors
    /// [`JoinError::NotFound`] if it cannot be used any more in any case.
    pub async fn revoke_join_token(&self, permit: &Permit<act::RevokeJoinToken>) -> Result<(), JoinError> {
        let id = permit.resource().id().ok_or(JoinError::NotFound)?.to_owned();
        let now = self.ambient().clock.now_micros();
        self.store()
            .write(permit, async move |tx| {
                let update = entity::Entity::update_many()
                    .col_expr(entity::Column::RevokedAt, Expr::value(now))
                    .filter(usable(now))
                    .filter(entity::Column::Id.eq(id.clone()));
                match tx.update(update).await? {
                    0 => Err(JoinError::NotFound),
                    _ => Ok(()),
                }
            })
            .await
    }
}

/// The condition under which an invitation lets anybody ask.
pub(super) fn usable(now: i64) -> sea_orm::Condition {
    sea_orm::Condition::all()
        .add(entity::Column::UsesLeft.gt(0))
        .add(entity::Column::ExpiresAt.gt(now))
        .add(entity::Column::RevokedAt.is_null())
}
