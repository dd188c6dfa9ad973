//! Second factors: proving one after the password, enrolling one, and one's own on the profile page.

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use watchroom_identity::{
    ConfirmTotp, Enrolled, FactorError, Oneself, SecondStepError, Session, SignInError,
};
use watchroom_kit::{Fault, FieldFault, SecretString};
use watchroom_model::FactorId;
use watchroom_policy::{Resource, ResourceKind, SecondFactor, act};
use watchroom_shield::Passed;
use watchroom_web::{Caller, Cookie, DEVICE_COOKIE, NotFound, Params, Problem, Query, StepSubmitted};

use super::passkey::{form_for_second, site, why};
use super::step_up::{ProofForm, proven, with_proof};
use crate::text::EN;
use crate::view::mfa::{MfaPage, MfaSetupPage, Offered, Picture, RecoveryCodesPage};
use crate::view::passkey::PasskeyForm;
use crate::view::{Faults, Flash, query, sentence};
use crate::viewer::{Form, theme_of};
use crate::{Panel, answer};

/// Where a half session goes on, and to where after that.
pub(crate) fn next_step(session: &Session, next: &str) -> String {
    let next = answer::path_of_ours(next)
        .filter(|path| *path != "/")
        .unwrap_or_default();
    let step = match session.principal.proof.second_factor {
        SecondFactor::ToEnrol => "/mfa/setup",
        _ => "/login/mfa",
    };
    format!("{step}{}", query(&[("next", next)]))
}

/// The query of the pages.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct NextQuery {
    next: String,
}

/// What the form of the second step sends.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct CodeForm {
    code: SecretString,
    next: String,
}

pub(super) async fn page(
    caller: Caller,
    Query(asked): Query<NextQuery>,
    State(panel): State<Panel>,
    Extension(passed): Extension<Passed>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    match caller.session() {
        None => answer::redirect("/login"),
        Some(session) if session.principal.proof.second_factor == SecondFactor::ToProve => {
            let page = second_page(&panel, &passed, session, &headers, (asked.next, None));
            answer::page(&page)
        }
        Some(session) if session.is_half() => answer::redirect(&next_step(session, &asked.next)),
        Some(_) => answer::redirect(answer::path_of_ours(&asked.next).unwrap_or("/")),
    }
}

fn second_page(
    panel: &Panel,
    passed: &Passed,
    session: &Session,
    headers: &HeaderMap,
    (next, flash): (String, Option<Flash>),
) -> MfaPage {
    let csrf = panel.identity().csrf_token(session);
    let passkey = form_for_second(panel, passed, session, &next);
    MfaPage::new(theme_of(headers), csrf, next, (flash, passkey))
}

/// The page again, with what was wrong.
pub(super) fn second_again(
    panel: &Panel,
    passed: &Passed,
    session: &Session,
    headers: &HeaderMap,
    (status, next, flash): (StatusCode, String, Flash),
) -> Result<Response, Problem> {
    let page = second_page(panel, passed, session, headers, (next, Some(flash)));
    answer::page_with(status, &page)
}

pub(super) async fn prove(
    State(panel): State<Panel>,
    Extension(passed): Extension<Passed>,
    headers: HeaderMap,
    sent: StepSubmitted<CodeForm>,
) -> Result<Response, Problem> {
    let CodeForm { code, next } = sent.form;
    let on = Resource::all(ResourceKind::Session);
    sent.caller.permit(act::ProveSecondFactor, &on)?;
    let session = sent.caller.session().ok_or(NotFound)?;
    let to = answer::path_of_ours(&next).unwrap_or("/");
    let device = Cookie::find(&headers, DEVICE_COOKIE);
    let proven = panel
        .identity()
        .prove_second_factor(session, sent.caller.trail(), code, device);
    match proven.await {
        Ok(signed_in) => {
            panel.entrance.signed_in(&passed, signed_in.session.user).await;
            answer::with_session(answer::redirect(to)?, &signed_in)
        }
        Err(SecondStepError::NotAsked) if answer::wants_page(&headers) => answer::redirect(to),
        Err(error @ SecondStepError::Refused(SignInError::Wrong { .. } | SignInError::Locked { .. }))
            if answer::wants_page(&headers) =>
        {
            let status = StatusCode::from_u16(error.kind().status()).unwrap_or(StatusCode::UNAUTHORIZED);
            let flash = Flash::trouble(refused(&error));
            second_again(&panel, &passed, session, &headers, (status, next, flash))
        }
        Err(error) => Err(error.into()),
    }
}

/// A refused code in the page's words.
fn refused(error: &SecondStepError) -> String {
    match error {
        SecondStepError::Refused(SignInError::Wrong {
            remaining_attempts: 1,
            locked_until: None,
        }) => EN.mfa_attempts_one.to_owned(),
        SecondStepError::Refused(SignInError::Wrong {
            remaining_attempts,
            locked_until: None,
        }) => EN.mfa_attempts_many(remaining_attempts),
        other => sentence(&other.public()),
    }
}

/// What the form of enrolment sends.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct EnrolForm {
    offer: SecretString,
    code: SecretString,
    name: String,
    next: String,
}

pub(super) async fn setup_page(
    caller: Caller,
    Query(asked): Query<NextQuery>,
    State(panel): State<Panel>,
    Extension(passed): Extension<Passed>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let Some(session) = caller.session() else {
        return answer::redirect("/login");
    };
    if session.principal.proof.second_factor == SecondFactor::ToProve {
        return answer::redirect(&next_step(session, &asked.next));
    }
    let faults = (StatusCode::OK, "", &Faults::default());
    setup_form(&panel, &passed, (&caller, &headers), &asked.next, faults).await
}

