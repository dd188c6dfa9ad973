//! What other replicas change: the server passes on what their commits announce.

use std::time::Duration;

use futures_util::StreamExt;
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
/// The longest rest between attempts to connect.
const REST: Duration = Duration::from_secs(2);

/// Listens for good. Whatever was said while nobody listened is unknown, so each beginning is followed by
/// [`Changed::Everything`].
pub(super) async fn listen(server: Server, name: String, heard: Heard) {
    let mut rest = Duration::from_millis(100);
    let mut is_first = true;
    loop {
        let since = Instant::now();
        let Err(error) = hear(&server, &name, &heard).await;
        if is_first || since.elapsed() > REST {
            tracing::warn!(error = %error, "what other replicas change is not heard; trying again");
            rest = Duration::from_millis(100);
        }
        is_first = false;
        tokio::time::sleep(rest).await;
        rest = (rest * 2).min(REST);
    }
}

async fn hear(server: &Server, name: &str, heard: &Heard) -> Result<std::convert::Infallible, StoreError> {
    let (client, mut messages) = session::begin(server, "watchroom listener").await?;
    let begun = async {
        session::set_up(&client, Use::Listen).await?;
        client
            .batch_execute(LISTEN)
            .await
            .map_err(|error| refusal::classify(&error))
    };
    during(begun, &mut messages, |_| {}).await??;
    heard(Changed::Everything);
    let tell = |text: &str| {
        if let Some((from, what)) = text.split_once(' ')
            && from != name
        {
            // It cannot fail: a word that we do not know means everything.
            heard(what.parse().unwrap_or(Changed::Everything));
        }
    };
    loop {
        let quiet = tokio::time::sleep(QUIET);
        during(quiet, &mut messages, tell).await?;
        let asked = timeout(ANSWER, client.check_connection());
        match during(asked, &mut messages, tell).await? {
            Ok(answered) => answered.map_err(|error| refusal::classify(&error))?,
            Err(_) => return Err(StoreError::Away("the server does not answer".to_owned())),
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
