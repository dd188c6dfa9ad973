//! `watchroom inspect`: what the shield's inspector says of texts, read from standard input.

use std::io::{self, BufRead, BufReader, Read, Write};

use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use watchroom_inspect::inspect;
use watchroom_kit::FaultKind;

use super::context::Context;
use crate::failure::Failure;

/// The longest line that is read, in bytes: a field of 1 MiB with every character escaped, and room around it.
const LINE: u64 = 8 * 1024 * 1024;

/// Ask of texts whether the shield would take them for an attack
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  echo '{\"id\":\"1\",\"payload\":\"1 OR 1=1\"}' | watchroom inspect --jsonl\n\n\
                  Each line holds an id (any JSON value, given back as it is) and a payload: the value of one field \
                  as a handler sees it. A line that cannot be read is named on standard error; the rest is read on, \
                  and the exit code is 1."
)]
pub(super) struct Inspect {
    /// Read lines of {"id","payload"}, write lines of {"id","class","rule","score"}; class is sqli, xss, traversal or
    /// none
    #[arg(long, required = true)]
    jsonl: bool,
}

#[derive(Deserialize)]
struct Question {
    id: Value,
    payload: String,
}

#[derive(Serialize)]
struct Answer {
    id: Value,
    class: &'static str,
    rule: Option<&'static str>,
    score: u8,
}

impl Inspect {
    pub(super) fn run(self, _: Context) -> Result<(), Failure> {
        debug_assert!(self.jsonl, "the one form there is");
        let bad =
            answer_all(io::stdin().lock(), io::stdout().lock(), io::stderr().lock()).map_err(|error| {
                match error.kind() {
                    io::ErrorKind::BrokenPipe => Failure::hung_up(),
                    _ => Failure::new(FaultKind::Internal, format!("cannot go on: {error}")),
                }
            })?;
        match bad {
            0 => Ok(()),
            1 => Err(Failure::found("one line could not be read")),
            bad => Err(Failure::found(format!("{bad} lines could not be read"))),
        }
    }
}

/// Answers line by line, and tells how many could not be read. What was answered is flushed before waiting for more.
fn answer_all(questions: impl Read, mut answers: impl Write, mut errors: impl Write) -> io::Result<u64> {
    let mut questions = BufReader::with_capacity(64 * 1024, questions);
    let mut out = Vec::new();
    let mut line = Vec::new();
    let mut bad = 0;
    for number in 1_u64.. {
        if !questions.buffer().contains(&b'\n') {
            answers.write_all(&out)?;
            answers.flush()?;
            out.clear();
        }
        line.clear();
        let taken = questions.by_ref().take(LINE).read_until(b'\n', &mut line)?;
        if taken == 0 {
            break;
        }
        let is_cut = line.last() != Some(&b'\n') && u64::try_from(taken).is_ok_and(|taken| taken == LINE);
        let answered = if is_cut {
            skip_line(&mut questions)?;
            Err(format!("longer than {LINE} bytes"))
        } else if line.trim_ascii().is_empty() {
            continue;
        } else {
            answer(&line).map_err(|error| error.to_string())
        };
        match answered {
            Ok(answer) => {
                serde_json::to_writer(&mut out, &answer)?;
                out.push(b'\n');
            }
            Err(why) => {
                bad += 1;
                writeln!(errors, "line {number}: {why}")?;
            }
        }
    }
    Ok(bad)
}

fn answer(line: &[u8]) -> serde_json::Result<Answer> {
    let Question { id, payload } = serde_json::from_slice(line)?;
    let finding = inspect(payload.as_bytes());
    Ok(Answer {
        id,
        class: finding.map_or("none", |finding| finding.class().name()),
        rule: finding.map(|finding| finding.rule.id()),
        score: finding.map_or(0, |finding| finding.score),
    })
}

fn skip_line(questions: &mut impl BufRead) -> io::Result<()> {
    loop {
        let piece = questions.fill_buf()?;
        let end = piece.iter().position(|byte| *byte == b'\n');
        let len = end.map_or(piece.len(), |end| end + 1);
        questions.consume(len);
        if end.is_some() || len == 0 {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_is_answered_and_a_bad_one_is_named() {
        let questions = concat!(
            r#"{"id":"a","payload":"Conan O'Brien"}"#,
            "\n",
            r#"{"id":2,"payload":"1' or '1'='1"}"#,
            "\n\n",
            r#"{"id":"c"}"#,
            "\n",
            r#"{"id":"d","payload":"../../etc/passwd","more":true}"#,
        );
        let (mut answers, mut errors) = (Vec::new(), Vec::new());
        let bad = answer_all(questions.as_bytes(), &mut answers, &mut errors).unwrap();
        assert_eq!(bad, 1);
        insta::assert_snapshot!(String::from_utf8(answers).unwrap(), @r#"
        {"id":"a","class":"none","rule":null,"score":0}
        {"id":2,"class":"sqli","rule":"sqli-tautology","score":100}
        {"id":"d","class":"traversal","rule":"traversal-up","score":80}
        "#);
        insta::assert_snapshot!(String::from_utf8(errors).unwrap(), @"line 4: missing field `payload` at line 1 column 10");
    }

    #[test]
    fn a_line_without_end_is_given_up_and_the_next_one_read() {
        let mut questions = vec![b'x'; usize::try_from(LINE).unwrap() + 5];
        questions.extend_from_slice(b"\n{\"id\":1,\"payload\":\"fine\"}\n");
        let (mut answers, mut errors) = (Vec::new(), Vec::new());
        assert_eq!(answer_all(&questions[..], &mut answers, &mut errors).unwrap(), 1);
        assert!(
            String::from_utf8(errors)
                .unwrap()
                .starts_with("line 1: longer than")
        );
        assert_eq!(
            answers,
            b"{\"id\":1,\"class\":\"none\",\"rule\":null,\"score\":0}\n"
        );
    }
}
