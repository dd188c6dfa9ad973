//! Malformed TLS: hellos, records, and what comes after a handshake that was right.

use std::io::Write;

use rustls::ClientConnection;
use rustls::pki_types::ServerName;

use super::Target;
use super::chance::Chance;
use super::tally::Tally;
use super::wire;

/// A hello as SSL 2.0 began, and records that are too long, too short, and of kinds that there are not.
const RECORDS: &[&[u8]] = &[
    b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10\x01\x00\x80\x02\x00\x80",
    b"\x16\x03\x01\xff\xff\x01\x00\xff\xfb",
    b"\x16\x03\x01\x00\x00",
    b"\x16\x03\x03\x00\x04\x01\x00\x00\x00",
    b"\x16\x03\x03\x00\x04\x0b\x00\x00\x00",
    b"\x16\x00\x00\x00\x01\x01",
    b"\x16\x03\x01\x00\x05\x01\xff\xff\xff\x00",
    b"\x16\x16\x16\x16\x16\x16\x16\x16",
];
const AFTERWARDS: &[&[u8]] = &[
    b"\x15\x03\x03\x00\x02\x02\x28",
    b"\x17\x03\x03\x00\x00",
    b"\x17\x03\x03\x48\x00",
    b"\x18\x03\x03\x00\x03\x01\x40\x00",
    b"\x14\x03\x03\x00\x01\x01",
    b"\x17\x03\x03\x00\x13aaaaaaaaaaaaaaaaaaa",
    b"\x16\x03\x03\x00\x04\x18\x00\x00\x00",
];

/// One hello in so many asks for a link.
const LINK_HELLOS: usize = 64;

/// One connection each.
pub fn send(target: &Target, chance: &mut Chance, tally: &mut Tally) {
    if chance.is_one_in(5) {
        return after_a_handshake(target, chance, tally);
    }
    // Strangers who say that they want a link have turns, some three a second: with more of them this would be one long wait.
    let configs = [&target.browser, &target.h2, &target.join];
    let config = if chance.is_one_in(LINK_HELLOS) {
        &target.link
    } else {
        configs[chance.below(configs.len())]
    };
    let names = ["localhost", target.host_name.as_str(), "xn--a.example"];
    let name = ServerName::try_from((*chance.pick(&names)).to_owned()).unwrap();
    let mut hello = Vec::new();
    let mut session = ClientConnection::new(config.clone(), name).unwrap();
    session.write_tls(&mut hello).unwrap();
    let input = match chance.below(5) {
        0 => {
            let record = chance.pick(RECORDS);
            chance.damaged(record)
        }
        1 => in_crumbs(&hello, chance),
        2 => [hello.clone(), hello].concat(),
        // The same record with something else in the handshake's own length or lists.
        _ => chance.damaged(&hello),
    };
    let heard = wire::converse(&target.panel, &input);
    tally.heard(&heard, &input);
}

/// A hello in records of a byte or two.
fn in_crumbs(hello: &[u8], chance: &mut Chance) -> Vec<u8> {
    let each = chance.below(3) + 1;
    let crumbs = hello[5..].chunks(each).map(|crumb| {
        let length = u16::try_from(crumb.len()).unwrap().to_be_bytes();
        [b"\x16\x03\x01", length.as_slice(), crumb].concat()
    });
    crumbs.collect::<Vec<_>>().concat()
}

fn after_a_handshake(target: &Target, chance: &mut Chance, tally: &mut Tally) {
    let mut wire = wire::dial_tls(&target.panel, &target.browser, "localhost").unwrap();
    let request = format!("GET /health HTTP/1.1\r\nhost: {}\r\n\r\n", target.panel);
    wire.write_all(request.as_bytes()).unwrap();
    let right = chance.pick(AFTERWARDS);
    let input = if chance.is_one_in(2) {
        right.to_vec()
    } else {
        chance.damaged(right)
    };
    // The other end may hang up in the middle of it.
    let _sent = wire.sock.write_all(&input);
    wire::hear_out(&mut wire.sock);
    tally.inputs += 1;
}
