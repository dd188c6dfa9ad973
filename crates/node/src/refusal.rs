//! Why a node does not do an order: a stable word for programs, the cause and the next step for people.

use std::path::PathBuf;

use watchroom_model::{OrderKind, OrderOutcome, ServerId, SpecError};

/// Why an order is not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error(
        "this node's own rules refuse orders of the kind {kind}; its node.toml decides, under rules.refuse"
    )]
    NotAllowedHere { kind: String },
    #[error("this node already keeps a server called {name}; choose another name")]
    NameTaken { name: String },
    #[error("this node already keeps another server with the id {id}; create it under a fresh id")]
    IdTaken { id: ServerId },
    #[error("{0}")]
    InvalidSpec(String),
    #[error("this node keeps no server {id}; list its servers to see what it keeps")]
    NoSuchServer { id: ServerId },
    #[error("the server does not run; start it first")]
    NotRunning,
    #[error("{program} does not exist, or the server's account may not see it; check the command")]
    NoSuchProgram { program: String },
    #[error("{program} is not a program that can be run; make it executable or check the command")]
    NotExecutable { program: String },
    #[error(
        "the folder {folder} is outside the server root; name one below it, or list it in node.toml under rules.folders"
    )]
    FolderOutside { folder: String },
    #[error(
        "the folder {folder} belongs to another account (uid {owner}); choose another folder or change its owner"
    )]
    FolderNotItsOwn { folder: String, owner: u32 },
    #[error("the folder {folder} is that of another server, holds it or lies in it; choose a folder apart")]
    FolderOfAnother { folder: String },
    #[error("the folder {} cannot be used: {why}", folder.display())]
    FolderUnusable { folder: PathBuf, why: String },
    #[error(
        "servers here may not run as {name}; list it in node.toml under rules.run_as, or leave the account out"
    )]
    RunAsNotAllowed { name: String },
    #[error("this machine has no account {name}; create it first")]
    NoSuchAccount { name: String },
    #[error(
        "the agent does not run as root, so it cannot change to the account {name}; leave the account out"
    )]
    CannotChangeAccount { name: String },
    #[error(
        "the agent does not run as root, so servers would run as its own account (uid {uid}) and could read its keys \
         and command it; run it as root, or accept that: same_account = true under [rules] in {file}, then start again"
    )]
    SameAccountNotAllowed { uid: u32, file: String },
    #[error(
        "the server was made when the agent could not give it an account of its own, and never runs as root instead; \
         remove it and create it anew (its folder stays)"
    )]
    NoAccountOfItsOwn,
    #[error(
        "its account (uid {uid}) is also given out by the agent whose state is in {}, so each could end the other's \
         processes; remove the server and create it anew (its folder stays)",
        state.display()
    )]
    AccountOfAnother { uid: u32, state: PathBuf },
    #[error(
        "every account reserved for servers (61184 to 65519) is taken; remove servers that are not needed"
    )]
    NoAccountLeft,
    #[error("cannot start: {why}")]
    CannotStart { code: String, why: String },
    #[error("{why}")]
    LineNotTaken { why: String },
    #[error("the server's shim cannot be reached: {why}; the agent keeps trying")]
    ShimUnreachable { why: String },
    #[error(
        "this machine may not be {verb} from the Host; allow it on the machine: {key} = true under [power] in {file}"
    )]
    PowerNotAllowed {
        verb: &'static str,
        key: &'static str,
        file: String,
    },
    #[error("this machine cannot be {verb}: {why}")]
    PowerNotPossible { verb: &'static str, why: String },
    #[error("the machine was not {verb}, and what was stopped for it is started again: {why}")]
    PowerFailed { verb: &'static str, why: String },
    #[error("called off by {by}; what was stopped for it is started again")]
    CalledOff { by: String },
    #[error("the machine is about to be {verb} (ordered by {by}); wait for it, or call that off")]
    GoingDown { verb: &'static str, by: String },
    #[error("it did not end in time; it ends with the machine")]
    StillRuns,
    #[error("it is too late: the machine has been told to go down")]
    TooLate,
    #[error(
        "this machine's fail2ban may not be looked at or told anything from the Host; allow it on the machine: \
         allow = true under [fail2ban] in {file}"
    )]
    Fail2banNotAllowed { file: String },
    #[error("this machine has no fail2ban-client; install fail2ban, or do without")]
    Fail2banMissing,
    #[error("fail2ban did not do it: {why}")]
    Fail2banFailed { why: String },
    #[error("the same idempotency key came with another order before; use a fresh key")]
    KeyReused,
    #[error("the agent was stopped before it could finish this; look at the server and order again")]
    Interrupted,
    #[error("the node cannot write its journal, so it does nothing new: {why}; make room on its disk")]
    JournalUnwritable { why: String },
}

