//! Groups of people: what they hold their members hold at once, and nobody comes to more by one.

use serde_json::{Value, json};
use watchroom_model::UserId;
use watchroom_testkit::{PASSWORD, TestRoom, Visitor, program};

async fn group(admin: &Visitor, name: &str) -> String {
    let made = admin.post("/api/groups", json!({ "name": name })).await;
    assert_eq!(made.status, 201, "{}", made.text());
    format!("/api/groups/{}", made.json()["id"].as_str().expect("an id"))
}

async fn joins(admin: &Visitor, group: &str, user: UserId) {
    let answer = admin
        .post(&format!("{group}/members"), json!({ "user": user }))
        .await;
    assert_eq!(answer.status, 201, "{}", answer.text());
}

/// Gives it, and where it is taken again.
async fn given(admin: &Visitor, group: &str, role: &str, scope: &str) -> String {
    let new = json!({ "role": role, "scope": scope });
    let answer = admin.post(&format!("{group}/grants"), new).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let answer = answer.json();
    let grants = answer["grants"].as_array().expect("grants");
    let own = grants
        .iter()
        .find(|one| one["role"] == role && one["scope"] == scope);
    format!(
        "{group}/grants/{}",
        own.expect("it")["id"].as_str().expect("an id")
    )
}

fn items(list: &Value) -> Vec<Value> {
    list["items"].as_array().expect("items").clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn members_hold_what_their_group_holds_and_are_told_from_where() {
    let room = TestRoom::open(program!()).await;
    let ada = room.admin("ada").await;
    let web = room.server(&ada, "web", "true").await;
    let otto = room.account("otto", "auditor").await;
    let token = Visitor::with_token(room.client(), &room.token(otto, false).await);
    let ops = group(&ada, "ops").await;
    let scope = format!("server:{web}");
    let grant = given(&ada, &ops, "viewer", &scope).await;
    let server = format!("/api/servers/{web}");
    assert_eq!(token.get(&server).await.status, 404);
    joins(&ada, &ops, otto).await;
    assert_eq!(token.get(&server).await.status, 200);

    // A refusal says what he holds and from where.
    let refused = token.post(&format!("{server}/start"), json!({})).await;
    let problem = refused.problem(403, "permission-missing");
    let words = problem["detail"].as_str().expect("words");
    assert!(
        words.contains(&format!("viewer at {scope} (from group ops)")),
        "{words}"
    );
    let who = format!("/api/who-can?permission=compute:read&on=server:{web}");
    let who = ada.get(&who).await.json();
    let by_group: Vec<_> = items(&who)
        .into_iter()
        .filter(|one| one["source"] == "from group ops")
        .collect();
    let wanted =
        json!({ "user": otto, "name": "otto", "role": "viewer", "scope": scope, "source": "from group ops" });
    assert_eq!(by_group, [wanted]);
    // Who would lose what if the role gave less: those who hold it by a group, too.
    let if_so = json!({ "permissions": ["nets:read"] });
    let if_so = ada.post("/api/roles/viewer/what-if", if_so).await.json();
    let loses = if_so["loses"].as_array().expect("losses");
    assert!(
        loses
            .iter()
            .any(|one| one["name"] == "otto" && one["scope"] == scope),
        "{if_so}"
    );

    assert_eq!(ada.delete(&grant).await.status, 204);
    assert_eq!(token.get(&server).await.status, 404);
    assert_eq!(ada.delete(&grant).await.status, 404);
    given(&ada, &ops, "viewer", "everything").await;
    assert_eq!(token.get(&server).await.status, 200);
    assert_eq!(ada.delete(&format!("{ops}/members/{otto}")).await.status, 204);
    assert_eq!(token.get(&server).await.status, 404);
    assert_eq!(ada.delete(&format!("{ops}/members/{otto}")).await.status, 404);
    joins(&ada, &ops, otto).await;
    assert_eq!(ada.delete(&ops).await.status, 204);
    assert_eq!(token.get(&server).await.status, 404);
    assert_eq!(ada.get(&ops).await.status, 404);
    for (act, count) in [
        ("group.create", 1),
        ("group.give", 2),
        ("group.take", 1),
        ("group.add_member", 2),
        ("group.remove_member", 1),
        ("group.remove", 1),
    ] {
        let entries = ada
            .get(&format!("/api/audit?action={act}&limit=500"))
            .await
            .json();
        let done = items(&entries)
            .into_iter()
            .filter(|one| one["result"] == "success" && one["event_type"] == "SECURITY");
        assert_eq!(done.count(), count, "{act}: {entries}");
    }
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_comes_to_more_than_they_hold_by_a_group_nor_strips_those_above() {
    let room = TestRoom::open(program!()).await;
    let ada = room.admin("ada").await;
    let clerk =
        json!({ "name": "clerk", "role": { "permissions": ["roles:*", "nodes:read"], "per_minute": 1000 } });
    assert_eq!(ada.post("/api/roles", clerk).await.status, 201);
    let carl = room.account("carl", "clerk").await;
    let clerk = Visitor::with_token(room.client(), &room.token(carl, true).await);
    let reader = json!({ "name": "reader", "role": { "permissions": ["nodes:read"] } });
    assert_eq!(clerk.post("/api/roles", reader).await.status, 201);
    let me: UserId = carl;

    // Not into a group that holds more, and no more to a group that he is in.
    let ops = group(&ada, "ops").await;
    let operators = given(&ada, &ops, "operator", "everything").await;
    let own = json!({ "user": me });
    clerk
        .post(&format!("{ops}/members"), own)
        .await
        .problem(403, "more-than-own");
    let mine = group(&clerk, "mine").await;
    joins(&clerk, &mine, me).await;
    for role in ["operator", "admin", "viewer"] {
        let new = json!({ "role": role });
        clerk
            .post(&format!("{mine}/grants"), new)
            .await
            .problem(403, "more-than-own");
    }
    // Nor does he take from a group what he does not hold, or from those above him what he does.
    let olga = room.account("olga", "operator").await;
    joins(&ada, &ops, olga).await;
    for path in [operators, format!("{ops}/members/{olga}"), ops.clone()] {
        clerk.delete(&path).await.problem(403, "more-than-own");
    }
    let readers = group(&clerk, "readers").await;
    let reads = given(&clerk, &readers, "reader", "everything").await;
    joins(&clerk, &readers, olga).await;
    for path in [
        reads.clone(),
        format!("{readers}/members/{olga}"),
        readers.clone(),
    ] {
        clerk.delete(&path).await.problem(403, "more-than-own");
    }
    // Another name would leave her out at her next sign-in, where a rule names the group.
    for path in [&readers, &ops] {
        clerk
            .post(path, json!({ "name": "elsewhere" }))
            .await
            .problem(403, "more-than-own");
    }
    // What a group holds and he does not at that place stops him as well.
    let web = room.server(&ada, "web", "true").await;
    given(&ada, &mine, "operator", &format!("server:{web}")).await;
    let vera = room.account("vera", "reader").await;
    let new = json!({ "user": vera });
    // By being in it he holds it there now, so he may; before, he might not.
    assert_eq!(clerk.post(&format!("{mine}/members"), new).await.status, 201);
    assert_eq!(ada.delete(&format!("{mine}/members/{me}")).await.status, 204);
    let new = json!({ "user": me });
    clerk
        .post(&format!("{mine}/members"), new)
        .await
        .problem(403, "more-than-own");
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_administrator_by_a_group_stays_one() {
    let room = TestRoom::open(program!()).await;
    let ada = room.admin("ada").await;
    let grants = ada.get("/api/grants?role=admin").await.json();
    let (own, id) = (
        items(&grants)[0]["id"].as_str().expect("an id").to_owned(),
        items(&grants)[0]["user"].as_str().expect("an id").to_owned(),
    );
    let chiefs = group(&ada, "chiefs").await;
    let rule = given(&ada, &chiefs, "admin", "everything").await;
    // A group of nobody administers nothing.
    ada.delete(&format!("/api/grants/{own}"))
        .await
        .problem(409, "last-administrator");
    joins(&ada, &chiefs, id.parse().expect("an id")).await;
    assert_eq!(ada.delete(&format!("/api/grants/{own}")).await.status, 204);
    assert_eq!(
        ada.get("/api/grants").await.status,
        200,
        "by the group she is one still"
    );
    for path in [rule.clone(), format!("{chiefs}/members/{id}"), chiefs.clone()] {
        ada.delete(&path).await.problem(409, "last-administrator");
    }
    let disable = format!("/api/users/{id}/disable");
    ada.post(&disable, json!({}))
        .await
        .problem(409, "last-administrator");
    // Nothing of what was refused was done.
    assert_eq!(ada.get(&chiefs).await.json()["members"][0]["name"], "ada");

    let eve = room.account("eve", "admin").await;
    let eves = Visitor::with_token(room.client(), &room.token(eve, true).await);
    assert_eq!(ada.delete(&format!("{chiefs}/members/{id}")).await.status, 204);
    ada.get("/api/grants").await.problem(403, "permission-missing");
    assert_eq!(eves.delete(&chiefs).await.status, 204);
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_a_group_holds_is_not_removed_and_a_locked_one_gives_its_members_nothing() {
    let room = TestRoom::open(program!()).await;
    let ada = room.admin("ada").await;
    let crew = json!({ "name": "crew", "role": { "permissions": ["nodes:read"] } });
    assert_eq!(ada.post("/api/roles", crew).await.status, 201);
    let ops = group(&ada, "ops").await;
    let grant = given(&ada, &ops, "crew", "everything").await;
    ada.delete("/api/roles/crew").await.problem(409, "role-in-use");
    let otto = room.account("otto", "auditor").await;
    joins(&ada, &ops, otto).await;
    let mut session = room.stranger();
    session.sign_in("otto", PASSWORD).await;
    assert_eq!(session.get("/api/nodes").await.status, 200);
    let lock = json!({ "target": "role:crew", "for_s": 600, "reason": "a drill" });
    let lock = ada.post("/api/locks", lock).await.json();
    session.get("/api/nodes").await.problem(403, "permission-missing");
    let lifted = format!("/api/locks/{}", lock["id"].as_str().expect("an id"));
    assert_eq!(ada.delete(&lifted).await.status, 204);
    assert_eq!(session.get("/api/nodes").await.status, 200);
    assert_eq!(ada.delete(&grant).await.status, 204);
    assert_eq!(ada.delete("/api/roles/crew").await.status, 204);
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_is_renamed_with_both_names_in_the_log_and_lists_come_in_pages() {
    let room = TestRoom::open(program!()).await;
    let ada = room.admin("ada").await;
    for name in ["ops", "crew", "night-watch"] {
        group(&ada, name).await;
    }
    let mut names = Vec::new();
    let mut page = "/api/groups?limit=1".to_owned();
    loop {
        let list = ada.get(&page).await.json();
        let [one] = items(&list).try_into().expect("one on each page");
        names.push(one["name"].as_str().expect("a name").to_owned());
        match list["next_cursor"].as_str() {
            Some(cursor) => page = format!("/api/groups?limit=1&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(
        names,
        ["ops", "crew", "night-watch"],
        "in the order of their making"
    );
    for wrong in ["limit=0", "limit=501", "cursor=%21"] {
        let refused = ada.get(&format!("/api/groups?{wrong}")).await;
        refused.problem(400, "invalid-input");
    }

    let ops = items(&ada.get("/api/groups").await.json()).swap_remove(0);
    let ops = format!("/api/groups/{}", ops["id"].as_str().expect("an id"));
    let vera = room.account("vera", "viewer").await;
    joins(&ada, &ops, vera).await;
    ada.post(&ops, json!({ "name": "crew" }))
        .await
        .problem(409, "name-taken");
    ada.post(&ops, json!({ "name": "The Crew" }))
        .await
        .problem(400, "invalid-input");
    let renamed = ada.post(&ops, json!({ "name": "day-watch" })).await;
    assert_eq!(renamed.status, 200, "{}", renamed.text());
    let renamed = renamed.json();
    assert_eq!(
        (&renamed["name"], &renamed["members"][0]["name"]),
        (&json!("day-watch"), &json!("vera"))
    );
    let log = ada
        .get("/api/audit?action=group.rename&result=success")
        .await
        .json();
    let [entry] = items(&log).try_into().expect("one rename");
    assert_eq!(
        (&entry["extra"]["before"], &entry["extra"]["after"]),
        (&json!("ops"), &json!("day-watch")),
        "{entry}"
    );
    assert_eq!(entry["event_type"], "SECURITY");
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_would_gain_or_lose_what_by_a_group_is_shown_before_it_is_done() {
    let room = TestRoom::open(program!()).await;
    let ada = room.admin("ada").await;
    for (name, permissions) in [
        ("reader", json!(["nodes:read"])),
        ("lister", json!(["nets:read"])),
    ] {
        let role = json!({ "name": name, "role": { "permissions": permissions } });
        assert_eq!(ada.post("/api/roles", role).await.status, 201);
    }
    let ops = group(&ada, "ops").await;
    let reads = given(&ada, &ops, "reader", "everything").await;
    let otto = room.account("otto", "lister").await;
    let vera = room.account("vera", "reader").await;
    joins(&ada, &ops, otto).await;
    joins(&ada, &ops, vera).await;
    let nina = room.account("nina", "lister").await;
    let ahead = async |draft: Value| ada.post(&format!("{ops}/what-if"), draft).await;
    let one = |user: UserId, name: &str, what: &str| json!([{ "user": user, "name": name, "scope": "everything", "permissions": [what] }]);
    let nothing = json!([]);
    let grant = reads.rsplit('/').next().expect("an id");
    for (draft, gains, loses) in [
        (json!({}), nothing.clone(), nothing.clone()),
        (
            json!({ "add": [nina] }),
            one(nina, "nina", "nodes:read"),
            nothing.clone(),
        ),
        // Vera reads by a grant of her own, too.
        (
            json!({ "remove": [otto, vera] }),
            nothing.clone(),
            one(otto, "otto", "nodes:read"),
        ),
        (
            json!({ "take": [grant] }),
            nothing.clone(),
            one(otto, "otto", "nodes:read"),
        ),
        // Otto lists nets by a grant of his own.
        (
            json!({ "give": [{ "role": "lister" }] }),
            one(vera, "vera", "nets:read"),
            nothing.clone(),
        ),
        // What is given in the same breath to whoever is taken out they do not get.
        (
            json!({ "give": [{ "role": "lister" }], "remove": [vera] }),
            nothing.clone(),
            nothing.clone(),
        ),
    ] {
        let answer = ahead(draft.clone()).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(
            answer.json(),
            json!({ "gains": gains, "loses": loses }),
            "{draft}"
        );
    }
    let nobody = "0198c2f4-6d1e-7cc3-98c4-dc0c0c07398f";
    ahead(json!({ "add": [nobody] }))
        .await
        .problem(400, "invalid-input");
    ahead(json!({ "give": [{ "role": "none-such" }] }))
        .await
        .problem(400, "invalid-input");
    ahead(json!({ "take": [nobody] })).await.problem(404, "not-found");
    // Nothing of it was done.
    let held = ada.get(&ops).await.json();
    assert_eq!(
        (
            held["members"].as_array().map(Vec::len),
            held["grants"].as_array().map(Vec::len)
        ),
        (Some(2), Some(1)),
        "{held}"
    );
    room.close().await;
}

#[tokio::test]
async fn who_looks_ahead_at_too_much_at_once_is_told_which_field() {
    let room = TestRoom::open(program!()).await;
    let ada = room.admin("ada").await;
    let ops = group(&ada, "ops").await;
    let nina = room.account("nina", "viewer").await;
    for (field, draft) in [
        ("add", json!({ "add": vec![nina; 101] })),
        ("give", json!({ "give": vec![json!({ "role": "viewer" }); 101] })),
    ] {
        let refused = ada.post(&format!("{ops}/what-if"), draft).await;
        assert_eq!(refused.status, 400, "{field}");
        assert_eq!(refused.json()["errors"][0]["field"], field);
    }
    room.close().await;
}
