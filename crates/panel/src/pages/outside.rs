//! Signing in at a provider: sending a browser there, taking what it brings back, and tying an identity to one's account.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, Method};
use serde::Deserialize;
use watchroom_identity::{
    CameBack, Entered, FromOutside, Journey, OutsideError, Provider, ProviderFault, Session, SettingOut,
    TieError, TieOffer,
};
use watchroom_kit::{Fault, SecretString, Site};
use watchroom_model::OutsideId;
use watchroom_policy::{Resource, act};
use watchroom_shield::{LimitKey, Passed, RouteClass, Window};
use watchroom_web::{Caller, Cookie, DEVICE_COOKIE, MaySignIn, NotFound, Params, Problem, Query, Route};

use super::entry::replace;
use super::mfa::next_step;
use super::step_up::{ProofForm, proven, with_proof};
use crate::text::EN;
use crate::view::outside::TiePage;
use crate::view::{Flash, Section, sentence};
use crate::viewer::{Form, Viewer};
use crate::{Panel, answer};

/// The cookie that a browser keeps while it is at a provider.
const JOURNEY_COOKIE: &str = "__Host-watchroom_journey";
/// The cookie with the offer to tie an identity.
const OFFER_COOKIE: &str = "__Host-watchroom_tie";
/// How long the browser keeps the offer, in seconds; it is over by then.
const OFFER_S: u64 = 900;
/// How often somebody may come back from providers to one address.
const RETURNS: Window = Window::per_minute(20);
/// Where an offer is taken.
const TIE: &str = "/profile/identities/tie";

/// The ways over providers, and what of oneself is known there.
pub(super) fn routes() -> Vec<Route<Panel>> {
    let (page, change) = (RouteClass::Page, RouteClass::Change);
    vec![
        Route::new(Method::GET, "/login/oidc/{name}", act::LookAround, page, begin),
        // What a provider sends along is its own affair: the state and the code are secrets of the journey.
        Route::new(
            Method::GET,
            "/login/oidc/{name}/callback",
            act::SignIn,
            page,
            back,
        )
        .free_text(&[
            "iss",
            "scope",
            "error",
            "error_description",
            "error_uri",
            "session_state",
        ]),
        Route::new(
            Method::GET,
            "/profile/identities/tie",
            act::TieIdentity,
            page,
            tie_page,
        ),
        Route::new(
            Method::POST,
            "/profile/identities/tie",
            act::TieIdentity,
            change,
            tie,
        ),
        Route::new(
            Method::POST,
            "/profile/identities/{id}/untie",
            act::UntieIdentity,
            change,
            untie,
        ),
    ]
}

/// The query of the way there.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct NextQuery {
    next: String,
}

/// What a browser brings back.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct BackQuery {
    state: String,
    code: Option<SecretString>,
    iss: Option<String>,
    error: Option<String>,
}

/// Somebody whole, who can tie an identity.
fn whole(caller: &Caller) -> Option<&Arc<Session>> {
    caller.session().filter(|session| !session.is_half())
}

/// `GET /login/oidc/{name}`: away to the provider.
pub(super) async fn begin(
    _: MaySignIn,
    caller: Caller,
    Params(name): Params<String>,
    Query(asked): Query<NextQuery>,
    State(panel): State<Panel>,
    Extension(passed): Extension<Passed>,
) -> Result<Response, Problem> {
    if !panel.identity().is_set_up() {
        return answer::redirect("/setup");
    }
    panel.providers.admission(&name).ok_or(NotFound)?;
    let host = passed.host.as_ref().ok_or(NotFound)?;
    let back = format!("https://{host}/login/oidc/{name}/callback");
    let next = answer::path_of_ours(&asked.next).unwrap_or("/");
    let provider = Provider::oidc(&name);
    let out = SettingOut {
        redirect_uri: &back,
        next,
        held: whole(&caller).map(AsRef::as_ref),
        is_own_doing: passed.is_own_doing,
    };
    let (journey, cookie) = panel.identity().set_out(&provider, out).ok_or(NotFound)?;
    let site = Site::from(Some(passed.client));
    match panel.providers.begin(&name, &journey, site).await {
        Ok(address) => {
            let lasts = journey.lasts().as_secs();
            answer::with_cookie(answer::redirect(&address)?, JOURNEY_COOKIE, &cookie, Some(lasts))
        }
        Err(fault) => not_vouched(&name, &fault),
    }
}

