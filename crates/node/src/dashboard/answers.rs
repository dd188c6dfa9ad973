//! What the page answers to each request, and who must be signed in for it.

use http::header::{ALLOW, CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};
use http::request::Parts;
use http::{HeaderName, Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Map, Value, json};
use watchroom_audit::{Draft, Outcome};
use watchroom_model::{OrderOutcome, ServerId, ServerOrder};
use watchroom_policy::EventType;
use watchroom_shield::{Body, Passed, is_same_origin};

use super::{Room, page};

const STYLE: &str = include_str!("style.css");
const HTML: &str = "text/html; charset=utf-8";
/// Where a browser that was let in shows whether it kept its cookie.
const ENTERED: &str = "/entered";

/// A browser that is signed in.
pub(super) struct Guest {
    /// The value of its cookie.
    cookie: String,
    /// The account of this machine that let it in.
    pub(super) by: String,
    /// What its forms carry.
    pub(super) form_token: String,
}

impl Room {
    /// Answers one request.
    pub(super) async fn answer(&self, request: Request<Body>) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let path = parts.uri.path();
        match parts.method {
            Method::GET | Method::HEAD => match path {
                "/api/status" => self.status(),
                "/style.css" => of_type(StatusCode::OK, "text/css; charset=utf-8", STYLE.to_owned()),
                "/enter" => self.enter(&parts).await,
                ENTERED => self.entered(&parts),
                "/" => self.overview(&parts),
                _ => self.plain(StatusCode::NOT_FOUND, "There is nothing here."),
            },
            Method::POST => self.change(&parts, body).await,
            _ => with(
                self.plain(
                    StatusCode::METHOD_NOT_ALLOWED,
                    "Pages are read, forms are posted.",
                ),
                ALLOW,
                "GET, HEAD, POST",
            ),
        }
    }

    fn status(&self) -> Response<Body> {
        let status = json!({
            "name": self.parts.portrait.name,
            "version": env!("CARGO_PKG_VERSION"),
            "state": self.state(),
        });
        of_type(StatusCode::OK, "application/json", status.to_string())
    }

    /// Lets in a browser that brings a good code, and takes the code out of its address bar.
    async fn enter(&self, parts: &Parts) -> Response<Body> {
        // A browser that guesses where its person will go next must not use the code up.
        if parts.headers.contains_key("sec-purpose") || parts.method == Method::HEAD {
            return self.plain(
                StatusCode::SERVICE_UNAVAILABLE,
                "This link is opened, not looked at.",
            );
        }
        let query = parts.uri.query().unwrap_or_default();
        let code = query.strip_prefix("code=").unwrap_or_default();
        let by = match self.invitations.redeem(code, self.parts.ambient.now()) {
            Ok(Some(by)) => by,
            Ok(None) => {
                tracing::warn!(
                    "somebody came to the node's page with a code that is not, or no longer, good"
                );
                return self.stranger(
                    "That link was used before, is older than five minutes, or was replaced by a newer one.",
                );
            }
            Err(error) => {
                tracing::error!(%error, "an invitation to the node's page cannot be used up");
                return self.plain(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "The invitation cannot be read or removed; the agent's log says why.",
                );
            }
        };
        // Who cannot be written down is not let in.
        if !self
            .note(&by, "dashboard.enter", EventType::Auth, Outcome::Success)
            .await
        {
            return self.plain(
                StatusCode::SERVICE_UNAVAILABLE,
                "The node cannot write its audit; make room on its disk.",
            );
        }
        let cookie = self.sessions.open(by);
        with(see(ENTERED), SET_COOKIE, &self.crumb(&cookie, ""))
    }

    /// Goes on to the page, or says why that cannot be.
    fn entered(&self, parts: &Parts) -> Response<Body> {
        match self.guest(parts) {
            Some(_) => see("/"),
            None => self.stranger(
                "Your browser did not keep the cookie of this page. Safari keeps it only over TLS: open a new link in \
                 Firefox, Chrome or Edge, or go on in the terminal.",
            ),
        }
    }

    fn overview(&self, parts: &Parts) -> Response<Body> {
        let Some(guest) = self.guest(parts) else {
            return self.stranger("This page is for whoever sits at this machine.");
        };
        let notice = self.sessions.with(&guest.cookie, |session| session.notice.take());
        let text = page::overview(self, &guest, notice.flatten().as_deref());
        of_type(StatusCode::OK, HTML, text)
    }

    /// Does what a form asks, once it is sure that a page of ours sent it.
    async fn change(&self, parts: &Parts, body: Body) -> Response<Body> {
        let Some(guest) = self.guest(parts) else {
            return self.stranger("Your session is over; nothing was changed.");
        };
        let Ok(form) = body.collect().await else {
            return self.plain(StatusCode::BAD_REQUEST, "The form did not arrive whole.");
        };
        let form = form.to_bytes();
        let shown = form.strip_prefix(b"csrf_token=").unwrap_or_default();
        let shown = std::str::from_utf8(shown).unwrap_or_default();
        let scheme = if is_https(parts) { "https" } else { "http" };
        let is_ours = is_same_origin(parts, scheme)
            && self
                .sessions
                .with(&guest.cookie, |session| session.has_token(shown))
                == Some(true);
        if !is_ours {
            self.suspect(&guest).await;
            return self.plain(
                StatusCode::FORBIDDEN,
                "This form is out of date or was not sent by this page. Nothing was changed; load the page again.",
            );
        }
        if parts.uri.path() == "/leave" {
            self.sessions.close(&guest.cookie);
            self.note(&guest.by, "dashboard.leave", EventType::Auth, Outcome::Success)
                .await;
            return with(see("/"), SET_COOKIE, &self.crumb("", "; Max-Age=0"));
        }
        match order(parts.uri.path()) {
            Some(order) => {
                let told = told(&self.parts.supervisor.order_here(order, &guest.by).await);
                self.sessions
                    .with(&guest.cookie, |session| session.notice = Some(told));
                see("/")
            }
            None => self.plain(StatusCode::NOT_FOUND, "There is nothing here."),
        }
    }

    /// The cookie with this value, for no wire but TLS. Browsers take loopback for as safe, since what is on it passes no wire
    /// (W3C Secure Contexts, 3.1); Safari does not.
    fn crumb(&self, value: &str, lasts: &str) -> String {
        let name = &self.cookie;
        format!("{name}={value}; Path=/{lasts}; HttpOnly; SameSite=Strict; Secure")
    }

    /// The session of this request's cookie.
    fn guest(&self, parts: &Parts) -> Option<Guest> {
        let lines = parts.headers.get_all(COOKIE).iter();
        let pairs = lines
            .filter_map(|line| line.to_str().ok())
            .flat_map(|line| line.split("; "));
        let mut ours = pairs
            .filter_map(|pair| pair.split_once('='))
            .filter(|(name, _)| *name == self.cookie);
        let cookie = ours.next()?.1.to_owned();
        self.sessions.with(&cookie, |session| Guest {
            by: session.by.clone(),
            form_token: session.form_token.clone(),
            cookie: cookie.clone(),
        })
    }

    /// Writes down, once for each session, that somebody tried to use it from elsewhere.
    async fn suspect(&self, guest: &Guest) {
        let was_known = self.sessions.with(&guest.cookie, |session| {
            std::mem::replace(&mut session.is_suspect, true)
        });
        if was_known == Some(false) {
            self.note(
                &guest.by,
                "dashboard.csrf",
                EventType::Suspicious,
                Outcome::Denied,
            )
            .await;
        }
    }

    async fn note(&self, by: &str, action: &str, event_type: EventType, result: Outcome) -> bool {
        let draft = Draft {
            timestamp: self.parts.ambient.now(),
            event_type,
            user: format!("local:{by}"),
            action: action.to_owned(),
            resource: format!("node:{}", self.parts.portrait.node),
            result,
            source_ip: None,
            user_agent: None,
            request_id: None,
            decision_id: None,
            extra: Map::<String, Value>::new(),
        };
        self.parts.supervisor.write_down(draft).await
    }

    /// A page that says how one gets in.
    fn stranger(&self, why: &str) -> Response<Body> {
        let name = &self.parts.portrait.name;
        of_type(StatusCode::UNAUTHORIZED, HTML, page::stranger(name, why))
    }

    fn plain(&self, status: StatusCode, text: &str) -> Response<Body> {
        of_type(status, HTML, page::plain(&self.parts.portrait.name, text))
    }
}

