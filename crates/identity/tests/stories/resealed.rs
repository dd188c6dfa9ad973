//! Another secret of the cluster: second factors go on, and what this cluster never wrote is not made good by it.

use std::sync::Arc;

use watchroom_identity::{
    Identity, Place, Resealed, Seals, SecondStepError, SharedKey, Vault, VaultError, reseal,
};
use watchroom_kit::SecretString;
use watchroom_policy::{Resource, ResourceKind, act};

use crate::factors::{enrol, prove, shown};
use crate::passkeys::{register, second};
use crate::room::{Drawer, PASSWORD, Room, mail_of, root, shared_key};

/// A vault of another secret: what the drawer sealed does not open here, nor the other way round.
#[derive(Debug)]
struct Safe;

impl Vault for Safe {
    fn seal(&self, key: &str, place: Place<'_>, text: &SecretString) -> Result<String, VaultError> {
        Ok(Drawer.seal(key, place, text)?.chars().rev().collect())
    }

    fn open(&self, place: Place<'_>, sealed: &str) -> Result<SecretString, VaultError> {
        let sealed: String = sealed.chars().rev().collect();
        Drawer.open(place, &sealed)
    }
}

fn before() -> Seals {
    Seals {
        vault: Arc::new(Drawer),
        key: shared_key(),
    }
}

fn after() -> Seals {
    Seals {
        vault: Arc::new(Safe),
        key: SharedKey::new([8; 32]),
    }
}

async fn rotate(room: &Room, from: Seals, to: Seals) -> Resealed {
    let house = Resource::all(ResourceKind::Host);
    let permit = room.permit(&root(), act::RotateSecret, &house).unwrap();
    let work = room
        .store
        .write(&permit, async move |tx| reseal(tx, &from, &to).await);
    work.await.unwrap()
}

/// A Host that has started with these seals.
async fn started(room: &Room, seals: Seals) -> Identity {
    let parts = (seals.vault, mail_of(&room.store, &room.ambient));
    let opened = Identity::open(
        room.store.clone(),
        room.config.clone(),
        parts,
        seals.key,
        room.ambient.clone(),
    );
    opened.await.unwrap()
}

#[tokio::test]
async fn codes_and_passkeys_go_on_under_another_secret_and_end_under_the_old_one() {
    let (mut room, alice) = Room::with_admin().await;
    let (seed, _) = enrol(&room, &alice.session).await;
    let (mut key, _) = register(&room, &alice.session).await;
    let told = rotate(&room, before(), after()).await;
    let wanted = Resealed {
        seeds: 1,
        passkeys: 1,
        foreign: 0,
    };
    assert_eq!(told, wanted);

    let old = started(&room, before()).await;
    room.pass(1);
    room.identity = started(&room, after()).await;
    let half = room.sign_in("alice", PASSWORD).await.unwrap();
    let code = shown(&room, &seed, 0);
    assert!(
        prove(&old, &half.session, &code).await.is_err(),
        "it is of another secret"
    );
    assert!(prove(&room.identity, &half.session, &code).await.is_ok());
    let half = room.sign_in("alice", PASSWORD).await.unwrap();
    assert!(second(&room, &half.session, &mut key).await.is_ok());
}

#[tokio::test]
async fn a_row_that_this_cluster_never_wrote_is_not_made_good() {
    let (mut room, alice) = Room::with_admin().await;
    let _ = enrol(&room, &alice.session).await;
    let (mut key, _) = register(&room, &alice.session).await;
    // As if both had been put into the database by somebody with another secret.
    let foreign = Seals {
        vault: Arc::new(Safe),
        key: SharedKey::new([9; 32]),
    };
    let told = rotate(&room, foreign, after()).await;
    let wanted = Resealed {
        seeds: 0,
        passkeys: 0,
        foreign: 2,
    };
    assert_eq!(told, wanted);
    room.identity = started(&room, after()).await;
    let half = room.sign_in("alice", PASSWORD).await.unwrap();
    let refused = second(&room, &half.session, &mut key).await;
    assert!(matches!(refused, Err(SecondStepError::Refused(_))), "{refused:?}");
}

#[tokio::test]
async fn a_seed_that_does_not_open_holds_up_neither_another_factor_nor_the_ring() {
    let (mut room, alice) = Room::with_admin().await;
    let _ = enrol(&room, &alice.session).await;
    rotate(&room, before(), after()).await;
    // To this Host, which has the old secret, that seed is a stranger's.
    room.identity = started(&room, before()).await;
    let (seed, _) = enrol(&room, &alice.session).await;
    room.pass(1);
    let half = room.sign_in("alice", PASSWORD).await.unwrap();
    let proven = prove(&room.identity, &half.session, &shown(&room, &seed, 0)).await;
    assert!(proven.is_ok(), "{proven:?}");
    let house = Resource::all(ResourceKind::Host);
    let permit = room.permit(&root(), act::RotateKeys, &house).unwrap();
    let rotated = room.identity.rotate_keys(&permit).await.unwrap();
    assert_eq!(rotated.resealed, 1);
}
