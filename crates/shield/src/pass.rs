//! The one pass every request makes: a flat list of checks, in this order, each with its reason.

mod barred;
mod certificate;
mod https;
mod read;
mod together;

use std::net::IpAddr;
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use axum::body::Body;
use http::request::Parts;
use http::{HeaderValue, Response, header};
use uuid::Uuid;

use crate::address::folded;
use crate::client::{self, Client};
use crate::cors::Readers;
use crate::heads::Heads;
use crate::inspection::Plan;
use crate::limits::Key;
use crate::peer::Door;
use crate::refusal::wants_page;
use crate::rules::Rules;
use crate::{
    Host, LimitKey, LocalPeer, Peer, Refused, RouteClass, RouteLimit, RouteRule, Shield, Spotted, Verdict,
    Why,
};

/// The checks. Each sees what those before it found out; the first that objects ends the pass. Before them
/// the request has got its id and its client's address, which every log line and counter needs.
const CHECKS: &[(&str, Check)] = &[
    // A connection above the limits was taken in only to hear this; nothing else is spent on it.
    ("connections", connections),
    // Sizes come before any text is looked at, so that no later check can be made to work hard.
    ("sizes", sizes),
    // All that follows goes by the address, so there must be one.
    ("proxies", barred::contradictions),
    // Bans need the address alone and turn away most for least.
    ("bans", barred::bans),
    // Who may not even come from there is told before anything else is said about the request.
    ("networks", barred::networks),
    // Before host and door, because whoever scans for weaknesses asks for addresses, not for names.
    ("decoys", barred::decoys),
    // A door for routes of one kind has nothing else behind it, whoever knocks.
    ("door", door),
    // The host comes before the redirect, which would otherwise send people to a name of an attacker's choice.
    ("host", host),
    // Plain HTTP ends here, before a cookie or a body sent in the clear is used for anything.
    ("https", https::https),
    // A page elsewhere signs nobody in, and uses up the tries of nobody who looks at it.
    ("elsewhere", elsewhere),
    // Counted only once it is clear that the request is meant for us and may be answered.
    ("rates", rates),
    // Judging a certificate costs signatures, so that it is counted first.
    ("certificate", certificate::certificate),
    // A body that says it is too large is refused before a byte of it is read.
    ("body", body),
    // Last, since it costs the most: what the request says before its body. Bodies are inspected where they are
    // read, when it is known who sends them.
    ("inspection", read::inspection),
];

