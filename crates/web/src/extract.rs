//! Reading bodies, queries and headers, with the field at fault named.

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, FromRef, FromRequest, FromRequestParts, Request};
use http::header::CONTENT_TYPE;
use http::request::Parts;
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use watchroom_kit::{Fault, FaultKind, FieldFault};
use watchroom_shield::{BodyForm, Passed, ReportError, ReportForm};

use crate::caller::NotPassed;
use crate::problem::InvalidInput;
use crate::unique::doubled;
use crate::{Entrance, Problem};

/// A JSON body, with the bytes it was read from.
#[derive(Clone, Debug)]
pub struct Body<T> {
    /// What was sent.
    pub value: T,
    /// The bytes, for idempotency fingerprints.
    pub bytes: Bytes,
}

impl<T, S> FromRequest<S> for Body<T>
where
    T: DeserializeOwned,
    S: Send + Sync,
    Entrance: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let passed = request.extensions().get::<Passed>().cloned();
        let content_type = request
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok());
        let is_json = content_type.is_some_and(|value| {
            let essence = value.split(';').next().unwrap_or_default().trim();
            essence.eq_ignore_ascii_case("application/json") || essence.ends_with("+json")
        });
        if !is_json {
            return Err(invalid(
                "",
                "content_type",
                "send a JSON body with Content-Type: application/json".to_owned(),
            ));
        }
        let bytes = whole(request, state).await?;
        let is_whole = Entrance::from_ref(state).inspect(passed.as_ref(), BodyForm::Json, &bytes)?;
        // Without names its members would be taken in their order, which is nobody's promise.
        if bytes.trim_ascii_start().first() == Some(&b'[') {
            return Err(invalid("", "invalid", "send an object, not a list".to_owned()));
        }
        let mut reader = serde_json::Deserializer::from_slice(&bytes);
        let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
            let path = error.path().to_string();
            invalid(named(&path), "invalid", reason(error.inner()))
        })?;
        reader
            .end()
            .map_err(|error| invalid("", "invalid", reason(&error)))?;
        // What a handler ignores is skipped without a look, and what stands behind it nobody would have inspected.
        if !is_whole {
            return Err(invalid(
                "",
                "invalid",
                "send no text that is none, and nest less deeply".to_owned(),
            ));
        }
        match doubled(&bytes) {
            Some(key) => Err(invalid(&key, "invalid", "this key comes twice".to_owned())),
            None => Ok(Self { value, bytes }),
        }
    }
}

/// What a browser reports of our pages, noted with the shield. Having one means that it was a report.
#[derive(Clone, Copy, Debug)]
pub struct BrowserReport;

impl<S> FromRequest<S> for BrowserReport
where
    S: Send + Sync,
    Entrance: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let passed = request.extensions().get::<Passed>().cloned();
        let content_type = request.headers().get(CONTENT_TYPE);
        let content_type = content_type.and_then(|value| value.to_str().ok());
        let form = content_type.and_then(ReportForm::of).ok_or_else(|| {
            let message = "send application/csp-report or application/reports+json".to_owned();
            invalid("", "content_type", message)
        })?;
        let bytes = whole(request, state).await?;
        let entrance = Entrance::from_ref(state);
        entrance.inspect(passed.as_ref(), BodyForm::Json, &bytes)?;
        let passed = passed.ok_or(NotPassed)?;
        let taken = entrance.shield.take_report(&passed, form, &bytes);
        taken.map_err(|error| no_report(&error))?;
        Ok(Self)
    }
}

fn no_report(error: &ReportError) -> Problem {
    let message = match error {
        ReportError::Json(error) => reason(error),
        ReportError::Shape => error.to_string(),
    };
    invalid("", "invalid", message)
}

/// A body that could not be read to its end: too large, or cut off.
#[derive(Clone, Copy, Debug, thiserror::Error)]
pub(crate) enum UnreadBody {
    #[error("the body is larger than this route takes")]
    TooLarge,
    #[error("the body ended before it was complete")]
    CutOff,
}

impl Fault for UnreadBody {
    fn kind(&self) -> FaultKind {
        match self {
            Self::TooLarge => FaultKind::TooLarge,
            Self::CutOff => FaultKind::Invalid,
        }
    }
    fn slug(&self) -> &'static str {
        match self {
            Self::TooLarge => "body-too-large",
            Self::CutOff => "invalid-input",
        }
    }
    fn public(&self) -> String {
        format!("{self}; send less, or send it again")
    }
}

/// The whole body, unless it is larger than whoever sends it may say.
pub(crate) async fn whole<S: Send + Sync>(mut request: Request, state: &S) -> Result<Bytes, Problem> {
    if let Some(most) = request
        .extensions()
        .get::<Passed>()
        .map(|passed| passed.body_limit())
    {
        DefaultBodyLimit::max(most).apply(&mut request);
    }
    let read = Bytes::from_request(request, state).await;
    read.map_err(|rejection| unread(&rejection))
}

fn unread(rejection: &axum::extract::rejection::BytesRejection) -> Problem {
    match rejection.status() {
        http::StatusCode::PAYLOAD_TOO_LARGE => UnreadBody::TooLarge.into(),
        _ => UnreadBody::CutOff.into(),
    }
}

/// The field that a path names; the end of a path that ended before its field did says nothing.
fn named(path: &str) -> &str {
    path.trim_end_matches('?').trim_end_matches('.')
}

/// What is wrong with a JSON text, without the echo of what was sent.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let what = text
        .rsplit_once(" at line ")
        .map_or(text.as_str(), |(what, _)| what);
    match error.classify() {
        Category::Eof => "the JSON text ends too early; send all of it".to_owned(),
        Category::Syntax | Category::Io => {
            format!(
                "no JSON at line {}, column {}: {what}",
                error.line(),
                error.column()
            )
        }
        Category::Data => what.to_owned(),
    }
}

/// The query of a request.
#[derive(Clone, Debug)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query = parts.uri.query().unwrap_or_default();
        let reader = || serde_urlencoded::Deserializer::new(form_urlencoded::parse(query.as_bytes()));
        // Keeping track of the field costs more than reading it, so that is done only for a field at fault.
        if let Ok(read) = T::deserialize(reader()) {
            return Ok(Self(read));
        }
        serde_path_to_error::deserialize(reader())
            .map(Self)
            .map_err(|error| {
                let field = error.path().to_string();
                invalid(named(&field), "invalid", error.inner().to_string())
            })
    }
}

/// The client's `Idempotency-Key`, if it sent one.
#[derive(Clone, Debug)]
pub struct IdempotencyHeader(pub Option<String>);

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyHeader {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Some(value) = parts.headers.get("idempotency-key") else {
            return Ok(Self(None));
        };
        let text = value
            .to_str()
            .map_err(|_| invalid("Idempotency-Key", "characters", "visible ASCII only".to_owned()))?;
        Ok(Self(Some(text.to_owned())))
    }
}

fn invalid(field: &str, code: &str, message: String) -> Problem {
    InvalidInput(FieldFault::new(field, code, message)).into()
}
