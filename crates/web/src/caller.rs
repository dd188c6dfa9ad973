//! Who calls: the value that stands between identity and policy.

use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts};
use http::header::{AUTHORIZATION, USER_AGENT};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method};
use watchroom_identity::{Identity, Session, TokenFault};
use watchroom_kit::{Fault, FaultKind, SecretString};
use watchroom_model::{DecisionId, RequestId, TokenId};
use watchroom_policy::{Act, Ask, Permit, Principal, Resource, ResourceKind, Target, Trail, Who, decide};
use watchroom_shield::{Known, Passed, Refused, RouteClass, Shield, Verdict, Why};

use crate::csrf::{CsrfError, header_token, same_origin};
use crate::tickets::{GOOD_FOR_S, TicketFault};
use crate::{Cookie, Entrance, NotFound, Problem, SESSION_COOKIE, socket};

/// What the caller showed.
#[derive(Clone, Debug)]
pub enum Credential {
    /// Nothing valid.
    None,
    /// A session's cookie.
    Session(Arc<Session>),
    /// An API token.
    Token(TokenId),
    /// A program's access token, which holds until then, in microseconds since the Unix epoch, and no longer than what it
    /// belongs to.
    Access {
        /// The program's sign-in.
        family: Arc<Session>,
        /// Until when.
        until: i64,
    },
    /// The Unix socket.
    Socket,
}

/// Whoever sent this request, with the request around it. For a request that changes something and shows
/// a cookie, having a `Caller` means that both proofs against cross-site requests were there.
#[derive(Clone, Debug)]
pub struct Caller {
    principal: Arc<Principal>,
    trail: Trail,
    credential: Credential,
    entrance: Entrance,
}

/// A request that came by a way that no listener of ours has.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("a request reached a handler without passing the shield")]
pub(crate) struct NotPassed;

impl Fault for NotPassed {
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

/// More requests than the person's roles allow.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the limit of {} requests in {} s is used up", .0.window.limit, .0.window.per_s)]
struct RateLimited(Verdict);

impl Fault for RateLimited {
    fn kind(&self) -> FaultKind {
        FaultKind::Limited
    }
    fn slug(&self) -> &'static str {
        "rate-limited"
    }
    fn public(&self) -> String {
        format!("too many requests; try again in {} s", self.0.reset_s)
    }
    fn retry_after_s(&self) -> Option<u64> {
        Some(self.0.reset_s.into())
    }
}

/// The address may not do this. The edge answers, without a body; this only ends the handler.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the address is banned")]
pub(crate) struct Banned;

impl Fault for Banned {
    fn kind(&self) -> FaultKind {
        FaultKind::Forbidden
    }
    fn slug(&self) -> &'static str {
        "banned"
    }
    fn public(&self) -> String {
        Why::Banned.public()
    }
}

impl Caller {
    /// Recognises the caller, without asking for the proofs that a change needs.
    pub(crate) async fn recognise(parts: &Parts, entrance: &Entrance) -> Result<Self, Problem> {
        let passed = parts.extensions.get::<Passed>().ok_or(NotPassed)?;
        let caller = Self::by_what_is_shown(parts, passed, entrance)?;
        caller.within_rate(passed).await?;
        if caller.principal.locked_until.is_some() && caller.principal.is_locked(entrance.ambient.now()) {
            // Whichever way they came, and whatever they want: the evaluator says why.
            let own = Resource::all(ResourceKind::User);
            caller.permit(watchroom_policy::act::SeeSelf, &own)?;
        }
        Ok(caller)
    }

