//! Two whole Hosts on one database have one cluster CA: what one rotates, the other signs with.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::StreamExt;
use serde_json::json;
use tokio::sync::watch;
use watchroom::node_identity::NodeIdentity;
use watchroom_fleet::nodes::RenewalError;
use watchroom_kit::Ambient;
use watchroom_model::console::{ConsoleEvent, ConsoleFrom, Source};
use watchroom_model::{NodeId, ServerId};
use watchroom_policy::act;
use watchroom_testkit::{Machine, TestRoom, program};
use watchroom_trust::{ClusterCa, Fingerprint, NodeKey};

/// How long a change may take to be everywhere on a busy machine; it is looked for all the while.
const SOON: Duration = Duration::from_secs(30);

async fn two() -> (TestRoom, TestRoom) {
    let first = TestRoom::open(program!()).await;
    let second = first.replica(program!()).await;
    (first, second)
}

async fn until(what: &str, is_so: impl Fn() -> bool) {
    let deadline = tokio::time::Instant::now() + SOON;
    while !is_so() {
        assert!(tokio::time::Instant::now() < deadline, "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A machine that joined the first Host and is linked to both.
async fn linked_to_both(first: &TestRoom, second: &TestRoom) -> (Machine, NodeId) {
    let admin = first.admin("ada").await;
    let made = admin
        .post("/api/cluster/tokens", json!({ "auto_approve": true }))
        .await
        .json();
    let mut machine = Machine::new("buoy");
    let identity = machine.join(made["join_url"].as_str().expect("a join URL")).await;
    let mut identity = identity.unwrap_or_else(|failure| panic!("{failure:?}"));
    identity.addresses.push(second.address().to_string());
    identity
        .write(&machine.state())
        .unwrap_or_else(|failure| panic!("{failure:?}"));
    machine.start(program!()).await;
    let node = identity.node;
    until("it is linked to both", || {
        is_linked(first, node) && is_linked(second, node)
    })
    .await;
    (machine, node)
}

fn is_linked(room: &TestRoom, node: NodeId) -> bool {
    room.host.hub.link(node).is_some()
}

fn papers(machine: &Machine) -> NodeIdentity {
    let identity = NodeIdentity::read(&machine.state()).unwrap_or_else(|failure| panic!("{failure:?}"));
    identity.expect("an identity")
}

async fn close(first: TestRoom, second: TestRoom) {
    second.close().await;
    first.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_on_one_host_reaches_the_nodes_of_both_and_no_link_is_missing_after_it() {
    let (first, second) = two().await;
    let (machine, node) = linked_to_both(&first, &second).await;
    let before = first.host.cluster_ca.fingerprint();
    assert_eq!(second.host.cluster_ca.fingerprint(), before);
    let admin = first.admin("alice").await;
    let rotated = admin.post("/api/cluster/ca/rotate", json!({})).await.json();
    assert_eq!(rotated["outcome"], "done", "{rotated}");
    let after = first.host.cluster_ca.fingerprint();
    assert_eq!(rotated["fingerprint"], after.to_string());
    until("the other Host signs with it", || {
        second.host.cluster_ca.fingerprint() == after
    })
    .await;
    // Whichever Host the node asks, it is certified by the new CA, trusted by both, and moves on both links.
    let has_moved = || {
        let papers = papers(&machine);
        papers
            .chain
            .last()
            .is_some_and(|ca| Fingerprint::of(ca.der()) == after)
    };
    until("it is certified by the new CA", has_moved).await;
    until("the old CA has retired on both", || {
        [&first, &second]
            .iter()
            .all(|room| room.host.cluster_ca.retires_at().is_none())
    })
    .await;
    for room in [&first, &second] {
        assert_eq!(room.host.cluster_ca.anchors().len(), 1);
    }
    until("the node trusts the new one alone, and is linked to both", || {
        let authorities = papers(&machine).authorities;
        authorities.len() == 1 && is_linked(&first, node) && is_linked(&second, node)
    })
    .await;
    // The other way round, by the other Host.
    let admin = second.admin("otto").await;
    let again = admin.post("/api/cluster/ca/rotate", json!({})).await.json();
    assert_eq!(again["outcome"], "done", "{again}");
    until("the first follows", || {
        first.host.cluster_ca.fingerprint().to_string() == again["fingerprint"]
    })
    .await;
    // A revocation by one cuts the link to the other.
    let revoked = admin.delete(&format!("/api/cluster/nodes/{node}")).await;
    assert!(revoked.status < 300, "{}", revoked.text());
    until("no Host has a link to it", || {
        !is_linked(&first, node) && !is_linked(&second, node)
    })
    .await;
    machine.close().await;
    close(first, second).await;
}

/// Repeats what it is told.
const ECHO: &str = "while read line; do echo \"$line\"; done";

/// So often a line is sent: an administrator may ask 1,000 times a minute, however long the story takes.
const PACE: Duration = Duration::from_millis(70);

/// Sends numbered lines to a server by one Host, each of which must be taken; gives how many.
async fn send(room: &TestRoom, by: &str, server: ServerId, is_over: &AtomicBool) -> usize {
    let admin = room.admin(by).await;
    let path = format!("/api/servers/{server}/console");
    let mut sent = 0;
    while !is_over.load(Ordering::SeqCst) {
        let answer = admin.post(&path, json!({ "line": format!("{by} {sent}") })).await;
        assert_eq!(answer.status, 200, "{by} {sent}: {}", answer.text());
        sent += 1;
        tokio::time::sleep(PACE).await;
    }
    sent
}

/// Follows the server's console by one Host, which must not end, until it has said so many lines.
async fn hear(room: &TestRoom, server: ServerId, told: &watch::Sender<Option<usize>>) -> Vec<String> {
    let known = room.host.fleet.server(server).expect("a server");
    let permit = room.as_root(act::ReadConsole, &*known);
    let console = room.host.fleet.console(&permit, ConsoleFrom::Offset(0)).await;
    let (mut console, mut told) = (console.expect("a console"), told.subscribe());
    let mut heard = Vec::new();
    loop {
        let all = *told.borrow_and_update();
        if all == Some(heard.len()) {
            return heard;
        }
        tokio::select! {
            event = console.next() => match event.expect("it does not end").expect("it does not break") {
                ConsoleEvent::Lines(lines) => {
                    let printed = lines.into_iter().filter(|line| line.source == Source::Stdout);
                    heard.extend(printed.map(|line| line.text));
                }
                ConsoleEvent::Skipped { .. } => panic!("lines were skipped"),
            },
            changed = told.changed() => changed.expect("the story goes on"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_call_fails_and_no_console_ends_while_two_hosts_rotate_the_ca_in_turn() {
    let (first, second) = two().await;
    let (machine, node) = linked_to_both(&first, &second).await;
    let admins = [first.admin("alice").await, second.admin("otto").await];
    let new = json!({ "name": "echo", "node": node, "command": ["/bin/sh", "-c", ECHO] });
    let created = admins[0].post("/api/servers", new).await.json();
    let id = created["server"]["id"].as_str().expect("an id");
    let started = admins[0]
        .post(&format!("/api/servers/{id}/start"), json!({}))
        .await;
    assert_eq!(started.status, 200, "{}", started.text());
    let server: ServerId = id.parse().expect("an id");
    until("the other Host knows the server", || {
        second.host.fleet.server(server).is_some()
    })
    .await;
    let (is_over, told) = (AtomicBool::default(), watch::Sender::new(None));
    let rotate = async {
        for admin in admins.iter().cycle().take(4) {
            let rotated = admin.post("/api/cluster/ca/rotate", json!({})).await.json();
            assert_eq!(rotated["outcome"], "done", "{rotated}");
            until("both sign with it alone", || {
                [&first, &second].iter().all(|room| {
                    let ca = &room.host.cluster_ca;
                    ca.retires_at().is_none() && ca.fingerprint().to_string() == rotated["fingerprint"]
                })
            })
            .await;
        }
        is_over.store(true, Ordering::SeqCst);
    };
    let send_all = async {
        let (one, other, ()) = tokio::join!(
            send(&first, "bert", server, &is_over),
            send(&second, "carl", server, &is_over),
            rotate
        );
        told.send_replace(Some(one + other));
        (one, other)
    };
    let (sent, by_first, by_second) = tokio::join!(
        send_all,
        hear(&first, server, &told),
        hear(&second, server, &told)
    );
    assert_eq!(by_first, by_second);
    for (by, many) in [("bert", sent.0), ("carl", sent.1)] {
        let expected: Vec<_> = (0..many).map(|number| format!("{by} {number}")).collect();
        let heard: Vec<_> = by_first
            .iter()
            .filter(|line| line.starts_with(by))
            .cloned()
            .collect();
        assert_eq!(heard, expected);
    }
    machine.close().await;
    close(first, second).await;
}

/// Writes the next CA down as a Host does, in the moment before anybody is told, with what `change` makes of it.
fn rotate_unheard(room: &TestRoom, ca: &ClusterCa, change: impl Fn(String) -> String) -> Fingerprint {
    let next = ca
        .successor(&Ambient::system())
        .expect("no rotation is under way");
    let (fingerprint, before) = (next.fingerprint().expect("a certificate"), ca.fingerprint());
    let sealed = change(serde_json::to_string(&next).expect("JSON"));
    room.run_sql(&format!(
        "INSERT INTO cluster_authorities (fingerprint, replaces, sealed) \
         VALUES ('{fingerprint}', '{before}', '{sealed}')"
    ));
    fingerprint
}

/// What a node sends to be certified anew, and the fingerprint of its key as a Host knows it.
fn asks_for_papers(machine: &Machine, room: &TestRoom, node: NodeId) -> (Vec<u8>, String) {
    let key = NodeKey::open_or_make(&machine.state()).expect("the node's key");
    let node = room.host.fleet.node(node);
    let known = node.and_then(|node| node.key_fingerprint());
    (
        key.request().expect("a request").to_vec(),
        known.expect("it has joined"),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_has_not_heard_of_a_rotation_certifies_by_the_new_ca_all_the_same() {
    let (first, second) = two().await;
    let (machine, node) = linked_to_both(&first, &second).await;
    let ca = &second.host.cluster_ca;
    let before = ca.fingerprint();
    let fingerprint = rotate_unheard(&first, ca, |sealed| sealed);
    assert_eq!(ca.fingerprint(), before);
    let (request, known) = asks_for_papers(&machine, &second, node);
    let renewed = second.host.fleet.renew(node, &known, &request, None).await;
    let chain = renewed.expect("papers").certified.chain;
    assert_eq!(chain.last().map(|ca| Fingerprint::of(ca)), Some(fingerprint));
    assert_eq!(ca.fingerprint(), fingerprint);
    // One whose key does not open here: a certificate by the CA that it has would send the node back.
    let foreign = format!(
        "UPDATE cluster_authorities SET sealed = replace(sealed, 'sealed_key\":\"', 'sealed_key\":\"AAAA') WHERE fingerprint = '{fingerprint}'"
    );
    first.run_sql(&foreign);
    let refused = second.host.fleet.renew(node, &known, &request, None).await;
    assert!(matches!(refused, Err(RenewalError::Authority(_))), "{refused:?}");
    let checks = second
        .admin("otto")
        .await
        .get("/api/security/doctor")
        .await
        .json();
    let all = checks["items"].as_array().expect("checks");
    let keys = all
        .iter()
        .find(|check| check["id"] == "keys")
        .expect("one of keys");
    assert_eq!(keys["finding"], "bad");
    let evidence = keys["evidence"].as_str().expect("a sentence");
    assert!(evidence.contains("renews no node"), "{evidence}");
    machine.close().await;
    close(first, second).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ca_that_could_not_be_taken_up_is_taken_up_as_soon_as_it_can() {
    let (first, second) = two().await;
    let (machine, node) = linked_to_both(&first, &second).await;
    let ca = &second.host.cluster_ca;
    let (opens, does_not) = ("sealed_key\":\"", "sealed_key\":\"AAAA");
    let fingerprint = rotate_unheard(&first, ca, |sealed| sealed.replace(opens, does_not));
    let (request, known) = asks_for_papers(&machine, &second, node);
    let refused = second.host.fleet.renew(node, &known, &request, None).await;
    assert!(matches!(refused, Err(RenewalError::Authority(_))), "{refused:?}");
    // Nobody is told that it opens by now.
    first.run_sql(&format!(
        "UPDATE cluster_authorities SET sealed = replace(sealed, '{does_not}', '{opens}')"
    ));
    until("the second Host signs by the new CA", || {
        ca.fingerprint() == fingerprint
    })
    .await;
    machine.close().await;
    close(first, second).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_hosts_that_rotate_at_once_one_does_and_the_other_is_told() {
    let (first, second) = two().await;
    let (ada, otto) = (first.admin("ada").await, second.admin("otto").await);
    let (one, other) = tokio::join!(
        ada.post("/api/cluster/ca/rotate", json!({})),
        otto.post("/api/cluster/ca/rotate", json!({}))
    );
    let (one, other) = (one.json(), other.json());
    let mut outcomes =
        [&one, &other].map(|answer| answer["outcome"].as_str().expect("an outcome").to_owned());
    outcomes.sort();
    assert_eq!(outcomes, ["already_so", "done"]);
    assert_eq!(one["fingerprint"], other["fingerprint"]);
    for room in [&first, &second] {
        assert_eq!(room.host.cluster_ca.fingerprint().to_string(), one["fingerprint"]);
    }
    close(first, second).await;
}
