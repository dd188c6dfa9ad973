//! A machine is restarted from the Host: by whom, how it is followed, and how it is called off; and what it measures.

use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::body::Body;
use http::Method;
use http::header::CONTENT_TYPE;
use serde_json::{Value, json};
use watchroom_node::Power;
use watchroom_testkit::{Answer, Machine, TestRoom, Visitor, program};

/// A server that ends when it is asked to.
const LASTING: &str = "trap 'exit 0' TERM; echo up; while :; do sleep 0.05; done";

/// A second machine, the id of its node, and the file in which its command leaves a line.
async fn attic(admin: &Visitor) -> (Machine, String, PathBuf) {
    let wishes = json!({ "auto_approve": true });
    let made = admin.post("/api/cluster/tokens", wishes).await.json();
    let mut machine = Machine::new("attic");
    let joined = machine.join(made["join_url"].as_str().expect("a URL")).await;
    let identity = joined.unwrap_or_else(|failure| panic!("{}", failure.render(false)));
    let told = machine.state().join("told");
    machine.start_with(program!(), power(&told)).await;
    until(admin, "/api/nodes", |nodes| {
        nodes["items"].as_array().is_some_and(|nodes| {
            nodes
                .iter()
                .any(|node| node["name"] == "attic" && node["status"] == "online")
        })
    })
    .await;
    (machine, identity.node.to_string(), told)
}

/// A machine that may be restarted, where a command of the story plays systemd.
fn power(told: &Path) -> Power {
    let command = ["/bin/sh", "-c", &format!("echo restart >> {}", told.display())].map(str::to_owned);
    Power {
        restart: true,
        restart_command: command.to_vec(),
        ..Power::default()
    }
}

