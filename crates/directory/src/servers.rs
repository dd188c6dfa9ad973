//! The servers of a directory: one that answers, over TLS, and those that did not asked last for a while.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ldap3::{Ldap, LdapConnAsync, LdapConnSettings};
use tokio::time::timeout;
use watchroom_kit::Tasks;

use crate::{Server, Settings, Transport};

/// How long a server that did not answer is asked last.
const COOLS: Duration = Duration::from_secs(30);

/// Which servers did not answer, and until when they are asked last.
#[derive(Debug, Default)]
pub(crate) struct Servers(Mutex<HashMap<String, Duration>>);

/// A connection that ends when it is dropped.
pub(crate) struct Line {
    pub(crate) ldap: Ldap,
    tasks: Tasks,
}

impl Drop for Line {
    fn drop(&mut self) {
        self.tasks.stop();
    }
}

impl Servers {
    /// All servers in the order in which they are asked at this time, counted from any beginning.
    pub(crate) fn in_order<'a>(&self, all: &'a [Server], now: Duration) -> Vec<&'a Server> {
        let mut cool = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        cool.retain(|_, until| *until > now);
        let (last, first): (Vec<_>, Vec<_>) = all.iter().partition(|server| cool.contains_key(&key(server)));
        first.into_iter().chain(last).collect()
    }

    /// Has it asked last for a while.
    pub(crate) fn cool(&self, server: &Server, now: Duration) {
        let mut cool = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        cool.insert(key(server), now + COOLS);
    }
}

fn key(server: &Server) -> String {
    format!("{}:{}", server.host, server.port)
}

/// Connects; the certificate is good when this returns.
pub(crate) async fn connect(settings: &Settings, server: &Server, tasks: &Tasks) -> Result<Line, String> {
    let scheme = match server.transport {
        Transport::Ldaps => "ldaps",
        Transport::StartTls => "ldap",
    };
    let host = match server.host.contains(':') {
        true => format!("[{}]", server.host),
        false => server.host.clone(),
    };
    let url = format!("{scheme}://{host}:{}", server.port);
    let options = LdapConnSettings::new()
        .set_config(settings.tls.clone())
        .set_starttls(server.transport == Transport::StartTls)
        .set_conn_timeout(settings.connect_patience);
    let connected = timeout(
        settings.connect_patience,
        LdapConnAsync::with_settings(options, &url),
    )
    .await;
    let (connection, ldap) = connected
        .map_err(|_| {
            format!(
                "{url} did not answer within {} ms",
                settings.connect_patience.as_millis()
            )
        })?
        .map_err(|error| format!("{url}: {error}"))?;
    let tasks = tasks.child();
    drop(tasks.spawn("directory-connection", async move {
        if let Err(error) = connection.drive().await {
            tracing::debug!(%error, "a connection to a directory ended");
        }
    }));
    Ok(Line { ldap, tasks })
}
