use watchroom_model::GuessId;

use super::Room;
use crate::{Claimed, Guess, StoreError, Upkeep};

const HOUR: i64 = 3_600_000_000;

fn guess(room: &Room, budget: &str, at: i64) -> Guess {
    Guess {
        id: GuessId::mint(&room.ambient),
        budget: budget.to_owned(),
        limit: 10,
        window: HOUR,
        at,
    }
}

async fn claim(room: &Room, budget: &str, at: i64) -> Result<Claimed, StoreError> {
    room.store.claim(guess(room, budget, at)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_a_thousand_at_once_exactly_as_many_are_allowed_as_the_budget_has() {
    let room = Room::open().await;
    let all = (0..1_000).map(|at| claim(&room, "alice", at));
    let answers = futures_util::future::try_join_all(all).await.unwrap();
    let taken = |answer: &&Claimed| matches!(answer, Claimed::Taken { .. });
    assert_eq!(answers.iter().filter(taken).count(), 10);
    assert_eq!(room.count("guesses"), 10);
    assert_eq!(room.count("entries"), 0, "counting leaves no entry");
    assert_eq!(
        claim(&room, "bob", 0).await.unwrap(),
        Claimed::Taken { before: 0 },
        "others have budgets of their own"
    );
}

#[tokio::test]
async fn what_was_right_is_given_back_and_what_is_an_hour_old_is_forgotten() {
    let room = Room::open().await;
    let right = guess(&room, "alice", 0);
    assert_eq!(
        room.store.claim(right.clone()).await.unwrap(),
        Claimed::Taken { before: 0 }
    );
    for at in 1..10 {
        claim(&room, "alice", at).await.unwrap();
    }
    let full = Claimed::Full {
        oldest: 0,
        newest_open: Some(9),
    };
    assert_eq!(claim(&room, "alice", 20).await.unwrap(), full);
    room.store.upkeep(Upkeep::GuessRight(right.id, 21));
    room.add("alpha").await.unwrap();
    assert_eq!(
        claim(&room, "alice", 22).await.unwrap(),
        Claimed::Taken { before: 9 }
    );
    room.run("UPDATE guesses SET failed_at = 30");
    let full = Claimed::Full {
        oldest: 1,
        newest_open: None,
    };
    assert_eq!(claim(&room, "alice", 31).await.unwrap(), full);
    assert_eq!(
        claim(&room, "alice", HOUR + 1).await.unwrap(),
        Claimed::Taken { before: 9 }
    );
    claim(&room, "bob", 26 * HOUR).await.unwrap();
    assert_eq!(room.count("guesses"), 1, "old ones of everybody are removed");
}

#[tokio::test]
async fn a_budget_with_a_short_window_forgets_nothing_of_one_with_a_long_window() {
    let room = Room::open().await;
    claim(&room, "alice", 1).await.unwrap();
    let short = |at| Guess {
        window: 1_000,
        ..guess(&room, "letter", at)
    };
    room.store.claim(short(2)).await.unwrap();
    let later = room.store.claim(short(HOUR / 2)).await.unwrap();
    assert_eq!(later, Claimed::Taken { before: 0 }, "its own window is over");
    assert_eq!(
        claim(&room, "alice", HOUR / 2).await.unwrap(),
        Claimed::Taken { before: 1 }
    );
}
