use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use watchroom_model::{PageError, PageRequest};

use super::Room;
use super::rows::nodes;
use crate::StoreError;
use crate::schema::Engine;

#[tokio::test]
async fn a_view_sees_what_was_committed_when_it_first_looked_and_nothing_later() {
    let room = Room::open().await;
    room.add("alpha").await.unwrap();
    let view = room.store.read().await.unwrap();
    assert_eq!(view.count(nodes::Entity::find()).await.unwrap(), 1);
    room.add("beta").await.unwrap();
    assert_eq!(view.count(nodes::Entity::find()).await.unwrap(), 1);
    drop(view);
    let later = room.store.read().await.unwrap();
    assert_eq!(later.count(nodes::Entity::find()).await.unwrap(), 2);
    let beta = later
        .one(nodes::Entity::find().filter(nodes::Column::Name.eq("beta")))
        .await
        .unwrap()
        .unwrap();
    assert_eq!((beta.port, beta.is_local, beta.last_ping), (7443, true, None));
    assert!(
        later
            .one(nodes::Entity::find_by_id("none"))
            .await
            .unwrap()
            .is_none()
    );
}

#[tokio::test]
async fn readers_of_a_file_that_rest_are_let_go_but_for_the_last() {
    let room = Room::open().await;
    room.add("alpha").await.unwrap();
    let views = [room.store.read().await.unwrap(), room.store.read().await.unwrap()];
    for view in &views {
        assert_eq!(view.count(nodes::Entity::find()).await.unwrap(), 1);
    }
    drop(views);
    let readers = &room.store.readers;
    assert_eq!(readers.resting(), 2);
    (0..100).for_each(|_| readers.look());
    let left = if readers.engine() == Engine::Sqlite { 1 } else { 2 };
    assert_eq!(readers.resting(), left);
    let view = room.store.read().await.unwrap();
    (0..100).for_each(|_| readers.look());
    assert_eq!(view.count(nodes::Entity::find()).await.unwrap(), 1);
}

#[tokio::test]
async fn pages_join_to_the_whole_list_and_wrong_requests_are_the_askers_fault() {
    let room = Room::open().await;
    for name in ["echo", "alpha", "delta", "bravo", "charlie"] {
        room.add(name).await.unwrap();
    }
    let mut request = PageRequest {
        limit: Some(2),
        cursor: None,
    };
    let mut names = Vec::new();
    loop {
        let view = room.store.read().await.unwrap();
        let page = view
            .page(nodes::Entity::find(), nodes::Column::Name, &request)
            .await
            .unwrap();
        names.extend(page.items.into_iter().map(|node| node.name));
        request.cursor = page.next_cursor;
        if request.cursor.is_none() {
            break;
        }
    }
    assert_eq!(names, ["alpha", "bravo", "charlie", "delta", "echo"]);
    let view = room.store.read().await.unwrap();
    for (wrong, why) in [
        (
            PageRequest {
                limit: Some(501),
                cursor: None,
            },
            PageError::Limit,
        ),
        (
            PageRequest {
                limit: None,
                cursor: Some("%%".into()),
            },
            PageError::Cursor,
        ),
        (
            PageRequest {
                limit: None,
                cursor: Some("YQBi".into()),
            },
            PageError::Cursor,
        ),
    ] {
        let refused = view
            .page(nodes::Entity::find(), nodes::Column::Name, &wrong)
            .await;
        assert!(matches!(refused, Err(StoreError::Page(found)) if found == why));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_views_than_readers_wait_their_turn() {
    let room = Room::open().await;
    room.add("alpha").await.unwrap();
    let looks = (0..64).map(|_| async { room.store.read().await?.count(nodes::Entity::find()).await });
    let counts = futures_util::future::try_join_all(looks).await.unwrap();
    assert!(counts.iter().all(|count| *count == 1));
}
