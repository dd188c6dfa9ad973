//! Creating a server: its record first, then its node is told to keep it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;
use watchroom_kit::{Fault, FaultKind, FieldFault};
use watchroom_model::{
    Breaker, Desired, Limits, RestartPolicy, ServerId, ServerName, ServerOrder, ServerSpec, ServerStatus,
    SpecError, StopMethod, without_doer,
};
use watchroom_policy::{Permit, act};
use watchroom_store::{Changed, StoreError};

use super::{Acted, Outcome, Server, entity, word};
use crate::idempotency::{NotBegun, Recalled};
use crate::servers::OrderError;
use crate::{Fleet, IdempotencyKey, Node};

/// Longest wait for the answer to a request with the same key; as long as a node is given to answer.
const UNDER_WAY: Duration = Duration::from_secs(20);
/// How often that answer is looked for.
const ASKED_EVERY: Duration = Duration::from_millis(25);

/// What a client says of a server it wants. Only `name` and `command` are needed.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewServer {
    /// Its name, unique on its node.
    pub name: ServerName,
    /// Program and arguments; never a shell string.
    pub command: Vec<String>,
    /// The id or name of the node to run it; the Host's own if absent.
    #[serde(default)]
    pub node: Option<String>,
    /// Environment.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Working folder below the node's server root.
    #[serde(default)]
    pub folder: Option<String>,
    /// The account it runs as, if the node allows it.
    #[serde(default)]
    pub run_as: Option<String>,
    /// When it is started again by itself.
    #[serde(default)]
    pub restart_policy: RestartPolicy,
    /// When trying again stops.
    #[serde(default)]
    pub breaker: Breaker,
    /// How it is asked to end.
    #[serde(default)]
    pub stop: StopMethod,
    /// What it may use.
    #[serde(default)]
    pub limits: Limits,
    /// Free labels.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

/// Why a server was not created. Nothing is left behind.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// What was asked for cannot be right.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// Its node already keeps one of that name.
    #[error("the node already keeps a server named {0}")]
    NameTaken(ServerName),
    /// The node would not keep it, or could not be asked.
    #[error(transparent)]
    Order(#[from] OrderError),
}

/// Why the record of a new server was not committed.
enum NotCommitted {
    /// Another request with the same key got there first.
    KeyKnown,
    /// It cannot be.
    Create(CreateError),
}

impl From<CreateError> for NotCommitted {
    fn from(error: CreateError) -> Self {
        Self::Create(error)
    }
}

impl From<StoreError> for CreateError {
    fn from(error: StoreError) -> Self {
        Self::Order(OrderError::Store(error))
    }
}

impl Fault for CreateError {
    fn kind(&self) -> FaultKind {
        match self {
            Self::Spec(_) => FaultKind::Invalid,
            Self::NameTaken(_) => FaultKind::Conflict,
            Self::Order(OrderError::RefusedByNode { .. }) => FaultKind::Invalid,
            Self::Order(error) => error.kind(),
        }
    }

    fn slug(&self) -> &'static str {
        match self {
            Self::Spec(_) => "invalid-input",
            Self::NameTaken(_) => "name-taken",
            Self::Order(error) => error.slug(),
        }
    }

    fn public(&self) -> String {
        match self {
            Self::Spec(_) => "the server cannot be created as described; see the fields".to_owned(),
            Self::NameTaken(name) => {
                format!("this node already keeps a server named {name}; choose another name")
            }
            Self::Order(error) => error.public(),
        }
    }

    fn fields(&self) -> Vec<FieldFault> {
        match self {
            Self::Spec(SpecError(fields)) => fields.clone(),
            Self::NameTaken(_) => vec![FieldFault::new("name", "taken", self.public())],
            Self::Order(OrderError::RefusedByNode { code, why }) => {
                let field = match code.as_str() {
                    "no_such_program" | "not_executable" => "command",
                    "folder_outside" | "folder_not_its_own" => "folder",
                    "run_as_not_allowed" => "run_as",
                    "name_taken" => "name",
                    _ => return Vec::new(),
                };
                vec![FieldFault::new(field, code.clone(), why.clone())]
            }
            Self::Order(_) => Vec::new(),
        }
    }

    fn retry_after_s(&self) -> Option<u64> {
        match self {
            Self::Order(error) => error.retry_after_s(),
            _ => None,
        }
    }
}

impl Fleet {
    /// Creates a server on `node`; it stays stopped until it is started.
    ///
    /// # Errors
    /// [`CreateError`]; then there is no such server, neither here nor on the node, unless the node did not
    /// answer in time: then it is listed with state `unknown` until the node has spoken.
    pub async fn create(
        &self,
        permit: &Permit<act::CreateServer>,
        node: &Arc<Node>,
        new: NewServer,
        key: Option<IdempotencyKey>,
    ) -> Result<Acted, CreateError> {
        let spec = self.spec_of(new);
        spec.check()?;
        OrderError::unless_admitted(node)?;
        let server = loop {
            if let Some(acted) = self.answered(key.as_ref()).await? {
                return Ok(acted);
            }
            match self.commit_new(permit, node, spec.clone(), key.clone()).await {
                Ok(server) => break server,
                Err(NotCommitted::KeyKnown) => {}
                Err(NotCommitted::Create(error)) => return Err(error),
            }
        };
        match self
            .ask_node(permit, &server, ServerOrder::Create(Box::new(spec)), None)
            .await
        {
            Ok(_) => Ok(self.commit_created(permit, &server, key).await?),
            Err(error @ (OrderError::RefusedByNode { .. } | OrderError::NodeOffline { .. })) => {
                self.undo(permit, &server, error.to_string(), key).await?;
                Err(error.into())
            }
            Err(error) => {
                self.commit_failure(permit, error.to_string(), None).await?;
                Err(error.into())
            }
        }
    }

