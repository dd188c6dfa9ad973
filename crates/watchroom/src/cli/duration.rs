//! Durations as people write them: `90s`, `10m`, `2h30m`, `1d`, `2w`.

use std::time::Duration;

const UNITS: [(char, u64); 5] = [('w', 604_800), ('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

/// Reads a duration of whole seconds: parts from large to small, each unit once.
pub(super) fn parse(text: &str) -> Result<Duration, String> {
    let refusal = || format!("{text:?} is no duration; write such as 90s, 10m, 2h30m, 1d");
    let mut rest = text.trim();
    let mut seconds: u64 = 0;
    let mut units = UNITS.iter();
    if rest.is_empty() {
        return Err(refusal());
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(refusal)?;
        let (number, tail) = rest.split_at(digits);
        let unit = tail.chars().next().ok_or_else(refusal)?;
        let (_, factor) = units.find(|(name, _)| *name == unit).ok_or_else(refusal)?;
        let number: u64 = number.parse().map_err(|_| refusal())?;
        let part = number.checked_mul(*factor);
        seconds = part
            .and_then(|part| seconds.checked_add(part))
            .ok_or_else(refusal)?;
        rest = tail.get(1..).unwrap_or_default();
    }
    // No duration given to us means more than a century; larger ones would overflow dates.
    if seconds > 100 * 366 * 86_400 {
        Err(refusal())
    } else {
        Ok(Duration::from_secs(seconds))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_people_write_is_read_and_the_rest_refused() {
        for (text, seconds) in [
            ("90s", 90),
            ("10m", 600),
            ("2h30m", 9_000),
            ("1d", 86_400),
            ("2w1d", 1_296_000),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for wrong in [
            "",
            "10",
            "m",
            "1x",
            "1m1h",
            "1m1m",
            "-1s",
            "1.5h",
            "99999999999999999999s",
            "1 h",
            "1ß",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn every_sum_of_parts_is_read(days in 0_u64..400, hours in 0_u64..24, minutes in 0_u64..60, seconds in 0_u64..60) {
            let total = ((days * 24 + hours) * 60 + minutes) * 60 + seconds;
            let text = format!("{days}d{hours}h{minutes}m{seconds}s");
            prop_assert_eq!(parse(&text), Ok(Duration::from_secs(total)));
        }

        #[test]
        fn nothing_makes_it_panic(text in any::<String>()) {
            drop(parse(&text));
        }
    }
}
