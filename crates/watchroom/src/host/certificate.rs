//! Keeps the panel's certificate good while the Host runs: renewed in time, and served anew when its files change.
//!
//! What an administrator, or a program of theirs, puts into `<state>/ssl` is served within seconds, and so is what
//! `watchroom tls generate` makes, or one for an address that this machine was given. Connections that are open keep the
//! certificate they began with.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::spawn_blocking;
use watchroom_kit::{Ambient, Clock};
use watchroom_trust::{FilesSeen, LocalNames, PanelCertificate, PanelError, PanelVerdict, Verdict};

/// How often the files are looked at. Two looks in a row must find the same: whoever replaces a certificate and
/// its key writes one after the other.
const LOOKED_AT_EVERY: Duration = Duration::from_secs(2);
/// How soon one is made again for names that none could be made for.
const RETRIED_EVERY: Duration = Duration::from_secs(60);
/// How often it is judged anew though nothing has changed: it ages.
const JUDGED_EVERY: Duration = Duration::from_secs(6 * 60 * 60);

/// Keeps it until the tasks stop.
pub(super) fn keep(certificate: Arc<PanelCertificate>, ambient: &Ambient) {
    let mut keeper = Keeper::of(certificate, ambient);
    ambient.tasks.spawn("panel certificate", async move {
        keeper.tell();
        let mut tick = tokio::time::interval(LOOKED_AT_EVERY);
        loop {
            tick.tick().await;
            if !keeper.is_due() {
                continue;
            }
            // Where one is made, its key takes the processor for up to a second.
            let reloaded = spawn_blocking(move || {
                keeper.reload();
                keeper
            });
            keeper = match reloaded.await {
                Ok(keeper) => keeper,
                Err(error) => {
                    tracing::error!(%error, "the panel's certificate is kept good no longer; restart Watchroom");
                    return;
                }
            };
        }
    });
}

struct Keeper {
    certificate: Arc<PanelCertificate>,
    clock: Clock,
    /// The files that are served.
    served: FilesSeen,
    /// The files at the last look.
    before: FilesSeen,
    judged_at: Duration,
    /// What it had to cover when it was last found good, or made so.
    judged_for: Arc<LocalNames>,
    has_failed: bool,
    /// What was said last of what is wrong: it is said again when it gets worse.
    told: Option<(Verdict, Option<i64>, usize)>,
}

impl Keeper {
    fn of(certificate: Arc<PanelCertificate>, ambient: &Ambient) -> Self {
        Self {
            served: certificate.opened_with().clone(),
            before: certificate.opened_with().clone(),
            judged_at: ambient.clock.elapsed(),
            judged_for: certificate.names(),
            has_failed: false,
            told: None,
            clock: ambient.clock.clone(),
            certificate,
        }
    }

    /// Looks at the files, and says whether they, or what is served, are to be judged anew.
    fn is_due(&mut self) -> bool {
        let now = self.certificate.seen();
        let is_settled = now == self.before;
        let is_new = now != self.served;
        let age = self.clock.elapsed().saturating_sub(self.judged_at);
        let is_renamed = self.judged_for != self.certificate.names();
        let is_due = age >= JUDGED_EVERY || is_renamed && (!self.has_failed || age >= RETRIED_EVERY);
        self.before = now;
        is_settled && (is_new || is_due)
    }

    fn reload(&mut self) {
        let (names, found) = (self.certificate.names(), self.certificate.seen());
        let reloaded = self.certificate.reload();
        // Of one that cannot be used, no names make another: new files do, and are seen by themselves.
        if matches!(reloaded, Ok(_) | Err(PanelError::GivenUnusable { .. })) {
            self.judged_for = names;
        }
        self.reloaded(reloaded, found);
    }

