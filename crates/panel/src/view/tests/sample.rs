//! A small fleet, and every page of it, with hostile text wherever people or programs may put text.

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use time::macros::datetime;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;
use watchroom_fleet::{NodeView, ServerView};
use watchroom_kit::FieldFault;
use watchroom_model::console::{Line, Source};
use watchroom_model::{
    Desired, Limits, NodeId, NodeStatus, RestartPolicy, ServerId, ServerStatus, Share, StopMethod,
};

use super::super::audit::{AuditPage, AuditRow, AuditSought, Fact};
use super::super::create::{CreatePage, CreateTyped};
use super::super::deed::{Deed, Ending, Named, phrase};
use super::super::entry::{ExpiredPage, SetupPage, SetupTyped, SignInPage, SignInTyped};
use super::super::error::error_page;
use super::super::nodes::{NodeLive, NodePage, NodeRow, NodesLive, NodesPage};
use super::super::outside::{Identities, IdentityRow, TiePage, WayButton};
use super::super::overview::{OverviewLive, OverviewPage};
use super::super::passkey::PasskeyForm;
use super::super::profile::{
    FactorRow, Factors, Issued, Own, ProfileForms, ProfilePage, SessionRow, TokenRow,
};
use super::super::proof::Wanted;
use super::super::server::{May, Removal, ServerLive, ServerPage, commands, settings};
use super::super::servers::{ServerRow, ServersLive, ServersPage, status_choice};
use super::super::{Choice, Command, Faults, Field, Flash, Moment, Person, Section, Shell, Theme};
use super::joining;
use crate::text::EN;

pub(super) const NOW: OffsetDateTime = datetime!(2026-11-20 17:58:09 UTC);
pub(super) const HOSTILE: &str = "</span><script>alert('x')</script><img src=x onerror=alert(1)> \" ' &";

/// As somebody is asked whose last proof is old.
const ASKED: Wanted = Wanted {
    password: true,
    code: true,
};

pub(super) fn shell(section: Section, title: &str) -> Shell {
    Shell {
        t: &EN,
        title: title.to_owned(),
        section,
        person: Person {
            name: "alice".to_owned(),
            sees_nodes: true,
            sees_servers: true,
            sees_security: true,
            sees_audit: true,
            sees_people: true,
            sees_settings: true,
        },
        csrf: "csrf-of-the-session".to_owned(),
        offers_passkey_proof: false,
        expires_in_s: 28_800,
        theme: Theme::System,
        flash: None,
        now: NOW,
    }
}

pub(super) fn node(number: u128, name: &str, status: NodeStatus) -> NodeView {
    NodeView {
        id: NodeId::from(Uuid::from_u128(number)),
        name: name.parse().unwrap(),
        address: "192.0.2.17".to_owned(),
        port: 5002,
        version: "0.1.0".to_owned(),
        status,
        reason: if status == NodeStatus::Online {
            String::new()
        } else {
            "connection refused".to_owned()
        },
        local: number == 1,
        last_ping: Some(NOW - Duration::seconds(if status == NodeStatus::Online { 3 } else { 412 })),
        server_count: 3,
        labels: Arc::new(BTreeMap::from([("site".to_owned(), HOSTILE.to_owned())])),
        load: Some(0.42),
        memory: Some(Share {
            used_bytes: 3 << 30,
            total_bytes: 8 << 30,
        }),
        disk: Some(Share {
            used_bytes: 93 << 30,
            total_bytes: 100 << 30,
        }),
        certificate_expires_at: Some(NOW + Duration::days(61)),
    }
}

