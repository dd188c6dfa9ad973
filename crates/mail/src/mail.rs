//! The one value that sends mail: opening it, and what is asked of it.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use watchroom_kit::{Ambient, SecretString};
use watchroom_model::{EmailAddress, LetterId};
use watchroom_policy::{Permit, act};
use watchroom_store::{Changed, Store, StoreError, follow};

use crate::content::Written;
use crate::smtp::Smtp;
use crate::{Config, OpenError, Seal, SendError};

/// How long things take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// How long the server may take for one letter.
    pub patience: Duration,
    /// The first wait after a failure, and the longest.
    pub waits: (Duration, Duration),
    /// After which a letter is given up.
    pub gives_up: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            patience: Duration::from_secs(30),
            waits: (Duration::from_secs(30), Duration::from_secs(900)),
            gives_up: Duration::from_secs(86_400),
        }
    }
}

/// Mail. Cloning is cheap and shares it.
#[derive(Clone)]
pub struct Mail(Arc<Inner>);

struct Inner {
    store: Store,
    config: Config,
    seal: Arc<dyn Seal>,
    smtp: Option<Smtp>,
    pace: Pace,
    ambient: Ambient,
    /// Where links lead; known once the Host listens.
    panel: Mutex<String>,
    /// Why the server cannot be used now.
    trouble: Mutex<Option<String>>,
    wake: Notify,
}

impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mail").finish_non_exhaustive()
    }
}

impl Mail {
    /// Reads the files that the configuration names and carries what waits until the tasks stop.
    ///
    /// # Errors
    /// [`OpenError`], whose message names the next step.
    pub fn open(
        store: Store,
        config: Config,
        seal: Arc<dyn Seal>,
        pace: Pace,
        ambient: Ambient,
    ) -> Result<Self, OpenError> {
        let smtp = Smtp::of(&config, pace.patience)?;
        let changes = store.changes();
        let panel = config
            .panel_url
            .clone()
            .unwrap_or_else(|| "https://localhost".to_owned());
        let mail = Self(Arc::new(Inner {
            store,
            config,
            seal,
            smtp,
            pace,
            panel: Mutex::new(panel),
            trouble: Mutex::default(),
            wake: Notify::new(),
            ambient,
        }));
        if mail.is_on() {
            let waker = mail.clone();
            follow("mail-follow-outbox", changes, mail.ambient(), move |change| {
                if matches!(change, Changed::Letters | Changed::Everything) {
                    waker.0.wake.notify_one();
                }
                std::future::ready(Ok::<(), StoreError>(()))
            });
            let carrier = mail.clone();
            mail.ambient()
                .tasks
                .spawn("mail-carry", async move { carrier.carry_on().await });
        }
        Ok(mail)
    }

    /// Whether mail is sent from here at all.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.0.smtp.is_some()
    }

    /// The panel listens there, as `name:port`: what links lead to, unless the configuration says.
    pub fn listens_at(&self, address: &str) {
        if self.0.config.panel_url.is_none() {
            let address = address.strip_suffix(":443").unwrap_or(address);
            *held(&self.0.panel) = format!("https://{address}");
        }
    }

    /// Sends a letter to this address at once, past the outbox, and says what came of it.
    ///
    /// # Errors
    /// [`SendError`].
    pub async fn test(&self, permit: &Permit<act::TestMail>, to: &EmailAddress) -> Result<(), SendError> {
        let smtp = self.0.smtp.as_ref().ok_or(SendError::Off)?;
        let id = LetterId::mint(&self.0.ambient).to_string();
        let host = self.panel();
        let written = Written {
            subject: format!("A test ({})", host.trim_start_matches("https://")),
            text: SecretString::from(format!("Mail from the Watchroom at {host} arrives.\n")),
        };
        let sent = smtp.carry(&id, to, &written, &self.0.ambient.clock).await;
        let is_taken = sent.is_ok();
        let noted = self.0.store.write(permit, async move |tx| {
            if !is_taken {
                tx.note_failure();
            }
            tx.note("letter", id.as_str());
            Ok::<_, StoreError>(())
        });
        noted.await?;
        if sent.is_ok() {
            self.set_trouble(None);
            // What waited for the server need not wait longer.
            self.0.wake.notify_one();
        }
        sent
    }

    /// Why the server cannot be used now, as this Host last saw.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        held(&self.0.trouble).clone()
    }

    /// Where links lead.
    #[must_use]
    pub fn panel(&self) -> String {
        held(&self.0.panel).clone()
    }

    /// Now, as letters are dated.
    #[must_use]
    pub fn now(&self) -> time::OffsetDateTime {
        self.0.ambient.now()
    }

    pub(crate) fn set_trouble(&self, trouble: Option<String>) {
        *held(&self.0.trouble) = trouble;
    }

    pub(crate) fn config(&self) -> &Config {
        &self.0.config
    }

    pub(crate) fn store(&self) -> &Store {
        &self.0.store
    }

    pub(crate) fn ambient(&self) -> &Ambient {
        &self.0.ambient
    }

    pub(crate) fn seal(&self) -> &dyn Seal {
        &*self.0.seal
    }

    pub(crate) fn smtp(&self) -> Option<&Smtp> {
        self.0.smtp.as_ref()
    }

    pub(crate) fn pace(&self) -> Pace {
        self.0.pace
    }

    pub(crate) async fn woken(&self) {
        self.0.wake.notified().await;
    }
}

fn held<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}
