//! `POST /security/decoys`, `POST /security/decoys/<id>/remove`: texts that look like tokens and tell of whoever tries them.

use axum::extract::State;
use axum::response::Response;
use http::{Method, StatusCode};
use serde::Deserialize;
use watchroom_kit::{ExposeSecret, Fault, FieldFault};
use watchroom_model::{DecoyId, TokenName};
use watchroom_policy::{Resource, ResourceKind, act};
use watchroom_shield::RouteClass;
use watchroom_web::{Params, Problem, Route};

use super::entry::Nothing;
use super::most;
use super::security::{Beside, PAGE, may_look, page};
use crate::text::EN;
use crate::view::decoys::{DecoyRow, DecoyTokens, DecoyTyped};
use crate::view::profile::Issued;
use crate::view::{Faults, Flash};
use crate::viewer::{Form, Viewer};
use crate::{Panel, answer};

/// What the form for a new decoy sends.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct DecoyForm {
    name: String,
}

pub(super) fn routes() -> Vec<Route<Panel>> {
    let administration = RouteClass::Administration;
    vec![
        Route::new(
            Method::POST,
            "/security/decoys",
            act::CreateDecoy,
            administration,
            create,
        ),
        Route::new(
            Method::POST,
            "/security/decoys/{id}/remove",
            act::RemoveDecoy,
            administration,
            remove,
        ),
    ]
}

/// Decoy tokens, for those who manage tokens.
pub(super) async fn tokens(
    viewer: &Viewer,
    panel: &Panel,
    typed: &DecoyTyped,
    issued: Option<Issued>,
) -> Result<Option<DecoyTokens>, Problem> {
    let all = Resource::all(ResourceKind::Decoy);
    if !viewer.may(act::ListDecoys, &all) {
        return Ok(None);
    }
    let (mut rows, mut cursor) = (Vec::new(), None);
    loop {
        let found = panel.identity().decoys(&most(cursor)).await?;
        rows.extend(found.items.into_iter().map(DecoyRow::from));
        match found.next_cursor {
            Some(next) => cursor = Some(next),
            None => break,
        }
    }
    let may = (
        viewer.may(act::CreateDecoy, &all),
        viewer.may(act::RemoveDecoy, &all),
    );
    Ok(Some(DecoyTokens::new(rows, typed, issued, may)))
}

/// Makes a decoy. Its text is in the answer itself: it must never travel in a cookie or an address.
pub(super) async fn create(
    State(panel): State<Panel>,
    Form { viewer, form }: Form<DecoyForm>,
) -> Result<Response, Problem> {
    let permit = viewer
        .caller
        .permit(act::CreateDecoy, &panel.identity().draft_decoy())?;
    // Asked before there is a text that only the page could show.
    may_look(&viewer)?;
    let name = match form.name.trim().parse::<TokenName>() {
        Ok(name) => name,
        Err(error) => {
            let fault = FieldFault::new("name", error.code, error.rule);
            return again(&viewer, &panel, form.name, vec![fault]).await;
        }
    };
    match panel.identity().create_decoy(&permit, name).await {
        Ok(issued) => {
            let issued = Issued {
                name: issued.view.name.to_string(),
                secret: issued.token.expose_secret().to_owned(),
            };
            let beside = Beside {
                issued: Some(issued),
                ..Beside::default()
            };
            page(&viewer, &panel, StatusCode::OK, beside).await
        }
        Err(error) if !error.fields().is_empty() => again(&viewer, &panel, form.name, error.fields()).await,
        Err(error) => Err(error.into()),
    }
}

async fn again(
    viewer: &Viewer,
    panel: &Panel,
    name: String,
    faults: Vec<FieldFault>,
) -> Result<Response, Problem> {
    let decoy = DecoyTyped {
        name,
        faults: Faults::new(faults),
    };
    let beside = Beside {
        decoy,
        ..Beside::default()
    };
    page(viewer, panel, StatusCode::BAD_REQUEST, beside).await
}

pub(super) async fn remove(
    State(panel): State<Panel>,
    Params(id): Params<DecoyId>,
    Form { viewer, .. }: Form<Nothing>,
) -> Result<Response, Problem> {
    let decoy = viewer.caller.found(panel.identity().decoy(id).await?)?;
    let permit = viewer.caller.permit(act::RemoveDecoy, &decoy)?;
    let removed = panel.identity().remove_decoy(&permit).await;
    let flash = Flash::told(removed.map(|()| EN.decoy_removed(decoy.name)));
    answer::redirect_with(PAGE, &flash)
}
