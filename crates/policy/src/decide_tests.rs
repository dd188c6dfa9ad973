use proptest::prelude::*;
use time::macros::datetime;
use watchroom_kit::{Ambient, Clock, Entropy, Tasks};
use watchroom_model::{NodeId, ServerId, TokenId, UserId};

use super::*;
use crate::{BUILT_IN, Given, Grant, Proof, Role, STEP_UP_FRESH, act};

const NOW: OffsetDateTime = datetime!(2026-01-02 03:04:05 UTC);

struct Cast {
    ambient: Ambient,
}

impl Cast {
    fn new() -> Self {
        Self {
            ambient: Ambient {
                clock: Clock::manual(NOW),
                entropy: Entropy::seeded(7),
                tasks: Tasks::new(),
            },
        }
    }

    fn person(&self, role: &str, scope: Scope) -> Arc<Principal> {
        let role = Arc::new(Role::built_in(role).unwrap());
        Arc::new(Principal {
            who: Who::User {
                id: UserId::mint(&self.ambient),
                name: "vera".parse().unwrap(),
            },
            grants: vec![Grant {
                role,
                scope,
                source: "directly".into(),
            }],
            ceiling: None,
            proof: Proof {
                fresh_at: Some(NOW),
                password: Given::At(NOW),
                factor: Given::NotHad,
                second_factor: SecondFactor::NotNeeded,
            },
            locked_until: None,
        })
    }

    fn server(&self) -> Resource {
        Resource::server(
            ServerId::mint(&self.ambient),
            NodeId::mint(&self.ambient),
            Arc::default(),
        )
    }

    fn ask<A: Act>(&self, who: &Arc<Principal>, act: A, on: &Resource) -> Result<Permit<A>, Reason> {
        let trail = Trail::default();
        let decision = DecisionId::mint(&self.ambient);
        decide(
            &Ask {
                principal: who,
                trail: &trail,
                decision,
                now: NOW,
            },
            act,
            on,
        )
        .map_err(|refusal| refusal.reason)
    }
}

#[test]
fn a_viewer_sees_a_server_but_may_not_restart_it() {
    let cast = Cast::new();
    let (vera, web) = (cast.person("viewer", Scope::Everything), cast.server());
    assert!(cast.ask(&vera, act::ShowServer, &web).is_ok());
    assert_eq!(
        cast.ask(&vera, act::RestartServer, &web).unwrap_err(),
        Reason::Missing
    );
}

#[test]
fn who_may_not_see_a_thing_is_told_that_there_is_none() {
    let cast = Cast::new();
    let (mia, web) = (cast.person("member", Scope::Everything), cast.server());
    assert_eq!(
        cast.ask(&mia, act::RestartServer, &web).unwrap_err(),
        Reason::Hidden
    );
}

#[test]
fn a_stranger_is_asked_to_sign_in() {
    let cast = Cast::new();
    let stranger = Arc::new(Principal::stranger());
    assert_eq!(
        cast.ask(
            &stranger,
            act::ListNodes,
            &Resource::all(crate::ResourceKind::Node)
        )
        .unwrap_err(),
        Reason::Unknown
    );
}

#[test]
fn a_grant_on_one_node_reaches_no_other() {
    let cast = Cast::new();
    let (here, elsewhere) = (cast.server(), cast.server());
    let olga = cast.person("operator", Scope::Node(here.on_node().unwrap()));
    assert!(cast.ask(&olga, act::StopServer, &here).is_ok());
    assert_eq!(
        cast.ask(&olga, act::StopServer, &elsewhere).unwrap_err(),
        Reason::Hidden
    );
}

#[test]
fn removing_needs_a_proof_of_the_last_ten_minutes() {
    let cast = Cast::new();
    let web = cast.server();
    let mut adam = Arc::unwrap_or_clone(cast.person("admin", Scope::Everything));
    adam.proof.fresh_at = Some(NOW - STEP_UP_FRESH - std::time::Duration::from_secs(1));
    assert_eq!(
        cast.ask(&Arc::new(adam.clone()), act::RemoveServer, &web)
            .unwrap_err(),
        Reason::StepUp
    );
    adam.proof.fresh_at = Some(NOW - STEP_UP_FRESH);
    assert!(cast.ask(&Arc::new(adam), act::RemoveServer, &web).is_ok());
}

