//! The form of lines on disk: blocks of one source and one time, each line ended by a newline.

use watchroom_model::console::Source;

/// Bytes of a block's header.
pub(super) const HEADER: usize = 32;
/// Most bytes of lines in one block; what claims more is damage.
pub(super) const LARGEST: usize = 256 << 10;
/// Marks the start of a block, with the version of this form.
const MAGIC: [u8; 4] = *b"WRC1";

/// What stands before the lines of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// Where the lines came from.
    pub source: Source,
    /// Bytes of lines that follow.
    pub len: u32,
    /// How many lines these are.
    pub lines: u32,
    /// The number of the first.
    pub offset: u64,
    /// When they were read, in microseconds since the Unix epoch.
    pub at_micros: i64,
}

impl Header {
    /// Its form on disk.
    pub(super) fn encode(&self) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        let source = [source_word(self.source), 0, 0, 0];
        let parts: [&[u8]; 6] = [
            &MAGIC,
            &source,
            &self.len.to_le_bytes(),
            &self.lines.to_le_bytes(),
            &self.offset.to_le_bytes(),
            &self.at_micros.to_le_bytes(),
        ];
        for (into, from) in bytes.iter_mut().zip(parts.into_iter().flatten()) {
            *into = *from;
        }
        bytes
    }

    /// Reads it back; `None` if these bytes are no header.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (magic, rest) = bytes.split_first_chunk::<4>()?;
        let (source, rest) = rest.split_first_chunk::<4>()?;
        let (len, rest) = rest.split_first_chunk::<4>()?;
        let (lines, rest) = rest.split_first_chunk::<4>()?;
        let (offset, rest) = rest.split_first_chunk::<8>()?;
        let (at_micros, _) = rest.split_first_chunk::<8>()?;
        let header = Self {
            source: source_of(source)?,
            len: u32::from_le_bytes(*len),
            lines: u32::from_le_bytes(*lines),
            offset: u64::from_le_bytes(*offset),
            at_micros: i64::from_le_bytes(*at_micros),
        };
        let is_sound = *magic == MAGIC
            && header.lines > 0
            && header.len >= header.lines
            && header.size() <= HEADER + LARGEST;
        is_sound.then_some(header)
    }

    /// Bytes of the whole block.
    pub(super) fn size(&self) -> usize {
        usize::try_from(self.len)
            .unwrap_or(usize::MAX)
            .saturating_add(HEADER)
    }

    /// The number of the line after its last.
    pub(super) fn end(&self) -> u64 {
        self.offset.saturating_add(u64::from(self.lines))
    }
}

fn source_word(source: Source) -> u8 {
    match source {
        Source::Stdout => 1,
        Source::Stderr => 2,
        Source::Input => 3,
        Source::System => 4,
    }
}

fn source_of(word: &[u8; 4]) -> Option<Source> {
    match word {
        [1, ..] => Some(Source::Stdout),
        [2, ..] => Some(Source::Stderr),
        [3, ..] => Some(Source::Input),
        [4, ..] => Some(Source::System),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_header_comes_back_as_it_was(lines in 1_u32..1_000, more in 0_u32..1_000, offset: u64, at_micros: i64) {
            let header = Header { source: Source::Stderr, len: lines + more, lines, offset, at_micros };
            prop_assert_eq!(Header::decode(&header.encode()), Some(header));
        }

        #[test]
        fn no_bytes_break_the_reader(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = Header::decode(&bytes);
        }
    }
}