/// `GET /login/oidc/{name}/callback`: back from the provider.
pub(super) async fn back(
    _: MaySignIn,
    caller: Caller,
    (Params(name), Query(asked)): (Params<String>, Query<BackQuery>),
    State(panel): State<Panel>,
    Extension(passed): Extension<Passed>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let admission = panel.providers.admission(&name).ok_or(NotFound)?;
    let cookie = Cookie::find(&headers, JOURNEY_COOKIE).unwrap_or_default();
    let journey = panel
        .identity()
        .come_back(&Provider::oidc(&name), cookie, &asked.state);
    let Some(journey) = journey else {
        // Told to nobody who bans: any page elsewhere can have its visitors' browsers ask for this with a state made up.
        tracing::warn!(provider = %name, "a browser came back from a provider without a journey of its own, or a second time");
        return over(answer::redirect_with("/login", &Flash::trouble(EN.journey_over))?);
    };
    if returns_too_often(&panel, &passed).await {
        return over(answer::redirect_with(
            "/login",
            &Flash::trouble(EN.returned_too_often),
        )?);
    }
    // Only whoever was signed in when they left, and still is, ties an identity; nobody else makes an account of it.
    let held = whole(&caller).filter(|session| journey.ties == Some(session.user));
    if journey.ties.is_some() && held.is_none() {
        return over(answer::redirect_with("/login", &Flash::trouble(EN.journey_over))?);
    }
    let came = CameBack {
        code: asked.code,
        iss: asked.iss,
        error: asked.error,
    };
    let site = Site::from(Some(passed.client));
    let outsider = match panel.providers.finish(&name, &journey, &came, site).await {
        Ok(outsider) => outsider,
        Err(fault) => return turned_away(&panel, &caller, (&name, &journey), &fault).await,
    };
    let entering = FromOutside {
        outsider: &outsider,
        admission,
        remember_me: false,
        device: Cookie::find(&headers, DEVICE_COOKIE),
        held,
        errand: Some(journey.errand()),
        is_own_doing: journey.is_own_doing,
    };
    match panel
        .identity()
        .enter_from_outside(caller.trail(), entering)
        .await
    {
        Ok(Entered::In(signed_in)) => {
            // Of two steps each gives back its own.
            panel.entrance.signed_in(&passed, signed_in.session.user).await;
            replace(&panel, &caller).await?;
            let to = match signed_in.session.is_half() {
                true => next_step(&signed_in.session, &journey.next),
                false => next_of(&journey),
            };
            over(answer::with_session(answer::redirect(&to)?, &signed_in)?)
        }
        Ok(Entered::ToTie(offer)) => over(to_tie(&offer, held.is_some())?),
        Err(error @ (OutsideError::Forbidden(_) | OutsideError::Store(_))) => Err(error.into()),
        Err(error) => {
            let to = if held.is_some() { "/profile" } else { "/login" };
            over(answer::redirect_with(
                to,
                &Flash::trouble(sentence(&error.public())),
            )?)
        }
    }
}

/// Counts a return. The route itself counts as a page: any page elsewhere can send a browser to it, but not with a journey of
/// its own.
async fn returns_too_often(panel: &Panel, passed: &Passed) -> bool {
    let limits = panel.entrance.shield.limits();
    let address = LimitKey::Address(passed.client);
    let verdict = limits.take_everywhere("returned", address, &[RETURNS]).await;
    verdict.is_some_and(|verdict| verdict.is_limited)
}

/// Notes that the provider did not vouch for whoever came back, and says so.
async fn turned_away(
    panel: &Panel,
    caller: &Caller,
    (name, journey): (&str, &Journey),
    fault: &ProviderFault,
) -> Result<Response, Problem> {
    let (identity, provider) = (panel.identity(), Provider::oidc(name));
    identity
        .note_not_vouched(caller.trail(), (&provider, journey), fault)
        .await?;
    over(not_vouched(name, fault)?)
}

