//! The verdicts on OWASP ASVS 5.0: each requirement has one, and each test or document that a verdict leans on
//! exists under the name given. A proof that was renamed or removed must be seen in a review.

use std::collections::BTreeMap;
use std::io::Write;

use anyhow::Result;

use crate::finding::Finding;
use crate::workspace::Workspace;

const DOCUMENT: &str = "docs/security/asvs.md";

/// How many requirements each section of each chapter has, in version 5.0. They are numbered from one, as are the sections.
const STANDARD: &[&[u32]] = &[
    &[2, 10, 12, 3, 3],
    &[3, 3, 5, 2],
    &[1, 3, 5, 8, 8, 1, 5],
    &[5, 5, 2, 4],
    &[1, 6, 3, 3],
    &[3, 12, 8, 6, 8, 4, 2, 4],
    &[3, 4, 2, 5, 3, 2],
    &[4, 4, 3, 2],
    &[3, 4],
    &[2, 3, 5, 16, 5, 2, 3],
    &[4, 5, 5, 4, 2, 2, 2],
    &[5, 2, 5],
    &[4, 6, 4, 7],
    &[2, 8, 3],
    &[5, 5, 7, 4],
    &[1, 5, 4, 3, 4],
    &[2, 8, 2],
];

/// Chapter, section and place of a requirement.
type Number = [u32; 3];

/// What we say of one requirement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    Met,
    Partly,
    Open,
    DoesNotApply,
}

impl Verdict {
    const ALL: [Self; 4] = [Self::Met, Self::Partly, Self::Open, Self::DoesNotApply];

    fn word(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::Partly => "partly",
            Self::Open => "open",
            Self::DoesNotApply => "n/a",
        }
    }

    fn read(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|verdict| verdict.word() == word)
    }
}

/// One row of the document's tables.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    row: usize,
    number: Number,
    level: u32,
    asked: String,
    verdict: Verdict,
    /// Proofs in backticks, and what is to be said in words.
    ground: String,
}

/// Compares the document with the standard's numbering and with the files it names.
pub(crate) fn check(workspace: &Workspace) -> Result<Vec<Finding>> {
    let text = workspace.read(DOCUMENT)?;
    let (lines, mut findings) = read(&text);
    findings.extend(misnumbered(&lines));
    for line in &lines {
        findings.extend(ungrounded(line));
        for proof in proofs(&line.ground) {
            if let Err(fault) = stands(workspace, proof)? {
                let remedy = "name the test or document that shows it now, or change the verdict";
                findings.push(Finding::new(line.place(), fault, remedy));
            }
        }
    }
    Ok(findings)
}

/// Prints each applicable requirement with its verdict and ground, then how many there are of each.
pub(crate) fn print(workspace: &Workspace, out: &mut impl Write) -> Result<()> {
    let (lines, _) = read(&workspace.read(DOCUMENT)?);
    let applicable = lines.iter().filter(|line| line.verdict != Verdict::DoesNotApply);
    let mut counts: BTreeMap<(u32, Verdict), usize> = BTreeMap::new();
    for line in applicable {
        let name = told(line.number);
        writeln!(
            out,
            "{name:<7} L{} {:<6} {}\n{:18}{}",
            line.level,
            line.verdict.word(),
            line.asked,
            "",
            line.ground
        )?;
        *counts.entry((line.level, line.verdict)).or_default() += 1;
    }
    for level in 1..=3 {
        let of = |verdict| counts.get(&(level, verdict)).copied().unwrap_or_default();
        let (met, partly, open) = (of(Verdict::Met), of(Verdict::Partly), of(Verdict::Open));
        writeln!(
            out,
            "level {level}: {met} of {} met, {partly} partly, {open} open",
            met + partly + open
        )?;
    }
    Ok(())
}

impl Line {
    fn place(&self) -> String {
        format!("{DOCUMENT}:{}", self.row)
    }
}

