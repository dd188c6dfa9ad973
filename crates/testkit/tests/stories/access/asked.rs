//! What the walk asks of each route: a request that is right in everything, on a thing that is there, so
//! that only who asks decides the answer. A route that stands not here stops the walk.

use http::Method;
use serde_json::{Value, json};
use watchroom_policy::permission;
use watchroom_testkit::{Machine, PASSWORD};

use super::case::{Asked, Case, On};
use super::own::own_forms;
use super::{passkeys, people};

/// Whom to tell of a weakness: everybody may know.
const SECURITY_TXT: &str = "/.well-known/security.txt";

/// What the walk asks of a route in the name of a walker.
pub async fn asked(case: &Case<'_>, method: &Method, path: &'static str, walker: &'static str) -> Asked {
    let is_api = path.starts_with("/api/") || ["/health", "/csp-report", SECURITY_TXT].contains(&path);
    let asked = match (method.as_str(), path) {
        ("GET", "/api/cluster/check-approval/{id}") => Some(own_request(case, walker).await),
        ("GET", _) if is_api => reads(case, path, walker).await,
        _ if path.starts_with("/api/cluster/") => cluster(case, method, path, walker).await,
        _ if path.starts_with("/api/nodes") || path.starts_with("/api/operations") => {
            machines(case, method, path, walker).await
        }
        _ if path.starts_with("/api/servers") => servers(case, method, path, walker).await,
        _ if is_api => administration(case, method, path, walker).await,
        ("GET", "/nodes/requests/{id}") => {
            let path = format!("/nodes/requests/{}", case.fresh_request().await.0);
            Some(Asked::by(case.by_session(walker), path))
        }
        // It needs a fresh proof, which the walker's own session may have no longer.
        ("GET", "/mfa/setup") => Some(Asked::by(case.by_fresh_session(walker).await, path)),
        ("GET", _) => pages(case, path, walker),
        _ if ["/nodes", "/operations", "/cluster"]
            .iter()
            .any(|part| path.starts_with(part)) =>
        {
            node_forms(case, method, path, walker).await
        }
        _ if path.contains("/passkey") || path.ends_with("/password-strength") => {
            passkeys::forms(case, path, walker).await
        }
        _ if path.starts_with("/security") => ban_forms(case, path, walker).await,
        _ if path.starts_with("/settings") => setting_forms(case, path, walker),
        _ if path.starts_with("/servers") => server_forms(case, path, walker).await,
        _ => own_forms(case, path, walker).await,
    };
    Asked {
        method: method.clone(),
        ..asked.unwrap_or_else(|| panic!("the walk knows no {method} {path}"))
    }
}

async fn reads(case: &Case<'_>, path: &'static str, walker: &str) -> Option<Asked> {
    let by = |path: String| Asked::by(case.by_token(walker), path);
    let Case {
        node,
        talker,
        somebody,
        ..
    } = case;
    Some(match path {
        "/health"
        | SECURITY_TXT
        | "/api/openapi.json"
        | "/api/auth/me"
        | "/api/auth/factors"
        | "/api/nodes"
        | "/api/cluster/nodes"
        | "/api/cluster/subhosts"
        | "/api/servers"
        | "/api/users"
        | "/api/tokens"
        | "/api/audit"
        | "/api/security/bans"
        | "/api/lockouts"
        | "/api/locks"
        | "/api/settings/mail"
        | "/api/users/invitations"
        | "/api/security/findings"
        | "/api/security/doctor"
        | "/api/security/violations"
        | "/api/security/decoys"
        | "/api/cluster/requests"
        | "/api/cluster/tokens"
        | "/api/cluster/status"
        | "/api/cluster/host-status"
        | "/api/cluster/role" => by(path.into()),
        // The machine does not allow it: that is the answer to whoever may.
        "/api/security/fail2ban" => by(path.into()).done(409),
        "/api/session" => Asked::by(case.by_session(walker), path),
        // Who may open one is told how.
        "/api/ws" => by(path.into()).done(426),
        "/api/audit/export" | "/api/stream" => by(path.into()).endless(),
        "/api/nodes/{id}" => by(format!("/api/nodes/{node}")).on(On::One),
        "/api/nodes/{id}/metrics" => by(format!("/api/nodes/{node}/metrics")).on(On::One),
        "/api/users/{id}/export" => by(format!("/api/users/{somebody}/export")).on(On::One),
        "/api/operations/{id}" => by(format!("/api/operations/{}", case.ended_operation().await)).on(On::One),
        "/api/cluster/subhost/{id}/servers" => {
            by(format!("/api/cluster/subhost/{node}/servers")).over(permission::NODES_READ)
        }
        "/api/servers/{id}" => by(format!("/api/servers/{talker}")).on(On::One),
        "/api/servers/{id}/logs" => by(format!("/api/servers/{talker}/logs")).on(On::One),
        "/api/servers/{id}/console" => by(format!("/api/servers/{talker}/console")).on(On::One).endless(),
        "/api/roles" | "/api/grants" | "/api/groups" => by(path.into()),
        "/api/groups/{id}" => by(format!("/api/groups/{}", case.fresh_group().await)),
        "/api/roles/{name}" => by("/api/roles/viewer".into()),
        // Of a decision that there is not nobody is told, whoever asks.
        "/api/decisions/{id}" => by(format!("/api/decisions/{somebody}")).on(On::OnesOwn).done(404),
        "/api/who-can" => by("/api/who-can?permission=nodes:read".into()),
        "/api/users/{id}" => by(format!("/api/users/{somebody}")).on(On::One),
        "/api/users/{id}/sessions" => by(format!("/api/users/{somebody}/sessions")).on(On::One),
        _ => return None,
    })
}