    /// The answer to the request that came with this key before, waiting for it while that is under way;
    /// `None` if there was none, or if it came to nothing.
    async fn answered(&self, key: Option<&IdempotencyKey>) -> Result<Option<Acted>, OrderError> {
        let waited = tokio::time::timeout(UNDER_WAY, async {
            loop {
                match self.recalled(key).await? {
                    Recalled::Nothing => return Ok(None),
                    Recalled::Other => return Err(OrderError::KeyReused),
                    Recalled::Answer(acted) => return Ok(Some(*acted)),
                    Recalled::Begun(_) => tokio::time::sleep(ASKED_EVERY).await,
                }
            }
        });
        let timed_out = OrderError::TimedOut {
            may_still_happen: true,
        };
        waited.await.unwrap_or(Err(timed_out))
    }

    fn spec_of(&self, new: NewServer) -> ServerSpec {
        ServerSpec {
            id: ServerId::mint(self.ambient()),
            name: new.name,
            command: new.command,
            env: new.env,
            folder: new.folder,
            run_as: new.run_as,
            restart_policy: new.restart_policy,
            breaker: new.breaker,
            stop: new.stop,
            limits: new.limits,
            labels: new.labels,
        }
    }

    async fn commit_new(
        &self,
        permit: &Permit<act::CreateServer>,
        node: &Arc<Node>,
        spec: ServerSpec,
        key: Option<IdempotencyKey>,
    ) -> Result<Arc<Server>, NotCommitted> {
        let now = self.ambient().clock.now_micros();
        let (id, node_id, name) = (spec.id, node.id(), spec.name.clone());
        let unwritable = |error: serde_json::Error| StoreError::Database(error.to_string());
        let json = serde_json::to_string(&spec)
            .map_err(unwritable)
            .map_err(CreateError::from)?;
        let written = self
            .store()
            .write(permit, async move |tx| {
                // First of all, so that a repeated request is known as such before its name is.
                if let Some(key) = &key {
                    key.begin(tx, now).await?;
                }
                tx.insert(entity::ActiveModel {
                    id: Set(id.to_string()),
                    node_id: Set(node_id.to_string()),
                    name: Set(spec.name.to_string()),
                    spec: Set(json.clone()),
                    desired: Set(word(&Desired::Stopped)),
                    status: Set(word(&ServerStatus::Unknown)),
                    reason: Set("the node has not answered yet".to_owned()),
                    pid: Set(None),
                    started_at: Set(None),
                    exit_code: Set(None),
                    limited_by: Set("none".to_owned()),
                    created_at: Set(now),
                    updated_at: Set(now),
                })
                .await?;
                tx.note("phase", "intent");
                tx.note(
                    "after",
                    json!({ "name": spec.name, "node": node_id, "command": spec.command }),
                );
                tx.note_resource(format!("server:{id}"));
                tx.changed(Changed::Server(id));
                Ok::<_, NotBegun>(())
            })
            .await;
        match written {
            Ok(()) => {}
            Err(NotBegun::Known) => return Err(NotCommitted::KeyKnown),
            Err(NotBegun::Store(StoreError::Taken {
                constraint: "server_name_key",
            })) => return Err(CreateError::NameTaken(name).into()),
            Err(NotBegun::Store(error)) => return Err(CreateError::from(error).into()),
        }
        let server = self.reload_server(id).await.map_err(CreateError::from)?;
        Ok(server
            .ok_or(OrderError::NoSuchServer)
            .map_err(CreateError::from)?)
    }

    async fn commit_created(
        &self,
        permit: &Permit<act::CreateServer>,
        server: &Arc<Server>,
        key: Option<IdempotencyKey>,
    ) -> Result<Acted, CreateError> {
        let mut view = self.view_server(server);
        view.status = ServerStatus::Stopped;
        view.reason = format!(
            "created by {}; not started yet",
            permit.principal().display_name()
        );
        let acted = Acted {
            outcome: Outcome::Done,
            server: view,
        };
        let (id, answer, now) = (server.id(), acted.clone(), self.ambient().clock.now_micros());
        let mut report = server.report.clone();
        report.status = ServerStatus::Stopped;
        report.reason.clone_from(&acted.server.reason);
        self.store()
            .write(permit, async move |tx| {
                tx.update(super::order::report_update(&report, now)).await?;
                if let Some(key) = &key {
                    key.answer(tx, &answer).await?;
                }
                tx.note("phase", "outcome");
                tx.note("outcome", word(&Outcome::Done));
                tx.note_resource(format!("server:{id}"));
                tx.changed(Changed::Server(id));
                Ok::<_, StoreError>(())
            })
            .await?;
        self.reload_server(id).await?;
        Ok(acted)
    }

    /// Takes back the record of a server that its node will not keep.
    async fn undo(
        &self,
        permit: &Permit<act::CreateServer>,
        server: &Server,
        why: String,
        key: Option<IdempotencyKey>,
    ) -> Result<(), CreateError> {
        let id = server.id();
        self.store()
            .write(permit, async move |tx| {
                let row = entity::Entity::delete_many().filter(entity::Column::Id.eq(id.to_string()));
                tx.delete(row).await?;
                if let Some(key) = &key {
                    key.forget(tx).await?;
                }
                tx.note("phase", "outcome");
                tx.note("outcome", without_doer(&why));
                tx.note_resource(format!("server:{id}"));
                tx.note_failure();
                tx.changed(Changed::Server(id));
                Ok::<_, StoreError>(())
            })
            .await?;
        self.reload_server(id).await?;
        Ok(())
    }
}
