//! A node is revoked or replaced, and does not come back by itself.

use serde_json::{Value, json};
use watchroom_testkit::{Machine, TestRoom, program};

use super::{approve, check, invited, text, token, until_node};

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_node_is_cut_off_by_name_and_comes_back_by_a_replace_url_alone() {
    let room = TestRoom::open(program!()).await;
    let admin = room.admin("alice").await;
    let url = invited(&admin, json!({ "auto_approve": true })).await;
    let mut machine = Machine::new("attic");
    machine
        .join(&url)
        .await
        .unwrap_or_else(|failure| panic!("{}", failure.render(false)));
    machine.start(program!()).await;
    let id = text(&until_node(&admin, "attic", "online").await, "id").to_owned();
    let node = id.parse().expect("an id");
    let revoked = admin
        .delete(&format!("/api/cluster/nodes/{id}?reason=sold"))
        .await
        .json();
    assert_eq!(
        (revoked["outcome"].clone(), revoked["node"]["status"].clone()),
        (json!("done"), json!("revoked"))
    );
    room.until("the link is cut", || {
        room.host.hub.link(node).is_none().then_some(())
    })
    .await;
    let ping = admin
        .post(&format!("/api/cluster/nodes/{id}/ping"), json!(null))
        .await;
    ping.problem(409, "node-revoked");
    let new = json!({ "name": "web", "command": ["/bin/true"], "node": id });
    admin.post("/api/servers", new).await.problem(409, "node-revoked");
    assert_eq!(
        admin.delete(&format!("/api/cluster/nodes/{id}")).await.json()["outcome"],
        "already_so"
    );
    machine.close().await;

    // The same key asks again, with an invitation for anybody: it stays outside.
    let plain = invited(&admin, json!({ "auto_approve": true })).await;
    let mut back = Machine::new("attic");
    assert!(back.join(&plain).await.is_err());
    let replace = invited(&admin, json!({ "auto_approve": true, "replaces": "attic" })).await;
    let identity = back
        .join(&replace)
        .await
        .unwrap_or_else(|failure| panic!("{}", failure.render(false)));
    assert_eq!(
        identity.node.to_string(),
        id,
        "it has the place of the one before"
    );
    back.start(program!()).await;
    until_node(&admin, "attic", "online").await;
    back.close().await;
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_was_replaced_loses_its_link_and_may_not_come_back() {
    let room = TestRoom::open(program!()).await;
    let admin = room.admin("alice").await;
    let url = invited(&admin, json!({ "auto_approve": true })).await;
    let mut old = Machine::new("attic");
    old.join(&url)
        .await
        .unwrap_or_else(|failure| panic!("{}", failure.render(false)));
    old.start(program!()).await;
    until_node(&admin, "attic", "online").await;
    let replace = invited(&admin, json!({ "auto_approve": true, "replaces": "attic" })).await;
    let mut new = Machine::new("whatever");
    let identity = new
        .join(&replace)
        .await
        .unwrap_or_else(|failure| panic!("{}", failure.render(false)));
    assert_eq!(identity.name.as_str(), "attic");
    new.start(program!()).await;
    let fresh = new.key_fingerprint();
    room.until("the new machine has the link", || {
        let link = room.host.hub.link(identity.node)?;
        (link.key() == fresh).then_some(())
    })
    .await;
    let node = until_node(&admin, "attic", "online").await;
    assert_ne!(node["status"], "locked", "it is no copy: {node}");
    old.close().await;
    new.close().await;
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_was_replaced_is_given_no_papers_of_the_place_it_had() {
    let room = TestRoom::open(program!()).await;
    let (admin, stranger) = (room.admin("alice").await, room.stranger());
    let (old, late) = (Machine::new("attic"), Machine::new("cellar"));
    let ticket = old.request(&stranger, None).await.json();
    approve(&admin, &ticket["id"]).await;
    let (id, secret) = (text(&ticket, "id"), text(&ticket, "poll_secret"));
    let papers = check(&stranger, id, secret, None).await.json()["papers"].clone();
    assert_eq!(text(&papers, "name"), "attic");
    // Another was let in, and did not fetch its papers before it was replaced.
    let waiting = late.request(&stranger, None).await.json();
    approve(&admin, &waiting["id"]).await;

    for (name, ticket, machine) in [("attic", &ticket, &old), ("cellar", &waiting, &late)] {
        let replace = invited(&admin, json!({ "auto_approve": true, "replaces": name })).await;
        let new = Machine::new("whatever");
        let fresh = new.request(&stranger, Some(token(&replace))).await.json();
        let answer = check(&stranger, text(&fresh, "id"), text(&fresh, "poll_secret"), None).await;
        let papers = answer.json()["papers"].clone();
        assert_eq!(text(&papers, "name"), name);

        // The old request still lasts, and its key still proves it.
        let (id, secret) = (text(ticket, "id"), text(ticket, "poll_secret"));
        let proof = machine.proof(id, room.host.ambient().now());
        for proof in [None, Some(proof.as_str())] {
            let answer = check(&stranger, id, secret, proof).await;
            assert_eq!(
                (answer.status, answer.json()["papers"].clone()),
                (200, Value::Null)
            );
        }
        let node = room.host.fleet.node_by_token(text(&papers, "token"));
        let node = node.unwrap_or_else(|| panic!("the new {name} has lost its token"));
        assert_eq!(
            node.key_fingerprint(),
            Some(new.key_fingerprint().to_string()),
            "the place is the new machine's"
        );
    }
    room.close().await;
}