async fn servers(case: &Case<'_>, method: &Method, path: &'static str, walker: &str) -> Option<Asked> {
    let by = |path: String| Asked::by(case.by_token(walker), path).on(On::One);
    let Case { talker, idler, .. } = case;
    Some(match (method.as_str(), path) {
        ("POST", "/api/servers") => by(path.into()).json(new_server(case)).on(On::Kind).done(201),
        ("DELETE", "/api/servers/{id}") => {
            by(format!("/api/servers/{}", case.fresh_server().await.0)).done(204)
        }
        ("POST", "/api/servers/{id}/start") => by(format!("/api/servers/{idler}/start")),
        ("POST", "/api/servers/{id}/stop") => by(format!("/api/servers/{idler}/stop")),
        ("POST", "/api/servers/{id}/restart") => by(format!("/api/servers/{idler}/restart")),
        ("POST", "/api/servers/{id}/console") => {
            by(format!("/api/servers/{talker}/console")).json(json!({ "line": "hello" }))
        }
        _ => return None,
    })
}

fn new_server(case: &Case<'_>) -> Value {
    json!({ "name": case.fresh_name(), "command": ["/bin/true"] })
}

async fn own_request(case: &Case<'_>, walker: &str) -> Asked {
    let (id, secret) = case.fresh_request().await;
    let path = format!("/api/cluster/check-approval/{id}");
    Asked::by(case.by_token(walker), path).with("x-poll-secret", secret)
}

async fn machines(case: &Case<'_>, method: &Method, path: &'static str, walker: &str) -> Option<Asked> {
    let by = |path: String| Asked::by(case.by_token(walker), path).on(On::One);
    Some(match (method.as_str(), path) {
        // It is not there: that is the answer to whoever may.
        ("POST", "/api/nodes/{id}/restart" | "/api/nodes/{id}/shutdown") => {
            let (id, name) = case.fresh_named_node().await;
            let path = path.replace("{id}", &id);
            by(path).json(json!({ "confirm_name": name })).done(503)
        }
        ("POST", "/api/operations/{id}/cancel") => {
            let path = path.replace("{id}", &case.ended_operation().await);
            by(path).done(409)
        }
        _ => return None,
    })
}

async fn joining(case: &Case<'_>, method: &Method, path: &'static str, walker: &str) -> Option<Asked> {
    let by = |path: String| Asked::by(case.by_token(walker), path);
    let name = || json!({ "name": case.fresh_name() });
    Some(match (method.as_str(), path) {
        ("POST", "/api/cluster/request-join") => {
            let machine = Machine::new(&case.fresh_name());
            by(path.into()).json(machine.ask(None)).done(201)
        }
        ("POST", "/api/cluster/requests/{id}/approve") => {
            let id = case.fresh_request().await.0;
            let path = format!("/api/cluster/requests/{id}/approve");
            by(path).json(json!({ "words_match": true })).on(On::One)
        }
        ("POST", "/api/cluster/requests/{id}/reject") => {
            let id = case.fresh_request().await.0;
            let path = format!("/api/cluster/requests/{id}/reject");
            by(path).json(json!({ "reason": "not ours" })).on(On::One)
        }
        ("POST", "/api/cluster/tokens" | "/api/cluster/nodes") => by(path.into()).json(name()).done(201),
        ("DELETE", "/api/cluster/tokens/{id}") => {
            by(format!("/api/cluster/tokens/{}", case.fresh_join_token().await)).done(204)
        }
        ("DELETE", "/api/cluster/nodes/{id}") => {
            by(format!("/api/cluster/nodes/{}", case.fresh_node().await)).on(On::One)
        }
        ("POST", "/api/cluster/nodes/{id}/ping") => {
            by(format!("/api/cluster/nodes/{}/ping", case.node)).on(On::One)
        }
        _ => return None,
    })
}

