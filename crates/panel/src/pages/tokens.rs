//! `POST /profile/tokens`, `POST /profile/tokens/<id>/revoke`.

use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;
use watchroom_identity::{NewToken, TokenKind};
use watchroom_kit::{ExposeSecret, Fault, FieldFault, SecretString};
use watchroom_model::{TokenId, TokenName};
use watchroom_policy::{Permit, Resource, act};
use watchroom_web::{Params, Problem};

use super::entry::Nothing;
use super::profile::shown;
use super::step_up::{ProofForm, proven};
use crate::text::EN;
use crate::view::profile::{Issued, ProfileForms, TokenTyped};
use crate::view::{Faults, Flash};
use crate::viewer::{Form, Viewer};
use crate::{Panel, answer};

/// What the token form sends.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct TokenForm {
    name: String,
    expires_days: String,
    allow_sensitive: Option<String>,
    password: SecretString,
    code: SecretString,
}

pub(super) async fn create(
    State(panel): State<Panel>,
    Form { viewer, form }: Form<TokenForm>,
) -> Result<Response, Problem> {
    let token = TokenTyped {
        name: form.name,
        expires_days: form.expires_days,
        allow_sensitive: form.allow_sensitive,
    };
    let new = match wanted(&token) {
        Ok(new) => new,
        Err(faults) => return again(&viewer, &panel, token, faults).await,
    };
    let draft = panel.identity().draft_token(viewer.session.user);
    let asked = (act::CreateToken, &draft);
    let sent = ProofForm {
        password: form.password,
        code: form.code,
    };
    let (proof, permit) = match proven(&viewer, &panel, asked, sent).await? {
        Ok(both) => both,
        Err(fault) => return again(&viewer, &panel, token, vec![fault]).await,
    };
    let viewer = viewer.risen(proof.session(&viewer));
    proof.finish(made(&viewer, &panel, &permit, token, new).await?)
}

/// The page with the fresh token, shown in the answer itself: it must never travel in a cookie or an address.
async fn made(
    viewer: &Viewer,
    panel: &Panel,
    permit: &Permit<act::CreateToken>,
    token: TokenTyped,
    new: NewToken,
) -> Result<Response, Problem> {
    match panel.identity().create_token(permit, new).await {
        Ok(issued) => {
            let issued = Issued {
                name: issued.view.name.to_string(),
                secret: issued.token.expose_secret().to_owned(),
            };
            let forms = (&ProfileForms::default(), Some(issued));
            shown(viewer, panel, StatusCode::OK, forms).await
        }
        Err(error) if !error.fields().is_empty() => {
            let faults = error.fields().into_iter().map(as_the_form_calls_it).collect();
            again(viewer, panel, token, faults).await
        }
        Err(error) => Err(error.into()),
    }
}

fn as_the_form_calls_it(mut fault: FieldFault) -> FieldFault {
    if fault.field == "expires_in" {
        "expires_days".clone_into(&mut fault.field);
    }
    fault
}

async fn again(
    viewer: &Viewer,
    panel: &Panel,
    token: TokenTyped,
    faults: Vec<FieldFault>,
) -> Result<Response, Problem> {
    let forms = ProfileForms {
        token,
        token_faults: Faults::new(faults),
        ..ProfileForms::default()
    };
    shown(viewer, panel, StatusCode::BAD_REQUEST, (&forms, None)).await
}

/// What was typed as a token, or all that is wrong with it.
fn wanted(typed: &TokenTyped) -> Result<NewToken, Vec<FieldFault>> {
    let mut faults = Vec::new();
    let name = typed.name.trim().parse::<TokenName>();
    if let Err(error) = &name {
        faults.push(FieldFault::new("name", error.code, error.rule));
    }
    let days = typed.expires_days.trim().parse::<u32>();
    if days.is_err() {
        faults.push(FieldFault::new("expires_days", "number", EN.not_a_number));
    }
    match (name, days) {
        (Ok(name), Ok(days)) => Ok(NewToken {
            name,
            kind: TokenKind::Personal,
            permissions: None,
            networks: Vec::new(),
            expires_in: Some(Duration::from_secs(u64::from(days) * 86_400)),
            allow_sensitive: typed.allow_sensitive.is_some(),
        }),
        _ => Err(faults),
    }
}

pub(super) async fn revoke(
    State(panel): State<Panel>,
    Params(id): Params<TokenId>,
    Form { viewer, .. }: Form<Nothing>,
) -> Result<Response, Problem> {
    let permit = viewer
        .caller
        .permit(act::RevokeToken, &Resource::token(id, viewer.session.user))?;
    panel.identity().revoke_token(&permit).await?;
    answer::redirect_with("/profile", &Flash::done(EN.token_revoked))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_form_says_all_that_is_wrong() {
        let typed = TokenTyped {
            name: "no spaces".to_owned(),
            expires_days: "soon".to_owned(),
            allow_sensitive: None,
        };
        let fields: Vec<_> = wanted(&typed)
            .unwrap_err()
            .into_iter()
            .map(|fault| fault.field)
            .collect();
        assert_eq!(fields, ["name", "expires_days"]);
        let typed = TokenTyped {
            name: "ci".to_owned(),
            expires_days: "1".to_owned(),
            allow_sensitive: Some("true".into()),
        };
        let new = wanted(&typed).unwrap();
        assert_eq!(
            (new.expires_in, new.allow_sensitive),
            (Some(Duration::from_secs(86_400)), true)
        );
    }
}
