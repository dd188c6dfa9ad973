//! Gives memory back when there is little to do: what a burst took and freed would else stay with us for good, since it lies
//! between what is still in use.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use tokio::task::spawn_blocking;
use watchroom_kit::Ambient;

/// How often we look whether there is little to do.
const LOOK: Duration = Duration::from_secs(5);
/// Less processor time than this between two looks is little.
const LITTLE: Duration = Duration::from_millis(250);
/// After so much processor time there may be something to give back.
const MUCH: Duration = Duration::from_millis(500);

/// Looks now and then whether much was done since memory was given back the last time, and little is being done now; then
/// gives back what is free.
pub(crate) fn give_back_at_rest(ambient: &Ambient) {
    ambient.tasks.spawn("give-memory-back", async {
        let (mut given_back, mut before) = (Duration::ZERO, worked());
        loop {
            tokio::time::sleep(LOOK).await;
            let now = worked();
            if now - before < LITTLE && now - given_back > MUCH {
                let had_any = spawn_blocking(watchroom_system::give_back_memory).await;
                tracing::debug!(?had_any, "gave back what memory was free");
                given_back = now;
            }
            before = now;
        }
    });
}

/// The processor time that this process has taken.
fn worked() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0))
}
