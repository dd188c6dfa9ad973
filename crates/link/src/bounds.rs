//! How much of what a node says the Host keeps: a node that was taken over may say anything, of any length.
//!
//! What is only too long is cut, since an honest node may meet a long sentence of its system; what no honest node
//! says ends the link.

use watchroom_model::console::ConsoleEvent;
use watchroom_model::{Heartbeat, Jail, OrderOutcome, Sample, ServerReport};

/// Bytes of a sentence: a reason, or how limits are held.
pub(crate) const LONGEST_SENTENCE: usize = 1 << 10;
/// Bytes of a word: a version, a capability, the name of a refusal.
pub(crate) const LONGEST_WORD: usize = 64;
/// Capabilities that a node may name.
pub(crate) const MOST_CAPABILITIES: usize = 64;
/// CAs that a node may say it trusts; between two rotations there are two.
pub(crate) const MOST_ANCHORS: usize = 16;
/// Servers of which one link may tell: more than a node keeps, so that of invented ones few are remembered.
pub(crate) const MOST_SERVERS: usize = 16_384;
/// Bytes of a console's line. A node breaks lines at 16 KiB, and each byte that is no UTF-8 becomes three.
const LONGEST_LINE: usize = 48 << 10;
/// Samples of a machine: its last hour, one a second.
const MOST_SAMPLES: usize = 3_600;
/// Disks of a sample.
const MOST_DISKS: usize = 16;

/// Addresses in a jail that are shown; more fit into one message, but on no page.
const MOST_JAILED: usize = 65_536;

/// Something a node says. The Host decodes nothing else, and keeps it only within its bounds.
pub(crate) trait Said {
    /// Cuts what is too long.
    fn cut(&mut self);
}

impl Said for ServerReport {
    fn cut(&mut self) {
        shorten(&mut self.reason, LONGEST_SENTENCE);
        shorten(&mut self.limited_by, LONGEST_SENTENCE);
    }
}

impl Said for Vec<ServerReport> {
    fn cut(&mut self) {
        self.iter_mut().for_each(Said::cut);
    }
}

impl Said for OrderOutcome {
    fn cut(&mut self) {
        match self {
            Self::Done { report } | Self::AlreadySo { report } => report.iter_mut().for_each(Said::cut),
            Self::Refused { code, why } => {
                shorten(code, LONGEST_WORD);
                shorten(why, LONGEST_SENTENCE);
            }
            Self::GoesDown { stopped, left } => {
                stopped.truncate(MOST_SERVERS);
                left.truncate(MOST_SERVERS);
            }
        }
    }
}

impl Said for Heartbeat {
    fn cut(&mut self) {
        shorten(&mut self.version, LONGEST_WORD);
    }
}

impl Said for Vec<Sample> {
    fn cut(&mut self) {
        self.truncate(MOST_SAMPLES);
        for sample in self {
            sample.disks.truncate(MOST_DISKS);
            for disk in &mut sample.disks {
                shorten(&mut disk.mount, LONGEST_SENTENCE);
            }
            sample.servers.truncate(MOST_SERVERS);
        }
    }
}

impl Said for Jail {
    fn cut(&mut self) {
        shorten(&mut self.name, LONGEST_WORD);
        self.banned.truncate(MOST_JAILED);
        for jailed in &mut self.banned {
            let times = [&mut jailed.since, &mut jailed.until];
            times
                .into_iter()
                .flatten()
                .for_each(|time| shorten(time, LONGEST_WORD));
        }
    }
}

impl Said for ConsoleEvent {
    fn cut(&mut self) {
        if let Self::Lines(lines) = self {
            for line in lines {
                shorten(&mut line.text, LONGEST_LINE);
            }
        }
    }
}

/// Cuts a text between two characters, and gives back the room of the rest.
fn shorten(text: &mut String, most: usize) {
    if text.len() > most {
        text.truncate(text.floor_char_boundary(most));
        text.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_two_characters_and_a_short_one_stays() {
        for (text, most, kept) in [
            ("abc", 3, "abc"),
            ("abc", 2, "ab"),
            ("aöö", 4, "aö"),
            ("ö", 1, ""),
        ] {
            let mut text = text.to_owned();
            shorten(&mut text, most);
            assert_eq!(text, kept);
        }
    }
}