#[test]
fn changing_how_one_signs_in_needs_all_that_one_signs_in_with() {
    let cast = Cast::new();
    let old = Given::At(NOW - STEP_UP_FRESH - std::time::Duration::from_secs(1));
    for (password, factor, may) in [
        (Given::At(NOW), Given::NotHad, true),
        (Given::At(NOW), Given::At(NOW), true),
        (Given::NotHad, Given::At(NOW), true),
        (Given::At(NOW), Given::Never, false),
        (Given::At(NOW), old, false),
        (Given::Never, Given::At(NOW), false),
        (old, Given::At(NOW), false),
    ] {
        let mut vera = Arc::unwrap_or_clone(cast.person("viewer", Scope::Everything));
        (vera.proof.password, vera.proof.factor) = (password, factor);
        let (own, vera) = (Resource::user(vera.user().unwrap()), Arc::new(vera));
        let asked = cast.ask(&vera, act::RemoveFactor, &own).map(drop);
        let expected = if may { Ok(()) } else { Err(Reason::WholeStepUp) };
        assert_eq!(asked, expected, "{password:?} {factor:?}");
        // For what only wants a fresh proof any of them will do.
        assert!(cast.ask(&vera, act::ExportUser, &own).is_ok());
    }
}

#[test]
fn where_an_account_has_neither_its_providers_word_must_be_fresh() {
    let cast = Cast::new();
    let mut vera = Arc::unwrap_or_clone(cast.person("viewer", Scope::Everything));
    (vera.proof.password, vera.proof.factor) = (Given::NotHad, Given::NotHad);
    let own = Resource::user(vera.user().unwrap());
    assert!(cast.ask(&Arc::new(vera.clone()), act::TieIdentity, &own).is_ok());
    vera.proof.fresh_at = None;
    let asked = cast.ask(&Arc::new(vera), act::TieIdentity, &own);
    assert_eq!(asked.unwrap_err(), Reason::WholeStepUp);
}

#[test]
fn without_a_required_second_factor_nothing_is_allowed() {
    let cast = Cast::new();
    let web = cast.server();
    let mut adam = Arc::unwrap_or_clone(cast.person("admin", Scope::Everything));
    adam.proof.second_factor = SecondFactor::ToProve;
    let adam = Arc::new(adam);
    assert_eq!(
        cast.ask(&adam, act::ShowServer, &web).unwrap_err(),
        Reason::SecondFactor
    );
    assert_eq!(reach(&adam, crate::permission::COMPUTE_READ), Reach::Nothing);
}

#[test]
fn who_lacks_a_second_factor_proves_it_or_enrols_the_first_and_nothing_else() {
    let cast = Cast::new();
    let session = Resource::all(crate::ResourceKind::Session);
    for (standing, may_enrol) in [
        (SecondFactor::NotNeeded, true),
        (SecondFactor::Proven, true),
        (SecondFactor::ToEnrol, true),
        (SecondFactor::ToProve, false),
    ] {
        let mut adam = Arc::unwrap_or_clone(cast.person("admin", Scope::Everything));
        adam.proof.second_factor = standing;
        let own = Resource::user(adam.user().unwrap());
        let adam = Arc::new(adam);
        assert!(cast.ask(&adam, act::ProveSecondFactor, &session).is_ok());
        assert!(cast.ask(&adam, act::SignOut, &session).is_ok());
        assert_eq!(
            cast.ask(&adam, act::AddFactor, &own).is_ok(),
            may_enrol,
            "{standing:?}"
        );
        let is_whole = !standing.is_lacking();
        for allowed in [
            cast.ask(&adam, act::RemoveFactor, &own).is_ok(),
            cast.ask(&adam, act::RenewRecoveryCodes, &own).is_ok(),
            cast.ask(&adam, act::ChangePassword, &own).is_ok(),
            cast.ask(&adam, act::StepUp, &session).is_ok(),
            cast.ask(&adam, act::SeeSelf, &own).is_ok(),
        ] {
            assert_eq!(allowed, is_whole, "{standing:?}");
        }
    }
}

#[test]
fn no_token_proves_or_enrols_a_factor() {
    let cast = Cast::new();
    let mut token = Arc::unwrap_or_clone(cast.person("admin", Scope::Everything));
    let own = Resource::user(token.user().unwrap());
    token.who = Who::Token {
        id: TokenId::mint(&cast.ambient),
        owner: token.user().unwrap(),
        owner_name: "adam".parse().unwrap(),
        may_be_sensitive: true,
    };
    let token = Arc::new(token);
    for reason in [
        cast.ask(&token, act::ProveSecondFactor, &own).unwrap_err(),
        cast.ask(&token, act::AddFactor, &own).unwrap_err(),
    ] {
        assert_eq!(reason, Reason::NotForTokens);
    }
}

#[test]
fn a_token_does_no_more_than_its_ceiling_and_steps_up_only_if_made_for_it() {
    let cast = Cast::new();
    let web = cast.server();
    let mut token = Arc::unwrap_or_clone(cast.person("admin", Scope::Everything));
    let (id, owner) = (TokenId::mint(&cast.ambient), UserId::mint(&cast.ambient));
    token.who = Who::Token {
        id,
        owner,
        owner_name: "adam".parse().unwrap(),
        may_be_sensitive: false,
    };
    token.ceiling = Some(PermissionSet::parse(["compute:read", "compute:delete"]).unwrap());
    let token = Arc::new(token);
    assert_eq!(
        cast.ask(&token, act::StopServer, &web).unwrap_err(),
        Reason::Missing
    );
    assert_eq!(
        cast.ask(&token, act::RemoveServer, &web).unwrap_err(),
        Reason::TokenNotSensitive
    );
}

