//! Who is kept out, and what the edge is told and has seen.

use askama::Template;
use time::OffsetDateTime;
use watchroom_defence::{BanKind, BanStatus, BanView};
use watchroom_identity::{LockoutScope, LockoutView};
use watchroom_shield::{LimitsConfig, Network, Reported, Shield, Window};
use watchroom_web::{Check, Finding};

use super::certificate::CertificateCard;
use super::decoys::DecoyTokens;
use super::{Choice, Command, Faults, Field, Moment, Shell};
use crate::text::{EN, Text};

/// One ban.
#[derive(Clone, Debug)]
pub(crate) struct BanRow {
    /// What is known of it.
    pub(crate) ban: BanView,
    /// From what it keeps people.
    pub(crate) kind: &'static str,
    /// Whether it waits to be confirmed.
    pub(crate) is_held: bool,
    /// Until when, unless it has no end.
    pub(crate) until: Option<Moment>,
}

impl From<BanView> for BanRow {
    fn from(ban: BanView) -> Self {
        Self {
            kind: match ban.kind {
                BanKind::SignIn => EN.ban_sign_in,
                BanKind::Attack => EN.ban_everything,
            },
            is_held: ban.status == BanStatus::Held,
            until: ban.until.map(Moment::full),
            ban,
        }
    }
}

/// One check of the installation.
#[derive(Clone, Debug)]
pub(crate) struct CheckRow {
    /// What was found.
    pub(crate) check: Check,
    /// What is checked.
    pub(crate) title: &'static str,
    /// How it came out.
    pub(crate) word: &'static str,
    /// The badge's tone.
    pub(crate) tone: &'static str,
}

impl From<Check> for CheckRow {
    fn from(check: Check) -> Self {
        let (word, tone) = match check.finding {
            Finding::Good => (EN.check_good, "ok"),
            Finding::Advice => (EN.check_advice, ""),
            Finding::Warning => (EN.check_warning, "warn"),
            Finding::Bad => (EN.check_bad, "bad"),
        };
        Self {
            title: title(check.id),
            word,
            tone,
            check,
        }
    }
}

