//! The number of a dial: kept on disk and raised before each, so that the Host knows the newer of two links.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use watchroom_kit::files;

/// The last number, on disk and in memory.
pub(crate) struct Epoch {
    path: PathBuf,
    /// The last number of this process. On a full or failing disk it goes on from here: a link is needed most
    /// when a machine is in trouble.
    last: Arc<AtomicU64>,
    /// One dial at a time: lines to several Hosts share the file.
    turn: tokio::sync::Mutex<()>,
}

impl Epoch {
    pub(crate) fn kept_in(path: PathBuf) -> Self {
        Self {
            path,
            last: Arc::default(),
            turn: tokio::sync::Mutex::default(),
        }
    }

    /// A number higher than every one before.
    pub(crate) async fn raise(&self) -> u64 {
        let _turn = self.turn.lock().await;
        let (path, last) = (self.path.clone(), Arc::clone(&self.last));
        let raised = tokio::task::spawn_blocking(move || {
            let next = read(&path).max(last.load(Ordering::SeqCst)).saturating_add(1);
            last.store(next, Ordering::SeqCst);
            if let Err(error) = files::replace(&path, next.to_string().as_bytes(), files::PRIVATE_FILE) {
                tracing::warn!(
                    "the number of this dial cannot be kept in {}: {error}",
                    path.display()
                );
            }
            next
        });
        raised
            .await
            .unwrap_or_else(|_| self.last.fetch_add(1, Ordering::SeqCst).saturating_add(1))
    }
}

/// The number on disk; 0 if there is none.
fn read(path: &Path) -> u64 {
    match std::fs::read_to_string(path) {
        Ok(text) => text.trim().parse().unwrap_or_else(|error| {
            tracing::warn!("{} holds no number ({error}); counting anew", path.display());
            0
        }),
        Err(error) if error.kind() == ErrorKind::NotFound => 0,
        Err(error) => {
            tracing::warn!(
                "{} cannot be read ({error}); counting on from memory",
                path.display()
            );
            0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_dial_has_a_higher_number_over_a_restart_and_on_a_disk_that_fails() {
        let room = tempfile::tempdir().unwrap();
        let path = room.path().join("epoch");
        let epoch = Epoch::kept_in(path.clone());
        assert_eq!((epoch.raise().await, epoch.raise().await), (1, 2));
        let epoch = Epoch::kept_in(path);
        assert_eq!(epoch.raise().await, 3);
        room.close().unwrap();
        assert_eq!((epoch.raise().await, epoch.raise().await), (4, 5));
    }
}
