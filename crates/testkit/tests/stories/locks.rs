//! Locked for a while: whom it stops, whichever way they come, how it ends, and who cannot be locked out.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use watchroom_identity::NewLock;
use watchroom_model::{NodeStatus, UserId};
use watchroom_policy::{Resource, ResourceKind, act};
use watchroom_testkit::{PASSWORD, TestRoom, Visitor, program};

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

async fn lock(visitor: &Visitor, target: &str) -> Value {
    let new = json!({ "target": target, "for_s": 3600, "reason": "a drill" });
    let answer = visitor.post("/api/locks", new).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()
}

async fn lift(visitor: &Visitor, lock: &Value) {
    let id = lock["id"].as_str().expect("an id");
    let answer = visitor.delete(&format!("/api/locks/{id}")).await;
    assert_eq!(answer.status, 204, "{}", answer.text());
}

async fn until_status(visitor: &Visitor, path: &str, status: u16) {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while visitor.get(path).await.status != status {
        assert!(
            tokio::time::Instant::now() < deadline,
            "{path} does not come to {status}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Locks as root on the socket does.
async fn lock_as_root(room: &TestRoom, target: &str, for_s: u64) -> watchroom_identity::LockView {
    let identity = &room.host.identity;
    let permit = room.as_root(act::CreateLock, &identity.draft_lock());
    let new = NewLock {
        target: target.parse().expect("a target"),
        for_s,
        reason: "a drill".to_owned(),
        confirm: false,
    };
    identity.make_lock(&permit, new).await.expect("a lock")
}

async fn lift_as_root(room: &TestRoom, lock: &watchroom_identity::LockView) {
    let permit = room.as_root(act::LiftLock, lock);
    room.host.identity.lift_lock(&permit).await.expect("lifted");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_person_hears_the_same_whichever_way_they_come_and_a_thief_hears_nothing() {
    let room = TestRoom::open(program!()).await;
    let ada = room.admin("ada").await;
    let vera = room.account("vera", "viewer").await;
    let token = Visitor::with_token(room.client(), &room.token(vera, true).await);
    let mut session = room.stranger();
    session.sign_in("vera", PASSWORD).await;
    let (heard, made) = tokio::join!(
        tokio::time::timeout(PATIENCE, token.listen("/api/stream", None, |_| false)),
        async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            lock(&ada, &format!("user:{vera}")).await
        }
    );
    let heard = heard.expect("the stream ends");
    assert!(heard.contains("event: ended"), "{heard}");

    let refused = token.get("/api/nodes").await;
    refused.problem(423, "access-locked");
    assert!(refused.json()["decision_id"].is_string(), "{}", refused.text());
    assert_eq!(
        refused.json()["locked_until"],
        made["until"],
        "{}",
        refused.text()
    );
    assert!(
        !refused.text().contains("drill"),
        "the reason is not theirs to hear"
    );
    assert_eq!(
        session.get("/api/nodes").await.status,
        401,
        "the session has ended"
    );
    let right = room.stranger().try_sign_in("vera", PASSWORD).await;
    assert_eq!(right.status, 423, "{}", right.text());
    assert!(right.text().contains("ccess is locked until"), "{}", right.text());
    let wrong = room.stranger().try_sign_in("vera", "Wrong guess 123!").await;
    let nobody = room.stranger().try_sign_in("nobody", "Wrong guess 123!").await;
    assert_eq!((wrong.status, nobody.status), (401, 401));
    assert!(!wrong.text().contains("locked until"), "{}", wrong.text());

    let listed = ada.get("/api/locks").await.json();
    assert_eq!(listed["items"][0]["name"], "vera");
    assert_eq!(listed["items"][0]["made_by"], "ada");
    lift(&ada, &made).await;
    assert_eq!(ada.get("/api/locks").await.json()["items"], json!([]));
    assert_eq!(token.get("/api/nodes").await.status, 200);
    assert_eq!(
        session.get("/api/nodes").await.status,
        401,
        "an ended session stays ended"
    );
    room.stranger().sign_in("vera", PASSWORD).await;

    let entries = ada.get("/api/audit?event_type=SECURITY&limit=500").await.json();
    let acts: Vec<&str> = entries["items"]
        .as_array()
        .expect("entries")
        .iter()
        .filter_map(|entry| entry["action"].as_str())
        .collect();
    for act in ["lock.create", "lock.lift"] {
        assert!(acts.contains(&act), "{act} in {acts:?}");
    }
    let refusals = ada.get("/api/audit?action=session.fail&limit=500").await.json();
    assert!(
        refusals.to_string().contains("ccess is locked until"),
        "{refusals}"
    );
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_token_leaves_its_owner_their_other_ways() {
    let room = TestRoom::open(program!()).await;
    let ada = room.admin("ada").await;
    let vera = room.account("vera", "viewer").await;
    let lost = Visitor::with_token(room.client(), &room.token(vera, true).await);
    let ids = ada.get("/api/tokens?limit=500").await.json();
    let of_vera = |item: &&Value| item["owner"] == json!(vera);
    let id = ids["items"]
        .as_array()
        .expect("tokens")
        .iter()
        .find(of_vera)
        .expect("hers")["id"]
        .clone();
    let kept = Visitor::with_token(room.client(), &room.token(vera, true).await);
    let made = lock(&ada, &format!("token:{}", id.as_str().expect("an id"))).await;
    lost.get("/api/nodes").await.problem(423, "access-locked");
    assert_eq!(kept.get("/api/nodes").await.status, 200);
    lift(&ada, &made).await;
    assert_eq!(lost.get("/api/nodes").await.status, 200);
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_role_gives_nothing_until_the_lock_is_over_by_itself() {
    let room = TestRoom::open(program!()).await;
    let olga = room.operator("olga").await;
    let vera = room.viewer("vera").await;
    let session = room.signed_in("otto", "operator").await;
    let id = olga.get("/api/nodes").await.json()["items"][0]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let ping = format!("/api/cluster/nodes/{id}/ping");
    assert_eq!(olga.post(&ping, json!({})).await.status, 200);
    let (heard, _) = tokio::join!(
        tokio::time::timeout(PATIENCE, olga.listen("/api/stream", None, |_| false)),
        async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            lock_as_root(&room, "role:operator", 3).await
        }
    );
    let heard = heard.expect("a stream that began with more ends");
    assert!(
        !heard.contains("event: ended"),
        "to come again with less: {heard}"
    );
    olga.get("/api/nodes").await.problem(403, "permission-missing");
    session.get("/api/nodes").await.problem(403, "permission-missing");
    assert_eq!(session.get("/api/auth/me").await.json()["grants"], json!([]));
    assert_eq!(vera.get("/api/nodes").await.status, 200, "other roles go on");
    assert_eq!(room.stranger().try_sign_in("otto", PASSWORD).await.status, 303);

    until_status(&olga, "/api/nodes", 200).await;
    assert_eq!(
        session.get("/api/nodes").await.status,
        200,
        "the session went on all the while"
    );
    assert_eq!(session.submit("/logout", &[]).await.status, 303);
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_everything_is_locked_only_health_and_the_socket_go_on() {
    let room = TestRoom::open(program!()).await;
    let ada = room.admin("ada").await;
    let session = room.signed_in("vera", "viewer").await;
    let lock = lock_as_root(&room, "everything", 3600).await;
    let stranger = room.stranger();
    for (visitor, path) in [
        (&stranger, "/login"),
        (&stranger, "/api/openapi.json"),
        (&ada, "/api/nodes"),
        (&session, "/"),
    ] {
        let refused = visitor.get(path).await;
        refused.assert_dressed();
        refused.problem(423, "access-locked");
    }
    let request = stranger
        .request(Method::POST, "/login")
        .body(axum::body::Body::from("username=ada"))
        .expect("a request");
    assert_eq!(stranger.send(request).await.status, 423);
    let page = stranger.look("/login").await;
    assert_eq!(page.status, 423);
    assert!(page.text().contains("ccess is locked until"), "{}", page.text());
    assert_eq!(stranger.get("/health").await.status, 200);
    let node = room.host.fleet.local_node().expect("a node");
    assert_eq!(
        room.host.fleet.view_node(&node).status,
        NodeStatus::Online,
        "the Host's own node goes on"
    );

    lift_as_root(&room, &lock).await;
    assert_eq!(ada.get("/api/nodes").await.status, 200);
    assert_eq!(session.get("/api/nodes").await.status, 401, "sessions have ended");
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_nodes_link_is_cut_and_comes_back_when_the_lock_is_lifted() {
    let room = TestRoom::open(program!()).await;
    let ada = room.admin("ada").await;
    let node = room.host.fleet.local_node().expect("a node");
    let made = lock(&ada, &format!("node:{}", node.id())).await;
    let fleet = &room.host.fleet;
    room.until("the link is cut", || {
        let is_locked = fleet.view_node(&node).status == NodeStatus::Locked;
        (is_locked && !room.host.has_local_link()).then_some(())
    })
    .await;
    lift(&ada, &made).await;
    room.until("the link is back", || {
        let is_online = fleet.view_node(&node).status == NodeStatus::Online;
        (is_online && room.host.has_local_link()).then_some(())
    })
    .await;
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_locks_out_themselves_or_the_last_administrator_without_saying_so() {
    let room = TestRoom::open(program!()).await;
    let ada = room.account("ada", "admin").await;
    let by_token = Visitor::with_token(room.client(), &room.token(ada, true).await);
    let own = [
        format!("user:{ada}"),
        "role:admin".to_owned(),
        "everything".to_owned(),
    ];
    for target in &own {
        let new = json!({ "target": target, "for_s": 60, "reason": "a slip" });
        by_token.post("/api/locks", new).await.problem(409, "lock-held");
    }
    assert_eq!(
        by_token.get("/api/locks?status=all").await.json()["items"],
        json!([]),
        "nothing was kept"
    );
    let sure = json!({ "target": own[0], "for_s": 60, "reason": "a test", "confirm": true });
    assert_eq!(by_token.post("/api/locks", sure).await.status, 201);
    by_token.get("/api/locks").await.problem(423, "access-locked");
    let root = watchroom_policy::Principal::local("root");
    let held = room
        .host
        .identity
        .locks(&root, &Default::default(), &Default::default())
        .await;
    lift_as_root(&room, &held.expect("a page").items[0]).await;
    assert_eq!(by_token.get("/api/locks").await.status, 200);
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_or_not_a_lock_is_refused_with_the_field_that_is_wrong() {
    let room = TestRoom::open(program!()).await;
    let ada = room.admin("ada").await;
    let nobody = UserId::mint(room.host.ambient());
    let wrongs = [
        (
            json!({ "target": format!("user:{nobody}"), "for_s": 60, "reason": "x" }),
            "target",
        ),
        (
            json!({ "target": format!("node:{nobody}"), "for_s": 60, "reason": "x" }),
            "target",
        ),
        (
            json!({ "target": "role:nothing", "for_s": 60, "reason": "x" }),
            "target",
        ),
        (
            json!({ "target": "role:viewer", "for_s": 0, "reason": "x" }),
            "for_s",
        ),
        (
            json!({ "target": "role:viewer", "for_s": 99_999_999_999_u64, "reason": "x" }),
            "for_s",
        ),
        (
            json!({ "target": "role:viewer", "for_s": 60, "reason": " " }),
            "reason",
        ),
    ];
    for (wrong, field) in wrongs {
        let answer = ada.post("/api/locks", wrong.clone()).await;
        answer.problem(400, "invalid-input");
        assert_eq!(answer.json()["errors"][0]["field"], field, "{wrong}");
    }
    assert_eq!(ada.delete(&format!("/api/locks/{nobody}")).await.status, 404);
    room.as_root(act::ListLocks, &Resource::all(ResourceKind::Lock));
    room.close().await;
}
