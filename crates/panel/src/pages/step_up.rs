//! A fresh proof: in place, inside the form of the act that needs it, or by itself.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use watchroom_identity::{SignInError, SignedIn, StepUpError};
use watchroom_kit::{FieldFault, SecretString};
use watchroom_policy::Principal;
use watchroom_shield::Passed;
use watchroom_web::Problem;

use crate::text::EN;
use crate::view::Flash;
use crate::viewer::{Form, Viewer};
use crate::{Panel, answer};

/// What proves the viewer: a session that just rose, or nothing since the last proof is fresh.
#[derive(Debug)]
pub(super) struct Proven(Option<SignedIn>);

impl Proven {
    /// In whose name to ask now.
    pub(super) fn principal<'a>(&'a self, viewer: &'a Viewer) -> &'a Arc<Principal> {
        self.0
            .as_ref()
            .map_or_else(|| viewer.caller.principal(), |risen| &risen.session.principal)
    }

    /// The session to go on with.
    pub(super) fn session<'a>(&'a self, viewer: &'a Viewer) -> &'a Arc<watchroom_identity::Session> {
        self.0.as_ref().map_or(&viewer.session, |risen| &risen.session)
    }

    /// The response with the session's new cookie.
    pub(super) fn finish(&self, response: Response) -> Result<Response, Problem> {
        match &self.0 {
            Some(risen) => answer::with_session(response, risen),
            None => Ok(response),
        }
    }
}

/// Makes the proof fresh if it is not; the inner error is what is wrong with the password field.
///
/// # Errors
/// A lockout, an ended session or a failing store, as a problem.
pub(super) async fn prove(
    viewer: &Viewer,
    panel: &Panel,
    password: SecretString,
) -> Result<Result<Proven, FieldFault>, Problem> {
    if !viewer.needs_proof() {
        return Ok(Ok(Proven(None)));
    }
    match panel
        .identity()
        .step_up(&viewer.session, viewer.caller.trail(), password)
        .await
    {
        Ok(risen) => Ok(Ok(Proven(Some(risen)))),
        Err(StepUpError::Refused(SignInError::Wrong {
            locked_until: None, ..
        })) => Ok(Err(FieldFault::new("password", "wrong", EN.proof_wrong))),
        Err(error) => Err(error.into()),
    }
}

/// What the form sends.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct StepUpForm {
    password: SecretString,
    next: String,
}

/// `POST /step-up`: proves again and goes on to `next`.
pub(super) async fn step_up(
    State(panel): State<Panel>,
    Extension(passed): Extension<Passed>,
    Form { viewer, form }: Form<StepUpForm>,
) -> Result<Response, Problem> {
    let next = answer::path_of_ours(&form.next).unwrap_or("/").to_owned();
    let risen = panel
        .identity()
        .step_up(&viewer.session, viewer.caller.trail(), form.password)
        .await;
    match risen {
        Ok(risen) => {
            panel.entrance.signed_in(&passed, risen.session.user).await;
            answer::with_session(answer::redirect(&next)?, &risen)
        }
        Err(StepUpError::Refused(SignInError::Wrong {
            locked_until: None, ..
        })) => answer::redirect_with(&next, &Flash::trouble(crate::view::sentence(EN.proof_wrong))),
        Err(error) => Err(error.into()),
    }
}