    fn by_what_is_shown(parts: &Parts, passed: &Passed, entrance: &Entrance) -> Result<Self, Problem> {
        let trail = Trail {
            request_id: Some(RequestId::from(passed.request_id)),
            client_request_id: shortened(passed.client_request_id.as_ref(), 64),
            source_ip: Some(passed.client),
            user_agent: shortened(parts.headers.get(USER_AGENT), 256),
        };
        let is_socket = socket::is_asked(parts);
        // Scripts of other pages may open WebSockets to us, whatever they show; nothing else stands between.
        if is_socket && says_from_where(parts) && same_origin(parts).is_err() {
            entrance
                .refusals
                .forged(&Principal::stranger().audit_name(), &trail);
            return Err(CsrfError::ForeignOrigin.into());
        }
        let token = bearer(&parts.headers);
        let token = token.or_else(|| socket::shown_token(&parts.headers).filter(|_| is_socket));
        let (principal, credential) = if let Some(peer) = passed
            .process
            .filter(|peer| peer.uid == 0 || peer.uid == entrance.own_uid)
        {
            (Arc::new(Principal::local(os_user(peer.uid))), Credential::Socket)
        } else if let Some(ticket) = ticket(parts, passed) {
            let now = entrance.ambient.clock.now_micros();
            let shown = entrance.tickets().take(ticket, now);
            let known = shown.and_then(|shown| still_known(shown, passed, entrance).ok_or(TicketFault));
            if known.is_err() {
                stranger_within(&entrance.shield, passed)?;
            }
            known?
        } else if let Some(token) = token {
            let known = shown_token(token, passed, &entrance.identity);
            if known.is_err() {
                entrance
                    .identity
                    .suspect_token(token, passed.client, trail.request_id);
                // A worthless token buys no more than showing none.
                stranger_within(&entrance.shield, passed)?;
            }
            known?
        } else if let Some(session) = session(&parts.headers, &entrance.identity, &trail) {
            let is_foreign = is_from_elsewhere(parts) || is_socket && same_origin(parts).is_err();
            if passed.class == RouteClass::Stream && is_foreign {
                entrance.refusals.forged(&session.principal.audit_name(), &trail);
                return Err(CsrfError::ForeignOrigin.into());
            }
            (Arc::clone(&session.principal), Credential::Session(session))
        } else {
            (Arc::new(Principal::stranger()), Credential::None)
        };
        Ok(Self {
            principal,
            trail,
            credential,
            entrance: entrance.clone(),
        })
    }

    /// Somebody known has a budget of their own, by role; what the edge counted for their address is given back. Not
    /// so an attempt to sign in, whoever makes it: only its success gives that back.
    async fn within_rate(&self, passed: &Passed) -> Result<(), Problem> {
        let shield = &self.entrance.shield;
        let (Some(user), Some(per_minute)) = (self.principal.user(), self.principal.per_minute()) else {
            return stranger_within(shield, passed);
        };
        let known = Known {
            user: user.as_uuid(),
            per_minute,
            token: self.principal.token().map(|token| token.as_uuid()),
        };
        shield.take_known(passed, known).await.map_err(turned_away)
    }

    /// Asks the evaluator.
    ///
    /// # Errors
    /// The refusal as a problem: 401, 403 or 404.
    pub fn permit<A: Act>(&self, act: A, on: &impl Target) -> Result<Permit<A>, Problem> {
        let (now, id) = self.entrance.ambient.moment();
        let ask = Ask {
            principal: &self.principal,
            trail: &self.trail,
            decision: DecisionId::from(id),
            now,
        };
        decide(&ask, act, on).map_err(|refusal| {
            self.entrance.refusals.refused(&refusal);
            Problem::from(*refusal)
        })
    }

    /// The thing that was looked up, or the same answer that a stranger or somebody without rights gets.
    ///
    /// # Errors
    /// 401 for strangers, else 404.
    pub fn found<T>(&self, thing: Option<T>) -> Result<T, Problem> {
        match thing {
            Some(thing) => Ok(thing),
            None if self.principal.who == Who::Stranger => {
                let host = Resource::all(ResourceKind::Host);
                Err(self
                    .permit(watchroom_policy::act::ListenToChanges, &host)
                    .map_or_else(|problem| problem, |_| NotFound.into()))
            }
            None => Err(NotFound.into()),
        }
    }

    /// Who it is.
    #[must_use]
    pub fn principal(&self) -> &Arc<Principal> {
        &self.principal
    }

    /// The request around it.
    #[must_use]
    pub fn trail(&self) -> &Trail {
        &self.trail
    }

    /// What was shown.
    #[must_use]
    pub fn credential(&self) -> &Credential {
        &self.credential
    }

