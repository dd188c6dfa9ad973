//! The check of where the keys of the authorities and of the panel's certificate are: held by this program, or in a security
//! module that still signs.

use std::collections::BTreeMap;

use watchroom_fleet::nodes::Generation;
use watchroom_store::Store;
use watchroom_trust::{ClusterCa, PanelCertificate};
use watchroom_web::{Check, Finding};

use crate::config::KeysSection;
use crate::wire::authority::sealed;

const ID: &str = "keys";

/// Where a key is: the label of the token, `None` if this program holds it, or why it does not sign.
type Place = Result<Option<String>, String>;

/// The keys that may be in a module, each after it has signed once.
struct Places {
    cluster: Place,
    /// That of the CA before, if it is trusted still.
    retiring: Option<Place>,
    authority: Place,
    /// `None` if the certificate was given by an administrator, with its key.
    certificate: Option<Place>,
}

/// What is to be said of them.
pub(super) async fn examine(
    (ca, certificate): (&ClusterCa, &PanelCertificate),
    store: &Store,
    keys: &KeysSection,
) -> Check {
    if let Err(why) = is_present(ca, store).await {
        return Check::found(
            ID,
            Finding::Bad,
            format!("this Host goes on by a cluster CA of before, and renews no node: {why}"),
            "give this Host what the others have ([keys], keys/cluster.secret), and restart it",
        );
    }
    let shown = certificate.prove_key().map_err(|error| error.to_string());
    let places = Places {
        cluster: ca.prove_key().map_err(|error| error.to_string()),
        retiring: ca
            .prove_retiring_key()
            .map(|place| place.map_err(|error| error.to_string())),
        authority: certificate.prove_authority().map_err(|error| error.to_string()),
        certificate: match (certificate.is_given(), shown) {
            (true, Ok(None)) => None,
            (_, place) => Some(place),
        },
    };
    judge(&places, keys)
}

/// Whether the CAs of the database are those that this Host has, or could take up.
async fn is_present(ca: &ClusterCa, store: &Store) -> Result<(), String> {
    let known = Generation::all(store).await.map_err(|error| error.to_string())?;
    let sealed = sealed(&known).map_err(|error| error.to_string())?;
    ca.check(&sealed).map_err(|error| error.to_string())
}

fn judge(places: &Places, keys: &KeysSection) -> Check {
    let named = [
        ("the cluster CA", Some(&places.cluster)),
        ("the cluster CA before it", places.retiring.as_ref()),
        ("the panel's authority", Some(&places.authority)),
        ("the panel's certificate", places.certificate.as_ref()),
    ];
    let named = named.into_iter().filter_map(|(name, place)| Some((name, place?)));
    let (mut lost, mut held, mut apart) = (BTreeMap::new(), Vec::new(), Vec::new());
    for (name, place) in named {
        match place {
            Err(why) => lost.entry(why).or_insert_with(Vec::new).push(name),
            Ok(None) => held.push(name),
            Ok(Some(_)) => apart.push(name),
        }
    }
    if !lost.is_empty() {
        let next_step =
            "bring the module back within a day: then certificates of nodes end, and the last ones made here";
        let lost = lost
            .iter()
            .map(|(why, names)| format!("not signing: the keys of {} ({why})", names.join(", ")));
        return Check::found(ID, Finding::Bad, lost.collect::<Vec<_>>().join("; "), next_step);
    }
    let mut evidence = Vec::new();
    if !apart.is_empty() {
        let places = [&places.cluster, &places.authority]
            .into_iter()
            .chain(&places.retiring)
            .chain(&places.certificate);
        let token = places.flatten().flatten().next().map_or("", String::as_str);
        let all = apart.join(", ");
        evidence.push(format!(
            "in the security module \"{token}\", and signing: the keys of {all}"
        ));
    }
    if !held.is_empty() {
        evidence.push(format!("held by this program: the keys of {}", held.join(", ")));
    }
    let evidence = evidence.join("; ");
    let is_wanted = keys.module.is_some() && keys.make_new;
    match (&places.cluster, &places.authority) {
        (Ok(None), _) if is_wanted => Check::found(
            ID,
            Finding::Warning,
            evidence,
            "`watchroom cluster ca rotate` makes the next key of the cluster CA in the module",
        ),
        (_, Ok(None)) if is_wanted => Check::found(
            ID,
            Finding::Advice,
            evidence,
            "remove keys/panel-ca.key, keys/panel-ca.crt and ssl/server.*, restart, and have browsers trust the new authority",
        ),
        _ => Check::good(ID, evidence),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(cluster: Place, authority: Place, keys: &KeysSection) -> Finding {
        let places = Places {
            cluster,
            retiring: None,
            authority,
            certificate: Some(Ok(None)),
        };
        judge(&places, keys).finding
    }

    #[test]
    fn a_module_that_does_not_sign_is_bad_and_one_that_is_not_used_is_told() {
        let held = KeysSection::default();
        let apart = KeysSection {
            module: Some("/usr/lib/pkcs11.so".into()),
            ..KeysSection::default()
        };
        let left = KeysSection {
            make_new: false,
            ..apart.clone()
        };
        let there = || Ok(Some("watchroom".to_owned()));
        assert_eq!(finding(Ok(None), Ok(None), &held), Finding::Good);
        assert_eq!(finding(Ok(None), Ok(None), &left), Finding::Good);
        assert_eq!(finding(Ok(None), there(), &apart), Finding::Warning);
        assert_eq!(finding(there(), Ok(None), &apart), Finding::Advice);
        assert_eq!(finding(there(), there(), &apart), Finding::Good);
        let gone = || Err("it was pulled".to_owned());
        assert_eq!(finding(gone(), there(), &apart), Finding::Bad);
        assert_eq!(finding(there(), gone(), &left), Finding::Bad);
    }

    #[test]
    fn what_all_keys_suffer_from_is_told_once() {
        let gone = || Err("it was pulled".to_owned());
        let places = Places {
            cluster: gone(),
            retiring: None,
            authority: gone(),
            certificate: Some(Ok(None)),
        };
        let evidence = judge(&places, &KeysSection::default()).evidence;
        assert_eq!(
            evidence,
            "not signing: the keys of the cluster CA, the panel's authority (it was pulled)"
        );
    }

    #[test]
    fn each_key_is_named_with_its_place() {
        let places = Places {
            cluster: Ok(Some("vault".to_owned())),
            retiring: Some(Ok(None)),
            authority: Ok(None),
            certificate: None,
        };
        let evidence = judge(&places, &KeysSection::default()).evidence;
        assert_eq!(
            evidence,
            "in the security module \"vault\", and signing: the keys of the cluster CA; \
             held by this program: the keys of the cluster CA before it, the panel's authority"
        );
    }

    #[test]
    fn the_key_of_a_ca_before_that_does_not_sign_is_bad() {
        let places = Places {
            cluster: Ok(None),
            retiring: Some(Err("it was pulled".to_owned())),
            authority: Ok(None),
            certificate: None,
        };
        let check = judge(&places, &KeysSection::default());
        assert_eq!(check.finding, Finding::Bad);
        assert_eq!(
            check.evidence,
            "not signing: the keys of the cluster CA before it (it was pulled)"
        );
    }
}
