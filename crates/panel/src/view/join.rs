//! Joining, as pages: those who wait, the decision on one of them, an invitation, and a node's way out.

use askama::Template;
use time::OffsetDateTime;
use watchroom_fleet::NodeView;
use watchroom_fleet::nodes::join::{JoinRequestView, JoinTokenView};
use watchroom_fleet::nodes::{ClusterStatus, Health};
use watchroom_model::NodeStatus;
use watchroom_model::join::JoinStatus;

use super::{Command, Faults, Field, Moment, Shell};
use crate::text::{EN, Text};

/// The cluster in a line: counts, and whether a person is needed.
#[derive(Clone, Debug)]
pub(crate) struct ClusterLine {
    /// The tone of its badge.
    pub(crate) tone: &'static str,
    /// How it stands, in a word.
    pub(crate) health: &'static str,
    /// Counts with their labels.
    pub(crate) counts: Vec<(String, u64)>,
    /// Why it is not good.
    pub(crate) reasons: Vec<String>,
}

impl From<ClusterStatus> for ClusterLine {
    fn from(status: ClusterStatus) -> Self {
        let (tone, health) = match status.health {
            Health::Good => ("ok", EN.health_good),
            Health::Attention => ("warn", EN.health_attention),
            Health::Trouble => ("bad", EN.health_trouble),
        };
        let nodes = status
            .nodes
            .into_iter()
            .filter(|(word, count)| word != "total" && *count > 0);
        let servers = status.servers.get("total").copied().unwrap_or_default();
        let mut counts: Vec<_> = nodes
            .map(|(word, count)| (EN.nodes_in_state(word), count))
            .collect();
        counts.push((EN.nav_servers.to_owned(), servers));
        Self {
            tone,
            health,
            counts,
            reasons: status.reasons,
        }
    }
}

/// A machine that waits, as a row or as the head of its page.
#[derive(Clone, Debug)]
pub(crate) struct RequestRow {
    /// What is known of it.
    pub(crate) request: JoinRequestView,
    /// Since when it waits.
    pub(crate) asked: Moment,
    /// The six words.
    pub(crate) words: String,
}

impl RequestRow {
    /// The request as seen at `now`.
    pub(crate) fn new(request: JoinRequestView, now: OffsetDateTime) -> Self {
        Self {
            asked: Moment::age(request.requested_at, now),
            words: request.words.join(" "),
            request,
        }
    }
}

/// What was typed into the decision.
#[derive(Clone, Debug, Default)]
pub(crate) struct DecisionTyped {
    /// Why not.
    pub(crate) reason: String,
    /// What is wrong with it.
    pub(crate) faults: Faults,
}

/// The page of one request.
#[derive(Debug, Template)]
#[template(path = "pages/join_request.html")]
pub(crate) struct RequestPage {
    /// The words.
    pub(crate) t: &'static Text,
    /// What surrounds it.
    pub(crate) shell: Shell,
    /// The machine.
    pub(crate) row: RequestRow,
    /// Until when it may be approved.
    pub(crate) expires: Moment,
    /// Whether the person may decide, and there is something to decide.
    pub(crate) may_decide: bool,
    /// What is wrong with the tick.
    pub(crate) tick_wrong: Vec<String>,
    /// The password, where the last proof is old.
    pub(crate) password: Option<Field>,
    /// Why not.
    pub(crate) reason: Field,
    /// The same by command.
    pub(crate) command: Command,
}

