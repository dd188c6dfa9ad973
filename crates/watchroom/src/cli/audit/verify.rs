//! Verifies an exported file offline, and tells verdicts.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use serde_json::Value;
use watchroom_audit::{AuditKey, Damage, PublicKey, Verdict, Verifier};
use watchroom_kit::FaultKind;

use crate::cli::context::Context;
use crate::failure::Failure;
use crate::output::Form;

/// The key given, or the public half of the one in the state folder.
pub(super) fn verifying_key(context: &Context, given: Option<&str>) -> Result<PublicKey, Failure> {
    let wrong = |place: &str, why: String| {
        Failure::new(
            FaultKind::Invalid,
            format!("{place} gives no key to verify with: {why}"),
        )
        .next_step("give --public-key, which `watchroom audit verify -o json` shows on the Host's machine")
    };
    if let Some(given) = given {
        if let Ok(key) = given.parse() {
            return Ok(key);
        }
        let text = std::fs::read_to_string(given).map_err(|error| wrong(given, error.to_string()))?;
        return text
            .trim()
            .parse()
            .map_err(|error: watchroom_audit::KeyError| wrong(given, error.to_string()));
    }
    let path = context.state()?.join("keys").join("audit.key");
    let place = path.display().to_string();
    let pem = std::fs::read_to_string(&path).map_err(|error| wrong(&place, error.to_string()))?;
    AuditKey::from_pem(&pem)
        .map(|key| key.public())
        .map_err(|error| wrong(&place, error.to_string()))
}

pub(super) fn verify(file: &Path, key: PublicKey) -> Result<Verdict, Failure> {
    let unread = |error: io::Error| {
        Failure::new(
            FaultKind::Invalid,
            format!("cannot read {}: {error}", file.display()),
        )
    };
    let mut from: Box<dyn Read> = match file.as_os_str() == "-" {
        true => Box::new(io::stdin().lock()),
        false => Box::new(File::open(file).map_err(unread)?),
    };
    let mut verifier = Verifier::new(key);
    let mut piece = vec![0; 256 * 1024];
    loop {
        match from.read(&mut piece).map_err(unread)? {
            0 => return Ok(verifier.finish()),
            len => verifier.feed(piece.get(..len).unwrap_or_default()),
        }
    }
}

/// Prints a verdict; what is not intact is a failure that names the first bad entry.
pub(super) fn tell(context: &mut Context, verdict: &Value) -> Result<(), Failure> {
    let number = |name: &str| verdict.get(name).and_then(Value::as_u64).unwrap_or_default();
    let is_intact = verdict.get("intact").and_then(Value::as_bool).unwrap_or(false);
    let what = if verdict
        .get("is_selection")
        .and_then(Value::as_bool)
        .unwrap_or(false)
    {
        "selection"
    } else {
        "chain"
    };
    let summary = format!(
        "entries: {}, signed checkpoints: {}",
        number("entries"),
        number("checkpoints")
    );
    if is_intact {
        context
            .output
            .done(&format!("The {what} is intact ({summary})."), verdict)?;
        for limit in verdict
            .get("unproven")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
        {
            context.remark(&format!("This does not prove {limit}."));
        }
        return Ok(());
    }
    if context.output.form() != Form::Table {
        context.output.whole(verdict)?;
    }
    // A running Host tells the damage in words, the verifier here as a value.
    let first = match verdict.get("damage") {
        Some(Value::String(words)) => words.clone(),
        Some(damage) => serde_json::from_value(damage.clone())
            .map_or_else(|_| damage.to_string(), |damage: Damage| damage.to_string()),
        None => "the Host did not say where".to_owned(),
    };
    Err(Failure::found(format!("the {what} is not intact: {first}"))
        .next_step("keep the file as it is, and compare it with an export or a checkpoint from elsewhere"))
}
