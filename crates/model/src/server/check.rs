//! What a specification must keep to before any machine has seen it: every fault at once, by field.

use std::ops::RangeInclusive;

use watchroom_kit::FieldFault;

use super::ServerSpec;

/// Longest name of an environment variable, in bytes.
const LONGEST_VARIABLE: usize = 128;
/// Longest patience of a stop, in seconds.
const MOST_PATIENCE_S: u32 = 600;
/// Ends a breaker may tolerate.
const ATTEMPTS: RangeInclusive<u64> = 1..=1_000;
/// Seconds a breaker may look back over; a day.
const INTERVAL_S: RangeInclusive<u64> = 1..=86_400;
/// Seconds a breaker may stay open; a day.
const DELAY_S: RangeInclusive<u64> = 0..=86_400;
/// Memory that anything can run in at all, in bytes.
const MEMORY: RangeInclusive<u64> = 1 << 20..=u64::MAX;
/// Hundredths of a core, up to a thousand cores.
const PROCESSOR: RangeInclusive<u64> = 1..=100_000;
/// Processes and threads: the server itself is one.
const PROCESSES: RangeInclusive<u64> = 1..=u32::MAX as u64;
/// Open files: fewer, and not even its libraries can be loaded.
const OPEN_FILES: RangeInclusive<u64> = 16..=u32::MAX as u64;

/// Why a specification cannot be right, before any machine has seen it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the server's specification has {} faults", .0.len())]
pub struct SpecError(pub Vec<FieldFault>);

impl ServerSpec {
    /// Most arguments, and most environment entries.
    pub const MOST_ENTRIES: usize = 256;
    /// Longest argument, environment value or line, in bytes.
    pub const LONGEST_TEXT: usize = 4_096;
    /// Most labels.
    pub const MOST_LABELS: usize = 64;
    /// Longest key of a label, in bytes.
    pub const LONGEST_LABEL_KEY: usize = 64;
    /// Longest value of a label, in bytes.
    pub const LONGEST_LABEL: usize = 256;
    /// Longest specification as a whole, in bytes of its JSON form: it travels in one order and is one
    /// record of the node's journal.
    pub const LONGEST: usize = 256 * 1_024;

    /// Checks what no type could: every fault is reported at once, under the client's field names.
    ///
    /// # Errors
    /// [`SpecError`] with the fields.
    pub fn check(&self) -> Result<(), SpecError> {
        let mut faults = Faults::default();
        self.check_command(&mut faults);
        self.check_environment(&mut faults);
        self.check_stop(&mut faults);
        self.check_breaker(&mut faults);
        self.check_limits(&mut faults);
        self.check_labels(&mut faults);
        // Only a specification can have been read from JSON, so it has a JSON form.
        if serde_json::to_vec(self).map_or(usize::MAX, |form| form.len()) > Self::LONGEST {
            faults.add(
                "spec",
                "too_long",
                "at most 256 KiB in all; put large texts into files of the server's folder",
            );
        }
        if faults.0.is_empty() {
            Ok(())
        } else {
            Err(SpecError(faults.0))
        }
    }

    fn check_command(&self, faults: &mut Faults) {
        let program = self.command.first();
        if program.is_none_or(|program| program.trim().is_empty()) {
            faults.add(
                "command",
                "required",
                "name the program to run, then its arguments, as a list",
            );
        }
        if self.command.len() > Self::MOST_ENTRIES || self.env.len() > Self::MOST_ENTRIES {
            faults.add(
                "command",
                "too_long",
                "at most 256 arguments and 256 environment entries",
            );
        }
        for (index, argument) in self.command.iter().enumerate() {
            if !is_fine(argument) {
                faults.add(
                    format!("command[{index}]"),
                    "characters",
                    "at most 4,096 bytes and no NUL character",
                );
            }
        }
    }

    fn check_environment(&self, faults: &mut Faults) {
        for (key, value) in &self.env {
            let is_key = !key.is_empty()
                && key.len() <= LONGEST_VARIABLE
                && key
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
                && !key.starts_with(|c: char| c.is_ascii_digit());
            if !is_key || !is_fine(value) {
                faults.add(
                    format!("env.{key}"),
                    "characters",
                    "names are letters, digits and _; values have no NUL character",
                );
            }
        }
    }

    fn check_stop(&self, faults: &mut Faults) {
        if self.stop.patience_s > MOST_PATIENCE_S {
            faults.add("stop.patience_s", "too_large", "at most 600 seconds");
        }
        let line = self.stop.line.as_deref();
        if line.is_some_and(|line| !is_fine(line) || line.contains('\n')) {
            faults.add("stop.line", "characters", "one line of at most 4,096 bytes");
        }
    }

    fn check_breaker(&self, faults: &mut Faults) {
        let breaker = &self.breaker;
        faults.within(
            "breaker.attempts",
            Some(breaker.attempts),
            &ATTEMPTS,
            "from 1 to 1,000 ends",
        );
        faults.within(
            "breaker.interval_s",
            Some(breaker.interval_s),
            &INTERVAL_S,
            "from 1 second to 86,400 (a day)",
        );
        faults.within(
            "breaker.delay_s",
            Some(breaker.delay_s),
            &DELAY_S,
            "at most 86,400 seconds (a day)",
        );
    }