fn next_of(journey: &Journey) -> String {
    answer::path_of_ours(&journey.next).unwrap_or("/").to_owned()
}

/// The journey is over, however it ended.
fn over(response: Response) -> Result<Response, Problem> {
    answer::with_cookie(response, JOURNEY_COOKIE, "", Some(0))
}

fn not_vouched(name: &str, fault: &ProviderFault) -> Result<Response, Problem> {
    tracing::warn!(provider = %name, error = %fault, "a provider did not vouch for anybody");
    answer::redirect_with("/login", &Flash::trouble(sentence(&fault.public())))
}

/// On to where the identity is tied, by way of signing in to the account.
fn to_tie(offer: &TieOffer, is_in: bool) -> Result<Response, Problem> {
    let response = match is_in {
        true => answer::redirect(TIE)?,
        false => {
            let to = format!("/login{}", crate::view::query(&[("next", TIE)]));
            answer::redirect_with(&to, &Flash::done(EN.tie_after_sign_in(&offer.label)))?
        }
    };
    answer::with_cookie(response, OFFER_COOKIE, &offer.text, Some(OFFER_S))
}

/// `GET /profile/identities/tie`: what would be tied.
pub(super) async fn tie_page(
    viewer: Viewer,
    State(panel): State<Panel>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let cookie = Cookie::find(&headers, OFFER_COOKIE).unwrap_or_default();
    let Some(offer) = panel.identity().tie_offered(viewer.session.user, cookie) else {
        let flash = Flash::trouble(sentence(&TieError::OfferOver.public()));
        let response = answer::redirect_with("/profile", &flash)?;
        return answer::with_cookie(response, OFFER_COOKIE, "", Some(0));
    };
    let shell = viewer.shell(Section::Profile, EN.tie_title);
    viewer.page(&TiePage::new(
        shell,
        title_of(&panel, offer.provider.as_str()),
        offer.label,
        viewer.wanted(),
    ))
}

/// What people call a provider.
pub(super) fn title_of(panel: &Panel, provider: &str) -> String {
    let ways = panel.providers.ways().iter();
    ways.map(|way| (Provider::oidc(&way.name), &way.title))
        .find(|(known, _)| known.as_str() == provider)
        .map_or_else(|| provider.to_owned(), |(_, title)| title.clone())
}

/// `POST /profile/identities/tie`.
pub(super) async fn tie(
    State(panel): State<Panel>,
    headers: HeaderMap,
    Form { viewer, form }: Form<ProofForm>,
) -> Result<Response, Problem> {
    let own = Resource::user(viewer.session.user);
    let asked = (act::TieIdentity, &own);
    let (proof, permit) = match proven(&viewer, &panel, asked, form).await? {
        Ok(both) => both,
        Err(fault) => return answer::redirect_with(TIE, &Flash::trouble(sentence(&fault.message))),
    };
    let offer = Cookie::find(&headers, OFFER_COOKIE).unwrap_or_default();
    let flash = match panel.identity().tie(&permit, offer).await {
        Ok(()) => Flash::done(EN.identity_tied),
        Err(error @ TieError::Store(_)) => return Err(error.into()),
        Err(error) => Flash::trouble(sentence(&error.public())),
    };
    let response = answer::redirect_with("/profile", &flash)?;
    proof.finish(answer::with_cookie(response, OFFER_COOKIE, "", Some(0))?)
}

/// `POST /profile/identities/{id}/untie`.
pub(super) async fn untie(
    State(panel): State<Panel>,
    Params(id): Params<OutsideId>,
    Form { viewer, form }: Form<ProofForm>,
) -> Result<Response, Problem> {
    let own = Resource::user(viewer.session.user);
    let (asked, sent) = ((act::UntieIdentity, &own), (form, "/profile"));
    with_proof(&viewer, &panel, asked, sent, async |permit| {
        match panel.identity().untie(&permit, id).await {
            Ok(()) => Ok(Flash::done(EN.identity_untied)),
            Err(error @ TieError::LastWay) => Ok(Flash::trouble(sentence(&error.public()))),
            Err(error) => Err(error.into()),
        }
    })
    .await
}
