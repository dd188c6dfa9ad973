//! The lines of a console that are there already, page by page.

use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;
use watchroom_model::console::Line;

use super::unreadable;
use crate::client::Client;
use crate::failure::Failure;

/// Lines asked for at once.
const PAGE: u32 = 500;

/// Where to begin.
#[derive(Clone, Copy, Debug)]
pub(super) enum Begin {
    /// With the oldest line that is kept.
    Oldest,
    /// With this many before the end.
    Last(u64),
    /// With the first line from this time on.
    At(OffsetDateTime),
}

/// A reader of the lines up to the newest there was when it came to the end.
pub(super) struct Pages {
    client: Client,
    path: String,
    next: u64,
    is_over: bool,
}

impl Pages {
    pub(super) async fn open(client: Client, id: Uuid, begin: Begin) -> Result<Self, Failure> {
        let path = format!("/api/servers/{id}/logs");
        let mut pages = Self {
            client,
            path,
            next: 0,
            is_over: false,
        };
        let end = pages
            .ask(None, 1)
            .await?
            .0
            .last()
            .map_or(0, |line| line.offset + 1);
        pages.next = match begin {
            Begin::Oldest => 0,
            Begin::Last(lines) => end.saturating_sub(lines),
            Begin::At(time) => pages.first_from(time, end).await?,
        };
        pages.is_over = pages.next >= end;
        Ok(pages)
    }

    /// The next lines; `None` once there are no more.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<Line>>, Failure> {
        if self.is_over {
            return Ok(None);
        }
        let (lines, has_more) = self.ask(Some(self.next), PAGE).await?;
        self.is_over = !has_more || lines.is_empty();
        self.next = lines.last().map_or(self.next, |line| line.offset + 1);
        Ok(Some(lines))
    }

    /// The offset behind the last line given.
    pub(super) const fn next_offset(&self) -> u64 {
        self.next
    }

    /// Searches by halves: lines are in the order of their times as long as the node's clock was not set back.
    async fn first_from(&self, time: OffsetDateTime, end: u64) -> Result<u64, Failure> {
        let (mut low, mut high) = (0, end);
        while low < high {
            let middle = low + (high - low) / 2;
            // Old lines are dropped in time: what is asked for may not be there, but a later one is.
            match self.ask(Some(middle), 1).await?.0.first() {
                Some(line) if line.at < time => low = line.offset.max(middle) + 1,
                _ => high = middle,
            }
        }
        Ok(low)
    }

    /// One page from an offset, or the last lines; and whether there is more behind it.
    async fn ask(&self, from: Option<u64>, limit: u32) -> Result<(Vec<Line>, bool), Failure> {
        let from = from.map_or(String::new(), |from| from.to_string());
        let query = [("from", from), ("limit", limit.to_string())];
        let mut page = self.client.get(&self.path, &query).await?;
        let items = page.get_mut("items").map_or_else(|| json!([]), Value::take);
        let lines: Vec<Line> = serde_json::from_value(items).map_err(|error| unreadable(&error))?;
        Ok((
            lines,
            page.get("next_cursor").is_some_and(|cursor| !cursor.is_null()),
        ))
    }
}

#[cfg(test)]
mod tests {
    use time::Duration;

    use super::*;
    use crate::client::room::{Room, Turn};

    fn start() -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(1_767_322_800).unwrap()
    }

    /// Lines, one a minute.
    fn page(offsets: std::ops::Range<u64>, next: Option<&str>) -> Turn {
        let line = |offset: u64| {
            let at = start() + Duration::minutes(i64::try_from(offset).unwrap());
            let at = at.format(&time::format_description::well_known::Rfc3339).unwrap();
            json!({"offset": offset, "at": at, "source": "stdout", "text": "x"})
        };
        let items: Vec<_> = offsets.map(line).collect();
        Turn::Answer(200, json!({"items": items, "next_cursor": next}))
    }

    async fn read(room: &Room, begin: Begin) -> Vec<u64> {
        let mut pages = Pages::open(room.client(), room.ambient.uuid(), begin)
            .await
            .unwrap();
        let mut offsets = Vec::new();
        while let Some(lines) = pages.next().await.unwrap() {
            offsets.extend(lines.iter().map(|line| line.offset));
        }
        offsets
    }

    #[tokio::test]
    async fn everything_is_read_over_all_pages() {
        let room = Room::open(vec![page(6..7, None), page(3..5, Some("5")), page(5..7, None)]).await;
        assert_eq!(read(&room, Begin::Oldest).await, [3, 4, 5, 6]);
        let last = room.asked().pop().unwrap().line;
        assert!(last.ends_with("/logs?from=5&limit=500"), "{last}");
    }

    #[tokio::test]
    async fn the_last_lines_begin_before_the_end() {
        let room = Room::open(vec![page(6..7, None), page(5..7, None)]).await;
        assert_eq!(read(&room, Begin::Last(2)).await, [5, 6]);
        let empty = Room::open(vec![page(0..0, None)]).await;
        assert!(read(&empty, Begin::Last(2)).await.is_empty());
    }

    #[tokio::test]
    async fn a_time_is_found_by_halves() {
        let turns = vec![
            page(3..4, None),
            page(2..3, Some("3")),
            page(1..2, Some("2")),
            page(2..4, None),
        ];
        let room = Room::open(turns).await;
        assert_eq!(
            read(&room, Begin::At(start() + Duration::seconds(90))).await,
            [2, 3]
        );
        let late = Room::open(vec![page(0..1, None), page(0..1, None)]).await;
        assert!(
            read(&late, Begin::At(start() + Duration::hours(1)))
                .await
                .is_empty()
        );
    }
}
