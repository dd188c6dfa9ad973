//! The walk: every route there is, asked for by everybody there is, and what each may do as access.md says.

mod asked;
mod case;
mod identities;
mod own;
mod passkeys;
mod people;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use axum::body::Body;
use http::Method;
use http::header::{ACCEPT, CONTENT_TYPE, LOCATION};
use watchroom_kit::Ambient;
use watchroom_policy::{ActSpec, Needs, Permission, PermissionSet, Role};
use watchroom_shield::RouteClass;
use watchroom_testkit::{Answer, TestRoom, Visitor, program};
use watchroom_web::Route;

use self::asked::asked;
use self::case::{Asked, Case, On, Sent};

/// Who walks; the first has no role at all.
const WALKERS: [&str; 5] = ["stranger", "viewer", "developer", "operator", "admin"];

/// How the cookie begins whose value no body may hold.
const SESSION: &str = "__Host-watchroom_session=";

/// What somebody is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Allowed,
    SignIn,
    Forbidden,
    Hidden,
}

/// What follows from the roles and from what the act needs (access.md).
fn expected(act: &ActSpec, role: Option<&Role>, asked: &Asked) -> Verdict {
    let Some(role) = role else {
        return if act.needs == Needs::Nothing {
            Verdict::Allowed
        } else {
            Verdict::SignIn
        };
    };
    let holds = |needed: &[Permission]| role.permissions.covers(PermissionSet::of(needed));
    let is_allowed = match act.needs {
        Needs::Nothing | Needs::SignedIn | Needs::FirstFactor | Needs::Enrolment => true,
        Needs::Permissions(needed) => holds(needed),
        Needs::OwnerOr(needed) => asked.on == On::OnesOwn || (!needed.is_empty() && holds(needed)),
        Needs::System | Needs::Node => false,
    };
    let is_hidden = asked.on != On::Kind && act.known_by.is_some_and(|known_by| !holds(&[known_by]));
    let is_lost = asked.on_way.is_some_and(|on_way| !holds(&[on_way]));
    match (is_allowed, is_hidden, is_lost) {
        (true, _, true) | (false, true, _) => Verdict::Hidden,
        (true, ..) => Verdict::Allowed,
        (false, ..) => Verdict::Forbidden,
    }
}

/// What an answer says to whoever asked.
fn told(answer: &Answer, asked: &Asked) -> Verdict {
    let to = answer
        .headers
        .get(LOCATION)
        .and_then(|to| to.to_str().ok())
        .unwrap_or_default();
    match answer.status {
        303 if to.starts_with("/login") && !asked.is_to_entrance => Verdict::SignIn,
        status if status == asked.done => Verdict::Allowed,
        401 => Verdict::SignIn,
        403 => Verdict::Forbidden,
        404 => Verdict::Hidden,
        status => panic!("{} {}: {status}: {}", asked.method, asked.path, answer.text()),
    }
}

/// Sends what is asked, in the name of `visitor`.
async fn send(visitor: &Visitor, asked: &Asked) -> Answer {
    let mut request = visitor.request(asked.method.clone(), &asked.path);
    if !asked.path.starts_with("/api/") {
        request = request.header(ACCEPT, "text/html");
    }
    if let Some((name, value)) = &asked.header {
        request = request.header(*name, value);
    }
    let (kind, body) = match &asked.sent {
        Sent::Nothing => (None, Body::empty()),
        Sent::Json(json) => (Some("application/json"), Body::from(json.to_string())),
        Sent::Report(report) => (Some("application/csp-report"), Body::from(report.to_string())),
        Sent::Form(fields) => {
            let form = serde_urlencoded::to_string(fields).expect("a form");
            (Some("application/x-www-form-urlencoded"), Body::from(form))
        }
    };
    if let Some(kind) = kind {
        request = request.header(CONTENT_TYPE, kind);
    }
    let request = request.body(body).expect("a request");
    // Some answers never end; what they say stands at their beginning.
    let answer = match asked.is_endless {
        true => visitor.begin(request).await,
        false => visitor.send(request).await,
    };
    answer.assert_dressed();
    let cookies = visitor.cookies();
    let session = cookies
        .split("; ")
        .find_map(|cookie| cookie.strip_prefix(SESSION));
    assert!(
        session.is_none_or(|value| !answer.text().contains(value)),
        "{} says the cookie",
        asked.path
    );
    let is_page = answer.header("content-type").starts_with("text/html");
    assert!(
        !is_page || !asked.path.starts_with("/api/"),
        "{} is a page",
        asked.path
    );
    answer
}

/// Walks one route as everybody and gives its row of the picture.
async fn walk<S>(case: &Case<'_>, route: &Route<S>) -> String {
    let mut row = format!(
        "{:6} {:54} {:24}",
        route.method.as_str(),
        route.path,
        route.act.name
    );
    for walker in WALKERS {
        let role = Role::built_in(walker);
        let asked = asked(case, &route.method, route.path, walker).await;
        let answer = send(&asked.visitor, &asked).await;
        let (wanted, got) = (expected(&route.act, role.as_ref(), &asked), told(&answer, &asked));
        assert_eq!(
            got,
            wanted,
            "{} {} as {walker}: {}",
            route.method,
            route.path,
            answer.text()
        );
        let cell = if got == Verdict::SignIn && answer.status == 303 {
            "login".into()
        } else {
            answer.status.to_string()
        };
        write!(row, " {cell:9}").expect("room in a text");
    }
    row.trim_end().to_owned()
}

