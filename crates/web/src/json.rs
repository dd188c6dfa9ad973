//! An answer in JSON.

use axum::body::{Body, Bytes};
use axum::response::{IntoResponse, Response};
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use serde::Serialize;
use watchroom_kit::{Fault, FaultKind};

use crate::Problem;

/// Room for most answers, so that few grow while they are written.
const USUAL: usize = 1_024;

/// An answer in JSON, written straight into the bytes that are sent.
#[derive(Clone, Copy, Debug)]
pub struct Json<T>(pub T);

/// A value that has no form in JSON.
#[derive(Debug, thiserror::Error)]
#[error("the answer could not be written as JSON")]
struct Unwritable(#[source] serde_json::Error);

impl Fault for Unwritable {
    fn kind(&self) -> FaultKind {
        FaultKind::Internal
    }
    fn slug(&self) -> &'static str {
        "internal"
    }
    fn public(&self) -> String {
        "something went wrong on our side; the log has the detail".to_owned()
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match Written::of(&self.0) {
            Ok(written) => written.into_response(),
            Err(problem) => problem.into_response(),
        }
    }
}

/// An answer in JSON that was written before, to be given many times.
#[derive(Clone, Debug)]
pub struct Written(Bytes);

impl Written {
    /// Writes a value.
    ///
    /// # Errors
    /// A [`Problem`] of our own if the value has no form in JSON.
    pub fn of(value: &impl Serialize) -> Result<Self, Problem> {
        let mut bytes = Vec::with_capacity(USUAL);
        serde_json::to_writer(&mut bytes, value).map_err(Unwritable)?;
        Ok(Self(bytes.into()))
    }
}

impl IntoResponse for Written {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.0));
        let kind = HeaderValue::from_static("application/json");
        response.headers_mut().insert(CONTENT_TYPE, kind);
        response
    }
}
