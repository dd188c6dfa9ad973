//! Requests as people see them.

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::{IntoParams, ToSchema};
use watchroom_model::join::JoinStatus;
use watchroom_model::{JoinRequestId, NodeId, NodeName, Page, PageRequest};
use watchroom_policy::{Principal, Reach, Resource, Target, permission, reach};
use watchroom_store::StoreError;

use super::request_entity as entity;
use crate::Fleet;
use crate::fleet::from_micros;

/// Which requests to list.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
pub struct JoinFilter {
    /// `pending` (the usual), or `all` of the last week.
    pub status: Option<String>,
}

/// A request as people see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct JoinRequestView {
    /// Its id.
    pub id: JoinRequestId,
    /// What the machine wants to be called, or is to be called by its invitation.
    pub name: NodeName,
    /// Where it says it is.
    pub address: String,
    /// Where its request came from; empty for the Host's own machine.
    pub from_address: String,
    /// The port of its local dashboard; 0 if that is off.
    pub port: u16,
    /// The version of its agent.
    pub version: String,
    /// When it asked.
    #[serde(with = "time::serde::rfc3339")]
    pub requested_at: OffsetDateTime,
    /// Until when it may be approved.
    #[serde(with = "time::serde::rfc3339")]
    pub expires_at: OffsetDateTime,
    /// The six words that its screen shows too.
    pub words: Vec<String>,
    /// The SHA-256 of its public key.
    pub fingerprint: String,
    /// How it stands.
    pub status: JoinStatus,
    /// Why, where it was rejected or denied.
    pub reason: Option<String>,
    /// The node whose name and place it takes.
    pub replaces: Option<NodeId>,
    /// The node that it became.
    pub node: Option<NodeId>,
    /// Who decided.
    pub decided_by: Option<String>,
}

impl Target for JoinRequestView {
    fn resource(&self) -> Resource {
        Resource::join_request(self.id).labelled(self.name.as_str())
    }
}

/// The status as it is stored and spoken.
pub(super) fn word(status: JoinStatus) -> String {
    crate::servers::word(&status)
}

/// How a request stands at `now`: nobody writes down that time has passed.
pub(super) fn status(row: &entity::Model, now: i64) -> Result<JoinStatus, StoreError> {
    let status = serde_json::from_value(row.status.clone().into())
        .map_err(|_| StoreError::Database(format!("join request {}: its status cannot be read", row.id)))?;
    Ok(match status {
        JoinStatus::Pending if row.expires_at <= now => JoinStatus::Expired,
        status => status,
    })
}

pub(super) fn view(row: entity::Model, now: i64) -> Result<JoinRequestView, StoreError> {
    let damaged = |column: &str| StoreError::Database(format!("join_requests.{column} cannot be read"));
    let node = |id: Option<String>, column| id.map(|id| id.parse()).transpose().map_err(|_| damaged(column));
    Ok(JoinRequestView {
        id: row.id.parse().map_err(|_| damaged("id"))?,
        name: row.name.parse().map_err(|_| damaged("name"))?,
        status: status(&row, now)?,
        port: u16::try_from(row.port).map_err(|_| damaged("port"))?,
        requested_at: from_micros(row.requested_at).ok_or_else(|| damaged("requested_at"))?,
        expires_at: from_micros(row.expires_at).ok_or_else(|| damaged("expires_at"))?,
        words: row.words.split(' ').map(str::to_owned).collect(),
        replaces: node(row.replaces, "replaces")?,
        node: node(row.node, "node")?,
        address: row.address,
        from_address: row.from_address,
        version: row.version,
        fingerprint: row.key_fingerprint,
        reason: row.reason,
        decided_by: row.decided_by,
    })
}

impl Fleet {
    /// Requests, oldest first, for those who may see all nodes: a machine that is none yet is nowhere else.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn join_requests(
        &self,
        principal: &Principal,
        filter: &JoinFilter,
        request: &PageRequest,
    ) -> Result<Page<JoinRequestView>, StoreError> {
        let now = self.ambient().clock.now_micros();
        let mut select = entity::Entity::find();
        if filter.status.as_deref() != Some("all") {
            select = select
                .filter(entity::Column::Status.eq(word(JoinStatus::Pending)))
                .filter(entity::Column::ExpiresAt.gt(now));
        }
        if reach(principal, permission::NODES_READ) != Reach::Everything {
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
            .map(|row| view(row, now))
            .collect::<Result<_, _>>()?;
        Ok(Page {
            items,
            next_cursor: page.next_cursor,
        })
    }

    /// One request, whoever asks: what may be done with it is decided next.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn join_request(&self, id: JoinRequestId) -> Result<Option<JoinRequestView>, StoreError> {
        let now = self.ambient().clock.now_micros();
        let read = self.store().read().await?;
        let row = read.one(entity::Entity::find_by_id(id.to_string())).await?;
        row.map(|row| view(row, now)).transpose()
    }

    /// How many wait for a person.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn pending_join_requests(&self) -> Result<u64, StoreError> {
        let now = self.ambient().clock.now_micros();
        let pending = entity::Entity::find()
            .filter(entity::Column::Status.eq(word(JoinStatus::Pending)))
            .filter(entity::Column::ExpiresAt.gt(now));
        self.store().read().await?.count(pending).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(status: &str) -> entity::Model {
        entity::Model {
            id: String::new(),
            name: "attic".to_owned(),
            address: String::new(),
            from_address: String::new(),
            port: 0,
            version: String::new(),
            key_fingerprint: String::new(),
            certificate_request: String::new(),
            words: String::new(),
            poll_hash: String::new(),
            status: status.to_owned(),
            reason: None,
            replaces: None,
            labels: "{}".to_owned(),
            join_token: None,
            node: None,
            decided_by: None,
            requested_at: 0,
            expires_at: 100,
            decided_at: None,
            handed_over_at: None,
        }
    }

    #[test]
    fn a_request_expires_by_itself_and_a_decision_does_not() {
        let at = |word: &str, now| status(&row(word), now).unwrap();
        assert_eq!(at("pending", 99), JoinStatus::Pending);
        assert_eq!(at("pending", 100), JoinStatus::Expired);
        for (word, decided) in [
            ("approved", JoinStatus::Approved),
            ("rejected", JoinStatus::Rejected),
            ("denied", JoinStatus::Denied),
        ] {
            assert_eq!(at(word, 1_000), decided);
        }
        assert!(status(&row("?"), 0).is_err());
    }
}
