//! `/api/security`: what the edge saw, and what browsers report.

use axum::extract::State;
use http::{Method, StatusCode};
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;
use watchroom_model::{Page, PageRequest};
use watchroom_policy::{Resource, ResourceKind, act};
use watchroom_records::FindingView;
use watchroom_shield::{Reported, RouteClass};
use watchroom_web::{BrowserReport, Caller, Check, Json, Problem, Query, Route};

use crate::{Api, invalid_page};

/// Where browsers send what they report.
pub const REPORTS: &str = "/csp-report";
/// Largest report: a batch of a page that is wrong in many places.
const REPORT_BYTES: usize = 32 * 1024;

pub(crate) fn routes() -> Vec<Route<Api>> {
    vec![
        Route::new(
            Method::GET,
            "/api/security/findings",
            act::ReadAudit,
            RouteClass::Read,
            findings,
        )
        .says("List input that looked like an attack, newest first; leaves an entry")
        .asks::<PageRequest>()
        .gives_page::<FindingView>(),
        Route::new(
            Method::GET,
            "/api/security/doctor",
            act::ExamineHost,
            RouteClass::Sensitive,
            doctor,
        )
        .says("Look over this Host against the hardening list")
        .gives_page::<Check>(),
        Route::new(
            Method::GET,
            "/api/security/violations",
            act::ExamineHost,
            RouteClass::Read,
            violations,
        )
        .says("List what browsers kept out of pages, as they report it; anybody can send a report")
        .gives_page::<ViolationView>(),
        Route::new(
            Method::POST,
            REPORTS,
            act::ReportViolation,
            RouteClass::Report,
            report,
        )
        .says("Take a browser's report of what it kept out of a page")
        .takes_as::<SingleReport>("application/csp-report")
        .takes_as::<ReportBatch>("application/reports+json")
        .body_limit(REPORT_BYTES)
        .uninspected("a report quotes what the browser kept out, which is an attack's own text")
        .with_status(204),
    ]
}

/// Something that a browser kept out of a page, as it reports it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ViolationView {
    /// The path of the page.
    pub page: String,
    /// The directive of the policy that kept it out.
    pub directive: &'static str,
    /// What was kept out: a word such as `inline`, or scheme and host.
    pub blocked: String,
    /// How often it was reported.
    pub count: u64,
    /// When it was first reported.
    #[serde(with = "time::serde::rfc3339")]
    pub first: OffsetDateTime,
    /// When it was last reported.
    #[serde(with = "time::serde::rfc3339")]
    pub last: OffsetDateTime,
    /// From where it was first reported.
    pub from: String,
}

impl From<Reported> for ViolationView {
    fn from(reported: Reported) -> Self {
        let at = |micros: i64| {
            let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1_000);
            at.unwrap_or(OffsetDateTime::UNIX_EPOCH)
        };
        Self {
            page: reported.violation.page,
            directive: reported.violation.directive,
            blocked: reported.violation.blocked,
            count: reported.count,
            first: at(reported.first_micros),
            last: at(reported.last_micros),
            from: reported.client.to_string(),
        }
    }
}

/// A report in the form of Content Security Policy Level 2.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "it describes the body, which the edge reads by itself")]
struct SingleReport {
    /// What was kept out: `document-uri`, `effective-directive` or `violated-directive`, `blocked-uri`.
    #[schema(rename = "csp-report", value_type = Object)]
    csp_report: (),
}

/// Reports in the form of the Reporting API; those of other types are left out.
#[derive(Debug, ToSchema)]
#[schema(value_type = Vec<Object>)]
struct ReportBatch(());

/// Notes what a browser reports; who sent it is nobody's business.
async fn report(_: BrowserReport) -> StatusCode {
    StatusCode::NO_CONTENT
}

async fn violations(caller: Caller, State(api): State<Api>) -> Result<Json<Page<ViolationView>>, Problem> {
    caller.permit(act::ExamineHost, &Resource::all(ResourceKind::Host))?;
    let reported = api.entrance.shield.violations();
    Ok(Json(Page {
        items: reported.into_iter().map(ViolationView::from).collect(),
        next_cursor: None,
    }))
}

async fn doctor(caller: Caller, State(api): State<Api>) -> Result<Json<Page<Check>>, Problem> {
    caller.permit(act::ExamineHost, &Resource::all(ResourceKind::Host))?;
    Ok(Json(Page {
        items: api.doctor.examine().await,
        next_cursor: None,
    }))
}

async fn findings(
    caller: Caller,
    State(api): State<Api>,
    Query(page): Query<PageRequest>,
) -> Result<Json<Page<FindingView>>, Problem> {
    let permit = caller.permit(act::ReadAudit, &Resource::all(ResourceKind::Audit))?;
    page.limit().map_err(invalid_page)?;
    Ok(Json(api.records.findings(&permit, &page).await?))
}
