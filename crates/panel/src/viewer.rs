//! Who looks at a page: a caller with a session, or a redirect to where one is had.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRef, FromRequest, FromRequestParts, Request};
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;
use time::OffsetDateTime;
use watchroom_identity::{Session, Site};
use watchroom_model::DecisionId;
use watchroom_policy::{
    Act, Ask, Permission, Permit, Principal, Reach, Reason, Target, decide, permission, reach,
};
use watchroom_shield::Passed;
use watchroom_web::{Caller, Cookie, Entrance, Problem, SESSION_COOKIE, Submitted};

use crate::Panel;
use crate::answer::{self, FLASH_COOKIE, FRAGMENT};
use crate::pages::mfa::next_step;
use crate::pages::passkey::site;
use crate::text::EN;
use crate::view::proof::Wanted;
use crate::view::{Flash, Person, Section, Shell, Theme, query};

/// The cookie that holds the theme, for a year.
pub(crate) const THEME_COOKIE: &str = "__Host-watchroom_theme";

/// How long proving may take, with all that is in its way.
const WHILE_PROVING: Duration = Duration::from_secs(30);

/// Somebody with a session who looks at a page.
#[derive(Clone, Debug)]
pub(crate) struct Viewer {
    /// The caller.
    pub(crate) caller: Caller,
    /// Their session.
    pub(crate) session: Arc<Session>,
    /// Whether a script asks for a live part alone.
    pub(crate) wants_fragment: bool,
    /// Which, where a page has several.
    fragment: String,
    entrance: Entrance,
    theme: Theme,
    flash: Option<Flash>,
    /// Where passkeys answer, if they do.
    site: Option<Site>,
}

/// The theme that a request carries.
pub(crate) fn theme_of(headers: &HeaderMap) -> Theme {
    Cookie::find(headers, THEME_COOKIE)
        .and_then(|word| word.parse().ok())
        .unwrap_or_default()
}

impl Viewer {
    /// The viewer behind a caller whose form was ours; `None` if they have no session.
    pub(crate) fn of(caller: Caller, entrance: &Entrance, parts: &Parts) -> Option<Self> {
        let headers = &parts.headers;
        let site = parts
            .extensions
            .get::<Passed>()
            .and_then(|passed| site(passed).ok());
        let session = Arc::clone(caller.session()?);
        Some(Self {
            caller,
            session,
            wants_fragment: headers.contains_key(FRAGMENT),
            fragment: headers
                .get(FRAGMENT)
                .and_then(|name| name.to_str().ok())
                .unwrap_or_default()
                .to_owned(),
            entrance: entrance.clone(),
            theme: theme_of(headers),
            flash: answer::flash_of(headers),
            site,
        })
    }

    /// Leads whoever has still to prove or enrol a second factor there, and nowhere else.
    fn way_on(&self, parts: &Parts) -> Option<Response> {
        if !self.session.is_half() {
            return None;
        }
        if self.wants_fragment {
            return Some(StatusCode::UNAUTHORIZED.into_response());
        }
        let asked = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        let next = if parts.method == http::Method::GET {
            asked
        } else {
            "/"
        };
        let on = answer::redirect(&next_step(&self.session, next));
        Some(on.unwrap_or_else(IntoResponse::into_response))
    }

    /// The same viewer with the session as it rose in the middle of this request.
    pub(crate) fn risen(&self, session: &Arc<Session>) -> Self {
        Self {
            session: Arc::clone(session),
            ..self.clone()
        }
    }

    /// Whether a script asks for this live part alone.
    pub(crate) fn wants(&self, fragment: &str) -> bool {
        self.fragment == fragment
    }

    /// Now.
    pub(crate) fn now(&self) -> OffsetDateTime {
        self.entrance.ambient.now()
    }

    /// The theme they chose.
    pub(crate) fn theme(&self) -> Theme {
        self.theme
    }

    /// The token that forms carry.
    pub(crate) fn csrf(&self) -> String {
        self.entrance.identity.csrf_token(&self.session)
    }

    /// What surrounds a page of this viewer.
    pub(crate) fn shell(&self, section: Section, title: impl Into<String>) -> Shell {
        let principal = self.caller.principal();
        let now = self.now();
        Shell {
            t: &EN,
            title: title.into(),
            section,
            person: Person {
                name: principal.display_name(),
                sees_nodes: self.reaches(permission::NODES_READ),
                sees_servers: self.reaches(permission::COMPUTE_READ),
                sees_security: self.reaches(permission::NETWORK_READ),
                sees_audit: self.reaches(permission::AUDIT_READ),
                sees_people: self.reaches(permission::USERS_READ),
                sees_settings: self.reaches(permission::SETTINGS_READ),
            },
            csrf: self.csrf(),
            offers_passkey_proof: self.offers_passkey_proof(),
            expires_in_s: (self.session.expires_at() - now).whole_seconds().max(0),
            theme: self.theme,
            flash: self.flash.clone(),
            now,
        }
    }

    /// A page; a message that it showed is not shown again.
    pub(crate) fn page(&self, template: &impl askama::Template) -> Result<Response, Problem> {
        self.page_with(StatusCode::OK, template)
    }

    /// A page that is not good news.
    pub(crate) fn page_with(
        &self,
        status: StatusCode,
        template: &impl askama::Template,
    ) -> Result<Response, Problem> {
        let response = answer::page_with(status, template)?;
        match self.flash {
            Some(_) => answer::with_cookie(response, FLASH_COOKIE, "", Some(0)),
            None => Ok(response),
        }
    }

