//! News of bans: a node that can be told is given the whole list when it is linked, then each change.
//!
//! Each Host of a cluster tells its own list, and each of them follows what the others change: whatever order
//! their news come in, the last change of each is told by all of them, so the node ends with what holds.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use watchroom_model::{BanNews, Bar, BarredList, BarredNetwork, HEARS_BANS};

use super::{NodeLink, Shared};
use crate::LinkError;

/// Bans in one message: some hundred kilobytes.
const PIECE: usize = 2_000;
/// When a node that refuses what it is told is told again.
const AGAIN: Duration = Duration::from_secs(5);

/// What the node has: the version that it was told last, and the list that this made.
type Told = (u64, Arc<BarredList>);

/// Keeps the node's list true until the link ends or another one takes over from it.
pub(super) async fn serve(link: &NodeLink) -> Result<(), LinkError> {
    if !link.hello().can(HEARS_BANS) {
        link.ended().await;
        return Ok(());
    }
    let mut lists = link.shared().bans.subscribe();
    let mut told = None;
    loop {
        let list = Arc::clone(&lists.borrow_and_update());
        match Box::pin(tell(link, told.take(), list)).await {
            Ok(now) => told = now,
            // Whoever stands at the other end does not believe us, or cannot keep it: its own log says why.
            Err(error @ LinkError::Refused { .. }) => {
                tracing::error!(node.id = %link.node(), %error, "a node does not take in who is banned");
            }
            Err(error) => return Err(error),
        }
        tokio::select! {
            // The hub keeps the sender: it never closes.
            _ = lists.changed(), if told.is_some() => {}
            () = tokio::time::sleep(AGAIN), if told.is_none() => {}
            // The next link of the same agent is told from the beginning.
            () = link.traffic().handed_over() => {
                link.ended().await;
                return Ok(());
            }
        }
    }
}

/// Tells the node what it lacks. `None` if it went astray twice.
async fn tell(link: &NodeLink, told: Option<Told>, list: Arc<BarredList>) -> Result<Option<Told>, LinkError> {
    if let Some((version, before)) = told
        && let Some(version) = send(link, changes(version, &before, &list)).await?
    {
        return Ok(Some((version, list)));
    }
    Ok(send(link, whole(link.shared(), &list))
        .await?
        .map(|version| (version, list)))
}

/// Sends pieces that follow one another; gives the version of the last, if the node has all of them.
async fn send(link: &NodeLink, pieces: Vec<BanNews>) -> Result<Option<u64>, LinkError> {
    let shared = link.shared();
    let patience = shared.settings.call_patience;
    let mut last = None;
    for mut piece in pieces {
        piece.host = shared.id;
        piece.version = shared.ban_version.fetch_add(1, Ordering::SeqCst) + 1;
        piece.follows = last.or(piece.follows);
        let mut client = link.client();
        let request = link.signed(&piece, patience)?;
        let heard = link.within(patience, false, client.bar(request)).await?;
        if heard.into_inner().version != piece.version {
            return Ok(None);
        }
        last = Some(piece.version);
    }
    Ok(last)
}

/// The whole list, without what is over.
fn whole(shared: &Shared, list: &BarredList) -> Vec<BanNews> {
    let now = shared.ambient.clock.now_micros();
    let holds: Vec<Bar> = list.iter().filter(|(_, until)| **until > now).map(bar).collect();
    let mut pieces: Vec<BanNews> = holds
        .chunks(PIECE)
        .map(|piece| news(piece.to_vec(), Vec::new()))
        .collect();
    if pieces.is_empty() {
        pieces.push(news(Vec::new(), Vec::new()));
    }
    if let Some(last) = pieces.last_mut() {
        last.ends_list = true;
    }
    pieces
}

/// What has changed since the node was told that version.
fn changes(version: u64, before: &BarredList, now: &BarredList) -> Vec<BanNews> {
    let is_new = |(barred, until): &(&BarredNetwork, &i64)| before.get(*barred) != Some(*until);
    let barred: Vec<Bar> = now.iter().filter(is_new).map(bar).collect();
    let lifted: Vec<BarredNetwork> = before
        .keys()
        .filter(|barred| !now.contains_key(*barred))
        .cloned()
        .collect();
    let lifted = lifted.chunks(PIECE).map(|piece| news(Vec::new(), piece.to_vec()));
    let mut pieces: Vec<BanNews> = barred
        .chunks(PIECE)
        .map(|piece| news(piece.to_vec(), Vec::new()))
        .chain(lifted)
        .collect();
    if pieces.is_empty() {
        pieces.push(news(Vec::new(), Vec::new()));
    }
    if let Some(first) = pieces.first_mut() {
        first.follows = Some(version);
    }
    pieces
}

fn bar((barred, until): (&BarredNetwork, &i64)) -> Bar {
    Bar {
        barred: barred.clone(),
        until_us: *until,
    }
}

/// A piece that is not numbered yet.
fn news(barred: Vec<Bar>, lifted: Vec<BarredNetwork>) -> BanNews {
    BanNews {
        host: uuid::Uuid::nil(),
        version: 0,
        follows: None,
        barred,
        lifted,
        ends_list: false,
    }
}
