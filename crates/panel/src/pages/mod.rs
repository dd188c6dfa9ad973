//! The handlers: each finds, asks leave, does, shows. One file per page.

mod audit;
mod cluster_ca;
mod create;
mod decoys;
mod deed;
mod email;
mod entry;
mod erase;
mod fail2ban;
mod findings;
mod groups;
mod join;
mod links;
mod locks;
mod magic;
mod mail;
pub(crate) mod mfa;
mod nodes;
mod outside;
mod overview;
pub(crate) mod passkey;
mod password;
mod people;
mod power;
mod profile;
mod remove;
mod revoke;
mod role;
mod roles;
mod scope;
mod security;
mod server;
mod servers;
mod step_up;
mod strength;
mod tokens;

use http::Method;
use watchroom_model::{PageError, PageRequest};
use watchroom_policy::act;
use watchroom_shield::RouteClass;
use watchroom_web::{NotFound, Problem, Route};

use crate::{Panel, assets};

/// Every page and every form.
pub(crate) fn routes() -> Vec<Route<Panel>> {
    let mut routes = entrance_routes();
    routes.extend(room_routes());
    routes.extend(node_routes());
    routes.extend(security_routes());
    routes.extend(decoys::routes());
    routes.extend(machine_routes());
    routes.extend(server_routes());
    routes.extend(passkey::routes());
    routes.extend(strength::routes());
    routes.extend(magic::routes());
    routes.extend(links::routes());
    routes.extend(outside::routes());
    routes.extend(people::routes());
    routes.extend(erase::routes());
    routes.extend(locks::routes());
    routes.extend(roles::routes());
    routes.extend(role::routes());
    routes.extend(groups::routes());
    routes.extend(settings_routes());
    routes.extend(own_routes());
    routes.extend(session_routes());
    routes
}

/// What anybody may ask for.
fn entrance_routes() -> Vec<Route<Panel>> {
    let (page, sign_in) = (RouteClass::Page, RouteClass::SignIn);
    vec![
        Route::new(
            Method::GET,
            "/assets/{hash}/{*name}",
            act::LookAround,
            RouteClass::Static,
            assets::serve,
        ),
        Route::new(Method::GET, "/login", act::LookAround, page, entry::sign_in_page),
        Route::new(Method::POST, "/login", act::SignIn, sign_in, entry::sign_in),
        Route::new(Method::GET, "/login/mfa", act::ProveSecondFactor, page, mfa::page),
        Route::new(
            Method::POST,
            "/login/mfa",
            act::ProveSecondFactor,
            sign_in,
            mfa::prove,
        ),
        Route::new(Method::GET, "/mfa/setup", act::AddFactor, page, mfa::setup_page),
        Route::new(Method::POST, "/mfa/setup", act::AddFactor, sign_in, mfa::set_up),
        Route::new(Method::GET, "/setup", act::LookAround, page, entry::setup_page).for_all_networks(),
        Route::new(Method::POST, "/setup", act::SetUp, sign_in, entry::set_up)
            .free_text(&["display_name"])
            .for_all_networks(),
        Route::new(
            Method::GET,
            "/session-expired",
            act::LookAround,
            page,
            entry::expired,
        ),
        Route::new(
            Method::POST,
            "/logout",
            act::SignOut,
            RouteClass::Change,
            entry::sign_out,
        ),
    ]
}

/// The room: what there is.
fn room_routes() -> Vec<Route<Panel>> {
    let page = RouteClass::Page;
    vec![
        Route::new(Method::GET, "/", act::SeeSelf, page, overview::show),
        Route::new(Method::GET, "/nodes", act::ListNodes, page, nodes::list).at_most(100, "nodes"),
        Route::new(Method::GET, "/nodes/{id}", act::ShowNode, page, nodes::show),
        Route::new(Method::GET, "/audit", act::ReadAudit, page, audit::search).free_text(&["text"]),
        Route::new(
            Method::GET,
            "/security/findings",
            act::ReadAudit,
            page,
            findings::list,
        ),
        Route::new(
            Method::POST,
            "/audit/verify",
            act::VerifyAudit,
            RouteClass::Sensitive,
            audit::verify,
        ),
    ]
}