    /// The browser session, if that is how they came.
    #[must_use]
    pub fn session(&self) -> Option<&Arc<Session>> {
        match &self.credential {
            Credential::Session(session) => Some(session),
            _ => None,
        }
    }

    /// The sign-in of the program, if that is how they came.
    #[must_use]
    pub fn family(&self) -> Option<&Arc<Session>> {
        match &self.credential {
            Credential::Access { family, .. } => Some(family),
            _ => None,
        }
    }

    /// A ticket by which a stream can be opened in this caller's name, and for how many seconds it is good. The Unix
    /// socket needs none, and its powers go nowhere else.
    ///
    /// # Errors
    /// If too many are out, or there is nobody to give it to.
    pub fn ticket(&self) -> Result<(SecretString, u32), Problem> {
        let shown = match &self.credential {
            Credential::None | Credential::Socket => None,
            shown => Some(shown.clone()),
        };
        let (user, shown) = self.principal.user().zip(shown).ok_or(NotFound)?;
        let ambient = &self.entrance.ambient;
        let at = (ambient.clock.now_micros(), &ambient.entropy);
        Ok((self.entrance.tickets().give(user, shown, at)?, GOOD_FOR_S))
    }

    /// Whether what was shown is still good; streams ask this again and again.
    #[must_use]
    pub fn is_still_good(&self) -> bool {
        matches!(self.credential, Credential::Socket) || self.as_now().is_some()
    }

    /// Whether they still hold just what they held when they came; streams ask this again and again. Who has been given or
    /// has lost something comes back, and is shown what they may see now.
    #[must_use]
    pub(crate) fn holds_the_same(&self) -> bool {
        let is_same = |now: Arc<Principal>| {
            Arc::ptr_eq(&now, &self.principal)
                || (&now.grants, now.ceiling) == (&self.principal.grants, self.principal.ceiling)
        };
        matches!(self.credential, Credential::Socket) || self.as_now().is_some_and(is_same)
    }

    /// Whoever shows it as they are now, if it is still good.
    fn as_now(&self) -> Option<Arc<Principal>> {
        let identity = &self.entrance.identity;
        let principal = match &self.credential {
            Credential::None | Credential::Socket => return None,
            Credential::Session(session) => Arc::clone(&identity.session_by_id(session.id)?.principal),
            Credential::Access { family, until } => {
                let now = self.entrance.ambient.clock.now_micros();
                let family = identity.session_by_id(family.id).filter(|_| now < *until)?;
                Arc::clone(&family.principal)
            }
            Credential::Token(token) => {
                let from = self
                    .trail
                    .source_ip
                    .unwrap_or(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST));
                identity.bearer_again(*token, from).ok()?
            }
        };
        let is_good =
            !principal.proof.second_factor.is_lacking() && !principal.is_locked(self.entrance.ambient.now());
        is_good.then_some(principal)
    }

    /// Whether the address they came from is kept out meanwhile; streams ask this again and again. Whoever holds the
    /// machine itself never is.
    #[must_use]
    pub(crate) fn is_barred(&self) -> bool {
        let is_here = matches!(self.credential, Credential::Socket);
        let from = self.trail.source_ip.filter(|_| !is_here);
        from.is_some_and(|from| self.entrance.shield.is_barred(from))
    }

    /// Notes a request that may have been sent by another site in this caller's name.
    pub(crate) fn forged(&self, error: CsrfError) -> Problem {
        let refusals = &self.entrance.refusals;
        refusals.forged(&self.principal.audit_name(), &self.trail);
        error.into()
    }

    /// A person did something: their session lives on. Streams and polling never call this.
    pub(crate) fn acted(&self) {
        if let Credential::Session(session) = &self.credential {
            self.entrance.identity.touch(session);
        }
    }
}

impl<S> FromRequestParts<S> for Caller
where
    S: Send + Sync,
    Entrance: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let entrance = Entrance::from_ref(state);
        let caller = Self::recognise(parts, &entrance).await?;
        if let Credential::Session(session) = &caller.credential
            && is_change(&parts.method)
        {
            let token = header_token(&parts.headers).unwrap_or_default();
            let is_ours = entrance.identity.check_csrf(session, token);
            let proven = same_origin(parts).and(if is_ours { Ok(()) } else { Err(CsrfError::Token) });
            proven.map_err(|error| caller.forged(error))?;
            caller.acted();
        }
        Ok(caller)
    }
}

