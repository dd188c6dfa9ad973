//! How long a field takes: `cargo bench -p watchroom-inspect`. Prints the median and the 99th percentile for each
//! kind of text and size.

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
];

const SIZES: &[usize] = &[20, 200, 2_000, 65_536];

fn main() {
    println!(
        "{:<10} {:>8} {:>12} {:>12} {:>12}",
        "text", "bytes", "median us", "p99 us", "ns per byte"
    );
    for (kind, unit) in KINDS {
        for size in SIZES {
            let text: Vec<u8> = unit.bytes().cycle().take(*size).collect();
            let (median, p99) = measure(&text);
            println!(
                "{kind:<10} {size:>8} {median:>12.2} {p99:>12.2} {:>12.2}",
                median * 1000.0 / f64::from(u32::try_from(*size).unwrap_or(1))
            );
        }
    }
}

/// Microseconds: the median and the 99th percentile of many calls.
fn measure(text: &[u8]) -> (f64, f64) {
    let rounds = (20_000_000 / (text.len() * 20)).clamp(200, 20_000);
    let mut times: Vec<f64> = (0..rounds)
        .map(|_| {
            let began = Instant::now();
            black_box(inspect(black_box(text)));
            began.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    times.sort_by(f64::total_cmp);
    let at = |share: usize| times.get(times.len() * share / 100).copied().unwrap_or_default();
    (at(50), at(99))
}