/// Asks until it is so, and gives the answer.
async fn until(visitor: &Visitor, path: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
    loop {
        let answer = visitor.get(path).await.json();
        if is_so(&answer) {
            return answer;
        }
        assert!(tokio::time::Instant::now() < deadline, "waited in vain: {answer}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn restart(visitor: &Visitor, node: &str, key: &str, name: &str) -> Answer {
    let request = visitor
        .request(Method::POST, &format!("/api/nodes/{node}/restart"))
        .header(CONTENT_TYPE, "application/json")
        .header("idempotency-key", key);
    let body = Body::from(json!({ "confirm_name": name }).to_string());
    visitor.send(request.body(body).expect("a request")).await
}

async fn server(admin: &Visitor, node: &str, name: &str, script: &str) -> String {
    let new = json!({ "name": name, "node": node, "command": ["/bin/sh", "-c", script], "stop": { "patience_s": 60 } });
    let made = admin.post("/api/servers", new).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let id = made.json()["server"]["id"].as_str().expect("an id").to_owned();
    let started = admin.post(&format!("/api/servers/{id}/start"), json!({})).await;
    assert_eq!(started.status, 200, "{}", started.text());
    let console = format!("/api/servers/{id}/logs");
    until(admin, &console, |lines| lines.to_string().contains("\"up\"")).await;
    id
}

fn told(file: &Path) -> usize {
    std::fs::read_to_string(file).unwrap_or_default().lines().count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_is_restarted_by_an_administrator_once_and_its_servers_come_back() {
    let room = TestRoom::open(program!()).await;
    let (admin, vera) = (room.admin("alice").await, room.viewer("vera").await);
    let (mut machine, node, file) = attic(&admin).await;
    let web = server(&admin, &node, "web", LASTING).await;

    restart(&vera, &node, "v", "attic")
        .await
        .problem(403, "permission-missing");
    let carol = room.account("carol", "admin").await;
    let by_script = Visitor::with_token(room.client(), &room.token(carol, false).await);
    restart(&by_script, &node, "c", "attic")
        .await
        .problem(403, "step-up-required");
    restart(&admin, &node, "k0", "cellar")
        .await
        .fault(400, "invalid-input", "confirm_name");
    assert_eq!(told(&file), 0);

    let begun = restart(&admin, &node, "k1", "attic").await;
    assert_eq!(begun.status, 202, "{}", begun.text());
    let id = begun.json()["id"].as_str().expect("an id").to_owned();
    let path = format!("/api/operations/{id}");
    let ended = until(&vera, &path, |operation| operation["state"] != "underway").await;
    assert_eq!(ended["state"], "done", "{ended}");
    assert_eq!(ended["kind"], "restart_node");
    assert_eq!(ended["by"], "alice");
    assert_eq!(
        ended["outcome"],
        "stopped first: web; the machine was told to restart"
    );
    assert_eq!(ended["progress"], json!({ "done": 1, "of": 1 }));
    let again = restart(&admin, &node, "k1", "attic").await;
    assert_eq!((again.status, again.json()), (202, ended));
    assert_eq!(told(&file), 1, "the same key does it once");
    admin
        .post(&format!("{path}/cancel"), json!({}))
        .await
        .problem(409, "operation-over");

    let shown = format!("/api/servers/{web}");
    let down = until(&vera, &shown, |server| server["status"] == "stopped").await;
    assert_eq!(down["desired"], "running");
    let reason = down["reason"].as_str().expect("a reason");
    assert!(
        reason.starts_with("stopped for the machine's restart by alice"),
        "{reason}"
    );
    machine.switch_off().await;
    machine.start_with(program!(), power(&file)).await;
    until(&vera, &shown, |server| server["status"] == "running").await;

    let audit = admin.get("/api/audit?limit=500").await.json();
    let entries = audit["items"].as_array().expect("entries").iter();
    let phases: Vec<_> = entries
        .filter(|entry| entry["action"] == "node.restart" && entry["result"] == "success")
        .filter_map(|entry| entry["extra"]["phase"].as_str())
        .collect();
    assert_eq!(
        phases,
        ["outcome", "intent"],
        "newest first; the repeated request began nothing"
    );
    admin.delete(&format!("/api/servers/{web}")).await;
    machine.close().await;
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_is_called_off_while_servers_are_still_being_stopped() {
    let room = TestRoom::open(program!()).await;
    let (admin, vera) = (room.admin("alice").await, room.viewer("vera").await);
    let (machine, node, file) = attic(&admin).await;
    // Its first run will not end when it is asked to, only when there is enough.
    let script = "trap 'exit 0' TERM; [ -e again ] || trap '' TERM; touch again; echo up; while :; do [ -e enough ] && rm enough && exit 0; sleep 0.05; done";
    let slow = server(&admin, &node, "slow", script).await;

    let begun = restart(&admin, &node, "k", "attic").await;
    assert_eq!(begun.status, 202, "{}", begun.text());
    assert_eq!(begun.json()["state"], "underway");
    assert_eq!(begun.json()["progress"], json!({ "done": 0, "of": 1 }));
    let path = format!("/api/operations/{}", begun.json()["id"].as_str().expect("an id"));
    vera.post(&format!("{path}/cancel"), json!({}))
        .await
        .problem(403, "permission-missing");
    let off = admin.post(&format!("{path}/cancel"), json!({})).await;
    assert_eq!(off.status, 200, "{}", off.text());
    let ended = until(&vera, &path, |operation| operation["state"] != "underway").await;
    assert_eq!(ended["state"], "called_off", "{ended}");
    let outcome = ended["outcome"].as_str().expect("words");
    assert!(outcome.starts_with("called off by alice"), "{outcome}");
    assert_eq!(told(&file), 0);

    // It was asked to end already; once it has, it is started again.
    let enough = machine.state().join("servers").join(&slow).join("enough");
    std::fs::write(enough, "").expect("the server's folder");
    let shown = format!("/api/servers/{slow}");
    until(&vera, &shown, |server| {
        server["reason"]
            .as_str()
            .is_some_and(|reason| reason.contains("stopped for the machine's restart"))
            && server["status"] == "running"
    })
    .await;
    admin.delete(&shown).await;
    machine.close().await;
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_does_not_allow_it_refuses_by_the_key_that_would() {
    let room = TestRoom::open(program!()).await;
    let admin = room.admin("alice").await;
    let nodes = admin.get("/api/nodes").await.json();
    let node = &nodes["items"][0];
    let (id, name) = (node["id"].as_str().expect("an id"), node["name"].clone());
    let path = format!("/api/nodes/{id}/shutdown");
    let refused = admin.post(&path, json!({ "confirm_name": name })).await;
    // It is told at once; on a very busy machine only by the operation.
    let why = match refused.status {
        409 => refused.problem(409, "refused-by-node")["detail"].clone(),
        _ => {
            let path = format!(
                "/api/operations/{}",
                refused.json()["id"].as_str().expect("an id")
            );
            until(&admin, &path, |operation| operation["state"] == "failed").await["outcome"].clone()
        }
    };
    let why = why.as_str().expect("words");
    assert!(why.contains("shutdown = true under [power] in"), "{why}");
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_metrics_of_a_node_that_is_away_show_their_age() {
    let room = TestRoom::open(program!()).await;
    let (admin, vera) = (room.admin("alice").await, room.viewer("vera").await);
    let (mut machine, node, _) = attic(&admin).await;
    let path = format!("/api/nodes/{node}/metrics");
    let seen = until(&vera, &path, |metrics| metrics["samples"].get(0).is_some()).await;
    assert_eq!((&seen["is_current"], &seen["reason"]), (&json!(true), &json!("")));
    let sample = &seen["samples"][0];
    assert!(sample["memory"]["total_bytes"].as_u64() > Some(0), "{sample}");
    let later = vera
        .get(&format!("{path}?since=2100-01-01T00:00:00Z"))
        .await
        .json();
    assert_eq!(later["samples"], json!([]));
    vera.get(&format!("{path}?since=yesterday"))
        .await
        .fault(400, "invalid-input", "since");

    machine.switch_off().await;
    let away = until(&vera, &path, |metrics| metrics["is_current"] == false).await;
    assert!(away["age_s"].as_i64() >= Some(0), "{away}");
    assert!(!away["reason"].as_str().expect("words").is_empty(), "{away}");
    assert!(away["samples"].get(0).is_some(), "what was known last: {away}");
    machine.close().await;
    room.close().await;
}
