//! How strong a password is, asked while it is typed: by the rules that will judge it, and by whoever has a form.

use serde_json::Value;
use watchroom_testkit::{TestRoom, Visitor, program};

const STRONG: &str = "Quiet-Lantern9 hums";

/// What is said of a password that somebody types into a form with this token.
async fn said(visitor: &Visitor, path: &str, token: &str, password: &str) -> Value {
    let fields = [
        ("csrf_token", token),
        ("username", "otto"),
        ("password", password),
    ];
    let answer = visitor.submit(path, &fields).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

fn broken(said: &Value) -> usize {
    said["broken"].as_array().expect("a list").len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_hears_the_rules_that_will_judge_it() {
    let room = TestRoom::open(program!()).await;
    let mut vera = room.signed_in("vera", "viewer").await;
    let token = vera.form_token("/profile").await;
    let own = "/profile/password-strength";
    let weak = said(&vera, own, &token, "weak").await;
    assert!(weak["score"].as_u64() <= Some(1) && broken(&weak) > 1, "{weak}");
    let strong = said(&vera, own, &token, STRONG).await;
    assert!(
        strong["score"].as_u64() >= Some(3) && broken(&strong) == 0,
        "{strong}"
    );
    let name = said(&vera, own, &token, "Quiet-Vera-Lantern9 hums").await;
    assert_eq!(broken(&name), 1, "it holds their own name: {name}");

    let mut stranger = room.stranger();
    let token = stranger.form_token("/login").await;
    let name = said(
        &stranger,
        "/password-strength",
        &token,
        "Quiet-Otto-Lantern9 hums",
    )
    .await;
    assert_eq!(broken(&name), 1, "it holds the name beside it: {name}");
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_no_form_is_told_nothing() {
    let room = TestRoom::open(program!()).await;
    room.account("vera", "viewer").await;
    let fields = [("csrf_token", "x"), ("password", STRONG)];
    let stranger = room.stranger();
    let refused = stranger.submit("/password-strength", &fields).await;
    assert_eq!(refused.status, 403, "{}", refused.text());
    let to_entrance = stranger.submit("/profile/password-strength", &fields).await;
    assert_eq!((to_entrance.status, to_entrance.text().as_str()), (303, ""));
    room.close().await;
}