#[test]
fn a_token_with_a_ceiling_does_not_own_what_its_owner_owns() {
    let cast = Cast::new();
    let mut token = Arc::unwrap_or_clone(cast.person("admin", Scope::Everything));
    let (id, owner) = (TokenId::mint(&cast.ambient), UserId::mint(&cast.ambient));
    token.who = Who::Token {
        id,
        owner,
        owner_name: "adam".parse().unwrap(),
        may_be_sensitive: true,
    };
    let sibling = Resource::token(TokenId::mint(&cast.ambient), owner);
    assert!(
        cast.ask(&Arc::new(token.clone()), act::RevokeToken, &sibling)
            .is_ok()
    );
    assert!(
        cast.ask(
            &Arc::new(token.clone()),
            act::ChangePassword,
            &Resource::user(owner)
        )
        .is_err()
    );
    token.ceiling = Some(PermissionSet::parse(["nodes:read"]).unwrap());
    assert_eq!(
        cast.ask(&Arc::new(token), act::RevokeToken, &sibling)
            .unwrap_err(),
        Reason::Hidden
    );
}

#[test]
fn system_acts_are_not_for_people() {
    let cast = Cast::new();
    let host = Resource::all(crate::ResourceKind::Host);
    let adam = cast.person("admin", Scope::Everything);
    assert_eq!(
        cast.ask(&adam, act::KeepHouse, &host).unwrap_err(),
        Reason::NotForPeople
    );
    assert!(
        cast.ask(&Arc::new(Principal::system()), act::KeepHouse, &host)
            .is_ok()
    );
}

#[test]
fn an_explanation_names_what_is_needed_and_what_is_held() {
    let cast = Cast::new();
    let (vera, web) = (
        cast.person("viewer", Scope::Everything),
        cast.server().labelled("web"),
    );
    let explanation = explain(
        &vera,
        &<act::RestartServer as Act>::SPEC,
        &web,
        Some(Reason::Missing),
    );
    insta::assert_snapshot!(
        explanation.words,
        @"needs compute:control on server web; you hold viewer at everything (directly); refused"
    );
}

/// Role x act, from the catalogue: what is allowed is a picture.
#[test]
fn the_matrix_of_roles_and_acts() {
    let cast = Cast::new();
    let mut table = format!("{:<24}", "act");
    for (role, ..) in BUILT_IN {
        table += &format!("{role:<11}");
    }
    for spec in act::ALL {
        table += &format!("\n{:<24}", spec.name);
        for (role, ..) in BUILT_IN {
            let who = cast.person(role, Scope::Everything);
            let on = match spec.on {
                crate::ResourceKind::Server => cast.server(),
                crate::ResourceKind::User => Resource::user(UserId::mint(&cast.ambient)),
                crate::ResourceKind::Token => {
                    Resource::token(TokenId::mint(&cast.ambient), UserId::mint(&cast.ambient))
                }
                crate::ResourceKind::Node => Resource::node(NodeId::mint(&cast.ambient), Arc::default()),
                other => Resource::all(other),
            };
            let word = match verdict(&who, spec, &on, NOW) {
                Ok(()) => "yes",
                Err(Reason::Hidden) => "hidden",
                Err(_) => "-",
            };
            table += &format!("{word:<11}");
        }
    }
    let table: Vec<_> = table.lines().map(str::trim_end).collect();
    insta::assert_snapshot!(table.join("\n"));
}

proptest! {
    /// `reach` and `decide` are two views of one rule: a listed server can be shown, and no other.
    #[test]
    fn what_is_listed_is_exactly_what_may_be_shown(role in 0..BUILT_IN.len(), scope in 0..4_usize, same in any::<bool>()) {
        let cast = Cast::new();
        let (web, other) = (cast.server(), cast.server());
        let at = if same { &web } else { &other };
        let scope = match scope {
            0 => Scope::Everything,
            1 => Scope::Node(at.on_node().unwrap()),
            2 => Scope::Server(at.server_id().unwrap()),
            _ => Scope::NodeLabel { key: "site".into(), value: "north".into() },
        };
        let who = cast.person(BUILT_IN[role].0, scope);
        let listed = reach(&who, crate::permission::COMPUTE_READ).covers(&web);
        prop_assert_eq!(listed, cast.ask(&who, act::ShowServer, &web).is_ok());
    }
}
