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
        ("POST", "/api/groups") => by(path.into())
            .json(json!({ "name": case.fresh_role_name() }))
            .done(201),
        ("POST", "/api/groups/{id}") => by(format!("/api/groups/{}", case.fresh_group().await))
            .json(json!({ "name": case.fresh_role_name() }))
            .on(On::One),
        ("POST", "/api/groups/{id}/what-if") => {
            by(format!("/api/groups/{}/what-if", case.fresh_group().await)).json(json!({ "add": [somebody] }))
        }
        ("DELETE", "/api/groups/{id}") => by(format!("/api/groups/{}", case.fresh_group().await))
            .on(On::One)
            .done(204),
        ("POST", "/api/groups/{id}/members") => {
            by(format!("/api/groups/{}/members", case.fresh_group().await))
                .json(json!({ "user": somebody }))
                .on(On::One)
                .done(201)
        }
        ("DELETE", "/api/groups/{id}/members/{user}") => by(case.fresh_member().await).on(On::One).done(204),
        ("POST", "/api/groups/{id}/grants") => by(format!("/api/groups/{}/grants", case.fresh_group().await))
            .json(json!({ "role": "viewer" }))
            .on(On::One)
            .done(201),
        ("DELETE", "/api/groups/{id}/grants/{grant}") => {
            by(case.fresh_group_grant().await).on(On::One).done(204)
        }
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
        path if ["/access/new-role", "/access/roles", "/access/grants"]
            .iter()
            .any(|part| path.starts_with(part)) =>
        {
            return role_forms(case, path, walker).await;
        }
        path if path.starts_with("/access/groups") => return group_forms(case, path, walker).await,
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
        | "/access/people/{id}/erase"
        | "/access/people/{id}/end-sessions" => Asked {
            path: path.replace("{id}", &case.somebody.to_string()),
            ..by(case.by_session(walker)).on(On::One)
        },
        "/access/people/{id}/reset-link" | "/access/people/{id}/export" => Asked {
            path: path.replace("{id}", &case.somebody.to_string()),
            ..by(case.by_session(walker)).on(On::One).done(200)
        },
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

async fn role_forms(case: &Case<'_>, path: &'static str, walker: &str) -> Option<Asked> {
    let by = |visitor: Visitor| Asked::by(visitor, path).form(Vec::new()).done(303);
    Some(match path {
        "/access/new-role" => by(case.by_session(walker)).form(vec![
            ("name", case.fresh_role_name()),
            ("per_minute", "100".to_owned()),
            ("may.nodes:read", "true".to_owned()),
        ]),
        // Only a look ahead is asked for.
        "/access/roles/{name}" => Asked {
            path: format!("/access/roles/{}", case.fresh_role().await),
            ..by(case.by_session(walker))
                .form(vec![("per_minute", "100".to_owned())])
                .on(On::One)
                .done(200)
        },
        "/access/roles/{name}/look-ahead" => Asked {
            path: "/access/roles/viewer/look-ahead".to_owned(),
            ..by(case.by_session(walker))
                .form(vec![("per_minute", "100".to_owned())])
                .done(200)
        },
        "/access/roles/{name}/remove" => Asked {
            path: format!("/access/roles/{}/remove", case.fresh_role().await),
            ..by(case.by_session(walker)).on(On::One)
        },
        "/access/grants" => by(case.by_session(walker)).form(vec![
            ("user", "somebody".to_owned()),
            ("role", case.fresh_role().await),
            ("at", "everything".to_owned()),
        ]),
        "/access/grants/{id}/take" => Asked {
            path: format!("/access/grants/{}/take", case.fresh_grant().await),
            ..by(case.by_session(walker)).on(On::One)
        },
        _ => return None,
    })
}

async fn group_forms(case: &Case<'_>, path: &'static str, walker: &str) -> Option<Asked> {
    let by = |path: String| {
        Asked::by(case.by_session(walker), path)
            .form(Vec::new())
            .on(On::One)
            .done(303)
    };
    let page = |path: String| path.replacen("/api", "/access", 1);
    let to_group = |path: &str, id: String| path.replace("{id}", &id);
    Some(match path {
        "/access/groups" => by(path.into())
            .form(vec![("name", case.fresh_role_name())])
            .on(On::Kind),
        "/access/groups/{id}/look-ahead" => by(to_group(path, case.fresh_group().await))
            .form(vec![("user", "somebody".to_owned())])
            .on(On::Kind)
            .done(200),
        "/access/groups/{id}/rename" => {
            by(to_group(path, case.fresh_group().await)).form(vec![("name", case.fresh_role_name())])
        }
        "/access/groups/{id}/remove" => by(to_group(path, case.fresh_group().await)),
        "/access/groups/{id}/members" => {
            by(to_group(path, case.fresh_group().await)).form(vec![("user", "somebody".to_owned())])
        }
        "/access/groups/{id}/members/{user}/remove" => {
            by(format!("{}/remove", page(case.fresh_member().await)))
        }
        "/access/groups/{id}/grants" => by(to_group(path, case.fresh_group().await)).form(vec![
            ("role", "viewer".to_owned()),
            ("at", "everything".to_owned()),
        ]),
        "/access/groups/{id}/grants/{grant}/take" => {
            by(format!("{}/take", page(case.fresh_group_grant().await)))
        }
        _ => return None,
    })
}
