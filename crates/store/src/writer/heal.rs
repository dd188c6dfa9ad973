//! After a failed sync or a lost connection: a new connection, and a write of which the database says that it
//! is durable.
//!
//! A kernel that fails to write pages back reports it once and may then call them clean. So the old
//! connection's word is worth nothing any more: the database is opened anew, the head of the chain is read
//! from what is really there, and a fresh write must sync before anybody is answered again.

use std::time::Duration;

use sea_orm::sea_query::{Expr, OnConflict, Query};
use watchroom_audit::Head;

use super::Writer;
use crate::StoreError;
use crate::chain::{Chain, built};

/// How long a commit in doubt waits for the database to say what became of it: tries, and the time between.
const TRIES: u32 = 20;
const REST: Duration = Duration::from_millis(250);

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
                tracing::debug!(error = %error, "the database still does not take changes");
                Err(why)
            }
        }
    }

    /// Whether the database, once it answers again, has our chain at this head. Nobody else writes our chain, so
    /// that tells whether the commit that would have put it there was made. `None` if it does not answer in time.
    pub(super) fn found_at(&mut self, head: &Head, error: &StoreError) -> Option<bool> {
        self.note_broken(error);
        for turn in 0..TRIES {
            if turn > 0 {
                std::thread::sleep(REST);
            }
            if self.healed().is_ok() {
                return Some(self.chain.head() == head);
            }
        }
        None
    }

    fn reopen(&mut self) -> Result<(), StoreError> {
        let conn = self.database.open_writer()?;
        let chain = Chain::load(&*conn, &self.chain.head().chain, &self.shared.ambient)?;
        let now = self.shared.ambient.clock.now_micros().to_string();
        let mut proof = Query::insert();
        proof
            .into_table("host")
            .columns(["key", "value"])
            .values_panic([Expr::value("synced_at"), Expr::value(now)])
            .on_conflict(OnConflict::column("key").update_column("value").to_owned());
        conn.execute(built(&*conn, &proof))?;
        self.conn = conn;
        self.chain = chain;
        Ok(())
    }
}
