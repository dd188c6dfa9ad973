//! `GET /api/servers/<id>/logs`.

use axum::extract::State;
use serde::Deserialize;
use time::OffsetDateTime;
use utoipa::IntoParams;
use watchroom_model::console::{ConsoleFrom, Line};
use watchroom_model::{Page, PageError, PageRequest, ServerId, limit_of_query};
use watchroom_policy::act;
use watchroom_web::{Caller, Json, Params, Problem, Query};

use crate::{Api, invalid_page};

/// Which lines are wanted: the last ones, unless `from` or `cursor` says from where.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
pub(crate) struct LogsQuery {
    /// The offset to begin with.
    #[param(format = "uint64")]
    from: Option<u64>,
    /// How many lines, 1 to 500. Default 100.
    #[serde(deserialize_with = "limit_of_query")]
    limit: Option<u32>,
    /// As the last page's `next_cursor` said.
    cursor: Option<String>,
    /// Only lines from this time on (RFC 3339).
    #[serde(with = "time::serde::rfc3339::option")]
    #[param(value_type = Option<String>, format = "date-time")]
    since: Option<OffsetDateTime>,
}

pub(super) async fn logs(
    caller: Caller,
    State(api): State<Api>,
    Params(id): Params<ServerId>,
    Query(query): Query<LogsQuery>,
) -> Result<Json<Page<Line>>, Problem> {
    let server = caller.found(api.fleet.server(id))?;
    let permit = caller.permit(act::ReadConsole, &*server)?;
    let limit = PageRequest {
        limit: query.limit,
        cursor: None,
    }
    .limit()
    .map_err(invalid_page)?;
    let cursor = query
        .cursor
        .map(|cursor| cursor.parse().map_err(|_| invalid_page(PageError::Cursor)))
        .transpose()?;
    let from = cursor
        .or(query.from)
        .map_or(ConsoleFrom::Last(limit), ConsoleFrom::Offset);
    let mut page = api.fleet.logs(&permit, from, limit).await?;
    if let Some(since) = query.since {
        page.items.retain(|line| line.at >= since);
    }
    Ok(Json(page))
}
