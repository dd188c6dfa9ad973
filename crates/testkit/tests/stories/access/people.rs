//! What the walk asks of the routes about people: invitations, links, addresses, sessions.

use http::Method;
use serde_json::json;
use watchroom_testkit::{PASSWORD, Visitor};

use super::case::{Asked, Case, On};

pub async fn api(case: &Case<'_>, method: &Method, path: &'static str, walker: &str) -> Option<Asked> {
    let by = |path: String| Asked::by(case.by_token(walker), path);
    let somebody = case.somebody;
    Some(match (method.as_str(), path) {
        ("POST", "/api/roles") => by(path.into())
            .json(json!({ "name": case.fresh_role_name(), "role": { "permissions": ["nodes:read"] } }))
            .done(201),
        ("POST", "/api/roles/{name}") => by(format!("/api/roles/{}", case.fresh_role().await))
            .json(json!({ "permissions": ["nets:read"] }))
            .on(On::One),
        ("DELETE", "/api/roles/{name}") => by(format!("/api/roles/{}", case.fresh_role().await))
            .on(On::One)
            .done(204),
        ("POST", "/api/roles/{name}/what-if") => {
            by("/api/roles/viewer/what-if".into()).json(json!({ "permissions": ["nets:read"] }))
        }
        ("POST", "/api/grants") => by(path.into())
            .json(json!({ "user": somebody, "role": case.fresh_role().await }))
            .done(201),
        ("DELETE", "/api/grants/{id}") => by(format!("/api/grants/{}", case.fresh_grant().await))
            .on(On::One)
            .done(204),
        ("POST", "/api/locks") => by(path.into())
            .json(json!({ "target": format!("user:{somebody}"), "for_s": 1, "reason": "walked into" }))
            .done(201),
        ("DELETE", "/api/locks/{id}") => by(format!("/api/locks/{}", case.fresh_lock().await))
            .on(On::One)
            .done(204),
        ("POST", "/api/users/invitations") => by(path.into()).json(json!({ "role": "viewer" })).done(201),
        ("DELETE", "/api/users/invitations/{id}") => by(format!(
            "/api/users/invitations/{}",
            case.fresh_invitation().await
        ))
        .done(204),
        ("POST", "/api/users/{id}/reset-link") => by(format!("/api/users/{somebody}/reset-link"))
            .json(json!({}))
            .on(On::One)
            .done(201),
        ("POST", "/api/users/{id}/email") => by(format!("/api/users/{somebody}/email"))
            .json(json!({ "email": "somebody@home.example" }))
            .on(On::One),
        ("DELETE", "/api/users/{id}/sessions") => by(format!("/api/users/{somebody}/sessions"))
            .on(On::One)
            .done(204),
        ("DELETE", "/api/users/{id}/sessions/{session}") => {
            let (user, session) = case.fresh_session().await;
            by(format!("/api/users/{user}/sessions/{session}"))
                .on(On::One)
                .done(204)
        }
        _ => return None,
    })
}

pub async fn forms(case: &Case<'_>, path: &'static str, walker: &str) -> Option<Asked> {
    let by = |visitor: Visitor| Asked::by(visitor, path).form(Vec::new()).done(303);
    let password = || PASSWORD.to_owned();
    Some(match path {
        "/access/people/invite" => by(case.by_session(walker))
            .form(vec![("role", "viewer".to_owned())])
            .done(200),
        "/access/locks" => by(case.by_session(walker)).form(vec![
            ("kind", "user".to_owned()),
            ("target", "somebody".to_owned()),
            ("for_s", "1".to_owned()),
            ("reason", "walked into".to_owned()),
        ]),
        "/access/locks/{id}/lift" => Asked {
            path: format!("/access/locks/{}/lift", case.fresh_lock().await),
            ..by(case.by_session(walker)).on(On::One)
        },
        "/access/invitations/{id}/take-back" => Asked {
            path: format!("/access/invitations/{}/take-back", case.fresh_invitation().await),
            ..by(case.by_session(walker))
        },
        "/access/people/{id}/disable"
        | "/access/people/{id}/enable"
        | "/access/people/{id}/reset-factors"
        | "/access/people/{id}/end-sessions" => Asked {
            path: path.replace("{id}", &case.somebody.to_string()),
            ..by(case.by_session(walker)).on(On::One)
        },
        "/access/people/{id}/reset-link" => Asked {
            path: path.replace("{id}", &case.somebody.to_string()),
            ..by(case.by_session(walker)).on(On::One).done(200)
        },
        // Whoever asks has no link: that is the answer.
        "/invitation" => {
            let (visitor, token) = case.at_the_entrance(walker).await;
            let fields = vec![
                ("csrf_token", token),
                ("code", "x".to_owned()),
                ("username", case.fresh_name()),
                ("password", password()),
                ("confirm_password", password()),
            ];
            by(visitor).form(fields).done(410)
        }
        "/reset-password" => {
            let (visitor, token) = case.at_the_entrance(walker).await;
            let fields = vec![
                ("csrf_token", token),
                ("code", "x".to_owned()),
                ("new_password", password()),
                ("confirm_password", password()),
            ];
            by(visitor).form(fields).done(410)
        }
        // Signing in by links is off in rooms: that is the answer to anybody.
        "/login/magic" => {
            let (visitor, token) = case.at_the_entrance(walker).await;
            let fields = vec![("csrf_token", token), ("email", "ada@home.example".to_owned())];
            by(visitor).form(fields).done(404)
        }
        "/login/link" => {
            let (visitor, token) = case.at_the_entrance(walker).await;
            by(visitor)
                .form(vec![("csrf_token", token), ("code", "x".to_owned())])
                .done(404)
        }
        "/profile/email" => by(case.by_fresh_session(walker).await).on(On::OnesOwn),
        "/confirm-email" => by(case.by_session(walker))
            .form(vec![("code", "x".to_owned())])
            .on(On::OnesOwn),
        _ => return None,
    })
}
