//! Memory that a burst took is given back once there is little to do.

use crate::room::{FREE_PORTS, Room, wait_for};

/// As many pages as a stranger may see in a minute, nearly.
const VISITS: usize = 180;

#[test]
fn what_a_burst_took_is_given_back_at_rest() {
    let mut room = Room::empty();
    room.start_in(&FREE_PORTS, &[("WATCHROOM_LOG", "info,watchroom=debug")]);
    let visitor = room.stranger();
    for _ in 0..VISITS {
        assert_eq!(visitor.get("/setup").status, 200);
    }
    let before = given_back(&room);
    wait_for("memory is given back", || {
        (given_back(&room) > before).then_some(())
    });
}

/// How often memory was given back.
fn given_back(room: &Room) -> usize {
    room.log().matches("gave back what memory was free").count()
}