/// Rows that begin with a number, and what cannot be read.
fn read(text: &str) -> (Vec<Line>, Vec<Finding>) {
    let (mut lines, mut findings) = (Vec::new(), Vec::new());
    let rows = text.lines().zip(1..).filter(|(line, _)| {
        line.strip_prefix("| ")
            .is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()))
    });
    for (line, row) in rows {
        match parse(line, row) {
            Some(line) => lines.push(line),
            None => findings.push(Finding::new(
                format!("{DOCUMENT}:{row}"),
                "a row that cannot be read",
                "write `| 1.2.3 | level | what is asked | met, partly, open or n/a | ground |`",
            )),
        }
    }
    (lines, findings)
}

fn parse(line: &str, row: usize) -> Option<Line> {
    let cells: Vec<&str> = line
        .trim()
        .trim_matches('|')
        .split(" | ")
        .map(str::trim)
        .collect();
    let [number, level, asked, verdict, ground] = cells.as_slice() else {
        return None;
    };
    let parts: Vec<u32> = number.split('.').map(str::parse).collect::<Result<_, _>>().ok()?;
    Some(Line {
        row,
        number: parts.try_into().ok()?,
        level: level.parse().ok().filter(|level| (1..=3).contains(level))?,
        asked: (*asked).to_owned(),
        verdict: Verdict::read(verdict)?,
        ground: (*ground).to_owned(),
    })
}

/// Requirements that are missing, doubled or out of order: what stands where another is due.
fn misnumbered(lines: &[Line]) -> Vec<Finding> {
    let mut due = standard().peekable();
    let mut findings = Vec::new();
    for line in lines {
        let fault = match due.peek() {
            Some(wanted) if *wanted == line.number => {
                due.next();
                continue;
            }
            // What was left out is told once, where the rows go on.
            Some(wanted) if *wanted < line.number => {
                let fault = format!("{} is due, not {}", told(*wanted), told(line.number));
                while due.next_if(|wanted| *wanted <= line.number).is_some() {}
                fault
            }
            _ => format!("{} is not due here", told(line.number)),
        };
        let remedy = "write the requirements in the standard's order, each once";
        findings.push(Finding::new(line.place(), fault, remedy));
    }
    if let Some(wanted) = due.next() {
        let fault = format!("{} and what follows it have no row", told(wanted));
        findings.push(Finding::new(DOCUMENT, fault, "give each its verdict"));
    }
    findings
}

/// The numbers of all requirements, in order.
fn standard() -> impl Iterator<Item = Number> {
    STANDARD.iter().zip(1..).flat_map(|(sections, chapter)| {
        let sections = sections.iter().zip(1..);
        sections.flat_map(move |(count, section)| (1..=*count).map(move |place| [chapter, section, place]))
    })
}

fn told([chapter, section, place]: Number) -> String {
    format!("{chapter}.{section}.{place}")
}

/// A verdict without what it leans on.
fn ungrounded(line: &Line) -> Option<Finding> {
    let has_proof = proofs(&line.ground).next().is_some();
    let words = line
        .ground
        .split('`')
        .step_by(2)
        .any(|part| part.split_whitespace().count() >= 2);
    let (grounded, remedy) = match line.verdict {
        Verdict::Met => (has_proof, "name the test or document that shows it"),
        Verdict::Partly => (
            has_proof && words,
            "name what shows the one part and say which is missing",
        ),
        Verdict::Open => (words, "say what is missing"),
        Verdict::DoesNotApply => (words, "say why it does not apply"),
    };
    (!grounded).then(|| {
        Finding::new(
            line.place(),
            format!("{:?} without a ground", line.verdict),
            remedy,
        )
    })
}

/// What stands in backticks: `file` or `file: name in it`.
fn proofs(ground: &str) -> impl Iterator<Item = &str> {
    ground.split('`').skip(1).step_by(2)
}

