//! `/api/audit`: what was done, for those who may read it.

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use http::{HeaderValue, Method};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use watchroom_model::{Page, PageRequest, UserName};
use watchroom_policy::{Resource, ResourceKind, act};
use watchroom_records::{EntryView, ExportForm, RecordFilter, VerdictView};
use watchroom_shield::RouteClass;
use watchroom_web::{Caller, Json, Problem, Query, Route};

use crate::{Api, invalid_page};

/// An entry with its actor's name, where that still resolves.
#[derive(Serialize, ToSchema)]
pub(crate) struct EntryShown {
    #[serde(flatten)]
    entry: EntryView,
    /// What the actor signs in with; `null` for others than people, and for people who were erased.
    user_name: Option<UserName>,
}

/// The form of an export.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
pub(crate) struct ExportQuery {
    /// `jsonl` (the default: each line is the canonical form of its entry) or `csv`.
    #[param(value_type = Option<String>)]
    format: ExportForm,
}

pub(crate) fn routes() -> Vec<Route<Api>> {
    vec![
        Route::new(Method::GET, "/api/audit", act::ReadAudit, RouteClass::Read, list)
            .says("Search the audit log, newest first; leaves an entry")
            .asks::<PageRequest>()
            .asks::<RecordFilter>()
            .free_text(&["text"])
            .gives_page::<EntryShown>(),
        Route::new(
            Method::POST,
            "/api/audit/verify",
            act::VerifyAudit,
            RouteClass::Sensitive,
            verify,
        )
        .says("Verify the whole chain; leaves an entry")
        .gives::<VerdictView>(),
        Route::new(
            Method::GET,
            "/api/audit/export",
            act::ExportAudit,
            RouteClass::Stream,
            export,
        )
        .says("Export the audit log with a signed end; leaves an entry")
        .asks::<ExportQuery>()
        .asks::<RecordFilter>()
        .free_text(&["text"])
        .as_type("application/jsonl"),
    ]
}

async fn list(
    caller: Caller,
    State(api): State<Api>,
    Query(filter): Query<RecordFilter>,
    Query(page): Query<PageRequest>,
) -> Result<Json<Page<EntryShown>>, Problem> {
    let permit = caller.permit(act::ReadAudit, &Resource::all(ResourceKind::Audit))?;
    page.limit().map_err(invalid_page)?;
    let found = api.records.search(&permit, filter, &page).await?;
    let shown = |entry: EntryView| EntryShown {
        user_name: name_of(&api, &entry),
        entry,
    };
    Ok(Json(found.map(shown)))
}

fn name_of(api: &Api, entry: &EntryView) -> Option<UserName> {
    api.identity().name_of(entry.person()?)
}

async fn verify(caller: Caller, State(api): State<Api>) -> Result<Json<VerdictView>, Problem> {
    let permit = caller.permit(act::VerifyAudit, &Resource::all(ResourceKind::Audit))?;
    Ok(Json(api.records.verify(&permit).await?))
}

async fn export(
    caller: Caller,
    State(api): State<Api>,
    Query(filter): Query<RecordFilter>,
    Query(form): Query<ExportQuery>,
) -> Result<Response, Problem> {
    let permit = caller.permit(act::ExportAudit, &Resource::all(ResourceKind::Audit))?;
    let lines = api.records.export(&permit, filter, form.format).await?;
    let (kind, name) = match form.format {
        ExportForm::Jsonl => ("application/jsonl", "attachment; filename=\"audit.jsonl\""),
        ExportForm::Csv => ("text/csv; charset=utf-8", "attachment; filename=\"audit.csv\""),
    };
    let lines = caller.while_allowed(lines, &api.tasks);
    let lines = lines.map(|line| match line {
        Ok(line) => line.map_err(axum::Error::new),
        Err(over) => Err(axum::Error::new(over)),
    });
    let mut response = Body::from_stream(lines).into_response();
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
        .headers_mut()
        .insert(CONTENT_DISPOSITION, HeaderValue::from_static(name));
    Ok(response)
}
