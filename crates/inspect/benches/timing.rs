//! How long a field takes: `cargo bench -p watchroom-inspect`. Prints the median and the 99th percentile for each
//! kind of text and size, and what a byte costs of the processor's time.

#![expect(clippy::disallowed_methods, reason = "a measurement needs the real clock")]
#![expect(clippy::print_stdout, reason = "the table is what is asked for")]

use std::hint::black_box;
use std::time::Instant;

use watchroom_inspect::inspect;

/// What fields hold, each repeated to the size measured.
const KINDS: &[(&str, &str)] = &[
    ("name", "Grace Hopper "),
    (
        "sentence",
        "It's late -- select one of the seven, or call O'Brien; ",
    ),
    (
        "code",
        "if (a && b['x'] == \"y\") { return f(a, 'b'); } // done\n",
    ),
    ("attack", "%2527%20or%201%20like%201%20x "),
    ("markup", "a<b c='d' e=\"f\"> g &amp; h "),
    ("path", "/srv/games/../x.y/%2e/"),
    ("signs", "%"),
    ("layers", "&amp;amp;amp;amp;%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%"),
];

const SIZES: &[usize] = &[20, 200, 2_000, 65_536];

fn main() {
    println!(
        "{:<10} {:>8} {:>12} {:>12} {:>16}",
        "text", "bytes", "median us", "p99 us", "CPU ns per byte"
    );
    for (kind, unit) in KINDS {
        for size in SIZES {
            let text: Vec<u8> = unit.bytes().cycle().take(*size).collect();
            let Measured { median, p99, cpu } = measure(&text);
            let per_byte = cpu / f64::from(u32::try_from(*size).unwrap_or(1));
            println!("{kind:<10} {size:>8} {median:>12.2} {p99:>12.2} {per_byte:>16.2}");
        }
    }
}

/// What many calls took.
struct Measured {
    /// By the clock on the wall, in microseconds.
    median: f64,
    p99: f64,
    /// Of the processor's time, in nanoseconds for a call. It says whether work is linear while others work here, too:
    /// whoever computes for long is put aside for them.
    cpu: f64,
}

fn measure(text: &[u8]) -> Measured {
    let rounds = (20_000_000 / (text.len() * 20)).clamp(100, 20_000);
    let began_cpu = cpu_ns();
    let mut times: Vec<f64> = (0..rounds)
        .map(|_| {
            let began = Instant::now();
            black_box(inspect(black_box(text)));
            began.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    let cpu = (cpu_ns() - began_cpu) / f64::from(u32::try_from(rounds).unwrap_or(1));
    times.sort_by(f64::total_cmp);
    let at = |share: usize| times.get(times.len() * share / 100).copied().unwrap_or_default();
    Measured {
        median: at(50),
        p99: at(99),
        cpu,
    }
}

/// What this thread has used of the processor; without Linux's accounts nothing.
fn cpu_ns() -> f64 {
    let accounts = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    accounts
        .split_whitespace()
        .next()
        .and_then(|used| used.parse().ok())
        .unwrap_or_default()
}
