//! The check of where the key of the cluster CA is: held by this program, or in a security module that still signs.

use std::sync::Arc;

use watchroom_trust::{ClusterCa, ModuleError};
use watchroom_web::{Check, Finding};

use crate::config::KeysSection;

const ID: &str = "keys";

/// What is to be said of it. It signs once for that, beside the runtime: a module may take a second.
pub(super) async fn examine(ca: &Arc<ClusterCa>, keys: &KeysSection) -> Check {
    let ca = Arc::clone(ca);
    let proven = tokio::task::spawn_blocking(move || ca.prove_key()).await;
    let is_stopping = |_| Err(ModuleError::Failed("this Host is stopping".to_owned()));
    judge(proven.unwrap_or_else(is_stopping), keys)
}

fn judge(proven: Result<Option<String>, ModuleError>, keys: &KeysSection) -> Check {
    match proven {
        Ok(Some(token)) => Check::good(
            ID,
            format!("the key of the cluster CA is in the security module \"{token}\", and signs"),
        ),
        Ok(None) if keys.module.is_some() && keys.make_new => Check::found(
            ID,
            Finding::Warning,
            "there is a security module, and the key of the cluster CA is not in it",
            "`watchroom cluster ca rotate` makes the next one there",
        ),
        Ok(None) => Check::good(
            ID,
            "the keys of the authorities are held by this program (keys.module)",
        ),
        Err(error) => Check::found(
            ID,
            Finding::Bad,
            format!("no node is given a certificate: {error}"),
            "bring the module back within a day: then the first certificates end; a PIN that was corrected needs a restart",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_that_does_not_sign_is_bad_and_one_that_is_not_used_is_warned_of() {
        let held = KeysSection::default();
        let apart = KeysSection {
            module: Some("/usr/lib/pkcs11.so".into()),
            ..KeysSection::default()
        };
        let left = KeysSection {
            make_new: false,
            ..apart.clone()
        };
        let finding = |proven, keys| judge(proven, keys).finding;
        assert_eq!(finding(Ok(None), &held), Finding::Good);
        assert_eq!(finding(Ok(None), &left), Finding::Good);
        assert_eq!(finding(Ok(None), &apart), Finding::Warning);
        assert_eq!(finding(Ok(Some("watchroom".to_owned())), &apart), Finding::Good);
        let gone = ModuleError::Failed("it was pulled".to_owned());
        assert_eq!(finding(Err(gone), &apart), Finding::Bad);
    }
}
