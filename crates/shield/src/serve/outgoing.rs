//! The frames of HTTP/2 as they are written (RFC 9113, 4.1), looked at only to know how much of them is answers.

/// The bytes of a frame's head: length, kind, flags, stream.
const HEAD: usize = 9;
const DATA: u8 = 0;

/// Where in the frames the bytes written so far end.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    head: [u8; HEAD],
    /// Bytes of the head that are known.
    known: usize,
    /// Bytes of the payload that follow.
    left: usize,
}

impl Outgoing {
    /// Follows what was written, and gives how many of its bytes are of answers.
    pub(super) fn written(&mut self, mut bytes: &[u8]) -> u64 {
        let mut answers = 0;
        while let Some((first, rest)) = bytes.split_first() {
            if self.left > 0 {
                let (payload, after) = bytes.split_at(self.left.min(bytes.len()));
                if self.head[3] == DATA {
                    answers += payload.len() as u64;
                }
                self.left -= payload.len();
                bytes = after;
                continue;
            }
            if let Some(byte) = self.head.get_mut(self.known) {
                *byte = *first;
            }
            self.known += 1;
            bytes = rest;
            if self.known == HEAD {
                let [high, middle, low, ..] = self.head;
                self.left = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
                self.known = 0;
            }
        }
        answers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, length: u8) -> Vec<u8> {
        let mut bytes = vec![0, 0, length, kind, 0, 0, 0, 0, 1];
        bytes.resize(HEAD + usize::from(length), 7);
        bytes
    }

    #[test]
    fn answers_are_counted_however_the_frames_are_cut() {
        let frames = [frame(4, 6), frame(0, 200), frame(1, 30), frame(0, 0), frame(0, 5)].concat();
        for each in [1, 2, 8, 9, 10, 100, 1_000] {
            let mut outgoing = Outgoing::default();
            let counted: u64 = frames.chunks(each).map(|part| outgoing.written(part)).sum();
            assert_eq!(counted, 205, "{each}");
        }
    }
}
