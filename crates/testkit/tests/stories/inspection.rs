//! Input that looks like an attack is refused with its field; people's own words are not, whatever they hold.

use serde_json::{Value, json};
use watchroom_kit::Ambient;
use watchroom_shield::RouteClass;
use watchroom_testkit::{PASSWORD, TestRoom, Visitor, program};

const TAUTOLOGY: &str = "x' or '1'='1";

/// Waits until inspection's list has an entry for a field.
async fn finding(room: &TestRoom, reader: &Visitor, field: &str) -> Value {
    for _ in 0..200 {
        let list = reader.get("/api/security/findings?limit=500").await;
        assert_eq!(list.status, 200, "{}", list.text());
        let items = list.json()["items"].as_array().expect("items").clone();
        if let Some(found) = items.into_iter().find(|item| item["field"] == field) {
            return found;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("no finding in {field}: {:?}", room.state());
}

fn in_query(text: &str) -> String {
    serde_urlencoded::to_string([("name", text)]).expect("a query")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tautology_is_refused_with_its_field_in_query_json_and_form_and_encoded_twice() {
    let room = TestRoom::open(program!()).await;
    let ada = room.signed_in("ada", "admin").await;
    let twice = in_query(&in_query(TAUTOLOGY)["name=".len()..]);
    for query in [in_query(TAUTOLOGY), twice] {
        let answer = ada.get(&format!("/api/servers?{query}")).await;
        answer.fault(400, "input-refused", "name");
        answer.assert_dressed();
        assert!(
            !answer.text().contains("'1'"),
            "the value came back: {}",
            answer.text()
        );
    }
    let named = json!({ "name": "ci", "permissions": ["x' union select password from users --"] });
    ada.post("/api/tokens", named)
        .await
        .fault(400, "input-refused", "permissions.0");
    ada.get("/api/servers/1'%20or%20'1'='1")
        .await
        .fault(400, "input-refused", "path");
    let fields = [
        ("name", "<script>alert(1)</script>"),
        ("expires_days", "1"),
        ("password", PASSWORD),
    ];
    let page = ada.submit("/profile/tokens", &fields).await;
    assert_eq!(page.status, 400, "{}", page.text());
    assert!(!page.text().contains("<script>alert"), "{}", page.text());

    let found = finding(&room, &ada, "permissions.0").await;
    assert_eq!(
        (&found["attack"], &found["rule"], &found["is_refused"]),
        (&json!("sqli"), &json!("sqli-union"), &json!(true))
    );
    assert_eq!(finding(&room, &ada, "name").await["is_refused"], true);
    let log = ada.get("/api/audit?event_type=SUSPICIOUS&limit=500").await.text();
    assert!(
        log.contains("shield.inspected") && !log.contains("union select"),
        "{log}"
    );
    let vera = room.viewer("vera").await;
    assert_eq!(vera.get("/api/security/findings").await.status, 403);
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_called_o_brien_and_prose_about_sql_pass_and_are_shown_as_text() {
    let room = TestRoom::open(program!()).await;
    let ada = room.signed_in("ada", "admin").await;
    let conan =
        json!({ "name": "conan", "role": "viewer", "display_name": "Conan O'Brien", "password": PASSWORD });
    assert_eq!(ada.post("/api/users", conan).await.status, 201);
    let note = "select one or more from the list -- <script>alert(1)</script>";
    let server = json!({ "name": "web", "command": ["/bin/echo", note] });
    let made = ada.post("/api/servers", server).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let id = made.json()["server"]["id"].as_str().expect("an id").to_owned();
    let page = ada.look(&format!("/servers/{id}")).await.text();
    assert!(!page.contains("<script>alert(1)"), "{page}");
    assert!(page.contains("script&#62;alert(1)"), "{page}");
    assert_eq!(finding(&room, &ada, "command.1").await["is_refused"], false);
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_looks_like_an_attack_is_nobody_s_business() {
    let room = TestRoom::open(program!()).await;
    let ada = room.signed_in("ada", "admin").await;
    let password = "' OR '1'='1' -- <script>7";
    let person = json!({ "name": "olga", "role": "viewer", "password": password });
    let made = ada.post("/api/users", person).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let mut olga = room.stranger();
    let answer = olga.try_sign_in("olga", password).await;
    assert_eq!(answer.status, 303, "{}", answer.text());
    ada.get(&format!("/api/servers?{}", in_query(TAUTOLOGY)))
        .await
        .fault(400, "input-refused", "name");
    finding(&room, &ada, "name").await;
    let list = ada.get("/api/security/findings?limit=500").await.json();
    assert_eq!(list["items"].as_array().expect("items").len(), 1, "{list}");
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_it_is_only_reported_it_passes_and_is_written_down() {
    let change = |config: &mut watchroom::config::Config| {
        config.shield.inspection.report_only = vec![RouteClass::Read];
    };
    let room = TestRoom::with(program!(), Ambient::system(), change).await;
    let ada = room.signed_in("ada", "admin").await;
    let answer = ada.get(&format!("/api/servers?{}", in_query(TAUTOLOGY))).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(finding(&room, &ada, "name").await["is_refused"], false);
    let named = json!({ "name": "x' union select password from users --" });
    ada.post("/api/tokens", named)
        .await
        .fault(400, "input-refused", "name");
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_hides_behind_more_than_is_read() {
    let room = TestRoom::open(program!()).await;
    let ada = room.signed_in("ada", "admin").await;
    let junk: serde_json::Map<String, Value> = (0..6)
        .map(|number| (format!("a{number}"), "fine words ".repeat(5_000).into()))
        .collect();
    let mut much = Value::from(junk);
    much["name"] = TAUTOLOGY.into();
    let answer = ada.post("/api/tokens", much).await;
    answer.problem(413, "body-too-large");
    let mut deep = json!([]);
    for _ in 0..200 {
        deep = json!([deep]);
    }
    let answer = ada
        .post("/api/tokens", json!({ "a": deep, "name": TAUTOLOGY }))
        .await;
    answer.problem(400, "invalid-input");
    room.close().await;
}
