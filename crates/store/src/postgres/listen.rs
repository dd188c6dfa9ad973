//! What other replicas change: the server passes on what their commits announce.

use std::convert::Infallible;
use std::time::Duration;

use futures_util::StreamExt;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};
use tokio_postgres::AsyncMessage;

use super::session::{self, Messages, Use};
use super::{Server, refusal};
use crate::engine::Heard;
use crate::{Changed, StoreError};

/// Announces texts, if the transaction commits.
pub(super) const NOTIFY: &str = "SELECT pg_notify('watchroom', text) FROM unnest($1::text[]) AS text";
const LISTEN: &str = "LISTEN watchroom";
/// After how much silence the server is asked whether it still hears us, and how long its answer may take.
/// Together they bound how late a revocation may be noticed when a connection is lost without a word.
const QUIET: Duration = Duration::from_secs(1);
const ANSWER: Duration = Duration::from_secs(3);
/// The rest between attempts to connect: it doubles.
const SHORTEST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(2);

/// Who listens, and whom it tells.
pub(super) struct Listener {
    pub(super) server: Server,
    /// Under which name we announce, so that we do not hear ourselves.
    pub(super) name: String,
    pub(super) heard: Heard,
    /// Told once nothing is missed any more.
    pub(super) begun: Option<oneshot::Sender<()>>,
}

impl Listener {
    /// Listens for good. Whatever is said while nobody listens is unknown, so each new beginning is followed by
    /// [`Changed::Everything`]; at the first one nobody knows anything yet.
    pub(super) async fn run(mut self) {
        let mut rest = SHORTEST;
        loop {
            let since = Instant::now();
            let Err(error) = self.listen().await;
            if since.elapsed() > LONGEST {
                rest = SHORTEST;
            }
            if rest == SHORTEST {
                tracing::warn!(error = %error, "what other replicas change is not heard; trying again");
            }
            tokio::time::sleep(rest).await;
            rest = (rest * 2).min(LONGEST);
        }
    }

    async fn listen(&mut self) -> Result<Infallible, StoreError> {
        let (client, mut messages) = session::begin(&self.server, "watchroom listener").await?;
        let begun = async {
            session::set_up(&client, Use::Listen).await?;
            let begun = client.batch_execute(LISTEN).await;
            begun.map_err(|error| refusal::classify(&error))
        };
        during(begun, &mut messages, |_| {}).await??;
        let is_first = self.begun.take().is_some_and(|begun| begun.send(()).is_ok());
        if !is_first {
            (self.heard)(Changed::Everything);
        }
        loop {
            let quiet = tokio::time::sleep(QUIET);
            during(quiet, &mut messages, |text| self.tell(text)).await?;
            let asked = timeout(ANSWER, client.check_connection());
            match during(asked, &mut messages, |text| self.tell(text)).await? {
                Ok(answered) => answered.map_err(|error| refusal::classify(&error))?,
                Err(_) => return Err(StoreError::Away("the server does not answer".to_owned())),
            }
        }
    }

    fn tell(&self, text: &str) {
        if let Some((from, what)) = text.split_once(' ')
            && from != self.name
        {
            // It cannot fail: a word that we do not know means everything.
            (self.heard)(what.parse().unwrap_or(Changed::Everything));
        }
    }
}

/// Waits for `work` while taking what the server says, without which nothing moves.
async fn during<T>(
    work: impl Future<Output = T>,
    messages: &mut Messages,
    tell: impl Fn(&str),
) -> Result<T, StoreError> {
    let mut work = std::pin::pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return Ok(done),
            message = messages.next() => match message {
                Some(Ok(AsyncMessage::Notification(note))) => tell(note.payload()),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(refusal::classify(&error)),
                None => return Err(StoreError::Away("the server closed the session".to_owned())),
            },
        }
    }
}