    /// Remembers what was made of the files that were found.
    fn reloaded(&mut self, reloaded: Result<PanelVerdict, PanelError>, found: FilesSeen) {
        self.has_failed = reloaded.is_err();
        // What an administrator put there while it was at work is not served yet, and is seen at the next look.
        let served = if may_have_written(&reloaded) {
            self.certificate.seen()
        } else {
            found
        };
        let mut is_whole = true;
        match reloaded {
            Ok(PanelVerdict::Made) => tracing::info!("the panel has a new certificate: there was none"),
            Ok(PanelVerdict::Remade { why }) => tracing::info!("the panel has a new certificate: {why}"),
            Ok(PanelVerdict::Given { .. }) if served != self.served => {
                tracing::info!(
                    fingerprint = %self.certificate.fingerprint(),
                    "the panel is served with the certificate that was put into its folder"
                );
            }
            Ok(PanelVerdict::Kept | PanelVerdict::Given { .. }) => {}
            Err(PanelError::GivenStays { .. }) => {
                tracing::info!("a certificate was put there while one was being made; it is looked at next");
                is_whole = false;
            }
            Err(error) => tracing::error!("the panel is served with the certificate it had: {error}"),
        }
        self.served = served;
        self.before = self.served.clone();
        self.judged_at = self.clock.elapsed();
        if is_whole {
            self.tell();
        }
    }

    /// Says what is wrong with it, once; how soon it ends at 30, 14 and 3 days.
    fn tell(&mut self) {
        let report = match self.certificate.report() {
            Ok(report) => report,
            Err(error) => {
                tracing::error!("the panel's certificate cannot be reported on: {error}");
                return;
            }
        };
        let state = Some((report.verdict, report.warned_at(), report.problems.len()));
        if state != self.told && report.verdict != Verdict::Good {
            tracing::warn!(
                "the panel's certificate: {}; `watchroom tls verify` tells more",
                report.problems.join("; ")
            );
        }
        self.told = state;
    }
}

