//! The check of the authorities by whose client certificates people prove themselves.

use watchroom_shield::RouteClass;
use watchroom_trust::{ClientCa, ClientCaReport};
use watchroom_web::{Check, Finding};

const ID: &str = "client-ca";

/// What is to be said of them.
pub(super) fn examine(client_ca: Option<&ClientCa>, required_for: &[RouteClass]) -> Check {
    match client_ca {
        None => Check::good(ID, "nobody is asked for a client certificate (tls.client_ca)"),
        Some(ca) => judge(
            ca.trouble().map(|trouble| trouble.to_string()),
            &ca.report(),
            required_for,
        ),
    }
}

fn judge(trouble: Option<String>, authorities: &[ClientCaReport], required_for: &[RouteClass]) -> Check {
    if let Some(trouble) = trouble {
        let now = match authorities {
            [] => "nobody gets to what wants a client certificate",
            _ => "the authorities before stay in force until a restart",
        };
        let next_step =
            "put a PEM file with the authorities where tls.client_ca says; it is read within seconds";
        return Check::found(ID, Finding::Bad, format!("{trouble}; {now}"), next_step);
    }
    let named = |is: fn(&ClientCaReport) -> bool| {
        let found = authorities.iter().filter(|authority| is(authority));
        let named =
            found.map(|authority| format!("{} until {}", authority.subject, authority.not_after.date()));
        named.collect::<Vec<_>>().join(", ")
    };
    let (over, ending) = (named(|one| one.is_over), named(|one| one.ends_soon));
    let next_step =
        "add the authority that follows to the file of tls.client_ca, and give people new certificates";
    if !over.is_empty() {
        let evidence = format!("whoever was signed by it is not let in: {over}");
        return Check::found(ID, Finding::Bad, evidence, next_step);
    }
    if !ending.is_empty() {
        return Check::found(
            ID,
            Finding::Warning,
            format!("ends within 30 days: {ending}"),
            next_step,
        );
    }
    let classes: Vec<_> = required_for.iter().map(|class| format!("{class:?}")).collect();
    Check::good(
        ID,
        format!("wanted for {}; by {}", classes.join(", "), named(|_| true)),
    )
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn what_keeps_people_out_is_bad_and_what_soon_will_is_warned_of() {
        let authority = |is_over, ends_soon| ClientCaReport {
            subject: "CN=crew".to_owned(),
            not_after: datetime!(2027-01-02 03:04:05 UTC),
            is_over,
            ends_soon,
        };
        let finding = |trouble: Option<&str>, authorities: &[ClientCaReport]| {
            judge(
                trouble.map(str::to_owned),
                authorities,
                &[RouteClass::Administration],
            )
            .finding
        };
        assert_eq!(finding(None, &[authority(false, false)]), Finding::Good);
        assert_eq!(
            finding(None, &[authority(false, false), authority(false, true)]),
            Finding::Warning
        );
        assert_eq!(
            finding(None, &[authority(true, true), authority(false, false)]),
            Finding::Bad
        );
        assert_eq!(finding(Some("gone"), &[]), Finding::Bad);
        assert_eq!(finding(Some("gone"), &[authority(false, false)]), Finding::Bad);
        assert_eq!(examine(None, &[]).finding, Finding::Good);
    }
}