type Check = fn(&Shield, &mut Visit<'_>) -> Result<(), Why>;

/// What every answer to a request carries.
#[derive(Clone, Debug)]
pub struct Told {
    /// The id under which the log knows the request.
    pub request_id: Uuid,
    /// What the edge counted for it, shown as `RateLimit` unless a limit of somebody's own was counted.
    pub(crate) verdict: Option<Verdict>,
    pub(crate) own: OnceLock<Verdict>,
    pub(crate) policy: Option<HeaderValue>,
    /// Strict transport security is promised.
    pub(crate) is_strict: bool,
    pub(crate) readers: Readers,
}

impl Told {
    pub(crate) fn new(request_id: Uuid) -> Self {
        Self {
            request_id,
            verdict: None,
            own: OnceLock::new(),
            policy: None,
            is_strict: false,
            readers: Readers::default(),
        }
    }

    /// Shows a limit in place of the edge's; of several the first.
    pub(crate) fn show(&self, verdict: Verdict) {
        let _shown_already = self.own.set(verdict);
    }
}

/// A request that passed every check, as an extension of the request. Only the edge makes these; whatever comes
/// next asks for one. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Passed(Arc<Finding>);

impl Deref for Passed {
    type Target = Finding;

    fn deref(&self) -> &Finding {
        &self.0
    }
}

/// What the edge found out about a request.
#[derive(Debug)]
pub struct Finding {
    /// The id under which the log knows the request.
    pub request_id: Uuid,
    /// The id the client sent, unchecked; only for finding a request again.
    pub client_request_id: Option<HeaderValue>,
    /// Who is asking, as far as addresses tell.
    pub client: IpAddr,
    /// What kind of route it is for.
    pub class: RouteClass,
    /// The host that was asked for; none over the Unix socket or for a health check without one.
    pub host: Option<Host>,
    /// Whether it came over TLS, by a trusted proxy's word if there is one.
    pub is_https: bool,
    /// Whether it was made on this machine with nothing in between.
    pub is_loopback: bool,
    /// The process behind the Unix socket, if it came that way.
    pub process: Option<LocalPeer>,
    /// Whether a person's browser asks for a page, rather than a program for JSON.
    pub wants_page: bool,
    pub(crate) body_limit: AtomicUsize,
    pub(crate) told: Told,
    /// Whether its sender may go on in another protocol.
    pub(crate) may_upgrade: bool,
    /// Whether what it does tells on whoever is at its address.
    pub is_own_doing: bool,
    /// How its input is taken.
    pub(crate) plan: Plan,
    /// A limit of the route's own.
    pub(crate) limit: Option<RouteLimit>,
    /// What was counted, for giving it back.
    pub(crate) charge: Option<Key>,
    /// The address has used up what nobody in particular may ask; it passed by what it presents.
    pub(crate) over_anonymous: Option<Verdict>,
    /// The address may neither sign in nor ask as nobody; it passed by what it presents.
    pub(crate) is_sign_in_banned: bool,
    /// What it presented turned out to be worth nothing: the edge answers, whatever the handler says.
    pub(crate) is_turned_away: AtomicBool,
}

impl Finding {
    /// The largest body that is read, in bytes; less once its sender turned out to be nobody known.
    #[must_use]
    pub fn body_limit(&self) -> usize {
        self.body_limit.load(Ordering::Relaxed)
    }

    /// What its answer carries.
    #[must_use]
    pub fn told(&self) -> &Told {
        &self.told
    }
}

/// The largest body of whoever is nobody known, of 1 MiB 64 KiB: nobody has asked yet what they may, and they need little.
const fn strangers_body(usual: usize) -> usize {
    usual / 16
}

/// A request on its way through the checks.
struct Visit<'a> {
    parts: &'a Parts,
    /// What of its headers counts; cookies that were sent in the clear do not.
    heads: Heads<'a>,
    peer: &'a Peer,
    rules: &'a Rules,
    client: Client,
    rule: RouteRule,
    host: Option<Host>,
    is_https: bool,
    told: Told,
    charge: Option<Key>,
    over_anonymous: Option<Verdict>,
    is_sign_in_banned: bool,
    spotted: Option<Spotted>,
}

impl Visit<'_> {
    fn is_by_socket(&self) -> bool {
        self.peer.process().is_some()
    }

    /// Whether what it does tells on whoever is at its address. Any page that somebody looks at can make their
    /// browser ask us for anything; over TLS the browser says so, and in the clear it says nothing.
    fn is_own_doing(&self) -> bool {
        self.is_https && !self.is_from_elsewhere()
    }

    /// Whether a browser says that a page of another site sent this.
    fn is_from_elsewhere(&self) -> bool {
        let sites = self.heads.sec_fetch_site;
        sites.any(|site| site == "cross-site" || site == "same-site")
    }
}

impl Shield {
    /// Passes a request through every check.
    ///
    /// # Errors
    /// [`Refused`], with the first reason found.
    pub fn pass(&self, parts: &mut Parts, peer: &Peer) -> Result<Passed, Box<Refused>> {
        self.pass_watched(parts, peer, |_| {})
    }

    /// The same, telling `seen` the name of each check once it is done: for measuring what each costs.
    ///
    /// # Errors
    /// [`Refused`], with the first reason found.
    pub fn pass_watched(
        &self,
        parts: &mut Parts,
        peer: &Peer,
        mut seen: impl FnMut(&'static str),
    ) -> Result<Passed, Box<Refused>> {
        let rules = self.rules();
        let heads = Heads::of(&parts.headers);
        let shows_cookie = heads.cookie.is_there();
        let client = client::resolve(peer.address, &heads, &rules.config.trusted_proxies);
        let mut visit = Visit {
            client,
            rule: self.classify(&parts.method, parts.uri.path()),
            peer,
            rules: &rules,
            host: None,
            is_https: https::is_secure(peer, &client, &heads),
            told: Told::new(self.next_id()),
            charge: None,
            over_anonymous: None,
            is_sign_in_banned: false,
            spotted: None,
            parts,
            heads,
        };
        visit.told.readers = rules.config.cors.readers(&visit.parts.headers);
        if visit.client.is_undeclared_proxy || visit.client.may_be_proxy {
            self.warn_of_proxy(folded(peer.address.ip()), visit.rule.class, visit.told.request_id);
        }
        for (name, check) in CHECKS {
            if let Err(why) = check(self, &mut visit) {
                return Err(Box::new(self.turn_away(why, visit)));
            }
            seen(name);
        }
        let hides_cookie = shows_cookie && !visit.heads.cookie.is_there();
        let passed = visit.into_passed();
        if hides_cookie {
            parts.headers.remove(header::COOKIE);
        }
        Ok(passed)
    }

    /// The names of the checks, in their order.
    pub fn order() -> impl Iterator<Item = &'static str> {
        CHECKS.iter().map(|(name, _)| *name)
    }

