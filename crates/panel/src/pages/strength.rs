//! `POST /password-strength`: what is to be said of a password while it is typed. The same rules judge it when it is sent.

use axum::extract::State;
use http::Method;
use serde::Deserialize;
use watchroom_identity::Strength;
use watchroom_kit::SecretString;
use watchroom_policy::{Resource, ResourceKind, act};
use watchroom_shield::RouteClass;
use watchroom_web::{Json, PreSubmitted, Problem, Route};

use crate::Panel;
use crate::viewer::Form;

pub(super) fn routes() -> Vec<Route<Panel>> {
    let class = RouteClass::Change;
    vec![
        Route::new(
            Method::POST,
            "/password-strength",
            act::LookAround,
            class,
            of_stranger,
        ),
        Route::new(
            Method::POST,
            "/profile/password-strength",
            act::SeeSelf,
            class,
            of_own,
        ),
    ]
}

/// What a script sends of a form.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Typed {
    password: SecretString,
    username: String,
}

/// For whoever has a form before sign-in: set-up, an invitation, a new password by a link.
async fn of_stranger(State(panel): State<Panel>, sent: PreSubmitted<Typed>) -> Json<Strength> {
    let Typed { password, username } = sent.form;
    Json(panel.identity().strength(&password, &username))
}

/// For somebody who changes their own.
async fn of_own(
    State(panel): State<Panel>,
    Form { viewer, form }: Form<Typed>,
) -> Result<Json<Strength>, Problem> {
    viewer
        .caller
        .permit(act::SeeSelf, &Resource::all(ResourceKind::User))?;
    let name = viewer.caller.principal().display_name();
    Ok(Json(panel.identity().strength(&form.password, &name)))
}