pub(super) fn server(number: u128, name: &str, status: ServerStatus, reason: &str) -> ServerView {
    let is_up = status == ServerStatus::Running;
    ServerView {
        id: ServerId::from(Uuid::from_u128(number)),
        name: name.parse().unwrap(),
        node_id: NodeId::from(Uuid::from_u128(1)),
        node_name: "harbour".parse().unwrap(),
        command: vec!["/usr/bin/java".to_owned(), "-jar".to_owned(), HOSTILE.to_owned()],
        folder: None,
        run_as: None,
        desired: if status == ServerStatus::Stopped {
            Desired::Stopped
        } else {
            Desired::Running
        },
        status,
        reason: reason.to_owned(),
        pid: is_up.then_some(4211),
        started_at: is_up.then(|| NOW - Duration::hours(5)),
        exit_code: (!is_up).then_some(1),
        restart_policy: RestartPolicy::OnFailure,
        stop: StopMethod {
            line: Some("stop".to_owned()),
            ..StopMethod::default()
        },
        limits: Limits {
            memory_bytes: Some(2 << 30),
            cpu_percent: Some(150),
            ..Limits::default()
        },
        limited_by: "cgroup".to_owned(),
        labels: BTreeMap::from([("game".to_owned(), HOSTILE.to_owned())]),
        stale: status == ServerStatus::Unknown,
        as_of: Some(NOW - Duration::minutes(7)),
        created_at: NOW - Duration::days(3),
        updated_at: NOW,
    }
}

pub(super) fn fleet() -> (Vec<NodeView>, Vec<ServerView>) {
    let nodes = vec![
        node(1, "harbour", NodeStatus::Online),
        node(2, "lighthouse", NodeStatus::Online),
        node(3, "north-pier", NodeStatus::Offline),
    ];
    let servers = vec![
        server(
            11,
            "minecraft-survival",
            ServerStatus::Running,
            "started by alice",
        ),
        server(
            12,
            "valheim",
            ServerStatus::Running,
            "started by the node after a restart of the machine",
        ),
        server(13, "voice", ServerStatus::Stopped, "stopped by bob"),
        server(
            14,
            "chatter",
            ServerStatus::CrashLoop,
            "exited with 1 six times in 40 s; tried again at 18:02",
        ),
        server(15, "archive", ServerStatus::Unknown, HOSTILE),
    ];
    (nodes, servers)
}

pub(super) fn command() -> Command {
    Command::new(&["server", "list"], "GET", "/api/servers", None)
}

pub(super) fn overview(nodes: Option<&[NodeView]>, servers: Option<&[ServerView]>) -> OverviewPage {
    let live = OverviewLive::new(nodes, servers, true, NOW);
    OverviewPage {
        t: &EN,
        shell: shell(Section::Overview, "Overview"),
        live,
        command: command(),
    }
}

pub(super) fn servers_page(servers: Vec<ServerView>, may_control: bool) -> ServersPage {
    let rows = servers
        .into_iter()
        .map(|server| ServerRow::new(server, NOW).controlled(may_control))
        .collect();
    let nodes = vec![
        (String::new(), EN.any.to_owned()),
        ("1".to_owned(), "harbour".to_owned()),
    ];
    ServersPage {
        t: &EN,
        shell: shell(Section::Servers, "Servers"),
        name: Field::text("name", EN.name),
        node: Choice::new("node", EN.node, nodes, ""),
        status: status_choice(""),
        live: ServersLive {
            t: &EN,
            csrf: "c".into(),
            rows,
            next: None,
            is_filtered: false,
            may_create: may_control,
        },
        command: command(),
    }
}

pub(super) fn server_page(may: May, faults: &Faults) -> ServerPage {
    let server = server(
        11,
        "minecraft-survival",
        ServerStatus::Running,
        "started by alice",
    );
    let text = |offset: u64| match offset % 5 {
        0 => "[17:57:01] [Server thread/INFO]: \u{1b}[32mDone\u{1b}[0m (12.4s)! For help, type \"help\""
            .to_owned(),
        1 => HOSTILE.to_owned(),
        2 => "list".to_owned(),
        3 => "java.lang.IllegalStateException: the chunk at 12,-4 took 4,012 ms; see the log".to_owned(),
        _ => "There are 3 of a max of 20 players online: anna, bert, cem".to_owned(),
    };
    let source = |offset: u64| match offset % 5 {
        2 => Source::Input,
        3 => Source::Stderr,
        _ => Source::Stdout,
    };
    let line = |offset| Line {
        offset,
        at: NOW,
        source: source(offset),
        text: text(offset),
    };
    ServerPage {
        t: &EN,
        shell: shell(Section::Servers, "minecraft-survival"),
        console: Ok((0..14).map(line).map(Into::into).collect()),
        settings: settings(&server),
        commands: commands(&server, may),
        removal: may
            .remove
            .then(|| Removal::new(&server, true, "minecraft", faults)),
        live: ServerLive::new(server, may, "c".into(), NOW),
    }
}