    /// Whether the viewer holds this permission anywhere.
    pub(crate) fn reaches(&self, permission: Permission) -> bool {
        !matches!(reach(self.caller.principal(), permission), Reach::Nothing)
    }

    /// Whether to offer an act: allowed now, or after a fresh proof. Nothing is noted.
    pub(crate) fn may<A: Act>(&self, act: A, on: &impl Target) -> bool {
        match self.ask(self.caller.principal(), act, on) {
            Ok(_) => true,
            Err(refusal) => matches!(refusal.reason, Reason::StepUp | Reason::WholeStepUp),
        }
    }

    /// Lets pass whoever may now or could after a fresh proof. The others are refused here, before the session gets a new
    /// cookie, which a refusal could not carry.
    ///
    /// # Errors
    /// The refusal as a problem; it is noted.
    pub(crate) fn admit<A: Act>(&self, act: A, on: &impl Target) -> Result<(), Problem> {
        if !self.may(act, on) {
            self.caller.permit(act, on)?;
        }
        Ok(())
    }

    /// Whether acts that need a fresh proof must ask for the password.
    pub(crate) fn needs_proof(&self) -> bool {
        !self.caller.principal().proof.is_fresh(self.now())
    }

    /// What acts must ask for that change how somebody signs in; a little early, so that nothing grows old while the rest of
    /// it is proven.
    pub(crate) fn wanted(&self) -> Wanted {
        let (proof, now) = (&self.caller.principal().proof, self.now() + WHILE_PROVING);
        Wanted {
            password: proof.password.is_wanted(now) || !(proof.is_fresh(now) || proof.factor.is_wanted(now)),
            code: proof.factor.is_wanted(now),
        }
    }

    /// Whether one of the viewer's passkeys can be that proof, here.
    fn offers_passkey_proof(&self) -> bool {
        let identity = &self.entrance.identity;
        let is_whole = self.caller.principal().proof.is_whole(self.now());
        let here = self.site.as_ref().filter(|_| !is_whole);
        here.is_some_and(|site| identity.has_passkey_for(&self.session, site))
    }

    /// Asks the evaluator in the name of a session that rose in the middle of this request.
    ///
    /// # Errors
    /// The refusal as a problem; it is noted.
    pub(crate) fn permit_as<A: Act>(
        &self,
        principal: &Arc<Principal>,
        act: A,
        on: &impl Target,
    ) -> Result<Permit<A>, Problem> {
        self.ask(principal, act, on).map_err(|refusal| {
            self.entrance.refusals.refused(&refusal);
            Problem::from(*refusal)
        })
    }

    fn ask<A: Act>(
        &self,
        principal: &Arc<Principal>,
        act: A,
        on: &impl Target,
    ) -> Result<Permit<A>, Box<watchroom_policy::Refusal>> {
        let ambient = &self.entrance.ambient;
        let decision = DecisionId::mint(ambient);
        decide(
            &Ask {
                principal,
                trail: self.caller.trail(),
                decision,
                now: ambient.now(),
            },
            act,
            on,
        )
    }
}

impl FromRequestParts<Panel> for Viewer {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, panel: &Panel) -> Result<Self, Response> {
        let caller = Caller::from_request_parts(parts, panel)
            .await
            .map_err(IntoResponse::into_response)?;
        let entrance = Entrance::from_ref(panel);
        let Some(viewer) = Self::of(caller, &entrance, parts) else {
            return Err(not_signed_in(parts, panel));
        };
        if let Some(on) = viewer.way_on(parts) {
            return Err(on);
        }
        if is_a_persons_step(&parts.headers) {
            entrance.identity.touch(&viewer.session);
        }
        Ok(viewer)
    }
}

/// A navigation that a person's own click or key began keeps the session alive, as any act does; what
/// scripts fetch does not (Fetch Metadata, W3C).
fn is_a_persons_step(headers: &HeaderMap) -> bool {
    headers.get("sec-fetch-user").is_some_and(|value| value == "?1")
}

fn not_signed_in(parts: &Parts, panel: &Panel) -> Response {
    if parts.headers.contains_key(FRAGMENT) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let had_session = Cookie::find(&parts.headers, SESSION_COOKIE).is_some();
    let to = if !panel.identity().is_set_up() {
        "/setup".to_owned()
    } else if had_session {
        "/session-expired".to_owned()
    } else {
        let asked = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        let is_page = parts.method == http::Method::GET && asked != "/";
        let next = if is_page {
            answer::path_of_ours(asked)
        } else {
            None
        };
        format!("/login{}", query(&[("next", next.unwrap_or_default())]))
    };
    answer::redirect(&to).unwrap_or_else(IntoResponse::into_response)
}

/// What a viewer's form sent. Having one means that the form was ours and fresh.
#[derive(Clone, Debug)]
pub(crate) struct Form<T> {
    /// Who sent it.
    pub(crate) viewer: Viewer,
    /// The fields.
    pub(crate) form: T,
}

impl<T: DeserializeOwned> FromRequest<Panel> for Form<T> {
    type Rejection = Response;

    async fn from_request(request: Request, panel: &Panel) -> Result<Self, Response> {
        let (parts, body) = request.into_parts();
        let before = parts.clone();
        let request = Request::from_parts(parts, body);
        let sent = Submitted::from_request(request, panel)
            .await
            .map_err(IntoResponse::into_response)?;
        match Viewer::of(sent.caller, &panel.entrance, &before) {
            Some(viewer) => {
                if let Some(on) = viewer.way_on(&before) {
                    return Err(on);
                }
                Ok(Self {
                    viewer,
                    form: sent.form,
                })
            }
            None => Err(not_signed_in(&before, panel)),
        }
    }
}