/// The form with a new secret, and with what was wrong with the last one.
async fn setup_form(
    panel: &Panel,
    passed: &Passed,
    (caller, headers): (&Caller, &HeaderMap),
    next: &str,
    (status, name, faults): (StatusCode, &str, &Faults),
) -> Result<Response, Problem> {
    let session = caller.session().ok_or(NotFound)?;
    let permit = caller.permit(act::AddFactor, &Oneself(session.user))?;
    let offer = panel.identity().offer_totp(&permit, session).await?;
    let offered = Offered {
        picture: Picture::of(&offer.address),
        secret: offer.secret,
        offer: offer.offer,
    };
    let csrf = panel.identity().csrf_token(session);
    let passkey = match site(passed) {
        Ok(_) => PasskeyForm::enrol(csrf.clone(), next),
        Err(no) => PasskeyForm::nowhere(why(no)),
    };
    let about = (session.is_half(), next.to_owned());
    answer::page_with(
        status,
        &MfaSetupPage::new(theme_of(headers), csrf, about, (offered, passkey), (name, faults)),
    )
}

/// The form again, after a passkey that was not taken.
pub(super) async fn enrol_again(
    panel: &Panel,
    passed: &Passed,
    who: (&Caller, &HeaderMap),
    next: &str,
    error: &FactorError,
) -> Result<Response, Problem> {
    let status = StatusCode::from_u16(error.kind().status()).unwrap_or(StatusCode::BAD_REQUEST);
    let faults = Faults::new(vec![FieldFault::new("passkey", error.slug(), error.public())]);
    setup_form(panel, passed, who, next, (status, "", &faults)).await
}

/// On with the session that has just enrolled a factor; the recovery codes first, if they came with it.
pub(super) async fn enrolled(
    panel: &Panel,
    passed: &Passed,
    headers: &HeaderMap,
    enrolled: &Enrolled,
    next: &str,
) -> Result<Response, Problem> {
    let user = enrolled.signed_in.session.user;
    panel.entrance.signed_in(passed, user).await;
    let to = answer::path_of_ours(next).unwrap_or("/");
    let response = match enrolled.recovery_codes.as_slice() {
        [] => answer::redirect(to)?,
        codes => answer::page(&RecoveryCodesPage::new(theme_of(headers), codes, to))?,
    };
    answer::with_session(response, &enrolled.signed_in)
}

pub(super) async fn set_up(
    State(panel): State<Panel>,
    Extension(passed): Extension<Passed>,
    headers: HeaderMap,
    sent: StepSubmitted<EnrolForm>,
) -> Result<Response, Problem> {
    let EnrolForm {
        offer,
        code,
        name,
        next,
    } = sent.form;
    let caller = sent.caller;
    let permit = caller.permit(act::AddFactor, &Resource::all(ResourceKind::User))?;
    let session = caller.session().ok_or(NotFound)?;
    let confirm = ConfirmTotp {
        offer,
        code,
        name: name.clone(),
        device: Cookie::find(&headers, DEVICE_COOKIE).map(str::to_owned),
    };
    match panel.identity().confirm_totp(&permit, session, confirm).await {
        Ok(done) => enrolled(&panel, &passed, &headers, &done, &next).await,
        Err(error @ (FactorError::Code | FactorError::Name | FactorError::OfferOver)) => {
            let faults = match error.fields() {
                none if none.is_empty() => vec![FieldFault::new("offer", "over", error.public())],
                faults => faults,
            };
            let faults = Faults::new(faults);
            let status = StatusCode::from_u16(error.kind().status()).unwrap_or(StatusCode::BAD_REQUEST);
            let who = (&caller, &headers);
            setup_form(&panel, &passed, who, &next, (status, &name, &faults)).await
        }
        Err(error) => Err(error.into()),
    }
}

pub(super) async fn remove(
    State(panel): State<Panel>,
    Params(id): Params<FactorId>,
    Form { viewer, form }: Form<ProofForm>,
) -> Result<Response, Problem> {
    let own = Oneself(viewer.session.user);
    let (asked, sent) = ((act::RemoveFactor, &own), (form, "/profile"));
    with_proof(&viewer, &panel, asked, sent, async |permit| {
        match panel.identity().remove_factor(&permit, id).await {
            Ok(()) => Ok(Flash::done(EN.factor_removed)),
            Err(error @ (FactorError::Last | FactorError::LastWay)) => {
                Ok(Flash::trouble(sentence(&error.public())))
            }
            Err(error) => Err(error.into()),
        }
    })
    .await
}

pub(super) async fn renew_codes(
    State(panel): State<Panel>,
    headers: HeaderMap,
    Form { viewer, form }: Form<ProofForm>,
) -> Result<Response, Problem> {
    let own = Oneself(viewer.session.user);
    let asked = (act::RenewRecoveryCodes, &own);
    let (proof, permit) = match proven(&viewer, &panel, asked, form).await? {
        Ok(both) => both,
        Err(fault) => return answer::redirect_with("/profile", &Flash::trouble(sentence(&fault.message))),
    };
    let codes = panel.identity().renew_recovery_codes(&permit).await?;
    let page = RecoveryCodesPage::new(theme_of(&headers), &codes, "/profile");
    proof.finish(answer::page(&page)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_code_says_what_is_left() {
        let wrong = |remaining_attempts| {
            SecondStepError::Refused(SignInError::Wrong {
                remaining_attempts,
                locked_until: None,
            })
        };
        assert!(refused(&wrong(1)).contains("One attempt"));
        assert!(refused(&wrong(3)).contains("3 attempts"));
    }
}