/// Whether the file is there and holds the name: a function in Rust, a heading in a document, else the words.
fn stands(workspace: &Workspace, proof: &str) -> Result<Result<(), String>> {
    let (file, name) = proof
        .split_once(": ")
        .map_or((proof, None), |(file, name)| (file, Some(name)));
    if !workspace.files().any(|tracked| tracked == file) {
        return Ok(Err(format!("there is no file {file}")));
    }
    let Some(name) = name else { return Ok(Ok(())) };
    let text = workspace.read(file)?;
    let is_there = match file.rsplit_once('.').map(|(_, ending)| ending) {
        Some("rs") => text.contains(&format!("fn {name}(")) || text.contains(&format!("fn {name}<")),
        Some("md") => text
            .lines()
            .any(|line| line.starts_with('#') && line.trim_start_matches('#').trim() == name),
        _ => text.contains(name),
    };
    Ok(if is_there {
        Ok(())
    } else {
        Err(format!("{file} has no {name:?}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<Line> {
        let (lines, findings) = read(text);
        assert!(findings.is_empty(), "{findings:?}");
        lines
    }

    #[test]
    fn a_row_is_read_and_an_unreadable_one_is_told() {
        let [line] = &lines("| 1.2.3 | 2 | Bound parameters | met | `a.rs: a_story` |")[..] else {
            panic!("one row is one line");
        };
        assert_eq!(
            (line.number, line.level, line.verdict),
            ([1, 2, 3], 2, Verdict::Met)
        );
        assert_eq!(proofs(&line.ground).collect::<Vec<_>>(), ["a.rs: a_story"]);
        let (_, findings) = read("| 1.2.3 | 2 | Bound parameters | sure | `a.rs` |");
        assert_eq!(findings.len(), 1);
    }

    #[test]
    fn a_requirement_left_out_or_twice_is_found() {
        let row = |number: Number| format!("| {} | 1 | asked | open | not yet built |\n", told(number));
        let findings = |numbers: &[Number]| {
            let text: String = numbers.iter().copied().map(row).collect();
            let findings = misnumbered(&lines(&text));
            findings.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        let mut all: Vec<Number> = standard().collect();
        assert_eq!(all.len(), 345);
        assert_eq!(findings(&all), Vec::<String>::new());
        let last = all.pop().unwrap();
        assert!(
            findings(&all)[0].contains("17.3.2 and what follows it"),
            "{last:?}"
        );
        all.push(last);
        let left_out = all.remove(1);
        let found = findings(&all);
        assert!(
            found.len() == 1 && found[0].contains("1.1.2 is due, not 1.2.1"),
            "{found:?}"
        );
        all.splice(1..1, [left_out, left_out]);
        let found = findings(&all);
        assert!(
            found.len() == 1 && found[0].contains("1.1.2 is not due here"),
            "{found:?}"
        );
    }

    #[test]
    fn a_verdict_needs_its_ground() {
        let told = |rest: &str| ungrounded(&lines(&format!("| 1.1.1 | 1 | asked | {rest} |"))[0]).is_some();
        assert!(!told("met | `a.rs: b`"));
        assert!(told("met | surely it is"));
        assert!(told("partly | `a.rs: b`"));
        assert!(!told("partly | `a.rs: b` but not over the socket"));
        assert!(told("open | no"));
        assert!(!told("n/a | no XPath"));
    }

    #[test]
    fn a_proof_must_stand_where_it_is_said_to() {
        let workspace = Workspace::open().unwrap();
        let here = "xtask/src/asvs.rs";
        let of = |proof: &str| stands(&workspace, proof).unwrap();
        assert_eq!(
            of(&format!("{here}: a_proof_must_stand_where_it_is_said_to")),
            Ok(())
        );
        assert!(of(&format!("{here}: a_story_that_was_renamed")).is_err());
        assert!(of("xtask/src/gone.rs").is_err());
        assert_eq!(of("docs/security/README.md: Security documents"), Ok(()));
    }
}
