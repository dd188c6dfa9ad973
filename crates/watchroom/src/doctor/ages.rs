//! Secrets that somebody has to change now and then, and for how long each is good. What changes by itself, or ends by itself, is
//! not here: `docs/security/keys.md` has all of them.

use std::path::Path;

use time::{Duration, OffsetDateTime};
use watchroom_trust::ClusterSecret;
use watchroom_web::{Check, Finding};

use crate::config::Config;

const ID: &str = "ages";
/// How long the cluster's secret is good.
const OF_CLUSTER: Duration = Duration::days(730);
/// How long keys and passwords are good that are changed while everything runs.
const OF_OTHERS: Duration = Duration::days(365);

/// A secret with the time since which it is as it is.
#[derive(Debug)]
struct Aged {
    name: String,
    since: OffsetDateTime,
    good_for: Duration,
    change: &'static str,
}

/// All of them. The ring of keys is as old as its newest key, or as the cluster's secret, from which they are all derived, if that is newer.
pub(super) fn examine(
    state: &Path,
    config: &Config,
    ring_since: Option<OffsetDateTime>,
    now: OffsetDateTime,
) -> Check {
    let cluster = written(&ClusterSecret::path(state));
    let mut all = Vec::new();
    all.extend(cluster.map(|since| Aged {
        name: "the cluster's secret".to_owned(),
        since,
        good_for: OF_CLUSTER,
        change: "`watchroom cluster secret rotate`, while the Hosts are stopped",
    }));
    all.extend(ring_since.max(cluster).map(|since| Aged {
        name: "the newest key of the ring".to_owned(),
        since,
        good_for: OF_OTHERS,
        change: "`watchroom key rotate`",
    }));
    all.extend(config.secret_files().into_iter().filter_map(|(name, path)| {
        Some(Aged {
            name,
            since: written(path)?,
            good_for: OF_OTHERS,
            change: "another one there and in the file, then a restart",
        })
    }));
    judge(&all, now)
}

/// When a file was last written; none if that cannot be told.
fn written(path: &Path) -> Option<OffsetDateTime> {
    let modified = std::fs::metadata(path).and_then(|found| found.modified()).ok()?;
    Some(modified.into())
}

fn judge(all: &[Aged], now: OffsetDateTime) -> Check {
    let days = |secret: &Aged| (now - secret.since).whole_days();
    let over: Vec<&Aged> = all
        .iter()
        .filter(|secret| now - secret.since > secret.good_for)
        .collect();
    if over.is_empty() {
        let oldest = all.iter().max_by_key(|secret| now - secret.since);
        let evidence = oldest.map_or("no secrets are kept here".to_owned(), |oldest| {
            format!(
                "none is past its time; the oldest is {}, {} days",
                oldest.name,
                days(oldest)
            )
        });
        return Check::good(ID, evidence);
    }
    let evidence = over.iter().map(|secret| {
        let good_for = secret.good_for.whole_days();
        format!(
            "{} is {} days old, and good for {good_for}",
            secret.name,
            days(secret)
        )
    });
    let next_step = over
        .iter()
        .map(|secret| format!("{}: {}", secret.name, secret.change));
    Check::found(
        ID,
        Finding::Warning,
        evidence.collect::<Vec<_>>().join("; "),
        next_step.collect::<Vec<_>>().join("; "),
    )
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};

    use watchroom_testkit_folder::Folder;

    use super::*;

    #[test]
    fn what_is_past_its_time_is_named_with_what_changes_it() {
        let folder = Folder::new();
        let (state, password) = (folder.path(), folder.path().join("database-password"));
        fs::create_dir(state.join("keys")).unwrap();
        File::create(ClusterSecret::path(state)).unwrap();
        File::create(&password).unwrap();
        let mut config = Config::default();
        config.store.password_file = Some(password);
        let made = written(&ClusterSecret::path(state)).unwrap();
        let after = |days| examine(state, &config, None, made + Duration::days(days));
        assert_eq!(after(364).finding, Finding::Good);

        let year = after(366);
        assert_eq!(year.finding, Finding::Warning);
        assert!(year.evidence.contains("store.password_file is 36"), "{year:?}");
        assert!(year.evidence.contains("key of the ring"), "{year:?}");
        assert!(!year.evidence.contains("cluster's secret"), "{year:?}");
        let rotated = examine(
            state,
            &Config::default(),
            Some(made + Duration::days(300)),
            made + Duration::days(400),
        );
        assert_eq!(rotated.finding, Finding::Good, "{rotated:?}");

        let anew = examine(state, &Config::default(), Some(made - Duration::days(900)), made);
        assert_eq!(
            anew.finding,
            Finding::Good,
            "it is derived from the secret: {anew:?}"
        );

        let years = after(731);
        assert!(
            years.evidence.contains("the cluster's secret is 731 days old"),
            "{years:?}"
        );
        assert!(
            years
                .next_step
                .unwrap()
                .contains("watchroom cluster secret rotate")
        );
    }
}
