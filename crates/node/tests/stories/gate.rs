//! Stories of what a node does not allow, and of orders that come twice.

use crate::room::{Room, done, refused};
use watchroom_link::Agent;
use watchroom_model::{OrderKind, OrderOutcome, ServerOrder, ServerStatus};
use watchroom_node::{OpenError, Rules, Supervisor};

#[tokio::test]
async fn folders_outside_the_root_are_refused_unless_listed() {
    let allowed = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink("/etc", allowed.path().join("out")).unwrap();
    let rules = Rules {
        folders: vec![allowed.path().to_owned()],
        ..Rules::default()
    };
    let room = Room::with_rules(rules).await;
    std::os::unix::fs::symlink("/etc", room.path().join("servers/link")).unwrap();
    let through = allowed.path().join("out").display().to_string();
    for folder in [
        "../elsewhere",
        "/etc",
        "a/../../b",
        "",
        ".",
        "link",
        through.as_str(),
    ] {
        let mut spec = room.script("outside", "true");
        spec.folder = Some(folder.into());
        assert_eq!(
            refused(room.order(ServerOrder::Create(Box::new(spec))).await).0,
            "folder_outside",
            "{folder:?}"
        );
    }
    let mut spec = room.script("listed", "pwd");
    spec.folder = Some(allowed.path().display().to_string());
    done(room.order(ServerOrder::Create(Box::new(spec))).await);
}

#[tokio::test]
async fn kinds_of_order_can_be_refused_altogether() {
    let room = Room::with_rules(Rules {
        refuse: vec![OrderKind::Create],
        ..Rules::default()
    })
    .await;
    let spec = room.script("one", "true");
    let (code, why) = refused(room.order(ServerOrder::Create(Box::new(spec))).await);
    assert_eq!(code, "not_allowed_here");
    assert!(why.contains("node.toml"), "{why}");
}

#[tokio::test]
async fn a_server_is_not_root_and_has_an_account_and_a_folder_of_its_own() {
    let room = Room::open().await;
    let (one, other) = (
        room.script("one", "id -u; id -G; pwd; touch mine && echo made"),
        room.script("other", "id -u"),
    );
    let ids = (one.id, other.id);
    room.run(one).await;
    room.run(other).await;
    room.until_status(ids.0, ServerStatus::Stopped).await;
    room.until_status(ids.1, ServerStatus::Stopped).await;
    let (printed, others) = (room.printed(ids.0).await, room.printed(ids.1).await);
    assert_eq!(
        printed[2],
        room.path()
            .join("servers")
            .join(ids.0.to_string())
            .display()
            .to_string()
    );
    assert_eq!(printed[3], "made");
    if std::fs::metadata(room.path()).is_ok_and(|room| std::os::unix::fs::MetadataExt::uid(&room) == 0) {
        let uid: u32 = printed[0].parse().unwrap();
        assert!((61_184..=65_519).contains(&uid));
        assert_eq!(printed[1], printed[0], "no other groups");
        assert_ne!(printed[0], others[0]);
    }
    let mut spec = room.script("rooted", "id -u");
    spec.run_as = Some("root".into());
    assert_eq!(
        refused(room.order(ServerOrder::Create(Box::new(spec))).await).0,
        "run_as_not_allowed"
    );
}

#[tokio::test]
async fn a_key_is_done_once_and_gives_its_first_answer_again() {
    let mut room = Room::open().await;
    let spec = room.script("once", "while read line; do echo \"$line\"; done");
    let id = spec.id;
    let create = room.envelope(ServerOrder::Create(Box::new(spec)));
    let first = room.agent().order(create.clone()).await;
    assert_eq!(room.agent().order(create.clone()).await, first);
    done(room.order(ServerOrder::Start(id)).await);

    let send = room.envelope(ServerOrder::SendLine {
        id,
        line: "once".into(),
    });
    let agent = room.agent().clone();
    let (one, two) = tokio::join!(agent.order(send.clone()), agent.order(send.clone()));
    assert_eq!(one, two);
    room.reopen().await;
    assert_eq!(
        room.agent().order(send.clone()).await,
        one,
        "also after the agent was restarted"
    );
    done(
        room.order(ServerOrder::SendLine {
            id,
            line: "last".into(),
        })
        .await,
    );
    room.until_line(id, "last").await;
    // The echo of "last" may be its input line; the printed one follows.
    loop {
        let printed = room.printed(id).await;
        if printed.last().is_some_and(|line| line == "last") {
            assert_eq!(printed, ["once", "last"]);
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let mut other = send;
    other.order = ServerOrder::Stop(id).into();
    assert_eq!(refused(room.agent().order(other).await).0, "key_reused");
}

#[tokio::test]
async fn names_are_taken_once() {
    let room = Room::open().await;
    done(
        room.order(ServerOrder::Create(Box::new(room.script("name", "true"))))
            .await,
    );
    assert_eq!(
        refused(
            room.order(ServerOrder::Create(Box::new(room.script("name", "true"))))
                .await
        )
        .0,
        "name_taken"
    );
}

#[tokio::test]
async fn two_agents_never_share_a_state_folder() {
    let room = Room::open().await;
    let second = Supervisor::open(room.settings(), room.ambient.clone()).await;
    assert!(matches!(second, Err(OpenError::InUse { .. })));
}

#[tokio::test]
async fn removing_what_is_not_there_is_nothing_to_do() {
    let room = Room::open().await;
    let id = room.script("ghost", "true").id;
    assert_eq!(
        room.order(ServerOrder::Remove(id)).await,
        OrderOutcome::AlreadySo { report: None }
    );
}