/// Nodes, what is done to them, and how others join.
fn node_routes() -> Vec<Route<Panel>> {
    let (page, change, administration) = (RouteClass::Page, RouteClass::Change, RouteClass::Administration);
    vec![
        Route::new(Method::GET, "/nodes/new", act::RegisterNode, page, join::form),
        Route::new(
            Method::POST,
            "/nodes/new",
            act::RegisterNode,
            administration,
            join::invite,
        ),
        Route::new(
            Method::GET,
            "/nodes/requests/{id}",
            act::ListJoinRequests,
            page,
            join::show,
        ),
        Route::new(
            Method::POST,
            "/nodes/requests/{id}/approve",
            act::ApproveJoin,
            administration,
            join::approve,
        ),
        Route::new(
            Method::POST,
            "/nodes/requests/{id}/reject",
            act::RejectJoin,
            administration,
            join::reject,
        )
        .free_text(&["reason"]),
        Route::new(
            Method::POST,
            "/nodes/{id}/ping",
            act::PingNode,
            change,
            revoke::ping,
        ),
        Route::new(
            Method::POST,
            "/nodes/{id}/revoke",
            act::RevokeNode,
            administration,
            revoke::revoke,
        )
        .free_text(&["reason"]),
        Route::new(
            Method::POST,
            "/nodes/{id}/purge",
            act::PurgeNode,
            administration,
            revoke::purge,
        ),
    ]
}

/// What is done to a machine, and to invitations.
fn machine_routes() -> Vec<Route<Panel>> {
    let (change, sensitive) = (RouteClass::Change, RouteClass::Sensitive);
    let administration = RouteClass::Administration;
    vec![
        Route::new(
            Method::POST,
            "/nodes/{id}/restart",
            act::RestartNode,
            sensitive,
            power::restart,
        ),
        Route::new(
            Method::POST,
            "/nodes/{id}/shutdown",
            act::ShutDownNode,
            sensitive,
            power::shut_down,
        ),
        Route::new(
            Method::POST,
            "/nodes/{id}/unfence",
            act::UnfenceNode,
            administration,
            power::unfence,
        ),
        Route::new(
            Method::POST,
            "/nodes/invites/{id}/revoke",
            act::RevokeJoinToken,
            administration,
            join::take_back,
        ),
        Route::new(
            Method::POST,
            "/cluster/ca/rotate",
            act::RotateCa,
            administration,
            cluster_ca::rotate,
        ),
        Route::new(
            Method::POST,
            "/operations/{id}/cancel",
            act::CancelOperation,
            change,
            power::cancel,
        ),
    ]
}

/// Who is kept out.
fn security_routes() -> Vec<Route<Panel>> {
    let administration = RouteClass::Administration;
    vec![
        Route::new(
            Method::GET,
            "/security",
            act::ListBans,
            RouteClass::Page,
            security::show,
        ),
        Route::new(
            Method::POST,
            "/security/bans",
            act::CreateBan,
            administration,
            security::create,
        )
        .free_text(&["reason"]),
        Route::new(
            Method::POST,
            "/security/bans/{id}/lift",
            act::LiftBan,
            administration,
            security::lift,
        ),
        Route::new(
            Method::POST,
            "/security/bans/{id}/confirm",
            act::ConfirmBan,
            administration,
            security::confirm,
        ),
        Route::new(
            Method::GET,
            "/security/fail2ban",
            act::ListJail,
            RouteClass::Page,
            fail2ban::show,
        ),
        Route::new(
            Method::POST,
            "/security/fail2ban/lift",
            act::LiftJailed,
            administration,
            fail2ban::lift,
        ),
        Route::new(
            Method::POST,
            "/security/lockouts/{id}/lift",
            act::LiftLockout,
            administration,
            security::lift_lockout,
        ),
    ]
}

