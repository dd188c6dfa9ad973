//! A machine that wants to join, on every page that shows it, with hostile text wherever it may put text.

use std::collections::BTreeMap;

use askama::Template;
use time::Duration;
use uuid::Uuid;
use watchroom_fleet::NodeView;
use watchroom_fleet::nodes::join::JoinRequestView;
use watchroom_fleet::nodes::{CaStatus, ClusterStatus, Health};
use watchroom_kit::FieldFault;
use watchroom_model::join::JoinStatus;

use super::super::cluster_ca::{CaCard, RotationForm};
use super::super::join::{
    ClusterLine, DecisionTyped, InvitationPage, InvitationTyped, RequestPage, RequestRow, Revocation,
    RevocationTyped,
};
use super::super::{Faults, Section};
use super::sample::{HOSTILE, NOW, shell};

fn request() -> JoinRequestView {
    JoinRequestView {
        id: Uuid::from_u128(1).into(),
        name: "attic".parse().unwrap(),
        address: HOSTILE.to_owned(),
        from_address: "192.0.2.7".to_owned(),
        port: 0,
        version: HOSTILE.to_owned(),
        requested_at: NOW - Duration::minutes(3),
        expires_at: NOW + Duration::hours(23),
        words: "tidy frozen iron swallow duchess calcium"
            .split(' ')
            .map(str::to_owned)
            .collect(),
        fingerprint: "AB:CD".to_owned(),
        status: JoinStatus::Pending,
        reason: Some(HOSTILE.to_owned()),
        replaces: Some(Uuid::from_u128(2).into()),
        node: None,
        decided_by: None,
    }
}

pub(super) fn waiting() -> Vec<RequestRow> {
    vec![RequestRow::new(request(), NOW)]
}

pub(super) fn cluster() -> ClusterLine {
    ClusterLine::from(ClusterStatus {
        cluster_id: Uuid::from_u128(3),
        health: Health::Attention,
        reasons: vec![HOSTILE.to_owned()],
        nodes: BTreeMap::from([("online".to_owned(), 2), ("total".to_owned(), 2)]),
        servers: BTreeMap::from([("total".to_owned(), 7)]),
        pending_requests: 1,
        ca: ca_status(),
    })
}

fn ca_status() -> CaStatus {
    CaStatus {
        fingerprint: HOSTILE.to_owned(),
        retires_at: Some(NOW + Duration::days(30)),
        moved: 2,
        left: 1,
    }
}

/// A change of the cluster CA that is under way.
pub(super) fn ca() -> CaCard {
    CaCard::from(&ca_status())
}

/// The form that begins one, after a wrong password.
pub(super) fn rotation() -> RotationForm {
    let faults = vec![FieldFault::new("password", "wrong", HOSTILE)];
    RotationForm::new(true, &Faults::new(faults))
}

pub(super) fn revocation(node: &NodeView) -> Revocation {
    let faults = vec![FieldFault::new("confirm_name", "differs", HOSTILE)];
    let typed = RevocationTyped {
        form: "revoke",
        name: HOSTILE.to_owned(),
        reason: HOSTILE.to_owned(),
        faults: Faults::new(faults),
    };
    Revocation::new(node, true, &typed)
}

/// The pages of joining, by the name of a file for each.
pub(super) fn pages() -> Vec<(&'static str, String)> {
    let untold = DecisionTyped {
        reason: HOSTILE.to_owned(),
        faults: Faults::new(vec![FieldFault::new("words_match", "not_confirmed", HOSTILE)]),
    };
    let decision = RequestPage::new(shell(Section::Nodes, "attic"), request(), &untold, (true, true));
    let typed = InvitationTyped {
        name: HOSTILE.to_owned(),
        replaces: HOSTILE.to_owned(),
        auto_approve: true,
        faults: Faults::new(vec![FieldFault::new("name", "characters", HOSTILE)]),
    };
    let url = Some("https://watch.example:7443/join#wr_join_x".to_owned());
    let invitation = InvitationPage::new(shell(Section::Nodes, "Add a node"), &typed, url, true);
    vec![
        ("join-request", decision.render().unwrap()),
        ("node-new", invitation.render().unwrap()),
    ]
}