async fn cluster(case: &Case<'_>, method: &Method, path: &'static str, walker: &str) -> Option<Asked> {
    let on_node = format!("/api/cluster/subhost/{}/servers", case.node);
    let by = |path: String| Asked::by(case.by_token(walker), path).on(On::One);
    Some(match (method.as_str(), path) {
        ("POST", "/api/cluster/subhost/{id}/servers") => {
            by(on_node).json(new_server(case)).on(On::Kind).done(201)
        }
        ("POST", "/api/cluster/nodes/{id}/unfence") => {
            by(format!("/api/cluster/nodes/{}/unfence", case.node))
        }
        ("POST", "/api/cluster/heartbeat") => {
            let (heartbeat, credential) = case.fresh_heartbeat().await;
            Asked::by(case.by_token(walker), path)
                .with("x-node-credential", credential)
                .json(heartbeat)
                .done(204)
        }
        ("POST", "/api/cluster/ca/rotate") => Asked::by(case.by_token(walker), path),
        ("DELETE", "/api/cluster/subhost/{id}/servers/{name}") => {
            by(format!("{on_node}/{}", case.fresh_server().await.1)).done(204)
        }
        ("POST", "/api/cluster/subhost/{id}/servers/{name}/start") => by(format!("{on_node}/idler/start")),
        ("POST", "/api/cluster/subhost/{id}/servers/{name}/stop") => by(format!("{on_node}/idler/stop")),
        ("POST", "/api/cluster/subhost/{id}/servers/{name}/restart") => {
            by(format!("{on_node}/idler/restart"))
        }
        _ => return joining(case, method, path, walker).await,
    })
}

async fn administration(case: &Case<'_>, method: &Method, path: &'static str, walker: &str) -> Option<Asked> {
    let by = |path: String| Asked::by(case.by_token(walker), path);
    let somebody = case.somebody;
    Some(match (method.as_str(), path) {
        ("POST", "/api/users") => {
            let new = json!({ "name": case.fresh_name(), "role": "viewer", "password": PASSWORD });
            by(path.into()).json(new).done(201)
        }
        ("POST", "/api/users/{id}/erase") => by(format!("/api/users/{somebody}/erase"))
            .json(json!({ "confirm": "nobody-of-that-name" }))
            .on(On::One)
            .done(400),
        ("POST", "/api/users/{id}/disable") => by(format!("/api/users/{somebody}/disable")).on(On::One),
        ("POST", "/api/users/{id}/enable") => by(format!("/api/users/{somebody}/enable")).on(On::One),
        ("POST", "/api/users/{id}/reset-password") => {
            let path = format!("/api/users/{somebody}/reset-password");
            by(path)
                .json(json!({ "password": PASSWORD }))
                .on(On::One)
                .done(204)
        }
        ("POST", "/api/users/{id}/reset-factors") => by(format!("/api/users/{somebody}/reset-factors"))
            .on(On::One)
            .done(204),
        // There is none such of the walker's own.
        ("DELETE", "/api/auth/factors/{id}") => {
            let visitor = case.by_fresh_session(walker).await;
            Asked::by(visitor, format!("/api/auth/factors/{somebody}"))
                .on(On::OnesOwn)
                .done(404)
        }
        ("POST", "/csp-report") => by(path.into()).report(json!({ "csp-report": {} })).done(204),
        ("POST", "/api/keys/rotate") => by(path.into()),
        // No server is configured: that is the answer to whoever may.
        ("POST", "/api/settings/mail/test") => by(path.into())
            .json(json!({ "to": "ada@home.example" }))
            .done(409),
        // A token can never make tokens: who may is asked of sessions.
        ("POST", "/api/tokens") => {
            let new = json!({ "name": case.fresh_name() });
            Asked::by(case.by_session(walker), path)
                .json(new)
                .on(On::OnesOwn)
                .done(201)
        }
        ("DELETE", "/api/tokens/{id}") => {
            let token = case.fresh_token_of(somebody).await;
            by(format!("/api/tokens/{token}")).on(On::One).done(204)
        }
        ("POST", "/api/audit/verify") => by(path.into()),
        ("POST", "/api/security/bans") => {
            let new = json!({ "network": case.fresh_network(), "reason": "walked into" });
            by(path.into()).json(new).done(201)
        }
        ("POST", "/api/security/bans/{id}/confirm") => {
            // Held, as it is loopback, and harmless once it holds, as nobody here comes by IPv6.
            let ban = case.fresh_ban("::1").await;
            by(format!("/api/security/bans/{ban}/confirm")).on(On::One)
        }
        ("DELETE", "/api/security/bans/{id}") => {
            let ban = case.fresh_ban(&case.fresh_network()).await;
            by(format!("/api/security/bans/{ban}")).on(On::One).done(204)
        }
        ("POST", "/api/security/fail2ban/lift") => {
            by(path.into()).json(json!({ "address": "192.0.2.7" })).done(409)
        }
        ("POST", "/api/security/decoys") => by(path.into())
            .json(json!({ "name": case.fresh_name() }))
            .done(201),
        ("DELETE", "/api/security/decoys/{id}") => {
            let decoy = case.fresh_decoy().await;
            by(format!("/api/security/decoys/{decoy}")).on(On::One).done(204)
        }
        ("DELETE", "/api/lockouts/{id}") => {
            let lockout = case.fresh_lockout().await;
            by(format!("/api/lockouts/{lockout}")).on(On::One).done(204)
        }
        _ => return sign_ins(case, method, path, walker).or(people::api(case, method, path, walker).await),
    })
}