/// Servers and what is done to them.
fn server_routes() -> Vec<Route<Panel>> {
    let (page, change) = (RouteClass::Page, RouteClass::Change);
    vec![
        Route::new(Method::GET, "/servers", act::ListServers, page, servers::list),
        Route::new(Method::GET, "/servers/new", act::CreateServer, page, create::form),
        Route::new(
            Method::POST,
            "/servers/new",
            act::CreateServer,
            change,
            create::create,
        )
        .free_text(&["command", "env", "stop_line", "labels"]),
        Route::new(Method::GET, "/servers/{id}", act::ShowServer, page, server::show),
        Route::new(
            Method::POST,
            "/servers/{id}/start",
            act::StartServer,
            change,
            server::start,
        ),
        Route::new(
            Method::POST,
            "/servers/{id}/stop",
            act::StopServer,
            change,
            server::stop,
        ),
        Route::new(
            Method::POST,
            "/servers/{id}/restart",
            act::RestartServer,
            change,
            server::restart,
        ),
        Route::new(
            Method::POST,
            "/servers/{id}/send",
            act::SendLine,
            change,
            server::send,
        )
        .free_text(&["line"]),
        Route::new(
            Method::POST,
            "/servers/{id}/remove",
            act::RemoveServer,
            change,
            remove::remove,
        ),
    ]
}

/// How things are set.
fn settings_routes() -> Vec<Route<Panel>> {
    vec![
        Route::new(
            Method::GET,
            "/settings/mail",
            act::ShowMail,
            RouteClass::Page,
            mail::show,
        ),
        Route::new(
            Method::POST,
            "/settings/mail/test",
            act::TestMail,
            RouteClass::Administration,
            mail::test,
        ),
    ]
}

/// One's own sessions.
fn session_routes() -> Vec<Route<Panel>> {
    vec![
        Route::new(
            Method::POST,
            "/profile/sessions/end-others",
            act::SignOut,
            RouteClass::Change,
            profile::end_other_sessions,
        ),
        Route::new(
            Method::POST,
            "/profile/sessions/{id}/end",
            act::SignOut,
            RouteClass::Change,
            profile::end_session,
        ),
    ]
}

/// Oneself.
fn own_routes() -> Vec<Route<Panel>> {
    let (change, sensitive) = (RouteClass::Change, RouteClass::Sensitive);
    vec![
        Route::new(
            Method::GET,
            "/profile",
            act::SeeSelf,
            RouteClass::Page,
            profile::show,
        ),
        Route::new(
            Method::POST,
            "/profile/theme",
            act::SeeSelf,
            change,
            profile::set_theme,
        ),
        Route::new(
            Method::POST,
            "/profile/factors/{id}/remove",
            act::RemoveFactor,
            change,
            mfa::remove,
        ),
        Route::new(
            Method::POST,
            "/profile/recovery-codes",
            act::RenewRecoveryCodes,
            change,
            mfa::renew_codes,
        ),
        Route::new(
            Method::POST,
            "/profile/tokens",
            act::CreateToken,
            sensitive,
            tokens::create,
        ),
        Route::new(
            Method::POST,
            "/profile/tokens/{id}/revoke",
            act::RevokeToken,
            sensitive,
            tokens::revoke,
        ),
        Route::new(
            Method::POST,
            "/change-password",
            act::ChangePassword,
            RouteClass::SignIn,
            password::change,
        ),
        Route::new(
            Method::POST,
            "/profile/email",
            act::ChangeEmail,
            sensitive,
            email::change,
        ),
        Route::new(
            Method::POST,
            "/step-up",
            act::StepUp,
            RouteClass::SignIn,
            step_up::step_up,
        ),
    ]
}

/// A cursor or limit that no page of ours links to names nothing.
fn no_such_page(_: PageError) -> Problem {
    NotFound.into()
}

/// All of a list in as few turns as may be: what the overview counts.
fn most(cursor: Option<String>) -> PageRequest {
    PageRequest {
        limit: Some(PageRequest::MOST),
        cursor,
    }
}
