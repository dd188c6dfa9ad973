//! Frames of HTTP/2: as they should be, as they should not be, and what is in those that come back.

use super::chance::Chance;

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const SETTINGS: u8 = 4;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
const END_HEADERS: u8 = 4;
const END_STREAM: u8 = 1;
/// No memory of fields, so that each answer says its status in full; and room for all answers.
pub const OUR_SETTINGS: &[u8] = &[0, 1, 0, 0, 0, 0, 0, 4, 0x3f, 0xff, 0xff, 0xff];

/// A frame with a length that is right.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap();
    let mut bytes = length.to_be_bytes()[1..].to_vec();
    bytes.extend_from_slice(&[kind, flags]);
    bytes.extend_from_slice(&stream.to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

/// A field that is neither compressed nor remembered (RFC 7541, 6.2.2).
pub fn field(name: &str, value: &str) -> Vec<u8> {
    let mut bytes = vec![0];
    for text in [name, value] {
        let length = u8::try_from(text.len().min(126)).unwrap();
        bytes.push(length);
        bytes.extend_from_slice(&text.as_bytes()[..length.into()]);
    }
    bytes
}

/// The first whole frame among bytes: its kind, flags, stream and payload, and how long it is.
pub fn first(bytes: &[u8]) -> Option<(u8, u8, u32, &[u8], usize)> {
    let head: &[u8; 9] = bytes.get(..9)?.try_into().ok()?;
    let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
    let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
    Some((head[3], head[4], stream, bytes.get(9..9 + length)?, 9 + length))
}

/// The status in the fields of an answer, where it always comes first.
pub fn status(fields: &[u8]) -> Option<u16> {
    const INDEXED: [u16; 7] = [200, 204, 206, 304, 400, 404, 500];
    // Changes of a table's size may come before.
    let from = fields.iter().position(|byte| byte & 0xe0 != 0x20)?;
    match fields.get(from..)? {
        [index @ 0x88..=0x8e, ..] => Some(INDEXED[usize::from(index - 0x88)]),
        [0x08 | 0x18 | 0x48, length, value @ ..] => {
            let value = value.get(..usize::from(length & 0x7f))?;
            if length & 0x80 == 0 {
                std::str::from_utf8(value).ok()?.parse().ok()
            } else {
                compressed(value)
            }
        }
        _ => None,
    }
}

/// Three digits in the code of RFC 7541, appendix B: 0 to 2 have five bits, the others six.
fn compressed(bytes: &[u8]) -> Option<u16> {
    let mut bits = bytes.iter().fold(0u64, |bits, byte| bits << 8 | u64::from(*byte));
    let mut left = bytes.len() * 8;
    let mut number = 0;
    for _ in 0..3 {
        let five = bits >> left.checked_sub(5)? & 31;
        let digit = if five < 3 {
            left -= 5;
            five
        } else {
            left = left.checked_sub(6)?;
            (bits >> left & 63).checked_sub(0b01_1001)? + 3
        };
        bits &= (1 << left) - 1;
        number = number * 10 + u16::try_from(digit).ok()?;
    }
    Some(number)
}

/// One or a few frames, at least one of which no peer should send.
pub fn malformed(chance: &mut Chance, stream: u32, authority: &str) -> Vec<u8> {
    let asked = asked(chance, authority);
    let whole = frame(HEADERS, END_HEADERS | END_STREAM, stream, &asked);
    let open = frame(HEADERS, END_HEADERS, stream, &asked);
    match chance.below(22) {
        0 => frame(SETTINGS, 0, 0, &chance.bytes(17)),
        1 => frame(SETTINGS, 1, 0, &[0; 6]),
        2 => frame(8, 0, stream, &[0; 4]),
        3 => [open, frame(8, 0, stream, &[0x7f, 0xff, 0xff, 0xff]).repeat(3)].concat(),
        4 => frame(HEADERS, END_HEADERS | END_STREAM, stream, &chance.damaged(&asked)),
        5 => frame(9, END_HEADERS, stream, &asked),
        6 => [
            frame(HEADERS, 0, stream, &asked),
            frame(9, 0, stream, &[]).repeat(chance.many(300)),
        ]
        .concat(),
        7 => frame(5, END_HEADERS, stream, &asked),
        8 => frame(DATA, 8, stream, &[200, 1, 2]),
        9 => [open, frame(DATA, 8, stream, &[9, 1, 2])].concat(),
        10 => [whole.clone(), frame(DATA, END_STREAM, stream, b"late")].concat(),
        11 => frame(3, 0, stream, &[0; 4]),
        12 => frame(PING, 0, 0, &chance.bytes(7)),
        13 => frame(2, 0, stream, &stream.to_be_bytes()),
        14 => frame(GOAWAY, 0, 0, &chance.bytes(12)),
        15 => {
            let mut huge = frame(DATA, 0, stream, b"x");
            huge[0] = chance.byte() | 1;
            huge
        }
        16 => (0..chance.many(60))
            .flat_map(|turn| {
                let stream = stream + 2 * u32::try_from(turn).unwrap();
                [
                    frame(HEADERS, END_HEADERS, stream, &asked),
                    frame(3, 0, stream, &[0, 0, 0, 8]),
                ]
                .concat()
            })
            .collect(),
        17 => frame(
            chance.byte(),
            chance.byte(),
            chance.word() >> 1,
            &chance.bytes(64),
        ),
        18 => [open, frame(DATA, END_STREAM, stream, &chance.bytes(300))].concat(),
        19 => frame(HEADERS, 0x2d, stream, &chance.damaged(&asked)),
        20 => chance.bytes(80),
        _ => chance.damaged(&whole),
    }
}

/// The fields of a request, some of which no request should have.
fn asked(chance: &mut Chance, authority: &str) -> Vec<u8> {
    const ODD: &[(&str, &str)] = &[
        (":path", ""),
        (":path", "*"),
        (":path", "/%00"),
        (":method", "CONNECT"),
        (":method", ""),
        (":scheme", "gopher"),
        (":authority", "a@b"),
        (":status", "200"),
        (":odd", "x"),
        ("Host", "x"),
        ("host", "other"),
        ("connection", "close"),
        ("transfer-encoding", "chunked"),
        ("te", "gzip"),
        ("content-length", "5"),
        ("content-length", "-1"),
        ("", ""),
        ("x\0", "y"),
        ("x", "\r\ny: z"),
        ("cookie", "__Host-watchroom_session=\u{e9}"),
        ("authorization", "Bearer \u{7f}"),
        ("upgrade", "h2c"),
        ("expect", "100-continue"),
        (":protocol", "websocket"),
    ];
    const PATHS: &[&str] = &[
        "/",
        "/api/nodes",
        "/login",
        "/api/servers?limit=-1",
        "//",
        "/api/%zz",
    ];
    let mut fields = vec![
        field(":method", chance.pick(&["GET", "GET", "POST", "OPTIONS"])),
        field(":scheme", "https"),
        field(":authority", authority),
        field(":path", chance.pick(PATHS)),
    ];
    for _ in 0..chance.below(3) {
        let (name, value) = ODD[chance.below(ODD.len())];
        let at = chance.below(fields.len() + 1);
        fields.insert(at, field(name, value));
    }
    match chance.below(12) {
        0 => drop(fields.remove(chance.below(fields.len()))),
        // Names of no entry in any table, and numbers that do not end.
        1 => fields.push(vec![0xff; chance.many(40)]),
        2 => fields.push(vec![0x80]),
        3 => fields.push(vec![0x40, 0xff, 0xff, 0xff, 0xff, 0x7f]),
        4 => fields.push(vec![0x3f, 0xff, 0xff, 0xff, 0x7f]),
        5 => fields.push(field("x", &"y".repeat(120)).repeat(chance.many(600))),
        _ => {}
    }
    fields.concat()
}

#[test]
fn statuses_are_read_in_every_form_that_they_have() {
    assert_eq!(status(&[0x8e]), Some(500));
    assert_eq!(status(&[0x20, 0x88]), Some(200));
    assert_eq!(status(&[0x08, 3, b'4', b'2', b'1']), Some(421));
    assert_eq!(status(&[0x48, 0x83, 0x6c, 0x0c, 0xff]), Some(503));
    assert_eq!(status(&[0x48, 0x82, 0x64, 0x02]), Some(302));
    assert_eq!(status(&[0x41]), None);
}
