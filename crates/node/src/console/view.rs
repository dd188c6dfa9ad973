//! A viewer: a stream of console events that reads the disk at the viewer's own speed.

use std::path::PathBuf;

use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use watchroom_model::console::ConsoleEvent;

use super::Reader;

struct Viewer {
    reader: Reader,
    folder: PathBuf,
    newest: watch::Receiver<u64>,
    is_following: bool,
}

/// What `reader` still has and, while `is_following`, what comes. `newest` changes whenever lines were
/// written; the stream ends with its sender.
pub(crate) fn view(
    reader: Reader,
    folder: PathBuf,
    newest: watch::Receiver<u64>,
    is_following: bool,
) -> BoxStream<'static, ConsoleEvent> {
    stream::unfold(
        Viewer {
            reader,
            folder,
            newest,
            is_following,
        },
        next,
    )
    .boxed()
}

async fn next(mut viewer: Viewer) -> Option<(ConsoleEvent, Viewer)> {
    loop {
        // Seen before reading: a line written meanwhile then wakes us again.
        viewer.newest.borrow_and_update();
        let mut reader = viewer.reader;
        let (reader, event) = spawn_blocking(move || {
            let event = reader.read();
            (reader, event)
        })
        .await
        .ok()?;
        viewer.reader = reader;
        match event {
            Ok(Some(event)) => return Some((event, viewer)),
            Ok(None) if !viewer.is_following => return None,
            Ok(None) => viewer.newest.changed().await.ok()?,
            Err(error) => {
                tracing::warn!(console.folder = %viewer.folder.display(), %error, "a console cannot be read");
                return None;
            }
        }
    }
}
