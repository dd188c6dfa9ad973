//! Starting, stopping and restarting a server, and sending it a line.

use watchroom_model::{Desired, ServerOrder, ServerSpec};
use watchroom_policy::{Permit, act};

use super::Acted;
use super::order::Plan;
use crate::servers::OrderError;
use crate::{Fleet, IdempotencyKey};

impl Fleet {
    /// Starts a server; it stays desired to run until somebody stops it.
    ///
    /// # Errors
    /// [`OrderError`] if its node is away, refuses or does not answer.
    pub async fn start(
        &self,
        permit: &Permit<act::StartServer>,
        key: Option<IdempotencyKey>,
    ) -> Result<Acted, OrderError> {
        let id = permit.resource().server_id().ok_or(OrderError::NoSuchServer)?;
        let plan = Plan {
            order: ServerOrder::Start(id),
            desired: Some(Desired::Running),
            note: None,
        };
        self.perform(permit, plan, key).await
    }

    /// Stops a server by its own stop method; it stays stopped over every restart.
    ///
    /// # Errors
    /// [`OrderError`] if its node is away, refuses or does not answer.
    pub async fn stop(
        &self,
        permit: &Permit<act::StopServer>,
        key: Option<IdempotencyKey>,
    ) -> Result<Acted, OrderError> {
        let id = permit.resource().server_id().ok_or(OrderError::NoSuchServer)?;
        let plan = Plan {
            order: ServerOrder::Stop(id),
            desired: Some(Desired::Stopped),
            note: None,
        };
        self.perform(permit, plan, key).await
    }

    /// Ends a server's process by its stop method and starts it anew.
    ///
    /// # Errors
    /// [`OrderError`] if its node is away, refuses or does not answer.
    pub async fn restart(
        &self,
        permit: &Permit<act::RestartServer>,
        key: Option<IdempotencyKey>,
    ) -> Result<Acted, OrderError> {
        let id = permit.resource().server_id().ok_or(OrderError::NoSuchServer)?;
        let plan = Plan {
            order: ServerOrder::Restart(id),
            desired: Some(Desired::Running),
            note: None,
        };
        self.perform(permit, plan, key).await
    }

    /// Sends a line to a server's standard input. What was sent is in the audit log.
    ///
    /// # Errors
    /// [`OrderError::RefusedByNode`] if it is not one line of at most 4,096 bytes or the server is down;
    /// otherwise as [`Fleet::start`].
    pub async fn send_line(
        &self,
        permit: &Permit<act::SendLine>,
        line: String,
        key: Option<IdempotencyKey>,
    ) -> Result<Acted, OrderError> {
        let id = permit.resource().server_id().ok_or(OrderError::NoSuchServer)?;
        if line.len() > ServerSpec::LONGEST_TEXT || line.contains(['\n', '\r', '\0']) {
            let why = "a line has at most 4,096 bytes and no line end or NUL inside".to_owned();
            return Err(OrderError::RefusedByNode {
                code: "line_invalid".to_owned(),
                why,
            });
        }
        let note = Some(("line", line.clone()));
        self.perform(
            permit,
            Plan {
                order: ServerOrder::SendLine { id, line },
                desired: None,
                note,
            },
            key,
        )
        .await
    }
}