/// Turns away somebody nobody knows whose address has used up what such may ask.
fn stranger_within(shield: &Shield, passed: &Passed) -> Result<(), Problem> {
    shield.refuse_stranger(passed).map_err(turned_away)
}

#[expect(clippy::needless_pass_by_value, reason = "as the edge gives it")]
fn turned_away(refused: Box<Refused>) -> Problem {
    match refused.why {
        Why::Limited(verdict) => RateLimited(verdict).into(),
        _ => Banned.into(),
    }
}

/// Methods that change something (RFC 9110: not safe).
pub(crate) fn is_change(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// The ticket in the address of a stream.
fn ticket<'p>(parts: &'p Parts, passed: &Passed) -> Option<&'p str> {
    let query = parts.uri.query().filter(|_| passed.class == RouteClass::Stream)?;
    // Its letters are the same in any coding.
    query.split('&').find_map(|pair| pair.strip_prefix("ticket="))
}

/// Whoever asked for a ticket, as they are now.
fn still_known(
    shown: Credential,
    passed: &Passed,
    entrance: &Entrance,
) -> Option<(Arc<Principal>, Credential)> {
    let identity = &entrance.identity;
    match shown {
        Credential::None | Credential::Socket => None,
        Credential::Session(session) => {
            let session = identity.session_by_id(session.id)?;
            Some((Arc::clone(&session.principal), Credential::Session(session)))
        }
        Credential::Access { family, until } => {
            let is_over = entrance.ambient.clock.now_micros() >= until;
            let family = identity.session_by_id(family.id).filter(|_| !is_over)?;
            let principal = Arc::clone(&family.principal);
            Some((principal, Credential::Access { family, until }))
        }
        Credential::Token(token) => {
            let principal = identity.bearer_again(token, passed.client).ok()?;
            Some((principal, Credential::Token(token)))
        }
    }
}

/// Whether the browser says that a page of somebody else's sent it. What says nothing is no browser.
fn is_from_elsewhere(parts: &Parts) -> bool {
    let is_followed = parts
        .headers
        .get("sec-fetch-mode")
        .is_some_and(|mode| mode == "navigate");
    says_from_where(parts) && !is_followed && same_origin(parts).is_err()
}

/// Whether the browser says from where it was sent.
fn says_from_where(parts: &Parts) -> bool {
    ["sec-fetch-site", "origin"]
        .iter()
        .any(|name| parts.headers.contains_key(*name))
}

/// Who shows this token. No API token has a point in it, and every access token has.
fn shown_token(
    token: &str,
    passed: &Passed,
    identity: &Identity,
) -> Result<(Arc<Principal>, Credential), TokenFault> {
    if token.contains('.') {
        let (family, until) = identity.access(token)?;
        let principal = Arc::clone(&family.principal);
        return Ok((principal, Credential::Access { family, until }));
    }
    let principal = identity.bearer(token, passed.client)?;
    let id = principal.token().ok_or(TokenFault::Unknown)?;
    Ok((principal, Credential::Token(id)))
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    const SCHEME: &str = "bearer ";
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_at_checked(SCHEME.len())?;
    scheme.eq_ignore_ascii_case(SCHEME).then(|| token.trim())
}

fn session(headers: &HeaderMap, identity: &Identity, trail: &Trail) -> Option<Arc<Session>> {
    identity.session_shown(Cookie::find(headers, SESSION_COOKIE)?, trail)
}

/// What the client says of itself, as far as it is text and not a novel.
fn shortened(value: Option<&HeaderValue>, most: usize) -> Option<Arc<str>> {
    // Visible ASCII, so that bytes are characters.
    let text = value?.to_str().ok()?;
    Some(Arc::from(text.get(..most).unwrap_or(text)))
}

fn os_user(uid: u32) -> String {
    if uid == 0 {
        "root".to_owned()
    } else {
        format!("uid-{uid}")
    }
}
