//! Somebody who comes to the panel or the API: a stranger, a person with a session, a program with a token.

use axum::body::Body;
use bytes::Bytes;
use futures_util::StreamExt;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, COOKIE, HOST, SET_COOKIE, USER_AGENT};
use http::{Method, Request, Response};
use http_body_util::BodyDataStream;
use hyper::body::Incoming;
use serde_json::Value;
use time::OffsetDateTime;

use crate::{Answer, Authenticator, Client};

/// Somebody who asks.
#[derive(Clone)]
pub struct Visitor {
    client: Client,
    bearer: Option<String>,
    cookies: Vec<(String, String)>,
    csrf: Option<String>,
    /// The address that a proxy names for them.
    address: Option<String>,
}

impl Visitor {
    /// Nobody known.
    #[must_use]
    pub fn stranger(client: Client) -> Self {
        Self {
            client,
            bearer: None,
            cookies: Vec::new(),
            csrf: None,
            address: None,
        }
    }

    /// Whoever holds this token.
    #[must_use]
    pub fn with_token(client: Client, token: &str) -> Self {
        Self {
            bearer: Some(token.to_owned()),
            ..Self::stranger(client)
        }
    }

    /// The same visitor at another address, in a room that trusts loopback as a proxy.
    #[must_use]
    pub fn coming_from(mut self, address: &str) -> Self {
        self.address = Some(address.to_owned());
        self
    }

