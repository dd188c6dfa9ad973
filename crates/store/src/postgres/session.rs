//! Connecting: one conversation with the server, set up for what it is for.

use std::pin::Pin;

use futures_util::stream::{self, Stream, StreamExt};
use tokio_postgres::config::TargetSessionAttrs;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{AsyncMessage, Client, Error, NoTls, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::Server;
use super::refusal::{classify, told};
use crate::StoreError;

/// What a session is for, and so how it is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// Writes our chain. Whoever holds it up longer than a change may take is given up.
    Write,
    /// Reads views.
    Read,
    /// Changes the schema, which may take its time.
    Upgrade,
    /// Listens.
    Listen,
}

impl Use {
    fn settings(self) -> &'static str {
        match self {
            Self::Write => {
                "SET synchronous_commit = on; SET statement_timeout = '5s'; SET lock_timeout = '4s';
                 SET idle_in_transaction_session_timeout = '20s'"
            }
            Self::Read => {
                "SET default_transaction_read_only = on; SET statement_timeout = '30s';
                 SET idle_in_transaction_session_timeout = '60s'"
            }
            Self::Upgrade => {
                "SET synchronous_commit = on; SET statement_timeout = 0; SET lock_timeout = '60s'"
            }
            Self::Listen => "SET statement_timeout = '5s'",
        }
    }
}

/// What the server says by itself. It must be polled, or nothing moves.
pub(super) type Messages = Pin<Box<dyn Stream<Item = Result<AsyncMessage, Error>> + Send>>;

/// Begins a session. `name` is what the server's own list of sessions shows.
pub(super) async fn begin(server: &Server, name: &str) -> Result<(Client, Messages), StoreError> {
    let mut config = server.config.clone();
    config.application_name(name);
    // A standby would refuse every change, and may lag behind what has just been changed.
    config.target_session_attrs(TargetSessionAttrs::ReadWrite);
    let connected = match &server.tls {
        None => connect(&config, NoTls).await,
        Some(tls) => connect(&config, MakeRustlsConnect::new((**tls).clone())).await,
    };
    connected.map_err(|error| StoreError::Away(told(&error)))
}

/// Sets a session up, once something polls its messages.
pub(super) async fn set_up(client: &Client, purpose: Use) -> Result<(), StoreError> {
    let done = client.batch_execute(purpose.settings()).await;
    done.map_err(|error| classify(&error))
}

async fn connect<T>(config: &tokio_postgres::Config, tls: T) -> Result<(Client, Messages), Error>
where
    T: MakeTlsConnect<Socket>,
    T::Stream: Send + 'static,
{
    let (client, mut connection) = config.connect(tls).await?;
    let messages = stream::poll_fn(move |context| connection.poll_message(context)).boxed();
    Ok((client, messages))
}
