//! The check of whether passkeys can work here: they are made for a host name, and browsers offer them only where they trust
//! the certificate.

use watchroom_identity::Site;
use watchroom_web::{Check, Finding};

const ID: &str = "passkeys";

/// What is to be said of them, by the names that the certificate covers.
pub(super) fn examine(names: &[String], is_made_by_us: bool) -> Check {
    let is_name = |name: &&String| {
        let site = Site::of(name, true);
        site.is_ok_and(|site| site.host() != "localhost")
    };
    let fitting: Vec<&str> = names.iter().filter(is_name).map(String::as_str).collect();
    match (fitting.is_empty(), is_made_by_us) {
        (true, _) => Check::found(
            ID,
            Finding::Advice,
            "the certificate covers no host name, so passkeys work on this machine alone",
            "give the panel a host name, and a certificate for it; passkeys are never made for addresses",
        ),
        (false, true) => Check::found(
            ID,
            Finding::Advice,
            format!(
                "they work under {}, in browsers that trust our own authority",
                fitting.join(", ")
            ),
            "give a certificate that browsers know, or have them trust keys/panel-ca.crt",
        ),
        (false, false) => Check::good(ID, format!("they work under {}", fitting.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passkeys_need_a_name_and_trust() {
        let names = |all: &[&str]| all.iter().map(ToString::to_string).collect::<Vec<_>>();
        let at_home = examine(&names(&["localhost", "127.0.0.1", "::1", "192.0.2.7"]), false);
        assert_eq!(at_home.finding, Finding::Advice);
        let ours = examine(&names(&["localhost", "panel.example.org"]), true);
        assert!(ours.finding == Finding::Advice && ours.evidence.contains("under panel.example.org,"));
        let given = examine(&names(&["panel.example.org", "192.0.2.7"]), false);
        assert_eq!(
            (given.finding, given.evidence.as_str()),
            (Finding::Good, "they work under panel.example.org")
        );
    }
}
