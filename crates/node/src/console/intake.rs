//! Cuts a stream of bytes into lines: whole ones at once, too long ones into pieces, the rest kept for later.

use memchr::{memchr_iter, memrchr};

/// Longest line kept in one piece, in bytes.
pub(crate) const LONGEST_LINE: usize = 16 << 10;

/// What one pipe has said so far of a line that has not ended.
#[derive(Debug, Default)]
pub(crate) struct Intake {
    carry: Vec<u8>,
}

impl Intake {
    /// Appends every line that `chunk` completes to `lines`, each ended by a newline; says how many.
    pub(crate) fn take(&mut self, chunk: &[u8], lines: &mut Vec<u8>) -> u32 {
        let Some(last) = memrchr(b'\n', chunk) else {
            self.carry.extend_from_slice(chunk);
            return self.break_carry(lines);
        };
        let (whole, rest) = chunk.split_at(last + 1);
        let mut count = 0;
        let mut start = 0;
        let mut copied = 0;
        if !self.carry.is_empty() {
            let end = memchr::memchr(b'\n', whole).unwrap_or(last);
            self.carry.extend_from_slice(whole.get(..end).unwrap_or_default());
            count += pieces(&self.carry, lines);
            self.carry.clear();
            start = end + 1;
            copied = start;
        }
        for end in memchr_iter(b'\n', whole.get(start..).unwrap_or_default()).map({
            let base = start;
            move |end| base + end
        }) {
            if end - start > LONGEST_LINE {
                lines.extend_from_slice(whole.get(copied..start).unwrap_or_default());
                count += pieces(whole.get(start..end).unwrap_or_default(), lines);
                copied = end + 1;
            } else {
                count += 1;
            }
            start = end + 1;
        }
        lines.extend_from_slice(whole.get(copied..).unwrap_or_default());
        self.carry.extend_from_slice(rest);
        count + self.break_carry(lines)
    }

    /// The stream has ended: what is left is a line too.
    pub(crate) fn finish(&mut self, lines: &mut Vec<u8>) -> u32 {
        if self.carry.is_empty() {
            return 0;
        }
        let count = pieces(&self.carry, lines);
        self.carry.clear();
        count
    }

    /// Keeps the unfinished line within its bound, so that a stream without newlines grows nothing.
    fn break_carry(&mut self, lines: &mut Vec<u8>) -> u32 {
        let mut count = 0;
        while self.carry.len() > LONGEST_LINE {
            let cut = boundary(&self.carry);
            lines.extend(self.carry.drain(..cut));
            lines.push(b'\n');
            count += 1;
        }
        count
    }
}

/// Appends one line, broken where it is too long; an empty one counts.
fn pieces(mut line: &[u8], lines: &mut Vec<u8>) -> u32 {
    let mut count = 1;
    while line.len() > LONGEST_LINE {
        let (piece, rest) = line.split_at(boundary(line));
        lines.extend_from_slice(piece);
        lines.push(b'\n');
        line = rest;
        count += 1;
    }
    lines.extend_from_slice(line);
    lines.push(b'\n');
    count
}

/// Where a too long line is cut: at the bound, or up to three bytes before it so that no character is torn.
fn boundary(line: &[u8]) -> usize {
    let is_inside = |at: usize| line.get(at).is_some_and(|byte| byte & 0b1100_0000 == 0b1000_0000);
    (LONGEST_LINE - 3..=LONGEST_LINE)
        .rev()
        .find(|at| !is_inside(*at))
        .unwrap_or(LONGEST_LINE)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cut(chunks: &[Vec<u8>]) -> (Vec<u8>, u32) {
        let (mut intake, mut lines, mut count) = (Intake::default(), Vec::new(), 0);
        for chunk in chunks {
            count += intake.take(chunk, &mut lines);
        }
        count += intake.finish(&mut lines);
        (lines, count)
    }

    proptest! {
        #[test]
        fn however_the_stream_arrives_the_lines_are_the_same(
            chunks in proptest::collection::vec(proptest::collection::vec(prop_oneof![Just(b'\n'), any::<u8>()], 0..40), 0..12),
        ) {
            let (lines, count) = cut(&chunks);
            let mut expected = chunks.concat();
            if !expected.is_empty() && expected.last() != Some(&b'\n') {
                expected.push(b'\n');
            }
            prop_assert_eq!(count as usize, expected.iter().filter(|byte| **byte == b'\n').count());
            prop_assert_eq!(lines, expected);
        }

        #[test]
        fn no_line_is_longer_than_the_bound_and_no_byte_is_lost(
            lens in proptest::collection::vec(0_usize..60_000, 1..4), step in 1_usize..70_000,
        ) {
            let text: Vec<u8> = lens.iter().flat_map(|len| [vec![b'x'; *len], vec![b'\n']].concat()).collect();
            let chunks: Vec<Vec<u8>> = text.chunks(step).map(<[u8]>::to_vec).collect();
            let (lines, count) = cut(&chunks);
            prop_assert_eq!(count as usize, lines.iter().filter(|byte| **byte == b'\n').count());
            prop_assert!(lines.split(|byte| *byte == b'\n').all(|line| line.len() <= LONGEST_LINE));
            let without = |bytes: &[u8]| bytes.iter().filter(|byte| **byte != b'\n').count();
            prop_assert_eq!(without(&lines), without(&text));
        }
    }

    #[test]
    fn a_broken_line_tears_no_character() {
        let text = "€".repeat(8_000);
        let (lines, count) = cut(&[text.clone().into_bytes()]);
        assert_eq!(count, 2);
        assert_eq!(String::from_utf8(lines).unwrap().replace('\n', ""), text);
    }
}
