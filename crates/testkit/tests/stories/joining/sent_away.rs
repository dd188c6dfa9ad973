//! A node is revoked or replaced, and does not come back by itself.

use serde_json::json;
use watchroom_testkit::{Machine, TestRoom, program};

use super::{invited, text, until_node};

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
