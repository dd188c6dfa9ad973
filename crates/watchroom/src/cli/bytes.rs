//! Sizes as people write them: `512M`, `2G`; powers of 1024.

/// Reads a size in bytes.
pub(super) fn parse(text: &str) -> Result<u64, String> {
    let refusal = || format!("{text:?} is no size; write such as 512M or 2G (K, M, G, T are powers of 1024)");
    let trimmed = text.trim().trim_end_matches(['B', 'b']).trim_end_matches('i');
    let (number, shift) = match trimmed.chars().last().map(|unit| unit.to_ascii_uppercase()) {
        Some('K') => (trimmed.get(..trimmed.len() - 1), 10),
        Some('M') => (trimmed.get(..trimmed.len() - 1), 20),
        Some('G') => (trimmed.get(..trimmed.len() - 1), 30),
        Some('T') => (trimmed.get(..trimmed.len() - 1), 40),
        _ => (Some(trimmed), 0),
    };
    let number: u64 = number
        .and_then(|number| number.parse().ok())
        .ok_or_else(refusal)?;
    number.checked_mul(1 << shift).ok_or_else(refusal)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn units_are_powers_of_1024() {
        for (text, bytes) in [
            ("7", 7),
            ("1k", 1_024),
            ("512M", 512 << 20),
            ("2GiB", 2 << 30),
            ("1TB", 1 << 40),
        ] {
            assert_eq!(parse(text), Ok(bytes), "{text}");
        }
        for wrong in ["", "M", "1.5G", "-1", "1X", "99999999999T"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(text in any::<String>()) {
            drop(parse(&text));
        }
    }
}
