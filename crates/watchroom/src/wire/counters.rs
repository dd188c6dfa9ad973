//! The counters that replicas share: when they go away, and when they are back, stands in the audit log.

use std::time::Duration;

use watchroom_kit::Tasks;
use watchroom_records::Records;
use watchroom_shield::Shield;

/// The part of `/readyz` that they are.
const PART: &str = "limits";
const LOOKED_AT_EVERY: Duration = Duration::from_secs(1);
/// Counters that come and go leave one entry in this time, and at the start they have it to come.
const TOLD_EVERY: Duration = Duration::from_secs(10);

/// Looks at them until the tasks stop; not at all where none are shared.
pub(crate) fn follow(shield: &Shield, records: &Records, tasks: &Tasks) {
    if !shield.limits().are_shared() {
        return;
    }
    let (shield, records) = (shield.clone(), records.clone());
    tasks.spawn("follow-counters", async move {
        let mut is_away = false;
        tokio::time::sleep(TOLD_EVERY).await;
        loop {
            tokio::time::sleep(LOOKED_AT_EVERY).await;
            let noted = match (is_away, shield.limits().trouble()) {
                (false, Some(why)) => records.note_trouble(PART, why).await,
                (true, None) => records.note_recovery(PART).await,
                (false, None) | (true, Some(_)) => continue,
            };
            match noted {
                Ok(()) => is_away = !is_away,
                Err(error) => {
                    tracing::error!(%error, "that shared counters went away or came back could not be written to the audit log");
                }
            }
            tokio::time::sleep(TOLD_EVERY).await;
        }
    });
}
