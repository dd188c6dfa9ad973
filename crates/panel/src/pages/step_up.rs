//! A fresh proof: in place, inside the form of the act that needs it, or by itself.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use watchroom_identity::{SignInError, SignedIn, StepUpError};
use watchroom_kit::{FieldFault, SecretString};
use watchroom_policy::{Act, Permit, Principal, Target};
use watchroom_shield::Passed;
use watchroom_web::Problem;

use crate::text::EN;
use crate::view::{Flash, sentence};
use crate::viewer::{Form, Viewer};
use crate::{Panel, answer};

/// What proves the viewer: a session that just rose, or nothing since the last proof is fresh.
#[derive(Debug)]
pub(super) struct Proven(Option<SignedIn>);

impl Proven {
    /// In whose name to ask now.
    fn principal<'a>(&'a self, viewer: &'a Viewer) -> &'a Arc<Principal> {
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

/// What a form sends that asks for a fresh proof and no more.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ProofForm {
    pub(super) password: SecretString,
}

/// The permit for an act, asked for with a proof that was made fresh if it was not; the inner error is what is wrong with the
/// password field.
///
/// # Errors
/// A refusal, a lockout, an ended session or a failing store, as a problem.
pub(super) async fn proven<A: Act>(
    viewer: &Viewer,
    panel: &Panel,
    (act, on): (A, &impl Target),
    password: SecretString,
) -> Result<Result<(Proven, Permit<A>), FieldFault>, Problem> {
    viewer.admit(act, on)?;
    match prove(viewer, panel, password).await? {
        Ok(proof) => {
            let permit = viewer.permit_as(proof.principal(viewer), act, on)?;
            Ok(Ok((proof, permit)))
        }
        Err(fault) => Ok(Err(fault)),
    }
}

/// Proves, does what the permit is for, and goes to `page` with a word on what came of it, or on what is wrong with the
/// password.
///
/// # Errors
/// As [`proven`], and those of the deed.
pub(super) async fn with_proof<A: Act>(
    viewer: &Viewer,
    panel: &Panel,
    asked: (A, &impl Target),
    (password, page): (SecretString, &str),
    deed: impl AsyncFnOnce(Permit<A>) -> Result<Flash, Problem>,
) -> Result<Response, Problem> {
    match proven(viewer, panel, asked, password).await? {
        Ok((proof, permit)) => {
            let flash = deed(permit).await?;
            proof.finish(answer::redirect_with(page, &flash)?)
        }
        Err(fault) => answer::redirect_with(page, &Flash::trouble(sentence(&fault.message))),
    }
}

/// Makes the proof fresh if it is not; the inner error is what is wrong with the password field.
async fn prove(
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
        })) => answer::redirect_with(&next, &Flash::trouble(sentence(EN.proof_wrong))),
        Err(error) => Err(error.into()),
    }
}