    fn check_limits(&self, faults: &mut Faults) {
        let limits = &self.limits;
        faults.within(
            "limits.memory_bytes",
            limits.memory_bytes,
            &MEMORY,
            "at least 1,048,576 bytes (1 MiB)",
        );
        faults.within(
            "limits.cpu_percent",
            limits.cpu_percent,
            &PROCESSOR,
            "from 1 to 100,000 hundredths of a core",
        );
        faults.within("limits.processes", limits.processes, &PROCESSES, "at least 1");
        faults.within("limits.open_files", limits.open_files, &OPEN_FILES, "at least 16");
    }

    fn check_labels(&self, faults: &mut Faults) {
        if self.labels.len() > Self::MOST_LABELS {
            faults.add("labels", "too_long", "at most 64 labels");
        }
        for (key, value) in &self.labels {
            let is_key = (1..=Self::LONGEST_LABEL_KEY).contains(&key.len());
            if !is_key || key.contains(char::is_control) {
                faults.add(
                    "labels",
                    "characters",
                    "the key of a label has 1 to 64 bytes and no control character",
                );
            } else if value.len() > Self::LONGEST_LABEL || value.contains(char::is_control) {
                faults.add(
                    format!("labels.{key}"),
                    "characters",
                    "at most 256 bytes and no control character",
                );
            }
        }
    }
}

/// The faults found so far.
#[derive(Default)]
struct Faults(Vec<FieldFault>);

impl Faults {
    fn add(&mut self, field: impl Into<String>, code: &'static str, message: &str) {
        self.0.push(FieldFault::new(field.into(), code, message));
    }

    /// A number that is given must be in its range.
    fn within(
        &mut self,
        field: &str,
        number: Option<impl Into<u64>>,
        range: &RangeInclusive<u64>,
        message: &str,
    ) {
        let Some(number) = number.map(Into::into) else {
            return;
        };
        if number < *range.start() {
            self.add(field, "too_small", message);
        } else if number > *range.end() {
            self.add(field, "too_large", message);
        }
    }
}

fn is_fine(text: &str) -> bool {
    text.len() <= ServerSpec::LONGEST_TEXT && !text.contains('\0')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use watchroom_kit::Ambient;

    use super::*;
    use crate::{Breaker, Limits, ServerId};

    fn spec() -> ServerSpec {
        ServerSpec {
            id: ServerId::mint(&Ambient::system()),
            name: "one".parse().unwrap(),
            command: vec!["/bin/true".into()],
            env: Default::default(),
            folder: None,
            run_as: None,
            restart_policy: Default::default(),
            breaker: Breaker::default(),
            stop: Default::default(),
            limits: Limits::default(),
            labels: Default::default(),
        }
    }

    fn fields(spec: &ServerSpec) -> Vec<(String, String)> {
        let faults = spec.check().map_or_else(|error| error.0, |()| Vec::new());
        faults
            .into_iter()
            .map(|fault| (fault.field.to_string(), fault.code.to_string()))
            .collect()
    }

    fn fault(field: &str, code: &str) -> (String, String) {
        (field.to_owned(), code.to_owned())
    }

    #[test]
    fn every_number_that_cannot_be_meant_is_named_by_its_field() {
        let mut spec = spec();
        assert_eq!(fields(&spec), []);
        spec.breaker = Breaker {
            attempts: 0,
            interval_s: 86_401,
            delay_s: u32::MAX,
        };
        spec.limits = Limits {
            memory_bytes: Some(1),
            cpu_percent: Some(0),
            processes: Some(0),
            open_files: Some(15),
        };
        assert_eq!(
            fields(&spec),
            [
                fault("breaker.attempts", "too_small"),
                fault("breaker.interval_s", "too_large"),
                fault("breaker.delay_s", "too_large"),
                fault("limits.memory_bytes", "too_small"),
                fault("limits.cpu_percent", "too_small"),
                fault("limits.processes", "too_small"),
                fault("limits.open_files", "too_small"),
            ]
        );
    }

    #[test]
    fn labels_are_few_short_and_printable() {
        let mut spec = spec();
        spec.labels.insert("game".into(), "ünïcode is fine".into());
        assert_eq!(fields(&spec), []);
        spec.labels.insert("tall".into(), "x".repeat(257));
        spec.labels.insert("wide".into(), "a\x1b[2J".into());
        spec.labels.insert(String::new(), "nameless".into());
        assert_eq!(
            fields(&spec),
            [
                fault("labels", "characters"),
                fault("labels.tall", "characters"),
                fault("labels.wide", "characters"),
            ]
        );
        spec.labels = (0..65).map(|n| (format!("k{n}"), String::new())).collect();
        assert_eq!(fields(&spec), [fault("labels", "too_long")]);
    }

    #[test]
    fn many_long_texts_are_too_much_in_all() {
        let mut spec = spec();
        spec.command.extend((0..70).map(|_| "x".repeat(4_096)));
        assert_eq!(fields(&spec), [fault("spec", "too_long")]);
    }

    proptest! {
        #[test]
        fn what_passes_keeps_to_the_bounds(attempts in 0_u32..1_100, open_files in proptest::option::of(0_u32..40), value in ".{0,300}") {
            let mut spec = spec();
            spec.breaker.attempts = attempts;
            spec.limits.open_files = open_files;
            spec.labels.insert("key".into(), value.clone());
            let is_right = (1..=1_000).contains(&attempts)
                && open_files.is_none_or(|files| files >= 16)
                && value.len() <= 256
                && !value.contains(char::is_control);
            prop_assert_eq!(spec.check().is_ok(), is_right);
        }
    }
}
