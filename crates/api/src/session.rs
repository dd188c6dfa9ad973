//! `/api/session`: one's own session, and saying that one is still here.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::SET_COOKIE;
use http::{HeaderMap, Method};
use serde::Serialize;
use utoipa::ToSchema;
use watchroom_identity::SessionView;
use watchroom_kit::ExposeSecret;
use watchroom_policy::{Resource, ResourceKind, act};
use watchroom_shield::RouteClass;
use watchroom_web::{Caller, Cookie, Json, NotFound, Problem, Route, SESSION_COOKIE};

use crate::Api;

/// How long the session goes on.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Activity {
    /// `ok`.
    status: &'static str,
    /// Seconds until the session ends unless the person acts again.
    expires_in: u64,
}

pub(crate) fn routes() -> Vec<Route<Api>> {
    vec![
        Route::new(Method::GET, "/api/session", act::SeeSelf, RouteClass::Read, show)
            .says("One's own session")
            .gives::<SessionView>(),
        Route::new(
            Method::POST,
            "/api/session/activity",
            act::StayActive,
            RouteClass::Change,
            stay,
        )
        .says("Say that one is still here; streams and polling never do")
        .gives::<Activity>(),
    ]
}

async fn show(caller: Caller) -> Result<Json<SessionView>, Problem> {
    caller.permit(act::SeeSelf, &Resource::all(ResourceKind::User))?;
    let session = caller.session().or_else(|| caller.family()).ok_or(NotFound)?;
    Ok(Json(SessionView::from(session.as_ref())))
}

async fn stay(caller: Caller, State(api): State<Api>, headers: HeaderMap) -> Result<Response, Problem> {
    let permit = caller.permit(act::StayActive, &Resource::all(ResourceKind::Session))?;
    let session = caller.session().ok_or(NotFound)?;
    let activity = Activity {
        status: "ok",
        expires_in: api.identity().stay_active(session),
    };
    let mut response = Json(activity).into_response();
    let shown = Cookie::find(&headers, SESSION_COOKIE).unwrap_or_default();
    if let Some((next, left)) = api.identity().rotate_cookie(&permit, session, shown).await? {
        let cookie = Cookie {
            name: SESSION_COOKIE,
            value: next.expose_secret(),
            max_age_s: Some(left),
        };
        // It is made of letters that any header may have.
        let header = cookie.header().map_err(|_| NotFound)?;
        response.headers_mut().append(SET_COOKIE, header);
    }
    Ok(response)
}
