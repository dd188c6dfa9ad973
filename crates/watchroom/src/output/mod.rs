//! What commands print: tables for people, JSON and YAML for programs, and nothing unsafe for a terminal.

mod safe;
mod table;
mod yaml;

use std::io::{self, IsTerminal, Write};

use clap::ValueEnum;
use serde_json::Value;
use watchroom_kit::FaultKind;

use crate::environment::Environment;
use crate::failure::Failure;

pub use safe::{Colors, safe};
pub use table::Column;

/// The form of what is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// Columns for people.
    #[default]
    Table,
    /// JSON, in the shapes of the API.
    Json,
    /// The same as YAML 1.2.
    Yaml,
    /// JSON Lines; for `audit export` alone.
    #[value(hide = true)]
    Jsonl,
    /// Comma-separated values; for `audit export` alone.
    #[value(hide = true)]
    Csv,
}

/// Where a command prints, and how.
pub struct Output {
    form: Form,
    is_quiet: bool,
    colors: Colors,
    out: Box<dyn Write + Send>,
}

impl Output {
    /// Standard output, coloured only on a terminal and without `NO_COLOR`.
    #[must_use]
    pub fn standard(form: Form, is_quiet: bool, environment: &Environment) -> Self {
        let is_colored = io::stdout().is_terminal() && environment.get("NO_COLOR").is_none();
        let colors = if is_colored { Colors::Keep } else { Colors::Drop };
        Self {
            form,
            is_quiet,
            colors,
            out: Box::new(io::stdout()),
        }
    }

    /// Anything else that takes bytes; without colours.
    #[must_use]
    pub fn to(out: Box<dyn Write + Send>, form: Form, is_quiet: bool) -> Self {
        Self {
            form,
            is_quiet,
            colors: Colors::Drop,
            out,
        }
    }

    /// The form asked for.
    #[must_use]
    pub const fn form(&self) -> Form {
        self.form
    }

    /// Prints `{"items": [...]}`: as a table of `columns` (if quiet, its first column alone), or as it is.
    ///
    /// # Errors
    /// If nobody takes it.
    pub fn list(&mut self, page: &Value, columns: &[Column]) -> Result<(), Failure> {
        let text = match self.form {
            Form::Table => {
                let items = page
                    .get("items")
                    .and_then(Value::as_array)
                    .map_or(&[][..], Vec::as_slice);
                table::rows(items, columns, self.is_quiet)
            }
            _ => self.document(page)?,
        };
        self.put(&text)
    }

    /// Prints one thing: as a line per column, or as it is.
    ///
    /// # Errors
    /// If nobody takes it.
    pub fn thing(&mut self, thing: &Value, columns: &[Column]) -> Result<(), Failure> {
        let text = match self.form {
            Form::Table => table::card(thing, columns),
            _ => self.document(thing)?,
        };
        self.put(&text)
    }

    /// Prints a document that has no table form: as JSON unless YAML was asked for.
    ///
    /// # Errors
    /// If nobody takes it.
    pub fn whole(&mut self, document: &Value) -> Result<(), Failure> {
        let text = self.document(document)?;
        self.put(&text)
    }

    /// Prints what was done: as a sentence (unless quiet), or the answer as it is.
    ///
    /// # Errors
    /// If nobody takes it.
    pub fn done(&mut self, sentence: &str, answer: &Value) -> Result<(), Failure> {
        let text = match self.form {
            Form::Table if self.is_quiet => String::new(),
            Form::Table => format!("{}\n", safe(sentence, Colors::Drop)),
            _ => self.document(answer)?,
        };
        self.put(&text)
    }

    /// Prints one line of foreign text, made safe for a terminal.
    ///
    /// # Errors
    /// If nobody takes it.
    pub fn line(&mut self, text: &str) -> Result<(), Failure> {
        let text = safe(text, self.colors);
        self.put(&format!("{text}\n"))
    }

    /// Prints one JSON value on one line.
    ///
    /// # Errors
    /// If nobody takes it.
    pub fn json_line(&mut self, value: &Value) -> Result<(), Failure> {
        self.put(&format!("{value}\n"))
    }

    /// Passes bytes through, for exports.
    ///
    /// # Errors
    /// If nobody takes them.
    pub fn bytes(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.out
            .write_all(bytes)
            .and_then(|()| self.out.flush())
            .map_err(|error| unwritten(&error))
    }

    fn put(&mut self, text: &str) -> Result<(), Failure> {
        self.bytes(text.as_bytes())
    }

    fn document(&self, value: &Value) -> Result<String, Failure> {
        match self.form {
            // An answer without content (204).
            Form::Table | Form::Json | Form::Yaml if value.is_null() => Ok(String::new()),
            Form::Table | Form::Json => Ok(format!("{value:#}\n")),
            Form::Yaml => Ok(yaml::document(value)),
            Form::Jsonl | Form::Csv => {
                let cause = "only `watchroom audit export` knows the forms jsonl and csv";
                Err(Failure::new(FaultKind::Invalid, cause).next_step("use -o table, json or yaml"))
            }
        }
    }
}

/// A reader that has seen enough (`| head`) is no failure to speak of; anything else is.
fn unwritten(error: &io::Error) -> Failure {
    if error.kind() == io::ErrorKind::BrokenPipe {
        return Failure::hung_up();
    }
    Failure::new(
        FaultKind::Internal,
        format!("cannot write to standard output: {error}"),
    )
}
