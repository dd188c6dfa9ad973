//! Asks a Host for something and reads its answer.

use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue, RETRY_AFTER, USER_AGENT};
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use watchroom_kit::{Ambient, ExposeSecret};

use super::{CallError, ProblemReport, Target, connect};

/// The Host cuts its own handlers at 30 s; twice that leaves room for a slow line.
const ANSWER: Duration = Duration::from_secs(60);
/// No single answer is larger; exports and consoles are streamed.
const LARGEST_ANSWER: usize = 16 << 20;
/// Between an answer that was lost and asking again.
const PAUSE: Duration = Duration::from_millis(250);

/// Everything that RFC 3986 does not call unreserved.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// A Host's API, seen from outside. Each request has a connection of its own.
#[derive(Clone, Debug)]
pub struct Client {
    target: Target,
    ambient: Ambient,
}

struct Call<'a> {
    method: Method,
    path: &'a str,
    query: &'a [(&'a str, String)],
    body: Option<&'a Value>,
    accept: &'static str,
    idempotency_key: Option<String>,
}

impl Client {
    /// A client of this target.
    #[must_use]
    pub fn new(target: Target, ambient: Ambient) -> Self {
        Self { target, ambient }
    }

    /// Reads something. Empty query values are left out.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn get(&self, path: &str, query: &[(&str, String)]) -> Result<Value, CallError> {
        self.json(Call {
            query,
            ..self.call(Method::GET, path)
        })
        .await
    }

    /// Changes something. If the answer is lost it may or may not have happened.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value, CallError> {
        self.json(Call {
            body: Some(body),
            ..self.call(Method::POST, path)
        })
        .await
    }

    /// Gives an order, which a Host obeys at most once however often the line breaks: it is sent under an
    /// `Idempotency-Key`, and once more if its answer is lost.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn order(&self, path: &str, body: &Value) -> Result<Value, CallError> {
        let idempotency_key = Some(self.ambient.uuid().to_string());
        self.json(Call {
            body: Some(body),
            idempotency_key,
            ..self.call(Method::POST, path)
        })
        .await
    }

    /// Removes something.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn delete(&self, path: &str) -> Result<Value, CallError> {
        self.remove(path, &[]).await
    }

    /// Removes something in a way that the query says. Empty query values are left out.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn remove(&self, path: &str, query: &[(&str, String)]) -> Result<Value, CallError> {
        self.json(Call {
            query,
            ..self.call(Method::DELETE, path)
        })
        .await
    }

    /// Opens an answer that comes in pieces and may never end: events, exports.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn stream(
        &self,
        path: &str,
        query: &[(&str, String)],
        accept: &'static str,
    ) -> Result<Streamed, CallError> {
        let response = self
            .answer(&Call {
                query,
                accept,
                ..self.call(Method::GET, path)
            })
            .await?;
        Ok(Streamed {
            body: response.into_body(),
            target: self.target.to_string(),
        })
    }

    fn call<'a>(&self, method: Method, path: &'a str) -> Call<'a> {
        Call {
            method,
            path,
            query: &[],
            body: None,
            accept: "application/json",
            idempotency_key: None,
        }
    }

    async fn json(&self, call: Call<'_>) -> Result<Value, CallError> {
        let response = self.answer(&call).await?;
        let body = self.whole(response).await?;
        if body.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&body).map_err(|error| self.foreign(error.to_string()))
    }

    /// Asks, and asks once more if the connection broke and asking twice is harmless: reading is, and so is
    /// an order with a key. Removing twice answers "not found" for a thing that was removed, so it is not.
    async fn answer(&self, call: &Call<'_>) -> Result<Response<Incoming>, CallError> {
        let is_repeatable = call.method == Method::GET || call.idempotency_key.is_some();
        match self.once(call).await {
            Err(CallError::Lost { .. }) if is_repeatable => {
                tokio::time::sleep(PAUSE).await;
                self.once(call).await
            }
            answered => answered,
        }
    }

    async fn once(&self, call: &Call<'_>) -> Result<Response<Incoming>, CallError> {
        let request = self.request(call)?;
        let stream = connect::open(&self.target).await?;
        let (mut sender, connection) = http1::handshake(stream).await.map_err(|error| self.lost(error))?;
        // How the connection ends shows in the answer; the task needs no result of its own.
        self.ambient
            .tasks
            .spawn("client connection", async move { drop(connection.await) });
        let answer = tokio::time::timeout(ANSWER, sender.send_request(request)).await;
        let late = |_| CallError::Late {
            target: self.target.to_string(),
            seconds: ANSWER.as_secs(),
        };
        let response = answer.map_err(late)?.map_err(|error| self.lost(error))?;
        if response.status().is_success() {
            Ok(response)
        } else {
            Err(self.refusal(response).await?)
        }
    }

    fn request(&self, call: &Call<'_>) -> Result<Request<Full<Bytes>>, CallError> {
        let mut builder = Request::builder()
            .method(&call.method)
            .uri(uri(call.path, call.query))
            .header(ACCEPT, call.accept)
            .header(USER_AGENT, concat!("watchroom/", env!("CARGO_PKG_VERSION")));
        builder = match &self.target {
            Target::Local { .. } => builder.header(HOST, "localhost"),
            Target::Remote(remote) => {
                let bearer = format!("Bearer {}", remote.token.expose_secret());
                let mut bearer = HeaderValue::try_from(bearer).map_err(http::Error::from)?;
                bearer.set_sensitive(true);
                builder
                    .header(HOST, format!("{}:{}", remote.host, remote.port))
                    .header(AUTHORIZATION, bearer)
            }
        };
        if let Some(key) = &call.idempotency_key {
            builder = builder.header("idempotency-key", key);
        }
        let body = match call.body {
            Some(body) => {
                builder = builder.header(CONTENT_TYPE, "application/json");
                Bytes::from(body.to_string())
            }
            None => Bytes::new(),
        };
        Ok(builder.body(Full::new(body))?)
    }

    async fn refusal(&self, response: Response<Incoming>) -> Result<CallError, CallError> {
        let status = response.status();
        let text = |name: &str| {
            response
                .headers()
                .get(name)
                .and_then(|value| value.to_str().ok())
                .map(str::to_owned)
        };
        let (request_id, retry_after) = (text("x-request-id"), text(RETRY_AFTER.as_str()));
        if status.is_redirection() || status.is_informational() {
            return Ok(self.foreign(format!("status {status}")));
        }
        let body = self.whole(response).await?;
        let problem = ProblemReport::read(status, request_id.as_deref(), retry_after.as_deref(), &body);
        Ok(CallError::Refused(Box::new(problem)))
    }

    async fn whole(&self, response: Response<Incoming>) -> Result<Bytes, CallError> {
        let reading = Limited::new(response.into_body(), LARGEST_ANSWER).collect();
        let late = |_| CallError::Late {
            target: self.target.to_string(),
            seconds: ANSWER.as_secs(),
        };
        let body = tokio::time::timeout(ANSWER, reading).await.map_err(late)?;
        body.map(http_body_util::Collected::to_bytes)
            .map_err(|source| self.broken(source))
    }

    fn lost(&self, error: hyper::Error) -> CallError {
        self.broken(Box::new(error))
    }

    fn broken(&self, source: Box<dyn std::error::Error + Send + Sync>) -> CallError {
        CallError::Lost {
            target: self.target.to_string(),
            source,
        }
    }

    fn foreign(&self, what: String) -> CallError {
        CallError::Foreign {
            target: self.target.to_string(),
            what,
        }
    }
}

/// An answer that comes in pieces.
#[derive(Debug)]
pub struct Streamed {
    body: Incoming,
    target: String,
}

impl Streamed {
    /// The next piece; `None` at the end. May be dropped while waiting without losing a piece.
    ///
    /// # Errors
    /// [`CallError::Lost`].
    pub async fn next(&mut self) -> Result<Option<Bytes>, CallError> {
        loop {
            let lost = |error| CallError::Lost {
                target: self.target.clone(),
                source: Box::new(error),
            };
            let Some(frame) = self.body.frame().await else {
                return Ok(None);
            };
            if let Ok(bytes) = frame.map_err(lost)?.into_data() {
                return Ok(Some(bytes));
            }
        }
    }

    /// Where it comes from.
    #[must_use]
    pub fn target(&self) -> &str {
        &self.target
    }
}

fn uri(path: &str, query: &[(&str, String)]) -> String {
    let mut uri = path.to_owned();
    let given = query.iter().filter(|(_, value)| !value.is_empty());
    for (index, (name, value)) in given.enumerate() {
        uri.push(if index == 0 { '?' } else { '&' });
        uri.push_str(name);
        uri.push('=');
        uri.extend(utf8_percent_encode(value, ESCAPED));
    }
    uri
}
