//! Why a call to a Host did not give what was asked for.

use std::io;
use std::path::PathBuf;

use serde_json::Value;
use watchroom_kit::{Fault, FaultKind, FieldFault};

use super::ProblemReport;

/// A call that failed.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// There is no socket, or nobody behind it.
    #[error("no Host runs on this state folder ({}): start it with `watchroom up`", state.display())]
    NoHost {
        /// The state folder.
        state: PathBuf,
    },
    /// The socket is not for us.
    #[error("{} is open only to root and to the Host's own user; run this as one of them, or use --host with a token", socket.display())]
    NotAdmitted {
        /// The socket.
        socket: PathBuf,
    },
    /// The machine cannot be reached.
    #[error("cannot reach {target}: {source}")]
    Unreachable {
        /// The address.
        target: String,
        /// What the system said.
        source: io::Error,
    },
    /// It is reached, and is not who it should be.
    #[error("{target} did not prove who it is: {source}")]
    Untrusted {
        /// The address.
        target: String,
        /// What TLS said.
        source: io::Error,
    },
    /// Nothing came back in time.
    #[error("{target} did not answer within {seconds} s; what was asked may still happen")]
    Late {
        /// The address.
        target: String,
        /// How long it was waited for.
        seconds: u64,
    },
    /// The connection ended before the answer.
    #[error("the connection to {target} was lost: {source}")]
    Lost {
        /// The address.
        target: String,
        /// What the transport said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The answer is none of ours.
    #[error("{target} answered with something that is no Watchroom answer ({what})")]
    Foreign {
        /// The address.
        target: String,
        /// What it was.
        what: String,
    },
    /// What was asked cannot be put into a request.
    #[error("this cannot be asked: {0}")]
    Unaskable(#[from] http::Error),
    /// The Host answered, and did not do it.
    #[error("{}", .0.detail)]
    Refused(Box<ProblemReport>),
}

impl Fault for CallError {
    fn kind(&self) -> FaultKind {
        match self {
            Self::NoHost { .. } | Self::Unreachable { .. } | Self::Lost { .. } => FaultKind::Unavailable,
            Self::Untrusted { .. } => FaultKind::Unavailable,
            Self::NotAdmitted { .. } => FaultKind::Forbidden,
            Self::Late { .. } => FaultKind::Timeout,
            Self::Foreign { .. } => FaultKind::Internal,
            Self::Unaskable(_) => FaultKind::Invalid,
            Self::Refused(problem) => problem.kind(),
        }
    }

    fn slug(&self) -> &'static str {
        match self {
            Self::NoHost { .. } => "no-host",
            Self::NotAdmitted { .. } => "socket-not-admitted",
            Self::Unreachable { .. } => "host-unreachable",
            Self::Untrusted { .. } => "host-untrusted",
            Self::Late { .. } => "host-late",
            Self::Lost { .. } => "connection-lost",
            Self::Foreign { .. } => "foreign-answer",
            Self::Unaskable(_) => "unaskable",
            Self::Refused(_) => "refused",
        }
    }

    fn public(&self) -> String {
        self.to_string()
    }

    fn fields(&self) -> Vec<FieldFault> {
        match self {
            Self::Refused(problem) => problem.errors.clone(),
            _ => Vec::new(),
        }
    }

    fn members(&self) -> Vec<(&'static str, Value)> {
        let mut members = Vec::new();
        let mut add =
            |name, value: Option<String>| members.extend(value.map(|text| (name, Value::from(text))));
        match self {
            Self::Refused(problem) => {
                add("request_id", problem.request_id.clone());
                add("decision_id", problem.decision_id.clone());
                add("next_step", problem.next_step());
            }
            Self::Unreachable { .. } => add(
                "next_step",
                Some("check the address and that the Host runs".to_owned()),
            ),
            Self::Untrusted { .. } => {
                add(
                    "next_step",
                    Some(
                        "give --ca-file with the panel's CA, from `watchroom tls info` on the Host"
                            .to_owned(),
                    ),
                );
            }
            _ => {}
        }
        members
    }
}
