//! Operations: work on a node that takes longer than a request should, with progress, an end, and a way to call it off.
//!
//! Today they are the two ways down of a machine. An operation is a row from its intent on, so every replica shows it
//! and a Host that was restarted meanwhile still says what it knows.

mod call_off;
mod entity;
mod power;

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use watchroom_model::{NodeId, OperationId, ServerId};
use watchroom_store::StoreError;

use crate::Fleet;
use crate::fleet::{from_micros, micros};
use crate::servers::of_word;

/// How long operations are listed, in microseconds: 30 days.
const KEPT_US: i64 = 30 * 24 * 60 * 60 * 1_000_000;
/// What is said where nobody on the Host heard the end.
const UNHEARD: &str = "the Host did not hear what became of it; `watchroom node audit` on the machine says";

/// What is being done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OperationKind {
    /// The machine is restarted.
    RestartNode,
    /// The machine is shut down.
    ShutDownNode,
}

/// How far it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OperationState {
    /// It goes on.
    Underway,
    /// It was done.
    Done,
    /// It was not done.
    Failed,
    /// Somebody called it off in time.
    CalledOff,
    /// Nobody heard the end: the Host was restarted, or the node did not come back in time.
    Unknown,
}

/// How many of the servers that ran are down by now, as their node last said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Progress {
    /// Those that are down.
    pub done: u32,
    /// All of them.
    pub of: u32,
}

/// An operation as clients see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OperationView {
    /// Its id.
    pub id: OperationId,
    /// What is being done.
    pub kind: OperationKind,
    /// On which node.
    pub node_id: NodeId,
    /// Who ordered it.
    pub by: String,
    /// How far it has come.
    pub state: OperationState,
    /// How many servers are down.
    pub progress: Progress,
    /// What became of it, for people; empty while it is under way.
    pub outcome: String,
    /// When it was ordered.
    #[serde(with = "time::serde::rfc3339")]
    pub begun_at: OffsetDateTime,
    /// When it ended.
    #[serde(with = "time::serde::rfc3339::option")]
    pub ended_at: Option<OffsetDateTime>,
}

impl Fleet {
    /// One operation; `None` if there is none, or it was longer ago than 30 days.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be read.
    pub async fn operation(&self, id: OperationId) -> Result<Option<OperationView>, StoreError> {
        let read = self.store().read().await?;
        let row = read.one(entity::Entity::find_by_id(id.to_string())).await?;
        row.map(|row| self.view_operation(&row)).transpose()
    }

    /// The newest operation on a node, if it was begun after `since`.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be read.
    pub async fn last_operation(
        &self,
        node: NodeId,
        since: OffsetDateTime,
    ) -> Result<Option<OperationView>, StoreError> {
        let newest = entity::Entity::find()
            .filter(entity::Column::Node.eq(node.to_string()))
            .filter(entity::Column::BegunAt.gt(micros(since)))
            .order_by_desc(entity::Column::BegunAt)
            .limit(1);
        let row = self.store().read().await?.one(newest).await?;
        row.map(|row| self.view_operation(&row)).transpose()
    }

    fn view_operation(&self, row: &entity::Model) -> Result<OperationView, StoreError> {
        let wrong = |what: &str| StoreError::Database(format!("operation {}: {what} cannot be read", row.id));
        let servers: Vec<ServerId> = serde_json::from_str(&row.servers).map_err(|_| wrong("servers"))?;
        let state = of_word(&row.state).ok_or_else(|| wrong("state"))?;
        let is_unheard =
            state == OperationState::Underway && row.expires_at <= self.ambient().clock.now_micros();
        let is_down = |id: &&ServerId| {
            let server = self.known_server(**id);
            server.is_none_or(|server| server.report().pid.is_none())
        };
        let of = servers.len();
        let done = match state {
            OperationState::Done => of,
            _ => servers.iter().filter(is_down).count(),
        };
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Ok(OperationView {
            id: row.id.parse().map_err(|_| wrong("id"))?,
            kind: of_word(&row.kind).ok_or_else(|| wrong("kind"))?,
            node_id: row.node.parse().map_err(|_| wrong("node"))?,
            by: row.ordered_by.clone(),
            state: if is_unheard {
                OperationState::Unknown
            } else {
                state
            },
            progress: Progress {
                done: count(done),
                of: count(of),
            },
            outcome: if is_unheard {
                UNHEARD.to_owned()
            } else {
                row.outcome.clone()
            },
            begun_at: from_micros(row.begun_at).ok_or_else(|| wrong("a time"))?,
            ended_at: row.ended_at.and_then(from_micros),
        })
    }
}
