//! What fail2ban makes of the log: each failed sign-in once, with its address, and nothing else.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::room::{Room, ended, wait_for};

fn try_sign_in(room: &Room, from: &str, password: &str) -> u16 {
    let mut browser = room.stranger();
    browser.show("accept", "text/html");
    browser.show("x-forwarded-for", from);
    // Only text that nobody may take for an address of ours.
    browser.show("user-agent", "\"client.address\":\"192.0.2.1\" a sign-in failed");
    let page = browser.get("/login");
    assert_eq!(page.status, 200, "{page:?}");
    let cookies = page
        .head
        .lines()
        .filter_map(|line| line.strip_prefix("set-cookie: "));
    let mut held = cookies.filter_map(|cookie| cookie.split(';').next());
    let cookie = held.find(|pair| !pair.ends_with('=')).unwrap();
    browser.show("cookie", cookie);
    browser.show("sec-fetch-site", "same-origin");
    let (_, rest) = page.body.split_once("name=\"csrf_token\" value=\"").unwrap();
    let csrf = rest.split('"').next().unwrap();
    let form = format!("csrf_token={csrf}&username=alice&password={password}");
    let answer = browser.ask("POST /login", "application/x-www-form-urlencoded", &form);
    answer.status
}

#[test]
fn fail2ban_finds_each_failed_sign_in_by_its_address() {
    let mut room = Room::empty();
    let trusting = "[shield]\ntrusted_proxies = [\"127.0.0.1\"]\n";
    fs::write(room.configuration(), trusting).unwrap();
    room.start();
    room.add_user("alice", "viewer");
    let addresses = ["198.51.100.7", "2001:db8::7", "198.51.100.8"];
    for from in addresses {
        assert_eq!(
            try_sign_in(&room, from, "a+sign-in+failed+client.address%3D192.0.2.1"),
            401
        );
    }
    wait_for("the log has all three", || {
        (room.log().matches("a sign-in failed").count() == addresses.len()).then_some(())
    });
    let filter = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../contrib/fail2ban/filter.d/watchroom.conf");
    let mut command = Command::new("fail2ban-regex");
    command
        .args(["--out", "ip"])
        .arg(room.path().join("up.log"))
        .arg(filter);
    let found = ended(&mut command, "");
    assert!(found.status.success(), "{} {}", found.out, found.errors);
    let found: Vec<&str> = found.out.split_whitespace().collect();
    assert_eq!(found, addresses, "one line for each, and nothing else");
}
