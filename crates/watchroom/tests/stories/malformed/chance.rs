//! Chance that can be had again: the same seed, kind and number give the same bytes on every machine.

/// Bytes that mean something to one parser or another.
const TELLING: &[u8] = b"\0\x01\t\n\r \"#%&'+,-./:;<=>?@[\\]{}\x7f\x80\xbf\xc0\xe2\xf0\xff09aZ";
/// Numbers at the edges of the types that parsers keep them in.
const NUMBERS: &[&str] = &[
    "-1",
    "00",
    "255",
    "65536",
    "2147483648",
    "4294967296",
    "9223372036854775808",
    "18446744073709551616",
    "99999999999999999999999999",
    "1e999",
    "0x10",
    "1_0",
];

/// A generator (SplitMix64) of everything malformed.
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    /// For one input: where it stands is all that decides it.
    pub fn of(seed: u64, kind: &str, number: u64) -> Self {
        let kind = kind.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let mut chance = Self(seed ^ kind ^ number.wrapping_mul(0xd134_2543_de82_ef95));
        chance.number();
        chance
    }

    fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `most`, which is not 0.
    pub fn below(&mut self, most: usize) -> usize {
        usize::try_from(self.number() % most as u64).unwrap()
    }

    pub fn byte(&mut self) -> u8 {
        self.number().to_le_bytes()[0]
    }

    pub fn word(&mut self) -> u32 {
        u32::try_from(self.number() >> 32).unwrap()
    }

    pub fn is_one_in(&mut self, many: usize) -> bool {
        self.below(many) == 0
    }

    pub fn pick<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.below(of.len())]
    }

    /// A number as nobody should write it.
    pub fn odd_number(&mut self) -> &'static str {
        self.pick(NUMBERS)
    }

    pub fn bytes(&mut self, most: usize) -> Vec<u8> {
        let length = self.below(most + 1);
        (0..length).map(|_| self.byte()).collect()
    }

    /// Mostly a few of something, seldom very many.
    pub fn many(&mut self, most: usize) -> usize {
        let most = if self.is_one_in(20) {
            most
        } else {
            (most / 64).max(4)
        };
        self.below(most) + 1
    }

    /// What was right before, damaged in one to four places.
    pub fn damaged(&mut self, right: &[u8]) -> Vec<u8> {
        let mut bytes = right.to_vec();
        for _ in 0..=self.below(4) {
            self.damage(&mut bytes);
        }
        bytes
    }

    fn damage(&mut self, bytes: &mut Vec<u8>) {
        let at = self.below(bytes.len() + 1);
        let end = at + self.below((bytes.len() - at).min(24) + 1);
        match self.below(9) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at..end)),
            2 => {
                let twice = bytes[at..end].to_vec();
                bytes.splice(at..at, twice);
            }
            3 => {
                let noise = self.bytes(16);
                bytes.splice(at..end, noise);
            }
            4 => {
                let (byte, many) = (TELLING[self.below(TELLING.len())], self.many(8_192));
                bytes.splice(at..at, std::iter::repeat_n(byte, many));
            }
            5 => {
                let number = self.odd_number();
                bytes.splice(at..end, number.bytes());
            }
            6 => bytes[at..end].reverse(),
            _ if at == bytes.len() => bytes.push(self.byte()),
            7 => bytes[at] = TELLING[self.below(TELLING.len())],
            _ => bytes[at] ^= 1 << self.below(8),
        }
    }
}