pub(super) const ALL: May = May {
    control: true,
    send: true,
    remove: true,
};

pub(super) fn profile() -> ProfilePage {
    let session = |is_this: bool| SessionRow {
        id: "s1".to_owned(),
        user_agent: HOSTILE.to_owned(),
        device: format!("Firefox on Linux {HOSTILE}"),
        address: "198.51.100.7".to_owned(),
        created: Moment::full(NOW - Duration::hours(3)),
        seen: Moment::age(NOW - Duration::minutes(2), NOW),
        is_this,
    };
    let token = TokenRow {
        id: "t1".to_owned(),
        name: "ci".to_owned(),
        expires: Moment::full(NOW + Duration::days(80)),
        used: None,
        badges: vec![("ok", EN.token_is_good), ("warn", EN.token_is_sensitive)],
    };
    let issued = Issued {
        name: "ci".to_owned(),
        secret: "wr_pat_0123456789abcdefghijklmnopqrstuvwxyz".to_owned(),
    };
    let factor = FactorRow {
        id: "f1".to_owned(),
        kind: "codes by time",
        host: String::new(),
        name: format!("phone {HOSTILE}"),
        added: Moment::full(NOW - Duration::days(8)),
        used: Some(Moment::age(NOW - Duration::hours(3), NOW)),
    };
    let factors = Factors {
        rows: vec![factor],
        codes_left: 9,
    };
    let identity = IdentityRow {
        id: "i1".to_owned(),
        provider: format!("Example {HOSTILE}"),
        label: format!("ann {HOSTILE}"),
        tied: Moment::full(NOW - Duration::days(3)),
        used: None,
    };
    let identities = Identities {
        rows: vec![identity],
        ways: vec![way()],
    };
    let own = Own {
        sessions: vec![session(true), session(false)],
        tokens: vec![token],
        factors,
        identities,
        email: HOSTILE.to_owned(),
        has_password: true,
    };
    ProfilePage::new(
        shell(Section::Profile, "You"),
        own,
        &ProfileForms::default(),
        ASKED,
        Some(issued),
    )
}

fn way() -> WayButton {
    WayButton {
        href: "/login/oidc/example".to_owned(),
        words: EN.way_in(HOSTILE),
    }
}

fn tie() -> TiePage {
    let shell = shell(Section::Profile, "Tie");
    TiePage::new(shell, HOSTILE.to_owned(), HOSTILE.to_owned(), ASKED)
}

pub(super) fn audit() -> AuditPage {
    let named = |words: &str, href: &str| Named {
        words: words.to_owned(),
        href: href.to_owned(),
        exact: HOSTILE.to_owned(),
    };
    let fact = |label, value: &str| Fact {
        label,
        value: value.to_owned(),
        exact: HOSTILE.to_owned(),
    };
    let row = |seq: u64, action: &str, ending: Ending| AuditRow {
        seq,
        at: Moment::full(NOW - Duration::minutes(i64::try_from(seq).unwrap())),
        deed: Deed {
            who: named("alice", ""),
            what: phrase(action, ending),
            on: Some(named(HOSTILE, "/servers/00000000-0000-0000-0000-00000000000b")),
            note: HOSTILE.to_owned(),
            action: action.to_owned(),
            ending,
        },
        facts: vec![fact(EN.address, "198.51.100.7"), fact(EN.fact_browser, HOSTILE)],
        extra: format!("{{\n  \"line\": {HOSTILE:?}\n}}"),
    };
    let rows = vec![
        row(3, "server.restart", Ending::Done),
        row(2, "server.remove", Ending::Denied),
        row(1, "session.fail", Ending::Failed),
    ];
    AuditPage::new(
        shell(Section::Audit, "Audit"),
        &AuditSought::default(),
        (rows, Some("9".into())),
        true,
    )
}

