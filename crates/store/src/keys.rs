//! The key that signs checkpoints.

use std::path::Path;

use sea_orm::sea_query::{Expr, ExprTrait, Query};
use watchroom_audit::AuditKey;
use watchroom_kit::{Entropy, ExposeSecret, files};

use crate::chain::built;
use crate::engine::Connection;
use crate::{OpenError, Settings, StoreError};

/// Under which name the database keeps the public half.
const KNOWN_AS: &str = "audit_key";

/// Makes the folders of the key and of the audit files, readable by us alone.
pub(crate) fn prepare(settings: &Settings) -> Result<(), OpenError> {
    let folders = [Some(settings.audit_folder.as_path()), settings.audit_key.parent()];
    for folder in folders.into_iter().flatten() {
        files::private_folder(folder).map_err(|error| OpenError::KeyUnusable {
            path: settings.audit_key.clone(),
            why: error.to_string(),
        })?;
    }
    Ok(())
}

/// The key that signs checkpoints, made at the first start. Its public half lies beside it for auditors, and in
/// the database, so that all replicas sign with one key and a lost one is not silently replaced. A key that
/// others could read is refused: whoever holds it can forge the log.
pub(crate) fn audit_key(
    settings: &Settings,
    conn: &dyn Connection,
    entropy: &Entropy,
) -> Result<AuditKey, OpenError> {
    let path = &settings.audit_key;
    let unusable = |why: String| OpenError::KeyUnusable {
        path: path.clone(),
        why,
    };
    let known = known(conn).map_err(|error| unusable(error.to_string()))?;
    let key = match read(path).map_err(unusable)? {
        Some(key) => {
            // A replica is given the key alone.
            if !path.with_extension("pub").exists() {
                publish(path, &key).map_err(|error| unusable(error.to_string()))?;
            }
            key
        }
        None if known.is_some() => return Err(unusable(format!("it is not there; {FROM_ELSEWHERE}"))),
        None => {
            let key = AuditKey::generate(entropy);
            write(path, &key).map_err(unusable)?;
            key
        }
    };
    match known {
        None => remember(conn, &key).map_err(|error| unusable(error.to_string()))?,
        Some(known) if known != key.public().to_string() => {
            return Err(unusable(format!(
                "the audit log of this database is signed with another key; {FROM_ELSEWHERE}"
            )));
        }
        Some(_) => {}
    }
    Ok(key)
}

const FROM_ELSEWHERE: &str = "on a Host that runs on this database: watchroom cluster replica secret > replica.secret; carry that file here and \
     run: watchroom cluster replica prepare replica.secret; or restore the key from a backup";

fn known(conn: &dyn Connection) -> Result<Option<String>, StoreError> {
    let mut select = Query::select();
    select
        .column("value")
        .from("host")
        .and_where(Expr::col("key").eq(KNOWN_AS));
    Ok(conn.query(built(conn, &select))?.texts()?.pop())
}

fn remember(conn: &dyn Connection, key: &AuditKey) -> Result<(), StoreError> {
    let mut insert = Query::insert();
    insert
        .into_table("host")
        .columns(["key", "value"])
        .values_panic([Expr::value(KNOWN_AS), Expr::value(key.public().to_string())]);
    conn.execute(built(conn, &insert)).map(drop)
}

fn read(path: &Path) -> Result<Option<AuditKey>, String> {
    match std::fs::read_to_string(path) {
        Ok(pem) => {
            files::refuse_exposed(path)?;
            let key = AuditKey::from_pem(&pem);
            key.map(Some)
                .map_err(|error| format!("{error}; restore it from a backup"))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}

fn write(path: &Path, key: &AuditKey) -> Result<(), String> {
    let pem = key.to_pem().map_err(|error| error.to_string())?;
    publish(path, key)
        .and_then(|()| files::replace(path, pem.expose_secret().as_bytes(), files::PRIVATE_FILE))
        .map_err(|error| error.to_string())
}

/// Puts the public half beside the key, for auditors.
fn publish(path: &Path, key: &AuditKey) -> std::io::Result<()> {
    let public = format!("{}\n", key.public());
    files::replace(
        &path.with_extension("pub"),
        public.as_bytes(),
        files::PRIVATE_FILE,
    )
}