/// Whether the browser speaks TLS, by the word of the proxy before the page.
fn is_https(parts: &Parts) -> bool {
    parts
        .extensions
        .get::<Passed>()
        .is_some_and(|passed| passed.is_https)
}

/// The order that a form of this path asks for: `/servers/<id>/start` or `/stop`.
fn order(path: &str) -> Option<ServerOrder> {
    let (id, verb) = path.strip_prefix("/servers/")?.split_once('/')?;
    let id: ServerId = id.parse().ok()?;
    match verb {
        "start" => Some(ServerOrder::Start(id)),
        "stop" => Some(ServerOrder::Stop(id)),
        _ => None,
    }
}

/// What became of an order, as the next page says it.
fn told(outcome: &OrderOutcome) -> String {
    match outcome {
        OrderOutcome::Done { .. } | OrderOutcome::GoesDown { .. } => "Done.".to_owned(),
        OrderOutcome::AlreadySo { .. } => "Nothing was to do: it is so already.".to_owned(),
        OrderOutcome::Refused { why, .. } => format!("Not done: {why}."),
    }
}

fn see(place: &str) -> Response<Body> {
    let empty = of_type(StatusCode::SEE_OTHER, HTML, String::new());
    with(empty, LOCATION, place)
}

fn of_type(status: StatusCode, content_type: &str, text: String) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    with(response, CONTENT_TYPE, content_type)
}

/// The same with a header, whose value is of our own making and fit to be one.
fn with(mut response: Response<Body>, name: HeaderName, value: &str) -> Response<Body> {
    if let Ok(value) = value.parse() {
        response.headers_mut().insert(name, value);
    }
    response
}