    /// Puts the edge's headers on an answer.
    pub fn finish(&self, told: &Told, response: &mut Response<Body>) {
        self.rules()
            .wardrobe
            .dress(self.labels(), told, response.headers_mut());
    }

    /// Turns away a caller who turned out to be nobody known, if the address is banned from that or has used up
    /// what such may ask; else less of a body is read. Whoever finds that nothing is presented, or that it is worth nothing, calls
    /// this before reading and answering.
    ///
    /// # Errors
    /// [`Refused`] with [`Why::Limited`] or [`Why::Banned`].
    pub fn refuse_stranger(&self, passed: &Passed) -> Result<(), Box<Refused>> {
        self.refuse_sign_in(passed)?;
        let Some(verdict) = passed.over_anonymous else {
            let most = strangers_body(self.rules().config.body_bytes);
            passed.body_limit.fetch_min(most, Ordering::Relaxed);
            return Ok(());
        };
        let refused = Refused::later(Why::Limited(verdict), passed);
        self.note(&refused);
        Err(Box::new(refused))
    }

    /// Turns away an attempt to sign in if the address is banned from that, whatever else was presented. The
    /// answer is then the edge's, not the handler's.
    ///
    /// # Errors
    /// [`Refused`] with [`Why::Banned`].
    pub fn refuse_sign_in(&self, passed: &Passed) -> Result<(), Box<Refused>> {
        if !passed.is_sign_in_banned {
            return Ok(());
        }
        let refused = Refused::later(Why::Banned, passed);
        if !passed.is_turned_away.swap(true, Ordering::Relaxed) {
            self.note(&refused);
        }
        Err(Box::new(refused))
    }

    /// Shows a limit of somebody's own in place of the edge's, when the request is answered.
    pub fn show(&self, passed: &Passed, verdict: Verdict) {
        passed.told.show(verdict);
    }

    /// Gives back what was counted for a request: its sign-in succeeded, or its sender is known and has limits
    /// of their own.
    pub fn give_back(&self, passed: &Passed) {
        if let Some(reckoned) = passed.charge {
            self.limits()
                .give_back_by(reckoned, LimitKey::Address(passed.client));
        }
    }

    fn turn_away(&self, why: Why, visit: Visit<'_>) -> Refused {
        let location = match why {
            Why::PlainHttp { redirects: true } => https::secure_location(&visit),
            _ => None,
        };
        let refused = Refused {
            why,
            is_own_doing: visit.is_own_doing(),
            client: visit.client.address,
            class: visit.rule.class,
            wants_page: wants_page(visit.parts),
            told: visit.told,
            location,
            spotted: visit.spotted,
        };
        self.note(&refused);
        refused
    }
}

impl Visit<'_> {
    /// The largest body that is read. Those who sign in are strangers as yet.
    fn body_limit(&self) -> usize {
        let usual = self.rules.config.body_bytes;
        self.rule.body_limit.unwrap_or(match self.rule.class {
            RouteClass::SignIn => strangers_body(usual),
            _ => usual,
        })
    }

    fn into_passed(self) -> Passed {
        Passed(Arc::new(Finding {
            is_own_doing: self.is_own_doing(),
            request_id: self.told.request_id,
            client_request_id: self.heads.request_id.first().cloned(),
            client: self.client.address,
            class: self.rule.class,
            is_https: self.is_https,
            is_loopback: self.client.is_loopback || self.is_by_socket(),
            process: self.peer.process(),
            wants_page: wants_page(self.parts),
            body_limit: AtomicUsize::new(self.body_limit()),
            host: self.host,
            may_upgrade: self.rule.may_upgrade,
            plan: read::plan(self.rules, self.rule),
            limit: self.rule.limit,
            told: self.told,
            charge: self.charge,
            over_anonymous: self.over_anonymous,
            is_sign_in_banned: self.is_sign_in_banned,
            is_turned_away: AtomicBool::new(false),
        }))
    }
}

fn connections(_: &Shield, visit: &mut Visit<'_>) -> Result<(), Why> {
    if visit.peer.is_surplus {
        Err(Why::Overloaded)
    } else {
        Ok(())
    }
}