fn sign_ins(case: &Case<'_>, method: &Method, path: &'static str, walker: &str) -> Option<Asked> {
    Some(match (method.as_str(), path) {
        // No name and no token is right: that is the answer to anybody.
        ("POST", "/api/auth/token") => Asked::by(case.by_token(walker), path)
            .json(json!({ "refresh_token": "wr_ref_none.none" }))
            .done(401),
        // What the walkers show is no program's.
        ("DELETE", "/api/auth/token") => Asked::by(case.by_session(walker), path).done(404),
        ("POST", "/api/session/activity") => Asked::by(case.by_session(walker), path),
        ("POST", "/api/ws/ticket") => Asked::by(case.by_token(walker), path).done(201),
        _ => return None,
    })
}

fn pages(case: &Case<'_>, path: &'static str, walker: &str) -> Option<Asked> {
    let by = |path: String| Asked::by(case.by_session(walker), path);
    let Case { node, talker, .. } = case;
    Some(match path {
        "/assets/{hash}/{*name}" => by(case.asset.clone()),
        // Who has a session is sent on from the entrance.
        "/login" => by(path.into()).done(if walker == "stranger" { 200 } else { 303 }),
        // Set-up is over in every room: its page sends on to the entrance, whoever asks.
        "/setup" => Asked {
            is_to_entrance: true,
            ..by(path.into()).done(303)
        },
        "/login/mfa" => by(path.into()).done(303),
        // There is no such provider here, whoever asks.
        "/login/oidc/{name}" | "/login/oidc/{name}/callback" => by(path.replace("{name}", "-")).done(404),
        // Nothing was offered: back to the profile.
        "/profile/identities/tie" => by(path.into()).on(On::OnesOwn).done(303),
        "/session-expired" => by(path.into()).done(401),
        "/" | "/nodes" | "/nodes/new" | "/audit" | "/security" | "/security/fail2ban"
        | "/security/findings" | "/servers" | "/servers/new" | "/settings/mail" | "/access/people"
        | "/access/locks" | "/access/roles" | "/access/groups" | "/access/new-role" | "/invitation"
        | "/reset-password" | "/profile" => by(path.into()),
        "/confirm-email" => by(path.into()).on(On::OnesOwn),
        // Signing in by links is off in rooms: that is the answer to anybody.
        "/login/magic" | "/login/link" => by(path.into()).done(404),
        "/access/roles/{name}" => by("/access/roles/viewer".into()),
        "/nodes/{id}" => by(format!("/nodes/{node}")).on(On::One),
        "/servers/{id}" => by(format!("/servers/{talker}")).on(On::One),
        _ => return None,
    })
}