impl Refusal {
    /// A stable word.
    pub(crate) fn code(&self) -> &str {
        match self {
            Self::NotAllowedHere { .. } => "not_allowed_here",
            Self::NameTaken { .. } => "name_taken",
            Self::IdTaken { .. } => "id_taken",
            Self::InvalidSpec(_) => "invalid_spec",
            Self::NoSuchServer { .. } => "no_such_server",
            Self::NotRunning => "not_running",
            Self::NoSuchProgram { .. } => "no_such_program",
            Self::NotExecutable { .. } => "not_executable",
            Self::FolderOutside { .. } => "folder_outside",
            Self::FolderNotItsOwn { .. } | Self::FolderOfAnother { .. } => "folder_not_its_own",
            Self::FolderUnusable { .. } => "folder_unusable",
            Self::RunAsNotAllowed { .. } => "run_as_not_allowed",
            Self::NoSuchAccount { .. } => "no_such_account",
            Self::CannotChangeAccount { .. } => "cannot_change_account",
            Self::SameAccountNotAllowed { .. } => "same_account_not_allowed",
            Self::NoAccountOfItsOwn => "no_account_of_its_own",
            Self::AccountOfAnother { .. } => "account_of_another",
            Self::NoAccountLeft => "no_account_left",
            Self::CannotStart { code, .. } => code,
            Self::LineNotTaken { .. } => "line_not_taken",
            Self::ShimUnreachable { .. } => "shim_unreachable",
            Self::PowerNotAllowed { .. } => "power_not_allowed",
            Self::PowerNotPossible { .. } => "power_not_possible",
            Self::PowerFailed { .. } => "power_failed",
            Self::CalledOff { .. } => "called_off",
            Self::GoingDown { .. } => "going_down",
            Self::StillRuns => "still_runs",
            Self::TooLate => "too_late",
            Self::Fail2banNotAllowed { .. } => "fail2ban_not_allowed",
            Self::Fail2banMissing => "fail2ban_missing",
            Self::Fail2banFailed { .. } => "fail2ban_failed",
            Self::KeyReused => "key_reused",
            Self::Interrupted => "interrupted",
            Self::JournalUnwritable { .. } => "journal_unwritable",
        }
    }

    /// The node's rules refuse this kind.
    pub(crate) fn kind(kind: OrderKind) -> Self {
        let kind = match kind {
            OrderKind::Create => "create",
            OrderKind::Remove => "remove",
            OrderKind::Control => "control",
            OrderKind::Console => "console",
            OrderKind::Power => "power",
            OrderKind::Bans => "bans",
        };
        Self::NotAllowedHere { kind: kind.into() }
    }

    /// What a person reads as the reason of a server that is down for this.
    pub(crate) fn reason(&self) -> String {
        let text = self.to_string();
        if text.starts_with("cannot start") {
            text
        } else {
            format!("cannot start: {text}")
        }
    }
}

impl From<SpecError> for Refusal {
    fn from(error: SpecError) -> Self {
        let faults: Vec<_> = error
            .0
            .iter()
            .map(|fault| format!("{}: {}", fault.field, fault.message))
            .collect();
        Self::InvalidSpec(faults.join("; "))
    }
}

impl From<Refusal> for OrderOutcome {
    fn from(refusal: Refusal) -> Self {
        Self::Refused {
            code: refusal.code().to_owned(),
            why: refusal.to_string(),
        }
    }
}
