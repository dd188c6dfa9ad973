//! Verifying what the database holds: each chain is walked once, with every checkpoint that signed its head.

use sea_orm::sea_query::{Expr, ExprTrait, Func, Order, Query};
use watchroom_audit::{Damage, DamageKind, Head, PublicKey, SignedCheckpoint, Verdict, Verifier};

use crate::StoreError;
use crate::chain::{built, chains};
use crate::engine::Connection;
use crate::entries::{self, AuditFilter};

/// Entries taken at a time.
const BATCH: u64 = 500;

/// All checkpoints there are, whoever signed them.
pub(crate) struct Signed {
    lines: Vec<(Vec<Head>, String)>,
    /// Lines that are no checkpoints, in whose chain they stand.
    unreadable: Vec<(String, String)>,
}

impl Signed {
    /// Reads them, in the order in which they were signed.
    pub(crate) fn all(conn: &dyn Connection) -> Result<Self, StoreError> {
        let mut select = Query::select();
        select
            .expr(Expr::col("chain"))
            .from("checkpoints")
            .order_by("at", Order::Asc)
            .order_by("seq", Order::Asc);
        let signers = conn.query(built(conn, &select))?.texts()?;
        select.clear_selects().expr(Expr::col("line"));
        let lines = conn.query(built(conn, &select))?.texts()?;
        let mut signed = Self {
            lines: Vec::new(),
            unreadable: Vec::new(),
        };
        for (signer, line) in signers.into_iter().zip(lines) {
            match SignedCheckpoint::read(line.as_bytes()) {
                Ok(read) => signed.lines.push((read.checkpoint.heads, line)),
                Err(_) => signed.unreadable.push((signer, line)),
            }
        }
        Ok(signed)
    }

    pub(crate) fn count(&self) -> u64 {
        self.lines.len() as u64
    }

    /// Those that signed a head of this chain, with the place where it stood.
    fn of(&self, chain: &str) -> Vec<(u64, &str)> {
        let place = |heads: &[Head]| heads.iter().find(|head| head.chain == chain).map(|head| head.seq);
        let mut of: Vec<_> = self
            .lines
            .iter()
            .filter_map(|(heads, line)| Some((place(heads)?, line.as_str())))
            .filter(|(seq, _)| *seq > 0)
            .collect();
        of.sort_by_key(|(seq, _)| *seq);
        of
    }
}

/// The highest place in a chain that the database has an entry for.
pub(crate) fn highest(conn: &dyn Connection, chain: &str) -> Result<u64, StoreError> {
    let mut select = Query::select();
    select
        .expr(Func::coalesce([Expr::col("seq").max(), Expr::value(0_i64)]))
        .from("entries")
        .and_where(Expr::col("chain").eq(chain));
    let seq = conn.query(built(conn, &select))?.number()?;
    Ok(u64::try_from(seq).unwrap_or(0))
}

/// The line of the newest checkpoint that the writer of this chain signed.
pub(crate) fn newest_checkpoint(conn: &dyn Connection, chain: &str) -> Result<Option<String>, StoreError> {
    let mut select = Query::select();
    select
        .column("line")
        .from("checkpoints")
        .and_where(Expr::col("chain").eq(chain))
        .order_by("seq", Order::Desc)
        .limit(1);
    Ok(conn.query(built(conn, &select))?.texts()?.pop())
}

/// The chains beside ours: those on the list, and those that a checkpoint knows of.
pub(crate) fn others(conn: &dyn Connection, own: &str, signed: &Signed) -> Result<Vec<String>, StoreError> {
    let mut others = chains(conn)?;
    let known = signed
        .lines
        .iter()
        .flat_map(|(heads, _)| heads.iter().map(|head| head.chain.clone()));
    others.extend(known);
    others.sort();
    others.dedup();
    others.retain(|chain| chain != own);
    Ok(others)
}

/// The verdict on our own chain, whose head we know. `above` is the highest place in the view, and the highest
/// that can rightly be in it.
pub(crate) fn own(
    conn: &dyn Connection,
    known: &Head,
    signed: &Signed,
    key: PublicKey,
    above: (u64, u64),
) -> Result<Verdict, StoreError> {
    let verifier = walk(conn, &known.chain, known.seq, signed, key)?;
    let mut verdict = verifier.finish_at(known);
    let (highest, newest) = above;
    if verdict.intact && highest > newest {
        verdict.damage = Some(Damage {
            line: verdict.entries + 1,
            seq: Some(newest + 1),
            kind: DamageKind::Inserted,
        });
        verdict.intact = false;
    }
    Ok(verdict)
}

/// The verdict on another replica's chain, as far as it is here.
pub(crate) fn other(
    conn: &dyn Connection,
    chain: &str,
    signed: &Signed,
    key: PublicKey,
) -> Result<Verdict, StoreError> {
    Ok(walk(conn, chain, u64::MAX, signed, key)?.finish_open())
}

/// Feeds the verifier with a chain up to a place, each checkpoint where the chain stood when it was signed.
fn walk(
    conn: &dyn Connection,
    chain: &str,
    most: u64,
    signed: &Signed,
    key: PublicKey,
) -> Result<Verifier, StoreError> {
    let mut verifier = Verifier::new(key);
    for (_, line) in signed.unreadable.iter().filter(|(signer, _)| signer == chain) {
        verifier.line(line.as_bytes());
    }
    let of = signed.of(chain);
    let mut checkpoints = of.iter().filter(|(seq, _)| *seq <= most).peekable();
    let (mut last, everything) = (0, AuditFilter::default());
    while !verifier.is_damaged() {
        let lines = entries::between(conn, chain, &everything, (last, most), BATCH)?;
        let Some(newest) = lines.last() else { break };
        last = newest.place.seq;
        for line in &lines {
            while let Some((_, checkpoint)) = checkpoints.next_if(|(seq, _)| *seq < line.place.seq) {
                verifier.line(checkpoint.as_bytes());
            }
            verifier.line(line.text.as_bytes());
        }
    }
    for (_, checkpoint) in checkpoints {
        verifier.line(checkpoint.as_bytes());
    }
    Ok(verifier)
}

/// One verdict on all chains: everything together, and the first damage with the chain it is in.
pub(crate) fn joined(own: Verdict, others: Vec<Verdict>, checkpoints: u64) -> Verdict {
    let mut all = own;
    if !others.is_empty() {
        let limit =
            "that the newest entries of other replicas are all here: only what a checkpoint has seen of them";
        all.unproven.push(limit.to_owned());
    }
    for other in others {
        all.entries += other.entries;
        all.checkpoints += other.checkpoints;
        if all.intact && !other.intact {
            (all.intact, all.first) = (false, other.first);
            (all.head, all.damage) = (other.head, other.damage);
        }
    }
    // Each is held against every chain that it names, and is still one.
    all.checkpoints = Ord::min(all.checkpoints, checkpoints);
    all
}
