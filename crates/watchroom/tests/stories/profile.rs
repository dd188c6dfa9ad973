//! The profile of OWASP ASVS: what it changes is what a visitor, an administrator and the certificate show.

use std::fs;

use crate::room::Room;

const PASSPHRASE: &str = "seven lanterns over a quiet harbour";

#[test]
fn the_profile_of_the_standard_changes_what_it_says() {
    for is_chosen in [false, true] {
        let mut room = Room::empty();
        if is_chosen {
            fs::write(room.configuration(), "security.profile = \"asvs\"\n").unwrap();
        }
        room.start();
        let policy = room.stranger().get("/login");
        let policy = policy.header("content-security-policy").unwrap();
        let base = if is_chosen {
            "base-uri 'none'"
        } else {
            "base-uri 'self'"
        };
        assert!(
            policy.contains(base) && policy.contains("object-src 'none'"),
            "{policy}"
        );
        assert!(!policy.contains("unsafe"), "{policy}");

        // Long and hard to guess, without a capital, a digit or a sign.
        let arguments = [
            "user",
            "create",
            "alice",
            "--role",
            "admin",
            "--password-file",
            "-",
        ];
        let made = room.run_with(&arguments, PASSPHRASE);
        assert_eq!(made.status.success(), is_chosen, "{}", made.errors);
        let weak = [
            "user",
            "create",
            "bob",
            "--role",
            "viewer",
            "--password-file",
            "-",
        ];
        assert!(!room.run_with(&weak, "passwordpassword").status.success());

        // A key of RSA takes over a thousand bytes, one of ECDSA some hundred.
        let key = fs::metadata(room.state().join("ssl/server.key")).unwrap();
        assert_eq!(key.len() > 1_000, !is_chosen, "{key:?}");
    }
}
