//! Roles that people make and change, who is given them where, and that nobody comes to more than they held.

use std::time::Duration;

use serde_json::{Value, json};
use watchroom_model::UserId;
use watchroom_testkit::{PASSWORD, TestRoom, Visitor, program};

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

async fn made(admin: &Visitor, name: &str, permissions: &[&str]) {
    let role = json!({ "name": name, "role": { "permissions": permissions, "per_minute": 1000 } });
    let answer = admin.post("/api/roles", role).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
}

async fn given(admin: &Visitor, user: UserId, role: &str, scope: &str) -> String {
    let answer = admin
        .post(
            "/api/grants",
            json!({ "user": user, "role": role, "scope": scope }),
        )
        .await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()["id"].as_str().expect("an id").to_owned()
}

fn items(list: &Value) -> Vec<Value> {
    list["items"].as_array().expect("items").clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_role_counts_at_once_for_sessions_tokens_and_open_streams() {
    let room = TestRoom::open(program!()).await;
    let ada = room.admin("ada").await;
    made(&ada, "night-watch", &["nets:read"]).await;
    let otto = room.account("otto", "night-watch").await;
    let token = Visitor::with_token(room.client(), &room.token(otto, false).await);
    let mut session = room.stranger();
    session.sign_in("otto", PASSWORD).await;
    token.get("/api/nodes").await.problem(403, "permission-missing");

    let wider = json!({ "permissions": ["nets:read", "nodes:*"], "per_minute": 100 });
    let if_so = ada
        .post("/api/roles/night-watch/what-if", wider.clone())
        .await
        .json();
    let gain = json!([{
        "user": otto, "name": "otto", "scope": "everything",
        "permissions": ["nodes:read", "nodes:approve", "nodes:modify"],
    }]);
    assert_eq!(if_so, json!({ "gains": gain, "loses": [] }));
    token.get("/api/nodes").await.problem(403, "permission-missing");
    assert_eq!(ada.post("/api/roles/night-watch", wider).await.status, 200);
    for visitor in [&token, &session] {
        assert_eq!(visitor.get("/api/nodes").await.status, 200);
    }
    let (heard, _) = tokio::join!(
        tokio::time::timeout(PATIENCE, token.listen("/api/stream", None, |_| false)),
        async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            let less = json!({ "permissions": ["nets:read"] });
            assert_eq!(ada.post("/api/roles/night-watch", less).await.status, 200);
        }
    );
    heard.expect("the stream that may hear of nodes ends");
    for visitor in [&token, &session] {
        visitor.get("/api/nodes").await.problem(403, "permission-missing");
    }
    let entries = ada.get("/api/audit?action=role.change&limit=500").await.json();
    assert_eq!(items(&entries).len(), 2, "{entries}");
    assert_eq!(items(&entries)[0]["event_type"], "SECURITY");
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_at_a_scope_reaches_that_and_no_more() {
    let room = TestRoom::open(program!()).await;
    let ada = room.admin("ada").await;
    let (web, other) = (
        room.server(&ada, "web", "true").await,
        room.server(&ada, "other", "true").await,
    );
    made(&ada, "nothing", &[]).await;
    let otto = room.account("otto", "nothing").await;
    let token = Visitor::with_token(room.client(), &room.token(otto, false).await);
    assert_eq!(token.get(&format!("/api/servers/{web}")).await.status, 404);
    let grant = given(&ada, otto, "operator", &format!("server:{web}")).await;
    assert_eq!(token.get(&format!("/api/servers/{web}")).await.status, 200);
    assert_eq!(token.get(&format!("/api/servers/{other}")).await.status, 404);

    let who = ada
        .get(&format!(
            "/api/who-can?permission=compute:control&on=server:{web}"
        ))
        .await
        .json();
    let names: Vec<_> = items(&who)
        .iter()
        .map(|one| (one["name"].clone(), one["role"].clone(), one["scope"].clone()))
        .collect();
    let by = |name: &str, role: &str, scope: String| (json!(name), json!(role), json!(scope));
    assert_eq!(
        names,
        [
            by("ada", "admin", "everything".to_owned()),
            by("otto", "operator", format!("server:{web}"))
        ]
    );
    let elsewhere = ada
        .get(&format!(
            "/api/who-can?permission=compute:control&on=server:{other}"
        ))
        .await
        .json();
    assert_eq!(items(&elsewhere).len(), 1, "{elsewhere}");
    ada.get("/api/who-can?permission=compute:*")
        .await
        .problem(400, "invalid-input");
    ada.get("/api/who-can?permission=compute:read&on=server:nothing")
        .await
        .problem(400, "invalid-input");

    let again = json!({ "user": otto, "role": "operator", "scope": format!("server:{web}") });
    ada.post("/api/grants", again)
        .await
        .problem(409, "already-granted");
    assert_eq!(ada.delete(&format!("/api/grants/{grant}")).await.status, 204);
    assert_eq!(token.get(&format!("/api/servers/{web}")).await.status, 404);
    assert_eq!(ada.delete(&format!("/api/grants/{grant}")).await.status, 404);
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_comes_to_more_than_they_hold_by_making_changing_giving_or_taking() {
    let room = TestRoom::open(program!()).await;
    let ada = room.admin("ada").await;
    made(&ada, "clerk", &["roles:*", "users:*", "tokens:*", "nodes:read"]).await;
    let carl = room.account("carl", "clerk").await;
    let clerk = Visitor::with_token(room.client(), &room.token(carl, true).await);
    let more = ["*", "nodes:*", "compute:control", "audit:read"];
    for permission in more {
        let role = json!({ "name": "mine", "role": { "permissions": [permission] } });
        clerk.post("/api/roles", role).await.problem(403, "more-than-own");
        // What he holds is in it, and more.
        let wider = json!({ "permissions": ["roles:*", "users:*", "tokens:*", "nodes:read", permission] });
        clerk
            .post("/api/roles/clerk", wider)
            .await
            .problem(403, "more-than-own");
    }
    // Nor may he weaken, or rename by hand, what is above him.
    clerk
        .post("/api/roles/operator", json!({ "permissions": [] }))
        .await
        .problem(403, "more-than-own");
    clerk
        .post("/api/roles/admin", json!({ "permissions": ["nodes:read"] }))
        .await
        .problem(409, "role-fixed");
    for role in ["admin", "operator", "viewer"] {
        let grant = json!({ "user": carl, "role": role });
        clerk
            .post("/api/grants", grant)
            .await
            .problem(403, "more-than-own");
        let new = json!({ "name": format!("new-{role}"), "role": role, "password": PASSWORD });
        clerk.post("/api/users", new).await.problem(403, "more-than-own");
        clerk
            .post("/api/users/invitations", json!({ "role": role }))
            .await
            .problem(403, "more-than-own");
    }
    let grants = ada.get("/api/grants?role=admin").await.json();
    let of_ada = items(&grants)[0]["id"].as_str().expect("an id").to_owned();
    clerk
        .delete(&format!("/api/grants/{of_ada}"))
        .await
        .problem(403, "more-than-own");
    for target in ["role:operator", "role:admin", "everything"] {
        let lock = json!({ "target": target, "for_s": 60, "reason": "mine", "confirm": true });
        clerk.post("/api/locks", lock).await.problem(403, "more-than-own");
    }
    // What he holds he may give.
    let role = json!({ "name": "reader", "role": { "permissions": ["nodes:read"] } });
    assert_eq!(clerk.post("/api/roles", role).await.status, 201);
    assert_eq!(
        clerk
            .post("/api/grants", json!({ "user": carl, "role": "reader" }))
            .await
            .status,
        201
    );
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_administrator_stays_and_so_does_what_the_role_holds() {
    let room = TestRoom::open(program!()).await;
    let ada = room.admin("ada").await;
    let grants = ada.get("/api/grants?role=admin").await.json();
    let own = items(&grants)[0]["id"].as_str().expect("an id").to_owned();
    ada.delete(&format!("/api/grants/{own}"))
        .await
        .problem(409, "last-administrator");
    ada.post("/api/roles/admin", json!({ "permissions": ["nodes:read"] }))
        .await
        .problem(409, "role-fixed");
    ada.delete("/api/roles/admin").await.problem(409, "role-fixed");
    room.account("eve", "admin").await;
    assert_eq!(ada.delete(&format!("/api/grants/{own}")).await.status, 204);
    ada.get("/api/grants").await.problem(403, "permission-missing");
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_is_removed_once_nobody_holds_it_and_a_built_in_one_is_as_it_was() {
    let room = TestRoom::open(program!()).await;
    let ada = room.admin("ada").await;
    made(&ada, "crew", &["nets:read"]).await;
    let vera = room.account("vera", "crew").await;
    ada.delete("/api/roles/crew").await.problem(409, "role-in-use");
    let grants = ada.get(&format!("/api/grants?user={vera}")).await.json();
    let grant = items(&grants)[0]["id"].as_str().expect("an id").to_owned();
    assert_eq!(ada.delete(&format!("/api/grants/{grant}")).await.status, 204);
    assert_eq!(ada.delete("/api/roles/crew").await.status, 204);
    assert_eq!(ada.get("/api/roles/crew").await.status, 404);

    let before = ada.get("/api/roles/viewer").await.json();
    let changed = ada
        .post("/api/roles/viewer", json!({ "permissions": ["nets:read"] }))
        .await
        .json();
    assert_eq!(
        (&changed["gives"], &changed["changed_by"]),
        (&json!(["nets:read"]), &json!("ada"))
    );
    assert_eq!(ada.delete("/api/roles/viewer").await.status, 204);
    assert_eq!(ada.get("/api/roles/viewer").await.json(), before);

    for (wrong, field) in [
        (json!({ "name": "Crew", "role": { "permissions": [] } }), "name"),
        (
            json!({ "name": "crew", "role": { "permissions": ["crew:*"] } }),
            "permissions",
        ),
        (
            json!({ "name": "crew", "role": { "permissions": [], "per_minute": 0 } }),
            "per_minute",
        ),
    ] {
        let answer = ada.post("/api/roles", wrong).await;
        answer.problem(400, "invalid-input");
        assert_eq!(answer.json()["errors"][0]["field"], field, "{}", answer.text());
    }
    let taken = json!({ "name": "viewer", "role": { "permissions": [] } });
    ada.post("/api/roles", taken).await.problem(409, "name-taken");
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_explained_to_whom_it_concerns_and_to_who_reads_the_log_alone() {
    let room = TestRoom::open(program!()).await;
    let ada = room.admin("ada").await;
    let (vera, other) = (room.viewer("vera").await, room.viewer("other").await);
    let aude = room.person("aude", "auditor").await;
    let web = room.server(&ada, "web", "true").await;
    let refused = vera.post(&format!("/api/servers/{web}/start"), json!({})).await;
    let problem = refused.problem(403, "permission-missing");
    let id = problem["decision_id"].as_str().expect("an id").to_owned();
    let path = format!("/api/decisions/{id}");
    for visitor in [&vera, &ada, &aude] {
        let told = visitor.get(&path).await;
        assert_eq!(told.status, 200, "{}", told.text());
        let told = told.json();
        assert_eq!(
            (&told["act"], &told["reason"]),
            (&json!("server.start"), &json!("missing")),
            "{told}"
        );
        assert_eq!(told["needs"], json!(["compute:control"]));
        assert_eq!(
            told["held"][0],
            json!({
                "role": "viewer", "scope": "everything", "source": "directly", "reaches": true, "gives": [],
            })
        );
        assert_eq!(told["words"], problem["detail"], "the same words");
    }
    assert_eq!(other.get(&path).await.status, 404);
    assert_eq!(room.stranger().get(&path).await.status, 401);
    let never = format!("/api/decisions/{}", UserId::mint(room.host.ambient()));
    assert_eq!(other.get(&never).await.status, 404);
    room.close().await;
}