async fn node_forms(case: &Case<'_>, method: &Method, path: &'static str, walker: &str) -> Option<Asked> {
    let by = |path: String| {
        Asked::by(case.by_session(walker), path)
            .on(On::One)
            .form(Vec::new())
            .done(303)
    };
    Some(match (method.as_str(), path) {
        ("POST", "/nodes/new") => by(path.into()).on(On::Kind).done(200),
        ("POST", "/nodes/requests/{id}/approve") => by(format!(
            "/nodes/requests/{}/approve",
            case.fresh_request().await.0
        ))
        .form(vec![("words_match", "true".to_owned())]),
        ("POST", "/nodes/requests/{id}/reject") => {
            by(format!("/nodes/requests/{}/reject", case.fresh_request().await.0))
                .form(vec![("reason", "not ours".to_owned())])
        }
        ("POST", "/nodes/{id}/ping") => by(format!("/nodes/{}/ping", case.node)),
        ("POST", "/nodes/{id}/restart" | "/nodes/{id}/shutdown") => {
            let (id, name) = case.fresh_named_node().await;
            by(path.replace("{id}", &id)).form(vec![("confirm_name", name)])
        }
        ("POST", "/nodes/{id}/unfence") => {
            let (id, name) = case.fresh_named_node().await;
            by(path.replace("{id}", &id)).form(vec![("confirm_name", name)])
        }
        ("POST", "/nodes/invites/{id}/revoke") => {
            by(path.replace("{id}", &case.fresh_join_token().await)).on(On::Kind)
        }
        ("POST", "/cluster/ca/rotate") => by(path.into()).on(On::Kind),
        ("POST", "/operations/{id}/cancel") => by(path.replace("{id}", &case.ended_operation().await)),
        ("POST", "/nodes/{id}/revoke") => {
            let (id, name) = case.fresh_named_node().await;
            by(format!("/nodes/{id}/revoke")).form(vec![("confirm_name", name)])
        }
        ("POST", "/nodes/{id}/purge") => {
            let (id, name) = case.fresh_named_node().await;
            by(format!("/nodes/{id}/purge")).form(vec![("confirm_name", name)])
        }
        _ => return None,
    })
}

async fn ban_forms(case: &Case<'_>, path: &'static str, walker: &str) -> Option<Asked> {
    let by = |path: String| Asked::by(case.by_session(walker), path).on(On::One).done(303);
    Some(match path {
        "/security/bans" => by(path.into()).on(On::Kind).form(vec![
            ("network", case.fresh_network()),
            ("reason", "walked into".to_owned()),
        ]),
        "/security/bans/{id}/lift" => {
            let ban = case.fresh_ban(&case.fresh_network()).await;
            by(format!("/security/bans/{ban}/lift")).form(Vec::new())
        }
        "/security/bans/{id}/confirm" => {
            let ban = case.fresh_ban("::1").await;
            by(format!("/security/bans/{ban}/confirm")).form(Vec::new())
        }
        "/security/fail2ban/lift" => by(path.into())
            .on(On::Kind)
            .form(vec![("address", "192.0.2.7".to_owned())]),
        "/security/decoys" => by(path.into())
            .on(On::Kind)
            .form(vec![("name", case.fresh_name())])
            .done(200),
        "/security/decoys/{id}/remove" => {
            let decoy = case.fresh_decoy().await;
            by(format!("/security/decoys/{decoy}/remove")).form(Vec::new())
        }
        "/security/lockouts/{id}/lift" => {
            let lockout = case.fresh_lockout().await;
            by(format!("/security/lockouts/{lockout}/lift")).form(Vec::new())
        }
        _ => return None,
    })
}

fn setting_forms(case: &Case<'_>, path: &'static str, walker: &str) -> Option<Asked> {
    let by = |to: &str| Asked::by(case.by_session(walker), path).form(vec![("to", to.to_owned())]);
    Some(match path {
        "/settings/mail/test" => by("ada@home.example").done(303),
        _ => return None,
    })
}

async fn server_forms(case: &Case<'_>, path: &'static str, walker: &str) -> Option<Asked> {
    let by = |path: String| {
        Asked::by(case.by_session(walker), path)
            .on(On::One)
            .form(Vec::new())
            .done(303)
    };
    let Case { talker, idler, .. } = case;
    Some(match path {
        "/servers/new" => by(path.into()).on(On::Kind).form(vec![
            ("name", case.fresh_name()),
            ("node", case.node.clone()),
            ("command", "/bin/true".to_owned()),
        ]),
        "/servers/{id}/start" => by(format!("/servers/{idler}/start")),
        "/servers/{id}/stop" => by(format!("/servers/{idler}/stop")),
        "/servers/{id}/restart" => by(format!("/servers/{idler}/restart")),
        "/servers/{id}/send" => {
            by(format!("/servers/{talker}/send")).form(vec![("line", "hello".to_owned())])
        }
        "/servers/{id}/remove" => {
            let (id, name) = case.fresh_server().await;
            by(format!("/servers/{id}/remove")).form(vec![("confirm_name", name)])
        }
        _ => return None,
    })
}