    /// A request as this visitor sends it, to be changed before it is sent with [`Visitor::send`].
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "a method is named where it is used")]
    pub fn request(&self, method: Method, path: &str) -> http::request::Builder {
        let mut request = Request::builder()
            .method(method.clone())
            .uri(path)
            .header(HOST, self.client.authority())
            .header(USER_AGENT, "test room");
        if let Some(token) = &self.bearer {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        if let Some(address) = &self.address {
            request = request.header("x-forwarded-for", address);
        }
        if !self.cookies.is_empty() {
            request = request.header(COOKIE, self.cookies());
        }
        if method != Method::GET {
            request = request.header("sec-fetch-site", "same-origin");
            if let Some(token) = &self.csrf {
                request = request.header("x-csrf-token", token);
            }
        }
        request
    }

    /// Sends a request as it is.
    pub async fn send(&self, request: Request<Body>) -> Answer {
        self.client.ask(request).await
    }

    /// Sends a request and gives the answer without its body: what there is of one without an end.
    ///
    /// # Panics
    /// If there is no answer.
    pub async fn begin(&self, request: Request<Body>) -> Answer {
        let (parts, _) = self.client.open(request).await.into_parts();
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: Bytes::new(),
        }
    }

    /// Sends a request on a connection of its own and gives the answer as it begins.
    pub(crate) async fn open(&self, request: Request<Body>) -> Response<Incoming> {
        self.client.open(request).await
    }

    /// The host and port that its requests name.
    #[must_use]
    pub fn authority(&self) -> String {
        self.client.authority()
    }

    /// Gets a path as a browser does that wants a page.
    ///
    /// # Panics
    /// If there is no answer.
    pub async fn look(&self, path: &str) -> Answer {
        let request = self.request(Method::GET, path).header(ACCEPT, "text/html");
        self.send(request.body(Body::empty()).expect("a request")).await
    }

    /// Gets a path.
    ///
    /// # Panics
    /// If there is no answer.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(
            self.request(Method::GET, path)
                .body(Body::empty())
                .expect("a request"),
        )
        .await
    }

    /// Deletes a path.
    ///
    /// # Panics
    /// If there is no answer.
    pub async fn delete(&self, path: &str) -> Answer {
        self.send(
            self.request(Method::DELETE, path)
                .body(Body::empty())
                .expect("a request"),
        )
        .await
    }

    /// Posts JSON.
    ///
    /// # Panics
    /// If there is no answer.
    pub async fn post(&self, path: &str, json: Value) -> Answer {
        let request = self
            .request(Method::POST, path)
            .header(CONTENT_TYPE, "application/json");
        self.send(request.body(Body::from(json.to_string())).expect("a request"))
            .await
    }

    /// Posts a form, as a browser does.
    ///
    /// # Panics
    /// If there is no answer.
    pub async fn submit(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let form = serde_urlencoded::to_string(fields).expect("a form");
        let request = self
            .request(Method::POST, path)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(ACCEPT, "text/html");
        self.send(request.body(Body::from(form)).expect("a request"))
            .await
    }

    /// Loads the page with a form and gives the token in it, taking the cookies it sets.
    ///
    /// # Panics
    /// If the page has no form of ours.
    pub async fn form_token(&mut self, path: &str) -> String {
        let page = self.look(path).await;
        self.take_cookies(&page);
        let text = page.text();
        let (_, rest) = text
            .split_once("name=\"csrf_token\" value=\"")
            .unwrap_or_else(|| panic!("no form: {text}"));
        rest.split('"').next().unwrap_or_default().to_owned()
    }

    /// Signs in through the page, as a browser does.
    ///
    /// # Panics
    /// If that fails.
    pub async fn sign_in(&mut self, name: &str, password: &str) {
        let answer = self.try_sign_in(name, password).await;
        assert_eq!(answer.status, 303, "{}", answer.text());
        let me = self.get("/api/auth/me").await.json();
        self.csrf = me["csrf_token"].as_str().map(str::to_owned);
    }

    /// Signs in through the pages with a password and a code, as a browser does.
    ///
    /// # Panics
    /// If that fails.
    pub async fn sign_in_with(&mut self, name: &str, password: &str, code: &str) {
        let answer = self.try_sign_in(name, password).await;
        assert_eq!(answer.header("location"), "/login/mfa", "{}", answer.text());
        let answer = self.try_code(code).await;
        assert_eq!(answer.status, 303, "{}", answer.text());
        let me = self.get("/api/auth/me").await.json();
        self.csrf = me["csrf_token"].as_str().map(str::to_owned);
    }

    /// Types a code into the page of the second step.
    pub async fn try_code(&mut self, code: &str) -> Answer {
        let token = self.form_token("/login/mfa").await;
        let fields = [("csrf_token", token.as_str()), ("code", code)];
        let answer = self.submit("/login/mfa", &fields).await;
        self.take_cookies(&answer);
        answer
    }

    /// Enrols an authenticator through the page; it, and the answer with the recovery codes.
    ///
    /// # Panics
    /// If the page offers nothing.
    pub async fn enrol(&mut self, at: OffsetDateTime) -> (Authenticator, Answer) {
        let page = self.look("/mfa/setup").await;
        self.take_cookies(&page);
        let text = page.text();
        let between = |before: &str, after: &str| {
            let (_, rest) = text
                .split_once(before)
                .unwrap_or_else(|| panic!("no {before}: {text}"));
            rest.split_once(after).expect("an end").0.to_owned()
        };
        let device = Authenticator::with(&between("data-copy><code>", "</code>"));
        let (offer, token) = (
            between("name=\"offer\" value=\"", "\""),
            between("name=\"csrf_token\" value=\"", "\""),
        );
        let code = device.code(at);
        let fields = [
            ("csrf_token", token.as_str()),
            ("offer", &offer),
            ("code", &code),
            ("name", "phone"),
        ];
        let answer = self.submit("/mfa/setup", &fields).await;
        self.take_cookies(&answer);
        let me = self.get("/api/auth/me").await.json();
        self.csrf = me["csrf_token"].as_str().map(str::to_owned);
        (device, answer)
    }

    /// Tries to sign in through the page.
    pub async fn try_sign_in(&mut self, name: &str, password: &str) -> Answer {
        let token = self.form_token("/login").await;
        let fields = [
            ("csrf_token", token.as_str()),
            ("username", name),
            ("password", password),
        ];
        let answer = self.submit("/login", &fields).await;
        self.take_cookies(&answer);
        answer
    }

    /// The token that this session's changes carry.
    #[must_use]
    pub fn csrf(&self) -> Option<&str> {
        self.csrf.as_deref()
    }

    /// Sends another token, or none, with changes from now on.
    pub fn set_csrf(&mut self, token: Option<&str>) {
        self.csrf = token.map(str::to_owned);
    }

    /// The cookies held, as one header.
    #[must_use]
    pub fn cookies(&self) -> String {
        let cookies: Vec<_> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        cookies.join("; ")
    }

    /// Holds another visitor's cookies too, where it has none of that name: another page of the same browser.
    pub fn share_cookies(&mut self, other: &Self) {
        for (name, value) in &other.cookies {
            if !self.cookies.iter().any(|(known, _)| known == name) {
                self.cookies.push((name.clone(), value.clone()));
            }
        }
    }

    /// Takes the cookies that an answer sets, as a browser does.
    pub fn take_cookies(&mut self, answer: &Answer) {
        for cookie in answer.headers.get_all(SET_COOKIE) {
            let text = cookie.to_str().unwrap_or_default();
            let Some((name, value)) = text.split(';').next().and_then(|pair| pair.split_once('=')) else {
                continue;
            };
            self.cookies.retain(|(known, _)| known != name);
            if !value.is_empty() {
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
    }

    /// Opens an event stream and reads it until `is_enough` says so of all that came, or it ends.
    ///
    /// # Panics
    /// If it is no event stream.
    pub async fn listen(
        &self,
        path: &str,
        last_id: Option<&str>,
        is_enough: impl Fn(&str) -> bool,
    ) -> String {
        let mut request = self.request(Method::GET, path);
        if let Some(id) = last_id {
            request = request.header("last-event-id", id);
        }
        let response = self
            .client
            .open(request.body(Body::empty()).expect("a request"))
            .await;
        assert_eq!(response.status(), 200);
        let mut pieces = BodyDataStream::new(response.into_body());
        let mut text = String::new();
        while !is_enough(&text) {
            let Some(Ok(piece)) = pieces.next().await else {
                break;
            };
            text.push_str(&String::from_utf8_lossy(&piece));
        }
        text
    }
}