fn sizes(_: &Shield, visit: &mut Visit<'_>) -> Result<(), Why> {
    let config = &visit.rules.config;
    let target = visit
        .parts
        .uri
        .path_and_query()
        .map_or(0, |target| target.as_str().len());
    if target > config.uri_bytes {
        return Err(Why::UriTooLong);
    }
    if visit.parts.headers.len() > config.headers || visit.heads.bytes > config.header_bytes {
        return Err(Why::HeadersTooLarge);
    }
    Ok(())
}

fn door(_: &Shield, visit: &mut Visit<'_>) -> Result<(), Why> {
    match visit.peer.door {
        Door::Narrow(class) if class != visit.rule.class => Err(Why::WrongDoor),
        _ => Ok(()),
    }
}

fn host(_: &Shield, visit: &mut Visit<'_>) -> Result<(), Why> {
    let heads = &visit.heads;
    let believed = visit
        .client
        .is_proxied
        .then(|| client::said(heads.forwarded_host, heads.forwarded, "host"));
    let host = match believed.flatten() {
        Some(text) => Host::forwarded(text),
        None => Host::of(&visit.parts.uri, heads.host),
    };
    let is_narrow = matches!(visit.peer.door, Door::Narrow(_));
    let is_exempt = visit.rule.class == RouteClass::Health || visit.is_by_socket() || is_narrow;
    let nowhere = if is_exempt { Ok(()) } else { Err(Why::BadHost) };
    let Ok(host) = host else { return nowhere };
    let Some(named) = host.named() else { return nowhere };
    // Set-up opens the way by which one came; it would be of no use to who cannot come.
    let is_any_taken = is_exempt || visit.rule.is_for_all_networks;
    if !is_any_taken && !visit.rules.hosts.contain(named, visit.client.is_loopback) {
        return Err(Why::WrongHost);
    }
    visit.host = Some(host);
    Ok(())
}

fn elsewhere(_: &Shield, visit: &mut Visit<'_>) -> Result<(), Why> {
    let would_sign_in = visit.rule.class == RouteClass::SignIn && !visit.parts.method.is_safe();
    if would_sign_in && visit.is_from_elsewhere() {
        return Err(Why::FromElsewhere);
    }
    Ok(())
}

fn rates(shield: &Shield, visit: &mut Visit<'_>) -> Result<(), Why> {
    let rules = visit.rules;
    let Some(limited) = rules.limited(visit.rule.class).filter(|_| !visit.is_by_socket()) else {
        return Ok(());
    };
    let key = LimitKey::Address(visit.client.address);
    let reckoned = shield.limits().key(limited.class, key);
    let verdict = shield.limits().take_by(reckoned, &limited.windows);
    visit.told.verdict = verdict;
    visit.told.policy.clone_from(&limited.policy);
    let Some(verdict) = verdict.filter(|verdict| verdict.is_limited) else {
        visit.charge = verdict.map(|_| reckoned);
        return Ok(());
    };
    // Behind one address there can be strangers and a crew. Who presents something is let on, within limits of
    // its own, until it is known what that is worth.
    if limited.class != rules.anonymous.class || !presents(&visit.heads) {
        return Err(Why::Limited(verdict));
    }
    let second = shield
        .limits()
        .take(rules.presented.class, key, &rules.presented.windows);
    visit.told.verdict = second;
    visit.told.policy.clone_from(&rules.presented.policy);
    visit.over_anonymous = Some(verdict);
    match second {
        Some(verdict) if verdict.is_limited => Err(Why::Limited(verdict)),
        _ => Ok(()),
    }
}

fn presents(heads: &Heads<'_>) -> bool {
    // What opens a WebSocket in a browser can carry a token nowhere else.
    let ways = [heads.authorization, heads.cookie, heads.sec_websocket_protocol];
    ways.iter().any(|way| way.is_there())
}

fn body(_: &Shield, visit: &mut Visit<'_>) -> Result<(), Why> {
    let limit = visit.body_limit();
    let Some(declared) = visit.heads.content_length.first() else {
        return Ok(());
    };
    let declared = declared.to_str().ok().and_then(|text| text.parse::<u64>().ok());
    // A length that cannot be read is one that is too large for a number.
    let is_too_large =
        declared.is_none_or(|declared| usize::try_from(declared).is_ok_and(|bytes| bytes > limit));
    if is_too_large {
        Err(Why::BodyTooLarge { limit })
    } else {
        Ok(())
    }
}
