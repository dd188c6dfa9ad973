//! Bad input: refused with the cause, the field and the next step, with nothing left behind.

use axum::body::Body;
use http::header::{ACCEPT, CONTENT_TYPE, HOST};
use http::{Method, Request};
use serde_json::{Value, json};
use watchroom_testkit::{TestRoom, Visitor, program};

/// A server that may be.
pub(super) fn new(name: &str) -> Value {
    json!({ "name": name, "command": ["/bin/true"] })
}

/// The servers that there are, by name.
pub(super) async fn servers(visitor: &Visitor) -> Vec<String> {
    let list = visitor.get("/api/servers").await.json();
    let items = list["items"].as_array().expect("items").iter();
    items
        .map(|server| server["name"].as_str().expect("a name").to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_cannot_be_leaves_nothing_behind() {
    let room = TestRoom::open(program!()).await;
    let olga = room.operator("olga").await;
    assert_eq!(olga.post("/api/servers", new("web")).await.status, 201);
    olga.post("/api/servers", new("web"))
        .await
        .fault(409, "name-taken", "name");
    let folders = ["../outside", "/etc", "a/../../outside", "..", "a\0b"];
    let commands = [
        json!([]),
        json!([""]),
        json!(["/no/such/program"]),
        json!(["no-such-program-anywhere"]),
        json!(["/etc"]),
    ];
    for command in commands {
        let answer = olga
            .post("/api/servers", json!({ "name": "bad", "command": command }))
            .await;
        assert_eq!(answer.status, 400, "{command}: {}", answer.text());
        answer.fault(400, &answer.slug(), "command");
    }
    for folder in folders {
        let draft = json!({ "name": "bad", "command": ["/bin/true"], "folder": folder });
        let answer = olga.post("/api/servers", draft).await;
        assert_eq!(answer.status, 400, "{folder}: {}", answer.text());
        answer.fault(400, &answer.slug(), "folder");
    }
    let run_as = json!({ "name": "bad", "command": ["/bin/true"], "run_as": "root" });
    olga.post("/api/servers", run_as)
        .await
        .fault(400, "refused-by-node", "run_as");
    let everywhere = json!({
        "name": "bad", "command": ["/bin/true", "x".repeat(5_000)], "env": { "1A": "x", "B": "nul\0" },
        "stop": { "line": "two\nlines", "patience_s": 601 },
    });
    let answer = olga.post("/api/servers", everywhere).await;
    for field in ["command[1]", "env.1A", "env.B", "stop.line", "stop.patience_s"] {
        answer.fault(400, "invalid-input", field);
    }
    assert_eq!(servers(&olga).await, ["web"]);
    assert!(!room.state().join("outside").exists());
    room.close().await;
}

/// Bytes that an answer to bad input has at most, however much of it there was.
const SHORT: usize = 8 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn what_was_sent_is_not_told_again_in_full() {
    let room = TestRoom::open(program!()).await;
    let olga = room.operator("olga").await;
    let long = "x".repeat(60_000);
    let mut wrong = new("web");
    wrong[&long] = json!(1);
    let answer = olga.post("/api/servers", wrong).await;
    let problem = answer.problem(400, "invalid-input");
    let said = problem["errors"][0]["message"].as_str().expect("a message");
    assert!(said.starts_with("unknown field `xxx"), "{said}");
    assert!(said.ends_with('`') && said.contains("`restart_policy`"), "{said}");
    assert!(answer.text().len() < SHORT, "{}", answer.text().len());

    let many: serde_json::Map<_, _> = (0..2_000)
        .map(|number| (format!("{number}="), json!("x")))
        .collect();
    for field in ["env", "labels"] {
        let mut wrong = new("web");
        wrong[field] = json!(many);
        let answer = olga.post("/api/servers", wrong).await;
        answer.problem(400, "invalid-input");
        assert!(answer.text().len() < SHORT, "{field}: {}", answer.text().len());
    }
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn looking_changes_nothing() {
    let room = TestRoom::open(program!()).await;
    let ada = room.signed_in("ada", "admin").await;
    let id = room.server(&ada, "web", "true").await;
    let acts = async || {
        let log = ada.get("/api/audit?limit=500").await.json();
        let items = log["items"].as_array().expect("entries").iter();
        let actions = items.map(|entry| entry["action"].as_str().expect("an action").to_owned());
        let mut acts: Vec<_> = actions.filter(|action| !action.starts_with("audit.")).collect();
        acts.sort();
        acts
    };
    let before = acts().await;
    let api = watchroom_api::routes();
    let panel = watchroom_panel::routes();
    let paths = api.iter().map(|route| route.path);
    for path in paths.chain(panel.iter().map(|route| route.path)) {
        let parts = path
            .split('/')
            .map(|part| if part.starts_with('{') { id.as_str() } else { part });
        let path = parts.collect::<Vec<_>>().join("/");
        for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
            let request = ada.request(method.clone(), &path);
            let answer = ada.begin(request.body(Body::empty()).expect("a request")).await;
            assert!(answer.status < 500, "{method} {path}: {}", answer.status);
        }
    }
    assert_eq!(acts().await, before);
    assert_eq!(
        ada.get(&format!("/api/servers/{id}")).await.json()["desired"],
        "stopped"
    );
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_and_things_that_are_not_there_are_refused() {
    let room = TestRoom::open(program!()).await;
    let ada = room.admin("ada").await;
    for list in [
        "/api/servers",
        "/api/nodes",
        "/api/users",
        "/api/tokens",
        "/api/audit",
    ] {
        for limit in ["0", "501", "-1", "many", "99999999999999999999"] {
            let refused = ada.get(&format!("{list}?limit={limit}")).await;
            refused.fault(400, "invalid-input", "limit");
            let said = refused.json()["errors"].to_string();
            assert!(said.contains("1 to 500"), "{said}");
        }
        for cursor in ["x", "%00", "x..y", "%F0%9F%92%A9"] {
            ada.get(&format!("{list}?cursor={cursor}"))
                .await
                .fault(400, "invalid-input", "cursor");
        }
    }
    ada.get("/api/servers?status=sleeping")
        .await
        .fault(400, "invalid-input", "status");
    for id in ["1", "x", "O'Brien", "%00", "00000000-0000-0000-0000-000000000000"] {
        for path in [
            "/api/servers/",
            "/api/nodes/",
            "/api/users/",
            "/api/cluster/subhost/",
        ] {
            ada.get(&format!("{path}{id}")).await.problem(404, "not-found");
        }
        ada.delete(&format!("/api/tokens/{id}"))
            .await
            .problem(404, "not-found");
    }
    for attack in ["..%2f..%2fetc%2fpasswd", "%27%20OR%201=1"] {
        let answer = ada.get(&format!("/api/servers/{attack}")).await;
        answer.fault(400, "input-refused", "path");
    }
    ada.get("/api/nothing").await.problem(404, "not-found");
    let page = ada.look("/nothing").await;
    assert_eq!(
        (page.status, page.header("content-type")),
        (404, "text/html; charset=utf-8")
    );
    page.assert_dressed();
    assert!(
        page.text().contains(page.header("x-request-id")),
        "the page shows the request id"
    );
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_method_or_a_host_that_is_not_ours_is_refused() {
    let room = TestRoom::open(program!()).await;
    let ada = room.admin("ada").await;
    for (method, path) in [
        ("PUT", "/api/servers"),
        ("PATCH", "/api/users"),
        ("DELETE", "/login"),
        ("POST", "/health"),
        ("OPTIONS", "/api/servers"),
        ("TRACE", "/api/servers"),
        ("TRACE", "/login"),
        ("BREW", "/"),
    ] {
        let request = ada.request(method.parse().expect("a method"), path);
        let answer = ada.send(request.body(Body::empty()).expect("a request")).await;
        answer.problem(405, "method-not-allowed");
        assert!(
            !answer.header("allow").is_empty(),
            "{method} {path} names what is allowed"
        );
        assert!(
            !answer.text().contains("test room"),
            "{method} sends nothing back"
        );
    }
    let ask = async |path: &str, host: &str| {
        let request = Request::builder()
            .uri(path)
            .header(HOST, host)
            .header(ACCEPT, "application/json");
        room.stranger()
            .send(request.body(Body::empty()).expect("a request"))
            .await
    };
    ask("/api/servers", "evil.example")
        .await
        .problem(421, "wrong-host");
    ask("/api/servers", "not a host").await.problem(400, "bad-host");
    assert_eq!(
        ask("/health", "evil.example").await.status,
        200,
        "health is answered under any name"
    );
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_or_missing_token_of_a_form_changes_nothing() {
    let room = TestRoom::open(program!()).await;
    let mut olga = room.signed_in("olga", "operator").await;
    let other = room.signed_in("oscar", "operator").await;
    let good = olga.csrf().map(str::to_owned);
    let fields = [("name", "web"), ("node", ""), ("command", "/bin/true")];
    for token in [None, Some(""), Some("stale"), other.csrf()] {
        olga.set_csrf(token);
        olga.post("/api/servers", new("web")).await.problem(403, "csrf");
        let page = olga.submit("/servers/new", &fields).await;
        assert_eq!(
            (page.status, page.header("content-type")),
            (403, "text/html; charset=utf-8")
        );
        page.assert_dressed();
        olga.submit("/logout", &[]).await;
    }
    olga.set_csrf(good.as_deref());
    assert!(
        servers(&olga).await.is_empty(),
        "nothing was made, and nobody was signed out"
    );
    assert_eq!(olga.post("/api/servers", new("web")).await.status, 201);
    // Other software's name for the header is as good.
    olga.set_csrf(None);
    let named = olga
        .request(Method::POST, "/api/servers")
        .header(CONTENT_TYPE, "application/json")
        .header("x-csrftoken", good.as_deref().expect("a token"));
    let named = named.body(new("mail").to_string().into()).expect("a request");
    assert_eq!(olga.send(named).await.status, 201);

    // It is written down, in her name.
    let ada = room.admin("ada").await;
    let me = olga.get("/api/auth/me").await.json();
    let mut noted = json!(null);
    for _ in 0..200 {
        let found = ada.get("/api/audit?event_type=SUSPICIOUS&text=csrf").await.json();
        if found["items"].as_array().is_some_and(|items| !items.is_empty()) {
            noted = found["items"][0].clone();
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(noted["extra"]["who"], me["user_id"], "{noted}");
    assert_eq!(noted["result"], "denied");

    // The form of the entrance too.
    let stranger = room.stranger();
    let bare = stranger
        .submit("/login", &[("username", "olga"), ("password", "x")])
        .await;
    assert_eq!(bare.status, 403);
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn people_and_tokens_that_cannot_be_are_refused_with_the_field() {
    let room = TestRoom::open(program!()).await;
    let ada = room.signed_in("ada", "admin").await;
    let good = json!({ "name": "vera", "role": "viewer", "password": "correct Horse 7 battery" });
    assert_eq!(ada.post("/api/users", good.clone()).await.status, 201);
    ada.post("/api/users", good.clone())
        .await
        .fault(409, "name-taken", "name");
    let shouted = json!({ "name": "VERA", "role": "viewer", "password": "correct Horse 7 battery" });
    ada.post("/api/users", shouted)
        .await
        .fault(409, "name-taken", "name");
    for (field, value) in [
        ("name", json!("ab")),
        ("name", json!("white space")),
        ("role", json!("emperor")),
        ("password", json!("short")),
        ("email", json!("nowhere")),
        ("call_sign", json!("lower")),
        ("display_name", json!("x".repeat(101))),
    ] {
        let mut draft = json!({ "name": "walt", "role": "viewer", "password": "correct Horse 7 battery" });
        draft[field] = value;
        ada.post("/api/users", draft)
            .await
            .fault(400, "invalid-input", field);
    }
    for (field, value) in [
        ("name", json!("no spaces")),
        ("permissions", json!(["fly"])),
        ("user", json!("nobody-there")),
    ] {
        let mut draft = json!({ "name": "ci" });
        draft[field] = value;
        ada.post("/api/tokens", draft)
            .await
            .fault(400, "invalid-input", field);
    }
    ada.post("/api/tokens", json!({ "name": "ci", "expires_in_s": 1 }))
        .await
        .fault(400, "invalid-input", "expires_in_s");
    let people = ada.get("/api/users").await.json();
    assert_eq!(people["items"].as_array().map(Vec::len), Some(2));
    room.close().await;
}
