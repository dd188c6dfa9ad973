//! What is shown of mail to those who may see settings.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;
use watchroom_store::StoreError;

use crate::config::Protection;
use crate::{Mail, entity};

/// How mail leaves, and what waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct MailView {
    /// Whether mail is sent from here at all.
    pub is_on: bool,
    /// The server with its port.
    pub server: Option<String>,
    /// How the way to it is protected.
    pub protection: Protection,
    /// From whom letters come.
    pub from: Option<String>,
    /// Who we are at the server.
    pub user: Option<String>,
    /// Where links lead.
    pub panel_url: String,
    /// Letters that wait.
    pub waiting: usize,
    /// Since when the oldest of them waits.
    #[serde(with = "time::serde::rfc3339::option")]
    pub waiting_since: Option<OffsetDateTime>,
    /// Letters that were given up in the last 30 days.
    pub given_up: usize,
    /// Why the newest of them was.
    pub given_up_because: Option<String>,
    /// Why the server cannot be used now, as this Host last saw.
    pub trouble: Option<String>,
}

impl Mail {
    /// How mail leaves, and what waits.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn state(&self) -> Result<MailView, StoreError> {
        let tx = self.store().read().await?;
        let rows = tx
            .all(entity::Entity::find().filter(entity::Column::IsBlank.eq(false)))
            .await?;
        let (given_up, waiting): (Vec<_>, Vec<_>) =
            rows.into_iter().partition(|row| row.given_up_at.is_some());
        let oldest = waiting.iter().map(|row| row.created_at).min();
        let newest = given_up.iter().max_by_key(|row| row.given_up_at);
        let config = self.config();
        Ok(MailView {
            is_on: self.is_on(),
            server: config
                .server
                .as_ref()
                .map(|server| format!("{server}:{}", config.port())),
            protection: config.protection,
            from: config.from.as_ref().map(ToString::to_string),
            user: config.user.clone(),
            panel_url: self.panel(),
            waiting: waiting.len(),
            waiting_since: oldest.map(at),
            given_up: given_up.len(),
            given_up_because: newest.and_then(|row| row.problem.clone()),
            trouble: self.trouble(),
        })
    }
}

fn at(micros: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1_000)
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
}
