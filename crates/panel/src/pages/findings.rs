//! `GET /security/findings`.

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use watchroom_model::PageRequest;
use watchroom_policy::{Resource, ResourceKind, act};
use watchroom_web::{Problem, Query};

use super::no_such_page;
use crate::Panel;
use crate::text::EN;
use crate::view::Section;
use crate::view::findings::{FindingRow, FindingsPage};
use crate::viewer::Viewer;

/// How many findings stand on a page.
const PAGE: u32 = 50;

/// Where the last page ended.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Sought {
    cursor: String,
}

pub(super) async fn list(
    viewer: Viewer,
    State(panel): State<Panel>,
    Query(sought): Query<Sought>,
) -> Result<Response, Problem> {
    let permit = viewer
        .caller
        .permit(act::ReadAudit, &Resource::all(ResourceKind::Audit))?;
    let page = PageRequest {
        limit: Some(PAGE),
        cursor: (!sought.cursor.is_empty()).then_some(sought.cursor),
    };
    page.limit().map_err(no_such_page)?;
    let found = panel.records.findings(&permit, &page).await?;
    let rows = found.items.into_iter().map(FindingRow::from).collect();
    let shell = viewer.shell(Section::Audit, EN.findings);
    viewer.page(&FindingsPage::new(shell, rows, found.next_cursor))
}