impl RequestPage {
    /// The page with what was typed.
    pub(crate) fn new(
        shell: Shell,
        request: JoinRequestView,
        typed: &DecisionTyped,
        (may_decide, needs_proof): (bool, bool),
    ) -> Self {
        let password = Field::password("password", EN.password, "current-password")
            .hint(EN.proof_hint)
            .wrong(&typed.faults);
        let path = format!("/api/cluster/requests/{}/approve", request.id);
        let approve = ["cluster", "approve", request.name.as_str()];
        Self {
            t: &EN,
            command: Command::new(&approve, "POST", &path, Some(r#"{"words_match":true}"#)),
            expires: Moment::full(request.expires_at),
            may_decide: may_decide && request.status == JoinStatus::Pending,
            tick_wrong: typed.faults.of("words_match"),
            password: needs_proof.then(|| password.within("approve")),
            reason: Field::text("reason", EN.join_reason)
                .hint(EN.join_reason_hint)
                .value(&typed.reason)
                .required()
                .wrong(&typed.faults),
            row: RequestRow::new(request, shell.now),
            shell,
        }
    }
}

/// What was typed into an invitation.
#[derive(Clone, Debug, Default)]
pub(crate) struct InvitationTyped {
    /// The name that the node is to have.
    pub(crate) name: String,
    /// The node whose place it is to take.
    pub(crate) replaces: String,
    /// Whether it lets the machine in by itself.
    pub(crate) auto_approve: bool,
    /// What is wrong with it.
    pub(crate) faults: Faults,
}

/// The page that invites a machine, and shows the URL once.
#[derive(Debug, Template)]
#[template(path = "pages/node_new.html")]
pub(crate) struct InvitationPage {
    /// The words.
    pub(crate) t: &'static Text,
    /// What surrounds it.
    pub(crate) shell: Shell,
    /// The URL, in the answer that made it.
    pub(crate) url: Option<String>,
    /// The name.
    pub(crate) name: Field,
    /// The node that it replaces.
    pub(crate) replaces: Field,
    /// Whether the box is ticked.
    pub(crate) auto_approve: bool,
    /// The password, where the last proof is old.
    pub(crate) password: Option<Field>,
    /// What is wrong beside the fields.
    pub(crate) beside: Vec<String>,
    /// The same by command.
    pub(crate) command: Command,
}

impl InvitationPage {
    /// The form as it was typed; with the URL once it is made.
    pub(crate) fn new(shell: Shell, typed: &InvitationTyped, url: Option<String>, needs_proof: bool) -> Self {
        let faults = &typed.faults;
        let mut password = Field::password("password", EN.password, "current-password")
            .hint(EN.invite_proof)
            .wrong(faults);
        // Only an invitation that lets machines in by itself needs it.
        password = password.optional();
        Self {
            t: &EN,
            name: Field::text("name", EN.name)
                .hint(EN.invite_name)
                .value(&typed.name)
                .wrong(faults),
            replaces: Field::text("replaces", EN.invite_replaces)
                .hint(EN.invite_replaces_hint)
                .value(&typed.replaces)
                .wrong(faults),
            auto_approve: typed.auto_approve,
            password: needs_proof.then_some(password),
            beside: faults.beside(&["name", "replaces", "password"]),
            command: Command::new(
                &["cluster", "token", "create"],
                "POST",
                "/api/cluster/tokens",
                Some("{}"),
            ),
            shell,
            url,
        }
    }
}

/// An invitation that can still be used, as a row.
#[derive(Clone, Debug)]
pub(crate) struct InviteRow {
    /// The invitation.
    pub(crate) token: JoinTokenView,
    /// For whom it is: a name, or anybody.
    pub(crate) who: String,
    /// Who made it.
    pub(crate) by: String,
    /// Until when it holds.
    pub(crate) until: Moment,
}

impl InviteRow {
    /// The invitation, made by somebody of this name.
    pub(crate) fn new(token: JoinTokenView, by: String) -> Self {
        Self {
            who: token
                .name
                .as_ref()
                .map_or_else(|| EN.invite_anybody.to_owned(), ToString::to_string),
            by,
            until: Moment::full(token.expires_at),
            token,
        }
    }
}

/// What was typed into a form that wants the node's name.
#[derive(Clone, Debug, Default)]
pub(crate) struct RevocationTyped {
    /// Into which form (`revoke`, `purge`, `restart`, `shutdown`).
    pub(crate) form: &'static str,
    /// Its name, again.
    pub(crate) name: String,
    /// Why.
    pub(crate) reason: String,
    /// What is wrong with it.
    pub(crate) faults: Faults,
}

/// A form that does to a node what cannot be taken back: it wants the name typed again.
#[derive(Clone, Debug)]
pub(crate) struct Revocation {
    /// Where it goes (`revoke`, `purge`, `restart`, `shutdown`).
    pub(crate) action: &'static str,
    /// What it is called.
    pub(crate) title: &'static str,
    /// What it will do, in sentences.
    pub(crate) what: Vec<String>,
    /// The name, typed again.
    pub(crate) name: Field,
    /// Why; a node that is purged was given its reason before.
    pub(crate) reason: Option<Field>,
    /// The password, where the last proof is old.
    pub(crate) password: Option<Field>,
    /// Whether it opens at once, since something was wrong.
    pub(crate) is_open: bool,
}

impl Revocation {
    /// The form for this node.
    pub(crate) fn new(node: &NodeView, needs_proof: bool, typed: &RevocationTyped) -> Self {
        let is_purge = node.status == NodeStatus::Revoked;
        let (action, title, mut what) = if is_purge {
            ("purge", EN.node_purge, vec![EN.purge_forgets.to_owned()])
        } else {
            let what = vec![EN.revoke_cuts.to_owned(), EN.revoke_keeps.to_owned()];
            ("revoke", EN.node_revoke, what)
        };
        if node.server_count > 0 {
            what.push(EN.revoke_servers(node.server_count));
        }
        let mut form = Self::of(action, title, what, needs_proof, typed);
        if !is_purge {
            let reason = Field::text("reason", EN.why);
            form.reason = Some(match typed.form == action {
                true => reason.value(&typed.reason).wrong(&typed.faults).within(action),
                false => reason.within(action),
            });
        }
        form
    }

    /// The form that lets a fenced node back in.
    pub(crate) fn unfence(needs_proof: bool, typed: &RevocationTyped) -> Self {
        let what = vec![EN.unfence_means.to_owned(), EN.unfence_first.to_owned()];
        Self::of("unfence", EN.node_unfence, what, needs_proof, typed)
    }

    /// The forms that restart a node's machine and shut it down; `servers` run on it.
    pub(crate) fn power(servers: &[String], needs_proof: bool, typed: &RevocationTyped) -> [Self; 2] {
        let stops = match servers {
            [] => EN.power_nothing_runs.to_owned(),
            names => EN.power_stops(names.join(", ")),
        };
        let restart = vec![stops.clone(), EN.power_restart_then.to_owned()];
        let shutdown = vec![stops, EN.power_shutdown_then.to_owned()];
        [
            Self::of("restart", EN.node_restart, restart, needs_proof, typed),
            Self::of("shutdown", EN.node_shutdown, shutdown, needs_proof, typed),
        ]
    }

    fn of(
        action: &'static str,
        title: &'static str,
        what: Vec<String>,
        needs_proof: bool,
        typed: &RevocationTyped,
    ) -> Self {
        let is_open = typed.form == action && !typed.faults.is_empty();
        let mut name = Field::text("confirm_name", EN.remove_type_name).required();
        let mut password = Field::password("password", EN.password, "current-password").hint(EN.proof_hint);
        if is_open {
            name = name.value(&typed.name).wrong(&typed.faults);
            password = password.wrong(&typed.faults);
        }
        Self {
            action,
            title,
            what,
            name: name.within(action),
            reason: None,
            password: needs_proof.then(|| password.within(action)),
            is_open,
        }
    }
}
