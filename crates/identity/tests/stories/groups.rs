//! Groups: what they hold their members hold, whoever put them there, and for as long.

use std::collections::BTreeSet;
use std::sync::Arc;

use watchroom_identity::{
    Admission, GroupError, GroupView, Identity, NamedInVain, NewGroupGrant, Outsider, RoleDraft, SignedIn,
};
use watchroom_kit::Fault;
use watchroom_model::UserId;
use watchroom_policy::{Principal, Resource, ResourceKind, Scope, SecondFactor, act};

use crate::factors::{standing, strict};
use crate::outside::{ann, comes_in, open_house};
use crate::room::{PASSWORD, Room, cheap, eventually, new_token, root};

async fn made(room: &Room, name: &str) -> GroupView {
    let permit = room
        .permit(&root(), act::CreateGroup, &Resource::all(ResourceKind::Group))
        .unwrap();
    room.identity.create_group(&permit, name).await.unwrap()
}

async fn given(room: &Room, group: &GroupView, role: &str) -> GroupView {
    let permit = room.permit(&root(), act::GiveToGroup, group).unwrap();
    let new = NewGroupGrant {
        role: role.to_owned(),
        scope: Scope::Everything,
    };
    room.identity.give_to_group(&permit, new).await.unwrap()
}

async fn joined(room: &Room, group: &GroupView, user: UserId) {
    let permit = room.permit(&root(), act::AddMember, group).unwrap();
    room.identity.add_member(&permit, user).await.unwrap();
}

async fn left(room: &Room, group: &GroupView, user: UserId) -> Result<(), GroupError> {
    let permit = room.permit(&root(), act::RemoveMember, group).unwrap();
    room.identity.remove_member(&permit, user).await
}

async fn renamed(room: &Room, group: &GroupView, name: &str) -> Result<GroupView, GroupError> {
    let permit = room.permit(&root(), act::RenameGroup, group).unwrap();
    room.identity.rename_group(&permit, name).await
}

/// What somebody holds, and from where.
fn held(principal: &Principal) -> BTreeSet<(String, String)> {
    let grants = principal.grants.iter();
    grants
        .map(|grant| (grant.role.name.clone(), grant.source.to_string()))
        .collect()
}

fn of(pairs: &[(&str, &str)]) -> BTreeSet<(String, String)> {
    let owned = |(role, source): &(&str, &str)| ((*role).to_owned(), (*source).to_owned());
    pairs.iter().map(owned).collect()
}

fn now(identity: &Identity, signed_in: &SignedIn) -> Arc<Principal> {
    let session = identity.session_by_id(signed_in.session.id).unwrap();
    Arc::clone(&session.principal)
}

#[tokio::test]
async fn what_a_group_holds_its_members_hold_in_every_process_and_after_a_restart() {
    let (room, _) = Room::with_admin().await;
    let vera = room.user("vera", "viewer").await;
    let session = room.sign_in("vera", PASSWORD).await.unwrap();
    let token = room.token(vera.id, new_token("hers")).await;
    let other = room.another().await;
    let by_token = |identity: &Identity| held(&identity.bearer(&token, [127, 0, 0, 1].into()).unwrap());
    let ops = made(&room, "ops").await;
    joined(&room, &ops, vera.id).await;
    let alone = of(&[("viewer", "directly")]);
    assert_eq!(
        held(&now(&room.identity, &session)),
        alone,
        "it holds nothing yet"
    );

    given(&room, &ops, "operator").await;
    let both = of(&[("viewer", "directly"), ("operator", "from group ops")]);
    assert_eq!(held(&now(&room.identity, &session)), both);
    assert_eq!(by_token(&room.identity), both);
    eventually("the other hears of it", || by_token(&other) == both).await;
    assert_eq!(by_token(&room.another().await), both);

    left(&room, &ops, vera.id).await.unwrap();
    assert_eq!(held(&now(&room.identity, &session)), alone);
    assert_eq!(by_token(&room.identity), alone);
    eventually("the other hears of it", || by_token(&other) == alone).await;
    let again = left(&room, &ops, vera.id).await.unwrap_err();
    assert!(matches!(again, GroupError::NoMember), "{again:?}");

    joined(&room, &ops, vera.id).await;
    let permit = room.permit(&root(), act::RemoveGroup, &ops).unwrap();
    room.identity.remove_group(&permit).await.unwrap();
    assert_eq!(by_token(&room.identity), alone);
    eventually("the other hears of it", || by_token(&other) == alone).await;
    assert_eq!(room.identity.groups(), []);
    let gone = room.identity.remove_group(&permit).await.unwrap_err();
    assert!(matches!(gone, GroupError::NotFound), "{gone:?}");
}

