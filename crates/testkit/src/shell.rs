//! The database of a room as somebody with a database shell meets it.

use rusqlite::Connection;

use crate::TestRoom;

/// Fails each entry for which it is called.
const DEAF_FUNCTION: &str = "CREATE OR REPLACE FUNCTION deaf() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'the log is deaf'; END $$";

impl TestRoom {
    /// Runs SQL behind the Host's back.
    ///
    /// # Panics
    /// If it is refused.
    pub fn run_sql(&self, sql: &str) {
        match &self.database {
            Some(database) => database.run(sql),
            None => self.file().execute_batch(sql).expect("the database does it"),
        }
    }

    /// From now on no entry can be written for which this condition on `NEW` holds.
    ///
    /// # Panics
    /// If that cannot be done.
    pub fn deafen_log(&self, when: &str) {
        let begin = format!("CREATE TRIGGER deaf BEFORE INSERT ON entries FOR EACH ROW WHEN ({when})");
        if self.database.is_some() {
            self.run_sql(DEAF_FUNCTION);
            self.run_sql(&format!("{begin} EXECUTE FUNCTION deaf()"));
        } else {
            self.run_sql(&format!(
                "{begin} BEGIN SELECT RAISE(ABORT, 'the log is deaf'); END"
            ));
        }
    }

    /// Undoes [`TestRoom::deafen_log`].
    ///
    /// # Panics
    /// If that cannot be done.
    pub fn undeafen_log(&self) {
        let on = if self.database.is_some() {
            " ON entries"
        } else {
            ""
        };
        self.run_sql(&format!("DROP TRIGGER deaf{on}"));
    }

    /// Ends all sessions of the room's database, and lets nobody in.
    ///
    /// # Panics
    /// If the room has a file.
    pub fn take_database_away(&self) {
        self.database.as_ref().expect("a database on a server").go_away();
    }

    /// Undoes [`TestRoom::take_database_away`].
    ///
    /// # Panics
    /// As that.
    pub fn bring_database_back(&self) {
        self.database
            .as_ref()
            .expect("a database on a server")
            .come_back();
    }

    /// All that a database on a server holds, as text; one in the state folder is in its files.
    #[must_use]
    pub fn dump(&self) -> String {
        let database = self.database.as_ref();
        database.map_or_else(String::new, |database| {
            database.ask("SELECT database_to_xml(true, false, '')")
        })
    }

    fn file(&self) -> Connection {
        Connection::open(self.state().join("db").join("watchroom.db")).expect("the database opens")
    }
}