/// What a check is about.
fn title(id: &'static str) -> &'static str {
    match id {
        "certificate" => EN.check_certificate,
        "passkeys" => EN.check_passkeys,
        "hsts" => EN.check_hsts,
        "tls" => EN.check_tls,
        "client-ca" => EN.check_client_ca,
        "proxies" => EN.check_proxies,
        "networks" => EN.check_networks,
        "limits" => EN.check_limits,
        "inspection" => EN.check_inspection,
        "decoys" => EN.check_decoys,
        "bans" => EN.bans,
        "lockouts" => EN.lockouts,
        "hashing" => EN.check_hashing,
        "roles" => EN.roles,
        "directories" => EN.check_directories,
        "providers" => EN.check_providers,
        "audit" => EN.check_audit,
        "store" => EN.check_store,
        "secrets" => EN.check_secrets,
        "disk" => EN.check_disk,
        "clock" => EN.check_clock,
        "ages" => EN.check_ages,
        "keys" => EN.check_keys,
        "account" => EN.check_account,
        "mail" => EN.mail,
        other => other,
    }
}

/// One lockout.
#[derive(Clone, Debug)]
pub(crate) struct LockoutRow {
    /// What is known of it.
    pub(crate) lockout: LockoutView,
    /// Whose account it is.
    pub(crate) whose: String,
    /// For whom it is locked.
    pub(crate) locked_for: String,
    /// Until when.
    pub(crate) until: Moment,
}

impl From<LockoutView> for LockoutRow {
    fn from(lockout: LockoutView) -> Self {
        let network = lockout.network.clone().unwrap_or_default();
        Self {
            whose: lockout
                .name
                .as_ref()
                .map_or_else(|| EN.lockout_nobody.to_owned(), ToString::to_string),
            locked_for: match lockout.scope {
                LockoutScope::Network => network,
                LockoutScope::Everywhere => EN.lockout_everywhere.to_owned(),
                LockoutScope::Device => EN.lockout_device.to_owned(),
            },
            until: Moment::full(lockout.until),
            lockout,
        }
    }
}

/// What is locked.
#[derive(Clone, Debug)]
pub(crate) struct Lockouts {
    /// The oldest first.
    pub(crate) rows: Vec<LockoutRow>,
    /// Whether the viewer may lift them.
    pub(crate) may_lift: bool,
}

/// What a browser kept out of a page, as it reports it.
#[derive(Clone, Debug)]
pub(crate) struct ViolationRow {
    /// What is known of it.
    pub(crate) reported: Reported,
    /// When last.
    pub(crate) last: Moment,
}

impl From<Reported> for ViolationRow {
    fn from(reported: Reported) -> Self {
        let last = OffsetDateTime::from_unix_timestamp_nanos(i128::from(reported.last_micros) * 1_000);
        Self {
            last: Moment::full(last.unwrap_or(OffsetDateTime::UNIX_EPOCH)),
            reported,
        }
    }
}

/// What the edge is told, and what it turned away since the start.
#[derive(Clone, Debug, Default)]
pub(crate) struct Edge {
    /// Keys of the configuration, and what they say.
    pub(crate) settings: Vec<(&'static str, String)>,
    /// Kinds of requests, and how many of them in which time.
    pub(crate) limits: Vec<(String, String)>,
    /// Paths that nobody has a reason to ask for.
    pub(crate) decoys: Vec<String>,
    /// Reasons, and how often each turned a request away.
    pub(crate) refusals: Vec<(&'static str, u64)>,
    /// What browsers kept out of pages, for those who may see settings.
    pub(crate) violations: Option<Vec<ViolationRow>>,
}

impl Edge {
    /// Of this edge; with what browsers report if the viewer may see settings.
    pub(crate) fn of(shield: &Shield, sees_settings: bool) -> Self {
        let violations = || shield.violations().into_iter().map(ViolationRow::from).collect();
        let config = shield.config();
        let networks = |list: &[Network]| match list {
            [] => EN.networks_any.to_owned(),
            list => words(list.iter().map(ToString::to_string)),
        };
        let allowed = &config.allowed_networks;
        Self {
            settings: vec![
                ("shield.allowed_networks.panel", networks(&allowed.panel)),
                ("shield.allowed_networks.sign_in", networks(&allowed.sign_in)),
                (
                    "shield.allowed_networks.administration",
                    networks(&allowed.administration),
                ),
                ("cluster.allowed_networks", networks(&allowed.nodes)),
                (
                    "shield.trusted_proxies",
                    words(config.trusted_proxies.iter().map(ToString::to_string)),
                ),
            ],
            decoys: config.decoys.clone(),
            limits: limits(&config.limits),
            refusals: shield.refusals().filter(|(_, count)| *count > 0).collect(),
            violations: sees_settings.then(violations),
        }
    }
}

/// Each kind of limit and what it allows.
fn limits(limits: &LimitsConfig) -> Vec<(String, String)> {
    let fixed = [
        ("anonymous", &limits.anonymous),
        ("presented", &limits.presented),
        ("sign_in", &limits.sign_in),
        ("person", &limits.person),
        ("token", &limits.token),
        ("sensitive", &limits.sensitive),
        ("static_files", &limits.static_files),
        ("reports", &limits.reports),
    ];
    let fixed = fixed
        .into_iter()
        .map(|(name, windows)| (name.to_owned(), windows));
    let routes = limits.routes.iter();
    fixed
        .chain(routes.map(|(name, windows)| (format!("routes.{name}"), windows)))
        .map(|(name, windows)| (name, words(windows.iter().map(in_words))))
        .collect()
}

fn in_words(window: &Window) -> String {
    EN.limit_in(window.limit, window.per_s)
}

fn words(list: impl Iterator<Item = String>) -> String {
    let all: Vec<_> = list.collect();
    match all.as_slice() {
        [] => EN.none.to_owned(),
        all => all.join(", "),
    }
}

/// What was typed into the form for a new ban.
#[derive(Clone, Debug, Default)]
pub(crate) struct BanTyped {
    /// The network.
    pub(crate) network: String,
    /// Why.
    pub(crate) reason: String,
    /// What is wrong with it.
    pub(crate) faults: Faults,
}

/// Who is kept out, and what is known of the installation.
#[derive(Debug)]
pub(crate) struct Kept {
    /// Bans that hold or wait.
    pub(crate) rows: Vec<BanRow>,
    /// What is locked, for those who may see people.
    pub(crate) lockouts: Option<Lockouts>,
    /// What a look over the installation found, for those who may see settings.
    pub(crate) checks: Vec<CheckRow>,
    /// What browsers are shown, for those who may see settings.
    pub(crate) certificate: Option<CertificateCard>,
    /// Whether touching a decoy bans.
    pub(crate) decoys_ban: bool,
    /// Decoy tokens, for those who manage tokens.
    pub(crate) decoys: Option<DecoyTokens>,
}

/// What the viewer may.
#[derive(Clone, Copy, Debug)]
pub(crate) struct May {
    /// Ban and lift.
    pub(crate) change: bool,
    /// See what people have locked.
    pub(crate) see_locks: bool,
}

/// The page.
#[derive(Debug, Template)]
#[template(path = "pages/security.html")]
pub(crate) struct SecurityPage {
    /// The words.
    pub(crate) t: &'static Text,
    /// What surrounds it.
    pub(crate) shell: Shell,
    /// Who is kept out, and what is known of the installation.
    pub(crate) kept: Kept,
    /// What the edge is told and has seen.
    pub(crate) edge: Edge,
    /// What the viewer may.
    pub(crate) may: May,
    /// Whether a confirmation wants the password.
    pub(crate) needs_proof: bool,
    /// Whom to ban.
    pub(crate) network: Field,
    /// Why.
    pub(crate) reason: Field,
    /// From what.
    pub(crate) kind: Choice,
    /// How long.
    pub(crate) hours: Choice,
    /// The same by command.
    pub(crate) command: Command,
}

impl SecurityPage {
    /// The page with the form as it was typed; `may` says what the viewer may, and whether a confirmation wants their
    /// password.
    pub(crate) fn new(
        shell: Shell,
        kept: Kept,
        edge: Edge,
        typed: &BanTyped,
        (may, needs_proof): (May, bool),
    ) -> Self {
        let option = |value: &str, words: &str| (value.to_owned(), words.to_owned());
        let kinds = vec![
            option("attack", EN.ban_everything),
            option("sign_in", EN.ban_sign_in),
        ];
        let hours = vec![
            option("1", EN.ban_hour),
            option("24", EN.ban_day),
            option("168", EN.ban_week),
            option("", EN.ban_until_lifted),
        ];
        Self {
            t: &EN,
            shell,
            kept,
            edge,
            may,
            needs_proof,
            network: Field::text("network", EN.ban_network)
                .hint(EN.ban_network_hint)
                .value(&typed.network)
                .required()
                .wrong(&typed.faults),
            reason: Field::text("reason", EN.why)
                .value(&typed.reason)
                .required()
                .wrong(&typed.faults),
            kind: Choice::new("kind", EN.ban_from, kinds, "attack"),
            hours: Choice::new("hours", EN.ban_lasts, hours, "1"),
            command: Command::new(&["ban", "list"], "GET", "/api/security/bans", None),
        }
    }

    /// The field for the password that confirms this ban.
    pub(crate) fn password(&self, row: &BanRow) -> Option<Field> {
        let field = Field::password("password", EN.password, "current-password").hint(EN.proof_hint);
        self.needs_proof.then(|| field.within(&row.ban.id.to_string()))
    }
}