#[tokio::test]
async fn a_group_is_named_once_and_holds_a_role_and_a_person_once() {
    let (room, alice) = Room::with_admin().await;
    let ops = made(&room, "ops").await;
    let permit = room
        .permit(&root(), act::CreateGroup, &Resource::all(ResourceKind::Group))
        .unwrap();
    let taken = room.identity.create_group(&permit, "ops").await.unwrap_err();
    assert_eq!(taken.slug(), "name-taken");
    for wrong in ["", "Ops", "ops night", "1st", "group:ops", &"o".repeat(33)] {
        let refused = room.identity.create_group(&permit, wrong).await.unwrap_err();
        assert_eq!(refused.slug(), "invalid-input", "{wrong}");
    }
    joined(&room, &ops, alice.session.user).await;
    let permit = room.permit(&root(), act::AddMember, &ops).unwrap();
    let again = room.identity.add_member(&permit, alice.session.user).await;
    assert_eq!(again.unwrap_err().slug(), "already-member");
    let nobody = room
        .identity
        .add_member(&permit, UserId::mint(&room.ambient))
        .await;
    assert!(matches!(nobody, Err(GroupError::NoUser)), "{nobody:?}");
    given(&room, &ops, "viewer").await;
    let permit = room.permit(&root(), act::GiveToGroup, &ops).unwrap();
    for (role, slug) in [("viewer", "already-granted"), ("no-such-role", "invalid-input")] {
        let new = NewGroupGrant {
            role: role.to_owned(),
            scope: Scope::Everything,
        };
        let refused = room.identity.give_to_group(&permit, new).await.unwrap_err();
        assert_eq!(refused.slug(), slug);
    }
}

#[tokio::test]
async fn a_role_that_needs_a_second_factor_needs_it_by_a_group_too() {
    let room = strict().await;
    room.set_up("alice").await;
    let vera = room.user("vera", "viewer").await;
    let session = room.sign_in("vera", PASSWORD).await.unwrap();
    assert_eq!(standing(&session.session), SecondFactor::NotNeeded);
    let chiefs = given(&room, &made(&room, "chiefs").await, "admin").await;
    joined(&room, &chiefs, vera.id).await;
    // She has none yet, so with the password alone she holds nothing at all, by the old session and by a new one.
    assert!(room.identity.session_by_id(session.session.id).is_none());
    let again = room.sign_in("vera", PASSWORD).await.unwrap();
    assert_eq!(standing(&again.session), SecondFactor::ToEnrol);
    let everything = Resource::all(ResourceKind::User);
    assert!(
        room.permit(&again.session.principal, act::ListUsers, &everything)
            .is_err()
    );
}

/// The crew are in the group `crew`, ops in `ops`, and there is nothing else.
fn by_groups() -> Admission {
    Admission {
        rules: [
            "groups contains ops -> group:ops",
            "groups contains crew -> group:crew",
        ]
        .map(|rule| rule.parse().unwrap())
        .to_vec(),
        ..open_house()
    }
}

fn in_groups(groups: &[&str]) -> Outsider {
    let groups = groups.iter().map(|group| (*group).to_owned()).collect();
    Outsider {
        claims: [("groups".to_owned(), groups)].into(),
        ..ann()
    }
}

