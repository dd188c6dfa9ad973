//! Listing tokens: one's own, or everybody's with `tokens:read`. The text of a token is never shown again.

use ipnet::IpNet;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;
use watchroom_model::{Page, PageRequest, TokenId, TokenName, UserId};
use watchroom_policy::{PermissionSet, Principal, Reach, Resource, Target, permission, reach};
use watchroom_store::StoreError;

use crate::entity::token;
use crate::users::ReadError;
use crate::{Identity, stamp};

/// A token as lists show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct TokenView {
    /// Its id.
    pub id: TokenId,
    /// Whose it is.
    pub owner: UserId,
    /// What the owner calls it.
    pub name: TokenName,
    /// What it may do, at most; `null` for all its owner may.
    pub permissions: Option<Vec<String>>,
    /// From where it holds; empty for anywhere.
    pub networks: Vec<String>,
    /// Whether it may do what otherwise needs a fresh proof.
    pub may_be_sensitive: bool,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// Until when it holds.
    #[serde(with = "time::serde::rfc3339")]
    pub expires_at: OffsetDateTime,
    /// When it was last used, to the minute.
    #[serde(with = "time::serde::rfc3339::option")]
    pub last_used: Option<OffsetDateTime>,
}

impl Target for TokenView {
    fn resource(&self) -> Resource {
        Resource::token(self.id, self.owner).labelled(self.name.as_str())
    }
}

impl TryFrom<token::Model> for TokenView {
    type Error = StoreError;

    fn try_from(row: token::Model) -> Result<Self, StoreError> {
        let damaged =
            |column: &str| StoreError::Database(format!("a value in tokens.{column} is not what it must be"));
        let permissions = row
            .permissions
            .as_deref()
            .map(serde_json::from_str::<PermissionSet>)
            .transpose();
        let networks = row
            .networks
            .as_deref()
            .map(serde_json::from_str::<Vec<IpNet>>)
            .transpose();
        let names = |set: PermissionSet| set.iter().map(|one| one.name().to_owned()).collect();
        Ok(Self {
            id: row.id.parse().map_err(|_| damaged("id"))?,
            owner: row.owner.parse().map_err(|_| damaged("owner"))?,
            name: row.name.parse().map_err(|_| damaged("name"))?,
            permissions: permissions.map_err(|_| damaged("permissions"))?.map(names),
            networks: networks
                .map_err(|_| damaged("networks"))?
                .unwrap_or_default()
                .iter()
                .map(ToString::to_string)
                .collect(),
            may_be_sensitive: row.may_be_sensitive,
            created_at: stamp::at(row.created_at),
            expires_at: stamp::at(row.expires_at),
            last_used: row.last_used.map(stamp::at),
        })
    }
}

impl Identity {
    /// Tokens that have not been revoked: the caller's own, or everybody's where they may see those.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn tokens(
        &self,
        principal: &Principal,
        request: &PageRequest,
    ) -> Result<Page<TokenView>, ReadError> {
        request.limit()?;
        let Some(visible) = visible(principal) else {
            return Ok(Page {
                items: Vec::new(),
                next_cursor: None,
            });
        };
        let select = token::Entity::find()
            .filter(visible)
            .filter(token::Column::RevokedAt.is_null());
        let page = self
            .inner
            .store
            .read()
            .await?
            .page(select, token::Column::Id, request)
            .await?;
        let items = page
            .items
            .into_iter()
            .map(TokenView::try_from)
            .collect::<Result<_, _>>()?;
        Ok(Page {
            items,
            next_cursor: page.next_cursor,
        })
    }

    /// One token that has not been revoked, if the caller may know of it.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn token(&self, principal: &Principal, id: TokenId) -> Result<TokenView, ReadError> {
        let visible = visible(principal).ok_or(ReadError::NotFound)?;
        let select = token::Entity::find_by_id(id.to_string())
            .filter(visible)
            .filter(token::Column::RevokedAt.is_null());
        let row = self
            .inner
            .store
            .read()
            .await?
            .one(select)
            .await?
            .ok_or(ReadError::NotFound)?;
        Ok(TokenView::try_from(row)?)
    }
}

/// Which tokens the principal may see, as a condition; `None` for none.
fn visible(principal: &Principal) -> Option<sea_orm::Condition> {
    let all = sea_orm::Condition::all();
    if reach(principal, permission::TOKENS_READ) == Reach::Everything {
        return Some(all);
    }
    // A token that was given less than all its owner may is not given a view of its siblings either.
    if principal
        .ceiling
        .is_some_and(|ceiling| !ceiling.has(permission::TOKENS_READ))
    {
        return None;
    }
    principal
        .user()
        .map(|user| all.add(token::Column::Owner.eq(user.to_string())))
}