pub(super) fn create() -> CreatePage {
    let typed = CreateTyped {
        name: "my server!".to_owned(),
        command: HOSTILE.to_owned(),
        ..CreateTyped::default()
    };
    let faults = Faults::new(vec![FieldFault::new(
        "name",
        "characters",
        "a server name has 1 to 64 characters",
    )]);
    let nodes = vec![("1".to_owned(), "harbour".to_owned())];
    CreatePage::new(shell(Section::Servers, "Create a server"), nodes, &typed, &faults)
}

/// The list of nodes, and one of them.
fn node_pages(nodes: &[NodeView], servers: &[ServerView]) -> (NodesPage, NodePage) {
    let mut done = shell(Section::Nodes, "Nodes");
    done.flash = Some(Flash::done("harbour was told"));
    let rows: Vec<_> = nodes
        .iter()
        .cloned()
        .map(|node| NodeRow::new(node, NOW))
        .collect();
    let nodes_page = NodesPage {
        t: &EN,
        shell: done,
        may_add: true,
        invites: Vec::new(),
        rotation: Some(joining::rotation()),
        live: NodesLive {
            t: &EN,
            cluster: joining::cluster(),
            from: "/nodes".to_owned(),
            ca: joining::ca(),
            requests: joining::waiting(),
            rows,
            next: Some("/nodes?cursor=3".into()),
            may_power: true,
        },
        command: command(),
    };
    let node_page = NodePage {
        t: &EN,
        shell: shell(Section::Nodes, "harbour"),
        dangers: vec![joining::revocation(&nodes[0])],
        hour: None,
        live: NodeLive::new(
            node(1, "harbour", NodeStatus::Online),
            Some(servers.to_vec()),
            NOW,
        ),
        command: command(),
    };
    (nodes_page, node_page)
}

/// Every page, by the name of a file for it.
pub(super) fn pages() -> Vec<(&'static str, String)> {
    let (nodes, servers) = fleet();
    let (nodes_page, node_page) = node_pages(&nodes, &servers);
    let sign_in = SignInTyped {
        username: "alice".into(),
        ..SignInTyped::default()
    };
    let passkey = Some(PasskeyForm::sign_in("c".into(), HOSTILE));
    let refused = Some(Flash::trouble(EN.sign_in_attempts_many(3)));
    let mut pages = joining::pages();
    pages.extend(vec![
        (
            "overview",
            overview(Some(&nodes), Some(&servers)).render().unwrap(),
        ),
        (
            "overview-empty",
            overview(Some(&nodes[..1]), Some(&[])).render().unwrap(),
        ),
        ("nodes", nodes_page.render().unwrap()),
        ("node", node_page.render().unwrap()),
        ("servers", servers_page(servers, true).render().unwrap()),
        ("servers-empty", servers_page(Vec::new(), true).render().unwrap()),
        ("server", server_page(ALL, &Faults::default()).render().unwrap()),
        ("create", create().render().unwrap()),
        ("audit", audit().render().unwrap()),
        ("profile", profile().render().unwrap()),
        ("tie", tie().render().unwrap()),
        (
            "sign-in",
            SignInPage::new(Theme::System, "c".into(), sign_in, (refused, passkey))
                .render()
                .unwrap(),
        ),
        (
            "setup",
            SetupPage::new(
                Theme::System,
                "c".into(),
                SetupTyped::default(),
                &Faults::default(),
                None,
            )
            .render()
            .unwrap(),
        ),
        ("expired", ExpiredPage::new(Theme::System).render().unwrap()),
        (
            "error",
            error_page(
                404,
                "0199a4c1-7e2b-7c3d-8e4f-001122334455",
                "",
                "There is no such server.",
                "",
            ),
        ),
    ]);
    pages
}
