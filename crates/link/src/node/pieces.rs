//! Cuts what a console gives into messages of bounded size.

use watchroom_model::console::{ConsoleEvent, Line};

use crate::settings::CONSOLE_PIECE;

/// What a line costs besides its text: its number, time and source.
const AROUND_LINE: usize = 96;

/// The same lines in order, in pieces that the Host can hold for a viewer. A line is never cut: one that is
/// larger than a piece is a piece of its own.
pub(crate) fn pieces(event: ConsoleEvent) -> Vec<ConsoleEvent> {
    let ConsoleEvent::Lines(lines) = event else {
        return vec![event];
    };
    if lines.iter().map(cost).sum::<usize>() <= CONSOLE_PIECE {
        return vec![ConsoleEvent::Lines(lines)];
    }
    let (mut pieces, mut piece, mut size) = (Vec::new(), Vec::new(), 0);
    for line in lines {
        let cost = cost(&line);
        if size + cost > CONSOLE_PIECE && !piece.is_empty() {
            pieces.push(ConsoleEvent::Lines(std::mem::take(&mut piece)));
            size = 0;
        }
        size += cost;
        piece.push(line);
    }
    pieces.push(ConsoleEvent::Lines(piece));
    pieces
}

fn cost(line: &Line) -> usize {
    line.text.len() + AROUND_LINE
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::OffsetDateTime;
    use watchroom_model::console::Source;

    use super::*;

    fn line(offset: u64, bytes: usize) -> Line {
        Line {
            offset,
            at: OffsetDateTime::UNIX_EPOCH,
            source: Source::Stdout,
            text: "x".repeat(bytes),
        }
    }

    proptest! {
        #[test]
        fn every_line_arrives_once_in_order_and_no_piece_is_large(sizes in prop::collection::vec(0..40_000_usize, 0..60)) {
            let lines: Vec<_> = (0..).zip(&sizes).map(|(offset, bytes)| line(offset, *bytes)).collect();
            let mut again = Vec::new();
            for piece in pieces(ConsoleEvent::Lines(lines.clone())) {
                let ConsoleEvent::Lines(piece) = piece else { panic!("not lines") };
                prop_assert!(piece.iter().map(cost).sum::<usize>() <= CONSOLE_PIECE);
                again.extend(piece);
            }
            prop_assert_eq!(again, lines);
        }
    }

    #[test]
    fn a_line_larger_than_a_piece_goes_alone() {
        let lines = vec![line(0, 1), line(1, CONSOLE_PIECE * 2), line(2, 1)];
        assert_eq!(pieces(ConsoleEvent::Lines(lines)).len(), 3);
        let skipped = ConsoleEvent::Skipped { from: 1, to: 9 };
        assert_eq!(pieces(skipped.clone()), [skipped]);
    }
}
