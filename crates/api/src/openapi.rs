//! `/api/openapi.json`: the API described, from the route table.

use http::Method;
use utoipa::openapi::OpenApi;
use watchroom_policy::act;
use watchroom_shield::RouteClass;
use watchroom_web::{Json, Route};

use crate::Api;

/// The document for this version.
#[must_use]
pub fn document() -> OpenApi {
    watchroom_web::document(&crate::routes(), env!("CARGO_PKG_VERSION"))
}

pub(crate) fn routes() -> Vec<Route<Api>> {
    vec![
        Route::new(
            Method::GET,
            "/api/openapi.json",
            act::LookAround,
            RouteClass::Static,
            show,
        )
        .says("This description (OpenAPI 3.1)"),
    ]
}

async fn show() -> Json<OpenApi> {
    Json(document())
}
