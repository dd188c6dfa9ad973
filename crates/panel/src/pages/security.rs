//! `/security`: who is kept out, from where which routes may be asked for, and what the edge does of itself.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;
use watchroom_defence::{BanError, BanFilter, BanKind, BanStatus, BanView, NewBan};
use watchroom_identity::LockoutFilter;
use watchroom_kit::Fault;
use watchroom_model::{BanId, LockoutId};
use watchroom_policy::{Resource, ResourceKind, act};
use watchroom_web::{Params, Problem};

use super::entry::Nothing;
use super::step_up::{ProofForm, with_proof};
use super::{decoys, most};
use crate::text::EN;
use crate::view::certificate::CertificateCard;
use crate::view::decoys::DecoyTyped;
use crate::view::profile::Issued;
use crate::view::security::{
    BanRow, BanTyped, CheckRow, Edge, Kept, LockoutRow, Lockouts, May, SecurityPage,
};
use crate::view::{Faults, Flash, Section};
use crate::viewer::{Form, Viewer};
use crate::{Panel, answer};

pub(super) const PAGE: &str = "/security";

/// What the form for a new ban sends.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct BanForm {
    network: String,
    reason: String,
    kind: String,
    hours: String,
}

/// What the page shows beside what there is.
#[derive(Debug, Default)]
pub(super) struct Beside {
    pub(super) ban: BanTyped,
    pub(super) decoy: DecoyTyped,
    /// A decoy that was just made.
    pub(super) issued: Option<Issued>,
}

pub(super) async fn show(viewer: Viewer, State(panel): State<Panel>) -> Result<Response, Problem> {
    may_look(&viewer)?;
    page(&viewer, &panel, StatusCode::OK, Beside::default()).await
}

/// Lets nobody pass who may not see the page.
pub(super) fn may_look(viewer: &Viewer) -> Result<(), Problem> {
    viewer
        .caller
        .permit(act::ListBans, &Resource::all(ResourceKind::Ban))?;
    Ok(())
}

pub(super) async fn page(
    viewer: &Viewer,
    panel: &Panel,
    status: StatusCode,
    beside: Beside,
) -> Result<Response, Problem> {
    let filter = BanFilter::default();
    let principal = viewer.caller.principal();
    let bans = panel.defence.bans(principal, &filter, &most(None)).await?;
    let rows = bans.items.into_iter().map(BanRow::from).collect();
    let may = May {
        change: viewer.may(act::CreateBan, &Resource::all(ResourceKind::Ban)),
        see_locks: viewer.may(act::ListLocks, &Resource::all(ResourceKind::Lock)),
    };
    let shell = viewer.shell(Section::Security, EN.nav_security);
    let lockouts = lockouts(viewer, panel).await?;
    let sees_settings = viewer.may(act::ExamineHost, &Resource::all(ResourceKind::Host));
    let edge = Edge::of(&panel.entrance.shield, sees_settings);
    let found = match sees_settings {
        true => panel.doctor.examine().await,
        false => Vec::new(),
    };
    let checks: Vec<_> = found.into_iter().map(CheckRow::from).collect();
    let certificate =
        sees_settings.then(|| CertificateCard::new(panel.certificates.served(), &checks, viewer.now()));
    let decoys = decoys::tokens(viewer, panel, &beside.decoy, beside.issued).await?;
    let kept = Kept {
        rows,
        lockouts,
        checks,
        certificate,
        decoys_ban: panel.defence.config().decoys,
        decoys,
    };
    let page = SecurityPage::new(shell, kept, edge, &beside.ban, (may, viewer.needs_proof()));
    viewer.page_with(status, &page)
}

/// What is locked, for those who may see people.
async fn lockouts(viewer: &Viewer, panel: &Panel) -> Result<Option<Lockouts>, Problem> {
    let all = Resource::all(ResourceKind::Lockout);
    if !viewer.may(act::ListLockouts, &all) {
        return Ok(None);
    }
    let filter = LockoutFilter::default();
    let principal = viewer.caller.principal();
    let page = panel.identity().lockouts(principal, &filter, &most(None)).await?;
    Ok(Some(Lockouts {
        rows: page.items.into_iter().map(LockoutRow::from).collect(),
        may_lift: viewer.may(act::LiftLockout, &all),
    }))
}

pub(super) async fn lift_lockout(
    State(panel): State<Panel>,
    Params(id): Params<LockoutId>,
    Form { viewer, .. }: Form<Nothing>,
) -> Result<Response, Problem> {
    let lockout = viewer.caller.found(panel.identity().lockout(id).await?)?;
    let permit = viewer.caller.permit(act::LiftLockout, &lockout)?;
    let lifted = panel.identity().lift_lockout(&permit).await;
    answer::redirect_with(PAGE, &Flash::told(lifted.map(|()| EN.lockout_lifted)))
}

pub(super) async fn create(
    State(panel): State<Panel>,
    Form { viewer, form }: Form<BanForm>,
) -> Result<Response, Problem> {
    let permit = viewer.caller.permit(act::CreateBan, &panel.defence.draft())?;
    let new = NewBan {
        network: form.network.clone(),
        kind: if form.kind == "sign_in" {
            BanKind::SignIn
        } else {
            BanKind::Attack
        },
        reason: form.reason.clone(),
        // What is no number of hours is a ban without an end, as the choice that sends none says.
        for_s: form
            .hours
            .parse::<u32>()
            .ok()
            .map(|hours| u64::from(hours) * 3_600),
    };
    match panel.defence.create(&permit, new).await {
        Ok(ban) => answer::redirect_with(PAGE, &made(&ban)),
        Err(error @ BanError::Invalid { .. }) => {
            let ban = BanTyped {
                network: form.network,
                reason: form.reason,
                faults: Faults::new(error.fields()),
            };
            let beside = Beside {
                ban,
                ..Beside::default()
            };
            page(&viewer, &panel, StatusCode::BAD_REQUEST, beside).await
        }
        Err(error) => Err(error.into()),
    }
}

fn made(ban: &BanView) -> Flash {
    match (&ban.status, &ban.held_because) {
        (BanStatus::Held, Some(whom)) => Flash::trouble(EN.ban_held_now(ban.network, whom)),
        _ => Flash::done(EN.ban_made(ban.network)),
    }
}

async fn found(viewer: &Viewer, panel: &Panel, id: BanId) -> Result<BanView, Problem> {
    viewer
        .caller
        .found(panel.defence.ban(id).await.map_err(BanError::from)?)
}

pub(super) async fn lift(
    State(panel): State<Panel>,
    Params(id): Params<BanId>,
    Form { viewer, .. }: Form<Nothing>,
) -> Result<Response, Problem> {
    let ban = found(&viewer, &panel, id).await?;
    let permit = viewer.caller.permit(act::LiftBan, &ban)?;
    let lifted = panel.defence.lift(&permit).await;
    let flash = Flash::told(lifted.map(|()| EN.ban_lifted(ban.network)));
    answer::redirect_with(PAGE, &flash)
}

pub(super) async fn confirm(
    State(panel): State<Panel>,
    Params(id): Params<BanId>,
    Form { viewer, form }: Form<ProofForm>,
) -> Result<Response, Problem> {
    let ban = found(&viewer, &panel, id).await?;
    let (asked, sent) = ((act::ConfirmBan, &ban), (form.password, PAGE));
    with_proof(&viewer, &panel, asked, sent, async |permit| {
        let confirmed = panel.defence.confirm(&permit).await;
        Ok(Flash::told(confirmed.map(|ban| EN.ban_confirmed(ban.network))))
    })
    .await
}