async fn picture<S>(routes: Vec<Route<S>>) -> String {
    let room = TestRoom::with(program!(), Ambient::system(), |config| {
        let contact = "mailto:crew@example.org".parse();
        config.host.security_contact = Some(contact.expect("a contact"));
    })
    .await;
    let mut case = Case::open(&room).await;
    let mut picture = format!("{:6} {:54} {:24}", "", "route", "act");
    for walker in WALKERS {
        write!(picture, " {walker:9}").expect("room in a text");
    }
    let mut picture = picture.trim_end().to_owned();
    for (at, route) in routes.iter().enumerate() {
        if at % 64 == 63 {
            case.renew_walkers().await;
        }
        picture.push('\n');
        picture.push_str(&walk(&case, route).await);
    }
    drop(case);
    room.close().await;
    picture
}

/// Asks for every route in the name of somebody whose second factor is missing.
async fn refused_everywhere<S>(case: &Case<'_>, routes: &[Route<S>]) {
    for walker in [case::HALF, case::OLD_TOKEN] {
        for route in routes {
            // What anybody may, and what leads on to the second step.
            if matches!(route.act.needs, Needs::Nothing | Needs::FirstFactor) {
                continue;
            }
            let asked = asked(case, &route.method, route.path, walker).await;
            let answer = send(&asked.visitor, &asked).await;
            let to = answer.header("location").to_owned();
            let said = format!("{} {} as {walker}: {}", route.method, route.path, answer.text());
            match answer.status {
                303 => assert!(to.starts_with("/login"), "{said} {to}"),
                // Of an answer that may have no end only the beginning is read.
                403 => assert!(
                    answer.text().contains("second-factor-required")
                        || asked.is_endless
                        || !route.path.starts_with("/api/"),
                    "{said}"
                ),
                404 => assert!(asked.on != On::Kind, "{said}"),
                _ => panic!("{said}"),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_lacks_the_second_factor_reaches_nothing_with_the_first_alone() {
    let room = TestRoom::open(program!()).await;
    let mut case = Case::open(&room).await;
    case.add_halves().await;
    refused_everywhere(&case, &watchroom_api::routes()).await;
    case.add_halves().await;
    refused_everywhere(&case, &watchroom_panel::routes()).await;
    drop(case);
    room.close().await;
}

/// The picture is the same on every engine, so there is one.
fn assert_picture(of: &str, picture: &str) {
    insta::with_settings!({ prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!(format!("stories__access__{of}"), picture);
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_of_the_api_lets_in_whom_the_roles_say() {
    assert_picture("api", &picture(watchroom_api::routes()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_of_the_panel_lets_in_whom_the_roles_say() {
    assert_picture("panel", &picture(watchroom_panel::routes()).await);
}

/// The kinds of routes by which each act is done, and where; routes that only show something are not asked.
fn kinds<S>(routes: &[Route<S>], of: &mut BTreeMap<&'static str, Vec<(RouteClass, String)>>) {
    for route in routes.iter().filter(|route| route.method != Method::GET) {
        let place = format!("{} {}", route.method, route.path);
        of.entry(route.act.name).or_default().push((route.class, place));
    }
}

/// Nobody may do by a form what is limited, or bound to a network, by the API, nor the other way round.
#[test]
fn an_act_is_as_delicate_by_the_panel_as_by_the_api() {
    let mut of = BTreeMap::new();
    kinds(&watchroom_api::routes(), &mut of);
    kinds(&watchroom_panel::routes(), &mut of);
    assert!(of.contains_key("node.restart"), "acts are found: {of:?}");
    of.retain(|_, kinds| kinds.iter().any(|(class, _)| *class != kinds[0].0));
    assert!(of.is_empty(), "acts of several kinds: {of:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_names_exactly_the_routes_of_the_api() {
    let room = TestRoom::open(program!()).await;
    let answer = room.stranger().get("/api/openapi.json").await;
    assert_eq!(answer.status, 200);
    answer.assert_dressed();
    let document = answer.json();
    let paths = document["paths"].as_object().expect("paths");
    let described: BTreeSet<_> = paths
        .iter()
        .flat_map(|(path, methods)| {
            let methods = methods.as_object().expect("methods");
            methods.iter().map(move |(method, operation)| {
                let act = operation["x-act"].as_str().unwrap_or_default().to_owned();
                (path.clone(), method.to_uppercase(), act)
            })
        })
        .collect();
    let routes = watchroom_api::routes();
    let served: BTreeSet<_> = routes
        .iter()
        .map(|route| {
            (
                route.path.to_owned(),
                route.method.to_string(),
                route.act.name.to_owned(),
            )
        })
        .collect();
    assert_eq!(described, served);
    assert_eq!(served.len(), routes.len(), "a route stands in the table twice");
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_opens_no_page() {
    let room = TestRoom::open(program!()).await;
    let ada = room.admin("ada").await;
    for path in [
        "/",
        "/servers",
        "/nodes",
        "/audit",
        "/security/findings",
        "/profile",
    ] {
        let answer = ada.look(path).await;
        assert_eq!(answer.status, 303, "{path}");
        assert!(answer.header("location").starts_with("/login"), "{path}");
    }
    let request = ada
        .request(Method::POST, "/servers/new")
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    let answer = ada
        .send(
            request
                .body(Body::from("name=web&command=true"))
                .expect("a request"),
        )
        .await;
    assert_eq!((answer.status, answer.header("location")), (303, "/login"));
    assert_eq!(
        ada.get("/api/servers").await.json()["items"],
        serde_json::json!([])
    );
    room.close().await;
}