#[tokio::test]
async fn rules_put_people_into_groups_anew_at_each_sign_in_and_for_those_sessions_alone() {
    let (room, _) = Room::with_admin().await;
    let ops = given(&room, &made(&room, "ops").await, "operator").await;
    let crew = given(&room, &made(&room, "crew").await, "member").await;
    let house = by_groups();
    let first = comes_in(&room, &in_groups(&["crew", "ops"]), &house).await;
    let user = first.session.user;
    let as_both = of(&[
        ("member", "from group crew, by oidc:example"),
        ("operator", "from group ops, by oidc:example"),
    ]);
    assert_eq!(held(&first.session.principal), as_both);
    let member = &room.identity.group(ops.id).unwrap().members[0];
    assert_eq!(
        (member.user, member.is_by_hand, member.by_providers.as_slice()),
        (user, false, &["oidc:example".to_owned()][..])
    );

    // By a password nobody asked the provider.
    let permit = room
        .permit(&root(), act::ResetPassword, &Resource::user(user))
        .unwrap();
    room.identity
        .reset_password(&permit, PASSWORD.into())
        .await
        .unwrap();
    let by_password = room.sign_in("ann", PASSWORD).await.unwrap();
    assert_eq!(held(&by_password.session.principal), of(&[]));
    // Unless a person put her there, too.
    joined(&room, &crew, user).await;
    let by_hand = of(&[("member", "from group crew")]);
    assert_eq!(held(&now(&room.identity, &by_password)), by_hand);

    // Out of ops there, she is out of it here, whichever session she has.
    let later = comes_in(&room, &in_groups(&["crew"]), &house).await;
    let as_crew = of(&[
        ("member", "from group crew"),
        ("member", "from group crew, by oidc:example"),
    ]);
    assert_eq!(held(&later.session.principal), as_crew);
    assert_eq!(room.identity.group(ops.id).unwrap().members, []);
    let none = comes_in(&room, &in_groups(&[]), &house).await;
    assert_eq!(held(&none.session.principal), by_hand, "what a person gave stays");

    // Untied, nothing of the provider's is left.
    comes_in(&room, &in_groups(&["crew", "ops"]), &house).await;
    let tied = room.identity.outside_of(&root(), user).await.unwrap();
    let permit = room
        .permit(&root(), act::UntieIdentity, &Resource::user(user))
        .unwrap();
    room.identity.untie(&permit, tied[0].id).await.unwrap();
    assert_eq!(room.identity.group(ops.id).unwrap().members, []);
    let by_password = now(&room.identity, &by_password);
    assert_eq!(held(&by_password), by_hand);
}

