//! `GET /profile`: one's own sessions, tokens, password and theme.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;
use watchroom_identity::{FactorView, OutsideView, Provider, SessionView, TokenView, Way};
use watchroom_model::{PageRequest, SessionId};
use watchroom_policy::{Resource, ResourceKind, act};
use watchroom_web::{Params, Problem};

use super::entry::Nothing;
use super::outside::title_of;
use crate::text::EN;
use crate::view::device::device;
use crate::view::outside::{Identities, IdentityRow, WayButton};
use crate::view::profile::{
    FactorRow, Factors, Issued, Own, ProfileForms, ProfilePage, SessionRow, TokenRow,
};
use crate::view::{Flash, Moment, Section, Theme};
use crate::viewer::{Form, THEME_COOKIE, Viewer};
use crate::{Panel, answer};

/// How long a theme is kept, in seconds: a year.
const A_YEAR_S: u64 = 365 * 86_400;

pub(super) async fn show(viewer: Viewer, State(panel): State<Panel>) -> Result<Response, Problem> {
    viewer
        .caller
        .permit(act::SeeSelf, &Resource::all(ResourceKind::User))?;
    shown(&viewer, &panel, StatusCode::OK, (&ProfileForms::default(), None)).await
}

/// The page, with its forms as they were typed.
pub(super) async fn shown(
    viewer: &Viewer,
    panel: &Panel,
    status: StatusCode,
    (forms, issued): (&ProfileForms, Option<Issued>),
) -> Result<Response, Problem> {
    let principal = viewer.caller.principal();
    let user = viewer.session.user;
    let mut tokens = Vec::new();
    let mut page = PageRequest {
        limit: Some(PageRequest::MOST),
        cursor: None,
    };
    loop {
        let found = panel.identity().tokens(principal, &page).await?;
        tokens.extend(
            found
                .items
                .into_iter()
                .filter(|token| token.owner == user)
                .map(|token| token_row(viewer, &token)),
        );
        match found.next_cursor {
            Some(cursor) => page.cursor = Some(cursor),
            None => break,
        }
    }
    let sessions = panel.identity().sessions_of(principal, user)?;
    let sessions = sessions
        .into_iter()
        .map(|session| session_row(viewer, session))
        .collect();
    let factors = panel.identity().factors_of(principal, user)?;
    let factors = Factors {
        codes_left: factors.recovery_codes_left,
        rows: factors
            .factors
            .into_iter()
            .map(|one| factor_row(viewer, one))
            .collect(),
    };
    let account = panel.identity().user(principal, user)?;
    let email = account.email.map(|email| email.to_string()).unwrap_or_default();
    let has_password = account.factors.iter().any(|factor| factor == "password");
    let shell = viewer.shell(Section::Profile, EN.nav_profile);
    let page = ProfilePage::new(
        shell,
        Own {
            sessions,
            tokens,
            factors,
            identities: identities(viewer, panel).await?,
            email,
            has_password,
        },
        forms,
        viewer.wanted(),
        issued,
    );
    viewer.page_with(status, &page)
}

/// Who the person is elsewhere, and where else they could be.
async fn identities(viewer: &Viewer, panel: &Panel) -> Result<Identities, Problem> {
    let (principal, user) = (viewer.caller.principal(), viewer.session.user);
    let tied = panel.identity().outside_of(principal, user).await?;
    let row = |one: OutsideView| IdentityRow {
        id: one.id.to_string(),
        provider: title_of(panel, &one.provider),
        label: one.label,
        tied: Moment::full(one.created_at),
        used: one.last_used.map(|at| Moment::age(at, viewer.now())),
    };
    let way = |way: &Way| WayButton {
        href: format!("/login/oidc/{}?next=/profile", way.name),
        words: EN.way_tie(&way.title),
    };
    let is_free = |way: &&Way| {
        let provider = Provider::oidc(&way.name);
        !tied.iter().any(|one| one.provider == provider.as_str())
    };
    let ways = panel.providers.ways().iter().filter(is_free).map(way).collect();
    Ok(Identities {
        rows: tied.into_iter().map(row).collect(),
        ways,
    })
}

fn factor_row(viewer: &Viewer, factor: FactorView) -> FactorRow {
    FactorRow {
        id: factor.id.to_string(),
        name: factor.name,
        kind: match factor.kind {
            "passkey" => EN.factor_kind_passkey,
            _ => EN.factor_kind_totp,
        },
        host: factor.host.unwrap_or_default(),
        added: Moment::full(factor.created_at),
        used: factor.last_used.map(|at| Moment::age(at, viewer.now())),
    }
}

fn session_row(viewer: &Viewer, session: SessionView) -> SessionRow {
    let user_agent = session.user_agent.unwrap_or_default();
    SessionRow {
        is_this: session.id == viewer.session.id,
        id: session.id.to_string(),
        device: device(&user_agent),
        user_agent,
        address: session.source_ip.unwrap_or_default(),
        created: Moment::full(session.created_at),
        seen: Moment::age(session.last_seen, viewer.now()),
    }
}

fn token_row(viewer: &Viewer, token: &TokenView) -> TokenRow {
    let mut badges = vec![if token.expires_at <= viewer.now() {
        ("", EN.token_is_expired)
    } else {
        ("ok", EN.token_is_good)
    }];
    if token.may_be_sensitive {
        badges.push(("warn", EN.token_is_sensitive));
    }
    TokenRow {
        id: token.id.to_string(),
        name: token.name.to_string(),
        expires: Moment::full(token.expires_at),
        used: token.last_used.map(|at| Moment::age(at, viewer.now())),
        badges,
    }
}

/// What the theme's form sends.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ThemeForm {
    theme: String,
}

pub(super) async fn set_theme(Form { viewer, form }: Form<ThemeForm>) -> Result<Response, Problem> {
    viewer
        .caller
        .permit(act::SeeSelf, &Resource::all(ResourceKind::User))?;
    let theme: Theme = form.theme.parse().unwrap_or_default();
    answer::with_cookie(
        answer::redirect("/profile")?,
        THEME_COOKIE,
        theme.word(),
        Some(A_YEAR_S),
    )
}

pub(super) async fn end_other_sessions(
    State(panel): State<Panel>,
    Form { viewer, .. }: Form<Nothing>,
) -> Result<Response, Problem> {
    let permit = viewer
        .caller
        .permit(act::SignOut, &Resource::all(ResourceKind::Session))?;
    panel
        .identity()
        .end_other_sessions(&permit, &viewer.session)
        .await?;
    answer::redirect_with("/profile", &Flash::done(EN.sessions_others_ended))
}

pub(super) async fn end_session(
    State(panel): State<Panel>,
    Params(id): Params<SessionId>,
    Form { viewer, .. }: Form<Nothing>,
) -> Result<Response, Problem> {
    let permit = viewer
        .caller
        .permit(act::SignOut, &Resource::all(ResourceKind::Session))?;
    panel.identity().end_session(&permit, id).await?;
    answer::redirect_with("/profile", &Flash::done(EN.session_ended))
}
