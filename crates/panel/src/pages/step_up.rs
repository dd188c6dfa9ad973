//! A fresh proof: in place, inside the form of the act that needs it, or by itself.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use watchroom_identity::{Again, SignInError, SignedIn, StepUpError};
use watchroom_kit::{ExposeSecret, Fault, FieldFault, SecretString};
use watchroom_policy::{Act, FreshProof, Permit, Principal, Target};
use watchroom_shield::Passed;
use watchroom_web::Problem;

use crate::text::EN;
use crate::view::proof::Wanted;
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
    /// Sent by forms that change how somebody signs in.
    pub(super) code: SecretString,
}

impl From<SecretString> for ProofForm {
    fn from(password: SecretString) -> Self {
        Self {
            password,
            ..Self::default()
        }
    }
}

/// The permit for an act, asked for with a proof that was made fresh if it was not; the inner error is what is wrong with the
/// password or the code.
///
/// # Errors
/// A refusal, a lockout, an ended session or a failing store, as a problem.
pub(super) async fn proven<A: Act>(
    viewer: &Viewer,
    panel: &Panel,
    (act, on): (A, &impl Target),
    sent: impl Into<ProofForm>,
) -> Result<Result<(Proven, Permit<A>), FieldFault>, Problem> {
    viewer.admit(act, on)?;
    match prove(viewer, panel, A::SPEC.fresh_proof, sent.into()).await? {
        Ok(proof) => {
            let permit = viewer.permit_as(proof.principal(viewer), act, on)?;
            Ok(Ok((proof, permit)))
        }
        Err(fault) => Ok(Err(fault)),
    }
}

/// Proves, does what the permit is for, and goes to `page` with a word on what came of it, or on what is wrong with the
/// password or the code.
///
/// # Errors
/// As [`proven`], and those of the deed.
pub(super) async fn with_proof<A: Act>(
    viewer: &Viewer,
    panel: &Panel,
    asked: (A, &impl Target),
    (sent, page): (impl Into<ProofForm>, &str),
    deed: impl AsyncFnOnce(Permit<A>) -> Result<Flash, Problem>,
) -> Result<Response, Problem> {
    match proven(viewer, panel, asked, sent).await? {
        Ok((proof, permit)) => {
            let flash = deed(permit).await?;
            proof.finish(answer::redirect_with(page, &flash)?)
        }
        Err(fault) => answer::redirect_with(page, &Flash::trouble(sentence(&fault.message))),
    }
}

/// Makes the proof fresh if it is not; the inner error is what is wrong with the password or the code.
async fn prove(
    viewer: &Viewer,
    panel: &Panel,
    wanted: FreshProof,
    sent: ProofForm,
) -> Result<Result<Proven, FieldFault>, Problem> {
    let again = match wanted {
        FreshProof::NotNeeded => None,
        FreshProof::Any => viewer.needs_proof().then_some(Again::Either(sent.password)),
        FreshProof::Whole => wholly(viewer.wanted(), sent),
    };
    let Some(again) = again else {
        return Ok(Ok(Proven(None)));
    };
    let (session, trail) = (&viewer.session, viewer.caller.trail());
    match panel.identity().step_up(session, trail, again).await {
        Ok(risen) => Ok(Ok(Proven(Some(risen)))),
        Err(error) => fault_of(error).map(Err),
    }
}

/// What was sent of what is wanted.
fn wholly(wanted: Wanted, sent: ProofForm) -> Option<Again> {
    let ProofForm { password, code } = sent;
    match (wanted.password, wanted.code) {
        (false, false) => None,
        (true, false) => Some(Again::Password(password)),
        (false, true) => Some(Again::Code(code)),
        (true, true) => Some(Again::Both { password, code }),
    }
}

/// What is wrong with a field of a proof, where that is all.
fn fault_of(error: StepUpError) -> Result<FieldFault, Problem> {
    let wrong = |refused: &SignInError| {
        matches!(
            refused,
            SignInError::Wrong {
                locked_until: None,
                ..
            }
        )
    };
    match &error {
        StepUpError::Refused(refused) if wrong(refused) => {
            Ok(FieldFault::new("password", "wrong", EN.proof_wrong))
        }
        StepUpError::RefusedCode(refused) if wrong(refused) => {
            Ok(FieldFault::new("code", "wrong", EN.proof_code_wrong))
        }
        StepUpError::Nothing => Ok(FieldFault::new("password", "none", error.public())),
        _ => Err(error.into()),
    }
}

/// What the form sends.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct StepUpForm {
    password: SecretString,
    code: SecretString,
    next: String,
    /// Where the form stood, if `next` opens with the proof alone.
    back: String,
}

/// `POST /step-up`: proves again and goes on to `next`.
pub(super) async fn step_up(
    State(panel): State<Panel>,
    Extension(passed): Extension<Passed>,
    Form { viewer, form }: Form<StepUpForm>,
) -> Result<Response, Problem> {
    let StepUpForm { password, code, .. } = form;
    let has = |field: &SecretString| !field.expose_secret().is_empty();
    let again = match (has(&password), has(&code)) {
        (_, false) => Again::Either(password),
        (false, true) => Again::Code(code),
        (true, true) => Again::Both { password, code },
    };
    let next = answer::path_of_ours(&form.next).unwrap_or("/");
    if matches!(&again, Again::Either(nothing) if !has(nothing)) && viewer.wanted().is_nothing() {
        // A passkey has answered meanwhile, and its script has taken the fields away.
        return answer::redirect(next);
    }
    let (session, trail) = (&viewer.session, viewer.caller.trail());
    match panel.identity().step_up(session, trail, again).await {
        Ok(risen) => {
            panel.entrance.signed_in(&passed, risen.session.user).await;
            answer::with_session(answer::redirect(next)?, &risen)
        }
        Err(error) => {
            let flash = Flash::trouble(sentence(&fault_of(error)?.message));
            answer::redirect_with(answer::path_of_ours(&form.back).unwrap_or(next), &flash)
        }
    }
}
