//! The log book: every act leaves its entries, every refusal its mark, and no changed byte goes unseen.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};
use watchroom_audit::{AuditKey, Verifier};
use watchroom_testkit::{PASSWORD, TestRoom, Visitor, program};

/// All entries that fit the query, oldest first.
async fn entries(reader: &Visitor, query: &str) -> Vec<Value> {
    let page = reader.get(&format!("/api/audit?limit=500&{query}")).await;
    assert_eq!(page.status, 200, "{}", page.text());
    let mut items = page.json()["items"].as_array().expect("items").clone();
    items.reverse();
    items
}

/// The entries as a table: who, what, to what, how it ended and what was noted, with names instead of ids.
fn table(entries: &[Value], names: &BTreeMap<String, &str>) -> String {
    let mut table = String::new();
    for entry in entries {
        let text = |field: &str| entry[field].as_str().expect("a text").to_owned();
        let who = text("user");
        let who = match who.split_once(" token:") {
            Some((owner, _)) => format!("{} by token", names.get(owner).copied().unwrap_or("somebody")),
            None => names.get(&who).map_or(who, |name| (*name).to_owned()),
        };
        let kind = text("resource").split(':').next().expect("a kind").to_owned();
        let noted: Vec<_> = entry["extra"]
            .as_object()
            .expect("extra")
            .keys()
            .cloned()
            .collect();
        let phase = entry["extra"]["phase"].as_str().unwrap_or_default();
        let (event, action, result) = (text("event_type"), text("action"), text("result"));
        let line = format!(
            "{who:14} {event:12} {action:22} {kind:8} {result:8} {phase:8} {}",
            noted.join(" ")
        );
        writeln!(table, "{}", line.trim_end()).expect("room in a text");
    }
    table
}

