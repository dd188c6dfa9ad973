//! After a failed sync: a new connection, and a write of which the system says that it is on the disk.
//!
//! A kernel that fails to write pages back reports it once and may then call them clean. So the old
//! connection's word is worth nothing any more: the database is opened anew, the head of the chain is read
//! from what is really there, and a fresh write must sync before anybody is answered again.

use std::rc::Rc;

use super::Writer;
use crate::StoreError;
use crate::chain::Chain;
use crate::files;
use crate::refusal::classify;

const PROOF: &str = "INSERT INTO host (key, value) VALUES ('synced_at', ?1) \
                     ON CONFLICT (key) DO UPDATE SET value = excluded.value";

impl Writer {
    /// Whether changes can be made durable, after trying to mend it if not.
    pub(super) fn healed(&mut self) -> Result<(), StoreError> {
        let Some(why) = self.broken.clone() else {
            return Ok(());
        };
        match self.reopen() {
            Ok(()) => {
                self.broken = None;
                self.publish();
                tracing::info!("the database was reopened and synced; changes are accepted again");
                Ok(())
            }
            Err(error) => {
                tracing::debug!(error = %error, "the database still does not sync");
                Err(StoreError::Unsynced(why))
            }
        }
    }

    fn reopen(&mut self) -> Result<(), StoreError> {
        let conn = files::open_writer(&self.path).map_err(|error| classify(&error))?;
        let chain = Chain::load(&conn, &self.shared.ambient)?;
        let now = self.shared.ambient.clock.now_micros().to_string();
        conn.execute(PROOF, [now]).map_err(|error| classify(&error))?;
        self.conn = Rc::new(conn);
        self.chain = chain;
        Ok(())
    }
}
