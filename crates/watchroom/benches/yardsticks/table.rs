//! The table that is printed.

/// Whether a limit is kept.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Kept,
    Missed,
    /// There is no limit.
    None,
}

impl Verdict {
    pub fn of(is_kept: bool) -> Self {
        if is_kept { Self::Kept } else { Self::Missed }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Missed => "MISSED",
            Self::None => "",
        }
    }
}

/// One line: what, how much, and the limit.
pub struct Row {
    what: &'static str,
    measured: String,
    limit: &'static str,
    verdict: Verdict,
}

impl Row {
    pub fn judged(what: &'static str, measured: String, limit: &'static str, verdict: Verdict) -> Self {
        Self {
            what,
            measured,
            limit,
            verdict,
        }
    }

    /// A number that has no limit of its own.
    pub fn fact(what: &'static str, measured: String) -> Self {
        Self::judged(what, measured, "", Verdict::None)
    }
}

pub fn print(rows: &[Row]) {
    let what = rows.iter().map(|row| row.what.len()).max().unwrap_or(0);
    let measured = rows
        .iter()
        .map(|row| row.measured.chars().count())
        .max()
        .unwrap_or(0);
    let limit = rows.iter().map(|row| row.limit.len()).max().unwrap_or(0);
    println!(
        "{:what$}  {:measured$}  {:limit$}",
        "yardstick", "measured", "limit"
    );
    for row in rows {
        let line = format!(
            "{:what$}  {:measured$}  {:limit$}  {}",
            row.what,
            row.measured,
            row.limit,
            row.verdict.word()
        );
        println!("{}", line.trim_end());
    }
}