/// Does every act of a person's day once.
async fn a_day(room: &TestRoom, olga: &mut Visitor) {
    let id = room.server(olga, "web", "exec cat").await;
    let act = |verb: &str| format!("/api/servers/{id}/{verb}");
    for (path, body) in [
        (act("start"), json!({})),
        (act("console"), json!({ "line": "hello" })),
        (act("restart"), json!({})),
        (act("stop"), json!({})),
    ] {
        let answer = olga.post(&path, body).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    }
    assert_eq!(olga.delete(&format!("/api/servers/{id}")).await.status, 204);
    let missing = json!({ "name": "web", "command": ["/no/such/program"] });
    assert_eq!(olga.post("/api/servers", missing).await.status, 400);
    let made = olga.post("/api/tokens", json!({ "name": "ci" })).await.json();
    let token = made["id"].as_str().expect("an id");
    assert_eq!(olga.delete(&format!("/api/tokens/{token}")).await.status, 204);
    assert_eq!(
        olga.submit("/step-up", &[("password", "wrong")]).await.status,
        303
    );
    let risen = olga.submit("/step-up", &[("password", PASSWORD)]).await;
    olga.take_cookies(&risen);
    let new = "Another horse 8 pasture";
    let fields = [
        ("old_password", PASSWORD),
        ("new_password", new),
        ("confirm_password", new),
    ];
    let changed = olga.submit("/change-password", &fields).await;
    assert_eq!(changed.status, 303, "{}", changed.text());
    olga.take_cookies(&changed);
    assert_eq!(olga.submit("/logout", &[]).await.status, 303);
    assert_eq!(room.stranger().try_sign_in("olga", "wrong").await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_act_of_a_day_leaves_who_what_and_how_it_ended() {
    let room = TestRoom::open(program!()).await;
    let ada = room.admin("ada").await;
    let mut olga = room.signed_in("olga", "operator").await;
    let id = |me: Value| me["user_id"].as_str().expect("an id").to_owned();
    let olga_id = id(olga.get("/api/auth/me").await.json());
    let ada_id = id(ada.get("/api/auth/me").await.json());
    a_day(&room, &mut olga).await;
    for verb in ["disable", "enable"] {
        assert_eq!(
            ada.post(&format!("/api/users/{olga_id}/{verb}"), json!({}))
                .await
                .status,
            200
        );
    }
    let reset = ada
        .post(
            &format!("/api/users/{olga_id}/reset-password"),
            json!({ "password": PASSWORD }),
        )
        .await;
    assert_eq!(reset.status, 204);
    assert_eq!(
        ada.post("/api/audit/verify", json!({})).await.json()["intact"],
        true
    );
    assert_eq!(ada.get("/api/audit/export").await.status, 200);
    let all = entries(&ada, "").await;
    // What the node reports of its servers comes when it comes.
    let acts: Vec<_> = all
        .into_iter()
        .filter(|entry| entry["user"] != "system")
        .collect();
    for entry in acts.iter().filter(|entry| {
        entry["user"]
            .as_str()
            .is_some_and(|user| !user.starts_with("local:"))
    }) {
        assert_eq!(entry["source_ip"], "127.0.0.1", "{entry}");
        assert_eq!(entry["user_agent"], "test room", "{entry}");
        assert!(
            entry["request_id"].is_string() && entry["decision_id"].is_string(),
            "{entry}"
        );
    }
    let names = BTreeMap::from([(olga_id, "olga"), (ada_id, "ada")]);
    // The day is the same on every engine, so there is one picture of it.
    insta::with_settings!({ prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!("stories__audit__day", table(&acts, &names));
    });
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_of_somebody_known_is_an_entry_and_strangers_buy_none() {
    let room = TestRoom::open(program!()).await;
    let ada = room.admin("ada").await;
    let vera = room.viewer("vera").await;
    let new = json!({ "name": "web", "command": ["/bin/true"] });
    let refused = vera
        .post("/api/servers", new.clone())
        .await
        .problem(403, "permission-missing");
    for _ in 0..5 {
        room.stranger()
            .post("/api/servers", new.clone())
            .await
            .problem(401, "not-signed-in");
    }
    let vera_id = vera.get("/api/auth/me").await.json()["user_id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let mut denied = Vec::new();
    for _ in 0..200 {
        denied = entries(&ada, "event_type=AUTHZ_DENIED").await;
        if !denied.is_empty() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(denied.len(), 1, "{denied:?}");
    let entry = &denied[0];
    assert_eq!(entry["result"], "denied");
    assert_eq!(entry["decision_id"], refused["decision_id"]);
    assert_eq!(entry["request_id"], refused["request_id"]);
    assert!(entry.to_string().contains(&vera_id), "{entry}");
    assert!(entry.to_string().contains("server.create"), "{entry}");
    room.close().await;
}

/// The key by which exports of this room are verified elsewhere.
fn public_key(room: &TestRoom) -> watchroom_audit::PublicKey {
    let pem = std::fs::read_to_string(room.state().join("keys").join("audit.key")).expect("a key");
    AuditKey::from_pem(&pem).expect("a key").public()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_is_found_by_what_the_client_called_its_request() {
    let room = TestRoom::open(program!()).await;
    let ada = room.admin("ada").await;
    let mine = format!("deploy-17-{}", "x".repeat(100));
    let server = json!({ "name": "web", "command": ["/bin/true"] }).to_string();
    let request = ada
        .request(http::Method::POST, "/api/servers")
        .header("content-type", "application/json")
        .header("x-request-id", &mine)
        .body(axum::body::Body::from(server))
        .expect("a request");
    let answer = ada.send(request).await;
    assert_eq!(answer.status, 201);
    assert_ne!(answer.header("x-request-id"), mine, "ours is made by us");
    let found = ada.get("/api/audit?text=deploy-17-").await.json();
    let items = found["items"].as_array().expect("entries");
    assert_eq!(items.len(), 2, "what was meant, and what came of it: {found}");
    for entry in items {
        assert_eq!(entry["action"], "server.create");
        assert_eq!(entry["request_id"], answer.header("x-request-id"));
        assert_eq!(entry["extra"]["client_request_id"], mine[..64]);
    }
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_ends_with_a_signature_and_verifies_offline() {
    let room = TestRoom::open(program!()).await;
    let ada = room.admin("ada").await;
    room.server(&ada, "web", "true").await;
    let export = ada.get("/api/audit/export").await;
    export.assert_dressed();
    assert_eq!(export.header("content-type"), "application/jsonl");
    let as_file = |name: &str| format!("attachment; filename=\"{name}\"");
    assert_eq!(export.header("content-disposition"), as_file("audit.jsonl"));
    let lines: Vec<Value> = export
        .text()
        .lines()
        .map(|line| serde_json::from_str(line).expect("a line of JSON"))
        .collect();
    let exporting = &lines[lines.len() - 2];
    assert_eq!(
        exporting["action"], "audit.export",
        "exporting is the last act exported"
    );
    let verdict = verified(&room, &export.body);
    assert!(verdict.intact, "{verdict:?}");
    assert_eq!(verdict.entries, u64::try_from(lines.len() - 1).expect("a number"));

    let changed = export.text().replacen("server.create", "server.remove", 1);
    let damage = verified(&room, changed.as_bytes())
        .damage
        .expect("a changed word shows");
    let first = lines
        .iter()
        .position(|line| line["action"] == "server.create")
        .expect("an entry");
    assert_eq!(
        damage.line,
        u64::try_from(first + 1).expect("a number"),
        "{damage}"
    );
    let cut = export
        .text()
        .lines()
        .take(lines.len() - 1)
        .fold(String::new(), |text, line| text + line + "\n");
    assert!(!verified(&room, cut.as_bytes()).intact, "a cut end shows");

    let filtered = ada.get("/api/audit/export?action=server.create").await;
    assert!(verified(&room, &filtered.body).intact, "{}", filtered.text());
    let csv = ada.get("/api/audit/export?format=csv").await;
    assert_eq!(csv.header("content-type"), "text/csv; charset=utf-8");
    assert_eq!(csv.header("content-disposition"), as_file("audit.csv"));
    room.close().await;
}

fn verified(room: &TestRoom, export: &[u8]) -> watchroom_audit::Verdict {
    let mut verifier = Verifier::new(public_key(room));
    verifier.feed(export);
    verifier.finish()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_edited_behind_our_back_is_found_and_named() {
    let room = TestRoom::open(program!()).await;
    let ada = room.admin("ada").await;
    room.server(&ada, "web", "true").await;
    let sound = ada.post("/api/audit/verify", json!({})).await.json();
    assert_eq!(
        (sound["intact"].clone(), sound["damage"].clone()),
        (json!(true), json!(null)),
        "{sound}"
    );
    assert!(
        sound["unproven"]
            .as_array()
            .is_some_and(|unproven| !unproven.is_empty()),
        "{sound}"
    );
    let entry = entries(&ada, "action=server.create").await.remove(0);
    let seq = entry["seq"].as_i64().expect("a number");
    room.run_sql(&format!(
        "UPDATE entries SET actor = 'somebody-else' WHERE seq = {seq}"
    ));
    let verdict = ada.post("/api/audit/verify", json!({})).await.json();
    assert_eq!(verdict["intact"], false, "{verdict}");
    let damage = verdict["damage"].as_str().expect("words");
    assert!(damage.contains(&format!("entry {seq}")), "{damage}");
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_read_by_those_who_may_and_reading_it_is_written_down() {
    let room = TestRoom::open(program!()).await;
    let auditor = room.person("otto", "auditor").await;
    let olga = room.operator("olga").await;
    room.server(&olga, "web", "true").await;
    let found = entries(&auditor, "action=server.create&result=success").await;
    assert_eq!(found.len(), 2, "intent and outcome: {found:?}");
    assert_eq!(found[0]["user_name"], "olga");
    let reading = entries(&auditor, "action=audit.read").await;
    assert_eq!(reading[0]["extra"]["items"], 2, "{reading:?}");
    assert_eq!(reading[0]["extra"]["asked"]["action"], "server.create");
    for query in [
        "event_type=LOGIN",
        "from=yesterday",
        "result=maybe",
        "source_ip=here",
        "limit=0",
        "cursor=x",
    ] {
        let field = query.split('=').next().expect("a field");
        auditor
            .get(&format!("/api/audit?{query}"))
            .await
            .fault(400, "invalid-input", field);
    }
    auditor
        .get("/api/servers")
        .await
        .problem(403, "permission-missing");
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_gets_into_the_log_or_the_database() {
    let room = TestRoom::open(program!()).await;
    let ada = room.signed_in("ada", "admin").await;
    let canary = "Canary-7-flies-at-dawn";
    let new = json!({ "name": "vera", "role": "viewer", "password": canary });
    let vera = ada.post("/api/users", new).await;
    assert_eq!(vera.status, 201, "{}", vera.text());
    let token = ada.post("/api/tokens", json!({ "name": "ci" })).await.json()["token"].clone();
    assert_eq!(
        room.stranger().try_sign_in(canary, canary).await.status,
        401,
        "a password in the wrong field"
    );
    assert_eq!(room.stranger().try_sign_in("vera", canary).await.status, 303);
    assert_eq!(
        ada.submit("/step-up", &[("password", "Canary-7-is-wrong")])
            .await
            .status,
        303
    );
    let cookie = ada.cookies();
    let cookie = cookie
        .split('=')
        .nth(1)
        .expect("a cookie")
        .split(';')
        .next()
        .expect("a value")
        .to_owned();
    let secrets = [
        canary.to_owned(),
        "Canary-7-is-wrong".to_owned(),
        token.as_str().expect("a text").to_owned(),
        cookie,
    ];
    let files = files_below(&room.state()).into_iter().map(|file| {
        let bytes = std::fs::read(&file).unwrap_or_default();
        (file.display().to_string(), bytes)
    });
    for (place, bytes) in files.chain([("the database".to_owned(), room.dump().into_bytes())]) {
        for secret in &secrets {
            let is_in = bytes.windows(secret.len()).any(|part| part == secret.as_bytes());
            assert!(!is_in, "{secret} is in {place}");
        }
    }
    room.close().await;
}

fn files_below(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder").flatten();
    entries
        .flat_map(|entry| match entry.file_type().expect("a kind") {
            kind if kind.is_dir() => files_below(&entry.path()),
            kind if kind.is_file() => vec![entry.path()],
            _ => Vec::new(),
        })
        .collect()
}