#[tokio::test]
async fn a_renamed_group_keeps_its_people_and_is_found_by_rules_by_its_new_name() {
    let (room, _) = Room::with_admin().await;
    let vera = room.user("vera", "auditor").await;
    let token = room.token(vera.id, new_token("hers")).await;
    let ops = given(&room, &made(&room, "ops").await, "operator").await;
    joined(&room, &ops, vera.id).await;
    let house = by_groups();
    let ann = comes_in(&room, &in_groups(&["crew", "ops"]), &house).await;
    let other = room.another().await;

    let crew = renamed(&room, &ops, "crew").await.unwrap();
    assert_eq!((crew.id, crew.name.as_str()), (ops.id, "crew"));
    assert_eq!(crew.members.len(), 2);
    let by_token = |identity: &Identity| held(&identity.bearer(&token, [127, 0, 0, 1].into()).unwrap());
    let hers = of(&[("auditor", "directly"), ("operator", "from group crew")]);
    assert_eq!(by_token(&room.identity), hers);
    eventually("the other hears of it", || by_token(&other) == hers).await;
    let by_rule = of(&[("operator", "from group crew, by oidc:example")]);
    assert_eq!(held(&now(&room.identity, &ann)), by_rule, "until she comes anew");
    // Of the old name nobody is put in, of the new one they are.
    let none = comes_in(&room, &in_groups(&["ops"]), &house).await;
    assert_eq!(held(&none.session.principal), of(&[]));
    let again = comes_in(&room, &in_groups(&["crew"]), &house).await;
    assert_eq!(held(&again.session.principal), by_rule);

    // Names are as those of new groups; its own is no other's.
    made(&room, "ops").await;
    let taken = renamed(&room, &ops, "ops").await.unwrap_err();
    assert_eq!(taken.slug(), "name-taken");
    for wrong in ["", "Ops", "ops night", "group:ops"] {
        let refused = renamed(&room, &ops, wrong).await.unwrap_err();
        assert_eq!(refused.slug(), "invalid-input", "{wrong}");
    }
    assert!(renamed(&room, &ops, "crew").await.is_ok());
    let permit = room.permit(&root(), act::RemoveGroup, &ops).unwrap();
    room.identity.remove_group(&permit).await.unwrap();
    let gone = renamed(&room, &ops, "watch").await;
    assert!(matches!(gone, Err(GroupError::NotFound)), "{gone:?}");
}

#[tokio::test]
async fn a_group_by_a_rule_asks_for_the_second_factor_that_its_role_requires() {
    let room = strict().await;
    room.set_up("alice").await;
    given(&room, &made(&room, "ops").await, "admin").await;
    let half = comes_in(&room, &in_groups(&["ops"]), &by_groups()).await;
    assert_eq!(standing(&half.session), SecondFactor::ToEnrol);
    assert!(half.device.is_none(), "it is half a session");
}

#[tokio::test]
async fn rules_name_roles_and_groups_that_people_made_and_those_that_are_not_there_give_nothing() {
    let mut config = cheap();
    config.second_factors.required_roles = vec!["admin".into(), "night-watch".into()];
    config.oidc = vec![watchroom_identity::OidcRules {
        name: "example".into(),
        admit: Admission {
            rules: [
                "groups contains crew -> night-watch",
                "groups contains ops -> group:ops",
            ]
            .map(|rule| rule.parse().unwrap())
            .to_vec(),
            ..open_house()
        },
        ..watchroom_identity::OidcRules::default()
    }];
    let house = config.oidc[0].admit.clone();
    let room = Room::with(config).await;
    room.set_up("alice").await;
    let vain = |key: &str, name: &str| NamedInVain {
        key: key.to_owned(),
        name: name.to_owned(),
    };
    assert_eq!(
        room.identity.named_in_vain(),
        [
            vain("identity.second_factors.required_roles", "night-watch"),
            vain("identity.oidc: example", "night-watch"),
            vain("identity.oidc: example", "group:ops"),
        ]
    );
    let admission = Admission {
        default_role: Some("viewer".into()),
        ..house
    };
    let usual = comes_in(&room, &in_groups(&["crew", "ops"]), &admission).await;
    assert_eq!(
        held(&usual.session.principal),
        of(&[("viewer", "by oidc:example")]),
        "no rule gave anything"
    );

    let permit = room
        .permit(&root(), act::CreateRole, &Resource::all(ResourceKind::Role))
        .unwrap();
    let draft = RoleDraft {
        permissions: vec!["nodes:read".to_owned()],
        per_minute: 100,
        requires_second_factor: false,
    };
    room.identity
        .create_role(&permit, "night-watch", draft)
        .await
        .unwrap();
    made(&room, "ops").await;
    assert_eq!(room.identity.named_in_vain(), []);
    let known = comes_in(&room, &in_groups(&["crew", "ops"]), &admission).await;
    assert_eq!(
        held(&known.session.principal),
        of(&[("night-watch", "by oidc:example")])
    );
    assert_eq!(
        standing(&known.session),
        SecondFactor::ToEnrol,
        "the house says so"
    );
}
