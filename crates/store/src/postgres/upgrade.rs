//! Bringing a database up to date: all missing migrations in one transaction, by one replica at a time.

use super::Server;
use watchroom_kit::Ambient;

use super::connection::PostgresConnection;
use super::session::Use;
use crate::schema::{Engine, Migration};
use crate::{OpenError, StoreError, migrations};

/// Held while the schema is looked at and changed.
const LOCK: &str = "SELECT pg_advisory_lock(hashtextextended('watchroom schema', 0))";
const IS_THERE: &str = "SELECT (to_regclass('schema_version') IS NOT NULL)::int::bigint";
const VERSION: &str = "SELECT coalesce(max(version), 0) FROM schema_version";
const VERSIONS: &str = "CREATE TABLE schema_version (version bigint NOT NULL PRIMARY KEY, \
                        name text NOT NULL, applied_at bigint NOT NULL)";

/// The database's own name for itself, by which a Host tells it from others it has used.
const NAME: &str = "INSERT INTO host (key, value) VALUES ('database', $1) \
                    ON CONFLICT (key) DO UPDATE SET value = host.value RETURNING value";

/// Brings the schema to the newest migration there is; the database's name for itself.
pub(super) fn upgrade(server: &Server, ambient: &Ambient) -> Result<String, OpenError> {
    let conn = upgrade_to(server, migrations::ALL, ambient.clock.now_micros())?;
    let fresh = ambient.uuid().to_string();
    conn.text(NAME, &[&fresh]).map_err(|error| OpenError::Unusable {
        database: server.to_string(),
        why: error.to_string(),
    })
}

pub(crate) fn upgrade_to(
    server: &Server,
    migrations: &[Migration],
    now_us: i64,
) -> Result<PostgresConnection, OpenError> {
    let unusable = |error: StoreError| OpenError::Unusable {
        database: server.to_string(),
        why: with_next_step(&error),
    };
    // The lock ends with the session, whatever happens.
    let conn = PostgresConnection::open(server, Use::Upgrade, "upgrade").map_err(unusable)?;
    look_at(&conn).map_err(|why| OpenError::Unusable {
        database: server.to_string(),
        why,
    })?;
    conn.plain(LOCK).map_err(unusable)?;
    let found = version(&conn).map_err(unusable)?;
    let known = i64::try_from(migrations.len()).unwrap_or(i64::MAX);
    if found > known {
        return Err(OpenError::Newer {
            database: server.to_string(),
            found: u32::try_from(found).unwrap_or(u32::MAX),
            known: u32::try_from(known).unwrap_or(u32::MAX),
        });
    }
    if found == known {
        return Ok(conn);
    }
    conn.plain(&statements(migrations, found, now_us))
        .map_err(unusable)?;
    tracing::info!(
        store.schema.from = found,
        store.schema.to = known,
        "the database schema is up to date"
    );
    Ok(conn)
}

fn version(conn: &PostgresConnection) -> Result<i64, StoreError> {
    match conn.number(IS_THERE, &[])? {
        0 => Ok(0),
        _ => conn.number(VERSION, &[]),
    }
}

/// Everything in one go; the server undoes all of it if a part is refused.
fn statements(migrations: &[Migration], found: i64, now_us: i64) -> String {
    let mut all = vec!["BEGIN".to_owned()];
    if found == 0 {
        all.push(VERSIONS.to_owned());
    }
    for (number, migration) in (1_i64..).zip(migrations).filter(|(number, _)| *number > found) {
        all.extend(migration.statements(Engine::Postgres));
        all.push(format!(
            "INSERT INTO schema_version (version, name, applied_at) VALUES ({number}, '{}', {now_us})",
            migration.name
        ));
    }
    all.push("COMMIT".to_owned());
    all.join(";\n")
}

/// Refuses a database that would not keep what it is given.
fn look_at(conn: &PostgresConnection) -> Result<(), String> {
    let is_so = |sql: &str| {
        conn.number(sql, &[])
            .map(|one| one == 1)
            .map_err(|error| error.to_string())
    };
    if !is_so("SELECT (current_setting('server_encoding') = 'UTF8')::int::bigint")? {
        let how = "create it anew with: createdb --encoding=UTF8 --template=template0";
        return Err(format!("its encoding is not UTF8; {how}"));
    }
    if !is_so("SELECT (current_setting('server_version_num')::int >= 150000)::int::bigint")? {
        return Err("the server is older than PostgreSQL 15; use a newer one".to_owned());
    }
    if is_so("SELECT (current_setting('fsync') = 'off')::int::bigint")? {
        tracing::warn!("the server runs with fsync = off: what it acknowledges does not survive a power cut");
    }
    Ok(())
}

fn with_next_step(error: &StoreError) -> String {
    let said = error.to_string();
    let step = [
        (
            "password",
            "; look at store.password_file and the server's pg_hba.conf",
        ),
        (
            "does not exist",
            "; create the role and the database as docs/postgresql.md says",
        ),
        (
            "permission denied",
            "; the role must own the database or be allowed to CREATE in its schema",
        ),
        (
            "refused",
            "; is the server running there, and does store.url name its port?",
        ),
    ];
    let step = step
        .iter()
        .find(|(sign, _)| said.contains(sign))
        .map_or("", |(_, step)| step);
    format!("{said}{step}")
}