/// Whether the files that are there after it may be of its own writing.
fn may_have_written(reloaded: &Result<PanelVerdict, PanelError>) -> bool {
    match reloaded {
        Ok(verdict) => verdict.has_written(),
        Err(PanelError::GivenStays { .. } | PanelError::GivenUnusable { .. }) => false,
        // It may have ended between one file and the next; to try again at once would be to try again forever.
        Err(PanelError::Folder(_) | PanelError::KeyFile(_)) => true,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::{self, Write};
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;
    use std::sync::Mutex;

    use time::macros::datetime;
    use tracing_subscriber::fmt::MakeWriter;
    use watchroom_kit::{Entropy, Tasks};
    use watchroom_trust::{PanelKeyKind, PanelSettings};

    use super::*;

    /// What was logged since it was last asked.
    #[derive(Clone, Debug, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl Log {
        fn taken(&self) -> String {
            String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap()
        }
    }

    impl Write for Log {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl MakeWriter<'_> for Log {
        type Writer = Self;

        fn make_writer(&self) -> Self {
            self.clone()
        }
    }

    fn ambient() -> Ambient {
        Ambient {
            clock: Clock::manual(datetime!(2026-03-01 12:00 UTC)),
            entropy: Entropy::system(),
            tasks: Tasks::new(),
        }
    }

    fn keeper(state: &Path, ambient: &Ambient) -> Keeper {
        let settings = PanelSettings::new(PanelKeyKind::EcdsaP256, LocalNames::loopback());
        let (certificate, _) = PanelCertificate::open_or_make(state, settings, ambient).unwrap();
        Keeper::of(Arc::new(certificate), ambient)
    }

    #[test]
    fn what_could_not_be_made_for_a_new_address_is_made_a_minute_later() {
        let (ambient, state) = (ambient(), tempfile::tempdir().unwrap());
        let mut keeper = keeper(state.path(), &ambient);
        let mark = state.path().join("ssl/made-by-watchroom.json");
        let aside = state.path().join("aside");
        fs::rename(&mark, &aside).unwrap();
        fs::create_dir(&mark).unwrap();
        let mut names = LocalNames::loopback();
        names.add_host("192.0.2.7");
        keeper.certificate.cover(names);
        assert!(keeper.is_due());
        keeper.reload();
        assert!(!keeper.is_due(), "it was tried just now");

        fs::remove_dir(&mark).unwrap();
        fs::rename(&aside, &mark).unwrap();
        ambient.clock.advance(RETRIED_EVERY);
        assert!(keeper.is_due());
        keeper.reload();
        let covered = keeper.certificate.report().unwrap().names;
        assert!(covered.contains(&"192.0.2.7".to_owned()), "{covered:?}");
        assert!(!keeper.is_due());
    }

    /// Puts a pair there that was made elsewhere, as an administrator does.
    fn put(elsewhere: &Path, state: &Path) {
        for name in ["ssl/server.crt", "ssl/server.key"] {
            let aside = state.join("aside");
            fs::copy(elsewhere.join(name), &aside).unwrap();
            fs::rename(aside, state.join(name)).unwrap();
        }
    }

    #[test]
    fn a_key_that_was_open_to_others_is_tried_again_when_it_is_no_more() {
        let (ambient, state) = (ambient(), tempfile::tempdir().unwrap());
        let elsewhere = tempfile::tempdir().unwrap();
        let theirs = keeper(elsewhere.path(), &ambient).certificate.fingerprint();
        let mut keeper = keeper(state.path(), &ambient);
        let ours = keeper.certificate.fingerprint();
        put(elsewhere.path(), state.path());
        let key = state.path().join("ssl/server.key");
        fs::set_permissions(&key, PermissionsExt::from_mode(0o644)).unwrap();
        assert!(!keeper.is_due() && keeper.is_due());
        keeper.reload();
        assert_eq!(keeper.certificate.fingerprint(), ours);
        assert!(!keeper.is_due() && !keeper.is_due(), "nothing has changed since");
        // The clock of the file system moves by some milliseconds at a time.
        std::thread::sleep(Duration::from_millis(50));
        fs::set_permissions(&key, PermissionsExt::from_mode(0o600)).unwrap();
        assert!(!keeper.is_due() && keeper.is_due());
        keeper.reload();
        assert_eq!(keeper.certificate.fingerprint(), theirs);
    }

    #[test]
    fn what_an_administrator_put_there_while_ours_was_made_is_served_at_the_next_look() {
        let (ambient, state) = (ambient(), tempfile::tempdir().unwrap());
        let (other, elsewhere) = (ambient.clone(), tempfile::tempdir().unwrap());
        let theirs = keeper(elsewhere.path(), &other).certificate.fingerprint();
        let mut keeper = keeper(state.path(), &ambient);
        let found = keeper.certificate.seen();
        put(elsewhere.path(), state.path());
        let path = state.path().join("ssl/server.crt");
        keeper.reloaded(Err(PanelError::GivenStays { path }), found);
        assert!(!keeper.is_due(), "it may be half written");
        assert!(keeper.is_due());
        keeper.reload();
        assert_eq!(keeper.certificate.fingerprint(), theirs);
        assert!(!keeper.is_due());
        assert!(!keeper.is_due());
    }

    #[test]
    fn a_certificate_that_ends_is_warned_of_once_at_each_step() {
        let (ambient, state) = (ambient(), tempfile::tempdir().unwrap());
        let mut keeper = keeper(state.path(), &ambient);
        let log = Log::default();
        let subscriber = tracing_subscriber::fmt().with_writer(log.clone()).finish();
        tracing::subscriber::with_default(subscriber, || {
            keeper.tell();
            let mut days_left = keeper.certificate.report().unwrap().days_left;
            for (left, told) in [
                (31, None),
                (30, None),
                (29, Some("it ends in 29 days (fewer than 30)")),
                (20, None),
                (14, None),
                (13, Some("it ends in 13 days (fewer than 14)")),
                (3, None),
                (2, Some("it ends in 2 days (fewer than 3)")),
                (1, None),
            ] {
                let days = u64::try_from(days_left - left).unwrap();
                ambient.clock.advance(Duration::from_secs(days * 86_400));
                days_left = left;
                assert!(keeper.is_due(), "{left}");
                keeper.reload();
                let logged = log.taken();
                assert_eq!(told.is_some(), logged.contains("WARN"), "{left}: {logged}");
                assert!(logged.contains(told.unwrap_or_default()), "{left}: {logged}");
                assert!(!keeper.is_due(), "{left}");
                keeper.reload();
                assert_eq!(log.taken(), "", "{left}: it was said");
            }
        });
    }
}
