//! Server-sent events (the HTML standard's `text/event-stream`) out of pieces of any size.

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its name; `message` if it has none.
    pub name: String,
    /// Its data; several `data` lines are joined by line ends.
    pub data: String,
    /// The last id the stream has named, to resume after.
    pub id: Option<String>,
}

/// The stream sent an event larger than any of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event is larger than {} MiB", Events::LARGEST >> 20)]
pub struct OversizeEvent;

/// Puts events together.
#[derive(Debug, Default)]
pub struct Events {
    buffer: Vec<u8>,
    name: String,
    data: String,
    has_data: bool,
    id: Option<String>,
}

impl Events {
    /// Largest event accepted, in bytes: a Host that sends more is not one of ours.
    pub const LARGEST: usize = 16 << 20;

    /// Takes the next piece and gives the events it completes.
    ///
    /// # Errors
    /// [`OversizeEvent`] if an event grows beyond [`Events::LARGEST`].
    pub fn push(&mut self, piece: &[u8]) -> Result<Vec<Event>, OversizeEvent> {
        self.buffer.extend_from_slice(piece);
        let mut events = Vec::new();
        let mut start = 0;
        while let Some((line, next)) = self.line(start) {
            start = next;
            events.extend(self.take(&line));
        }
        self.buffer.drain(..start);
        if self.buffer.len() + self.data.len() > Self::LARGEST {
            Err(OversizeEvent)
        } else {
            Ok(events)
        }
    }

    /// The line at `start` and where the next begins. A final CR waits for what follows: it may be a CRLF.
    fn line(&self, start: usize) -> Option<(String, usize)> {
        let rest = self.buffer.get(start..)?;
        let end = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r'))?;
        let line = String::from_utf8_lossy(rest.get(..end)?).into_owned();
        let width = match (rest.get(end), rest.get(end + 1)) {
            (Some(b'\r'), None) => return None,
            (Some(b'\r'), Some(b'\n')) => 2,
            _ => 1,
        };
        Some((line, start + end + width))
    }

    fn take(&mut self, line: &str) -> Option<Event> {
        if line.is_empty() {
            return self.finish();
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.name),
            "data" => {
                if self.has_data {
                    self.data.push('\n');
                }
                self.data.push_str(value);
                self.has_data = true;
            }
            "id" => self.id = Some(value.to_owned()),
            // Comments (keep-alives), `retry`, and what the standard may add.
            _ => {}
        }
        None
    }

    fn finish(&mut self) -> Option<Event> {
        let name = std::mem::take(&mut self.name);
        let data = std::mem::take(&mut self.data);
        let has_data = std::mem::take(&mut self.has_data);
        let name = if name.is_empty() {
            "message".to_owned()
        } else {
            name
        };
        has_data.then(|| Event {
            name,
            data,
            id: self.id.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_ids_and_several_data_lines_are_read_and_comments_are_not() {
        let text = ": hello\r\nretry: 5\nevent: lines\nid: 7\ndata: one\ndata:two\n\ndata: three\n\nevent: empty\n\n";
        let events = Events::default().push(text.as_bytes()).unwrap();
        let expected = [("lines", "one\ntwo", "7"), ("message", "three", "7")];
        let expected = expected.map(|(name, data, id)| Event {
            name: name.into(),
            data: data.into(),
            id: Some(id.into()),
        });
        assert_eq!(events, expected);
    }

    proptest! {
        #[test]
        fn however_the_stream_is_cut_the_events_are_the_same(
            payloads in proptest::collection::vec("[ -~äß]{0,20}", 1..8),
            ends in proptest::sample::select(vec!["\n", "\r\n"]),
            size in 1_usize..7,
        ) {
            let text: String = payloads
                .iter()
                .map(|data| format!("event: lines{ends}data: {data}{ends}{ends}"))
                .collect();
            let whole = Events::default().push(text.as_bytes()).unwrap();
            let mut pieces = Events::default();
            let mut cut = Vec::new();
            for piece in text.as_bytes().chunks(size) {
                cut.extend(pieces.push(piece).unwrap());
            }
            prop_assert_eq!(whole.len(), payloads.len());
            for (event, data) in whole.iter().zip(&payloads) {
                prop_assert_eq!(&event.data, data);
            }
            prop_assert_eq!(cut, whole);
        }
    }
}
