//! Stories of one writer and its readers.

use proptest::prelude::*;
use watchroom_model::console::Source;

use super::super::{Bounds, Writer};
use super::*;

const SMALL: Bounds = Bounds {
    segment_bytes: 512,
    segments: 3,
};

fn write(writer: &mut Writer, texts: &[String]) {
    for text in texts {
        writer.line(Source::Stdout, 1, text);
    }
    writer.flush(1);
}

fn read_all(reader: &mut Reader) -> (Vec<Line>, u64) {
    let (mut lines, mut skipped) = (Vec::new(), 0);
    while let Some(event) = reader.read().unwrap() {
        match event {
            ConsoleEvent::Lines(more) => lines.extend(more),
            ConsoleEvent::Skipped { from, to } => skipped += to - from,
        }
    }
    (lines, skipped)
}

#[test]
fn offsets_go_on_over_writers_and_a_torn_tail_is_cut() {
    let room = tempfile::tempdir().unwrap();
    let mut writer = Writer::open(room.path(), Bounds::default()).unwrap();
    write(&mut writer, &["one".into(), "two".into()]);
    assert!(
        Writer::open(room.path(), Bounds::default()).is_err(),
        "there is one writer at a time"
    );
    drop(writer);
    let path = segments::path(room.path(), 0);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes.extend_from_slice(b"WRC1 half a header");
    std::fs::write(&path, bytes).unwrap();
    let mut writer = Writer::open(room.path(), Bounds::default()).unwrap();
    write(&mut writer, &["three".into()]);
    let (lines, _) = read_all(&mut Reader::open(room.path(), Start::Offset(0)).unwrap());
    let seen: Vec<_> = lines
        .iter()
        .map(|line| (line.offset, line.text.as_str()))
        .collect();
    assert_eq!(seen, [(0, "one"), (1, "two"), (2, "three")]);
}

#[test]
fn a_reader_that_slept_is_told_how_much_it_missed() {
    let room = tempfile::tempdir().unwrap();
    let mut writer = Writer::open(room.path(), SMALL).unwrap();
    let mut sleeper = Reader::open(room.path(), Start::Offset(0)).unwrap();
    write(&mut writer, &["first".into()]);
    assert_eq!(read_all(&mut sleeper).0.len(), 1);
    for number in 0..500 {
        write(&mut writer, &[format!("line {number}")]);
    }
    let (lines, skipped) = read_all(&mut sleeper);
    assert!(skipped > 0);
    assert_eq!(lines.len() as u64 + skipped, 500);
    assert_eq!(lines.last().map(|line| line.text.as_str()), Some("line 499"));
    assert!(segments::list(room.path()).unwrap().len() <= SMALL.segments);
}

#[test]
fn bytes_that_are_no_text_are_shown_and_line_ends_of_other_systems_are_not() {
    let room = tempfile::tempdir().unwrap();
    let mut writer = Writer::open(room.path(), SMALL).unwrap();
    writer.gather(Source::Stderr, 7, |lines| {
        lines.extend_from_slice(b"a\xFFb\r\n\n");
        2
    });
    writer.flush(7);
    let (lines, _) = read_all(&mut Reader::open(room.path(), Start::Last(10)).unwrap());
    assert_eq!(lines[0].text, "a\u{FFFD}b");
    assert_eq!(lines[1].text, "");
    assert_eq!(lines[0].at.unix_timestamp_nanos(), 7_000);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn from_whatever_offset_the_lines_are_gapless_and_what_is_missing_is_counted(
        batches in proptest::collection::vec(proptest::collection::vec("[a-z]{0,40}", 1..30), 1..20),
        from in 0_u64..700,
    ) {
        let room = tempfile::tempdir().unwrap();
        let mut writer = Writer::open(room.path(), SMALL).unwrap();
        for batch in &batches {
            write(&mut writer, batch);
        }
        let all = batches.concat();
        let mut reader = Reader::open(room.path(), Start::Offset(from)).unwrap();
        let (lines, skipped) = read_all(&mut reader);
        let start = from.min(all.len() as u64) + skipped;
        prop_assert_eq!(start + lines.len() as u64, all.len() as u64);
        for (line, offset) in lines.iter().zip(start..) {
            prop_assert_eq!(line.offset, offset);
            prop_assert_eq!(&line.text, &all[usize::try_from(offset).unwrap()]);
        }
    }
}
