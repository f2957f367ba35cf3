//! Sources of the benchmark, and the zone that lists half of them.

use std::fmt::Write as _;
use std::net::Ipv4Addr;

use relay_guard_tests::bench::Random;
use relay_guard_tests::lab::addresses as addr;

/// The zone.
pub(crate) const ZONE: &str = "bl.example";
/// Its entries, single addresses.
const ENTRIES: usize = 200_000;

/// Its content: [`ENTRIES`] random addresses, and all that clients of postscreen come from.
pub(crate) fn text() -> String {
    let mut random = Random::new(53);
    let mut text = format!(
        "$SOA 3600 ns.{ZONE} hostmaster.{ZONE} 1 10m 5m 1d 3600\n$TTL 3600\n\
         :127.0.0.2:$ is listed\n127.0.0.2\n{}\n",
        addr::SPARE_V4
    );
    for _ in 0..ENTRIES {
        // Writing into a string cannot fail.
        let _ = writeln!(text, "{}", Ipv4Addr::from(random.v4()));
    }
    text
}

/// Sources that have not been seen before, in turns one that is listed and one that hardly is.
#[derive(Debug)]
pub(crate) struct Sources {
    listed: Random,
    others: Random,
    number: usize,
}

impl Sources {
    /// All of the run come from one.
    pub(crate) const fn new() -> Self {
        Self { listed: Random::new(53), others: Random::new(5353), number: 0 }
    }

    /// The next one.
    pub(crate) fn next(&mut self) -> Ipv4Addr {
        self.number += 1;
        loop {
            let listed = self.number.is_multiple_of(2) && self.number / 2 < ENTRIES;
            let random = if listed { &mut self.listed } else { &mut self.others };
            let address = Ipv4Addr::from(random.v4());
            if is_asked_about(address) {
                return address;
            }
        }
    }
}

/// Nobody is asked about the others, or the lab has them.
fn is_asked_about(address: Ipv4Addr) -> bool {
    let [a, b, ..] = address.octets();
    let shared = a == 100 && b & 0xc0 == 64;
    let lab = matches!((a, b), (192 | 203, 0) | (198, 18..=19 | 51));
    !(address.is_private() || address.is_link_local() || shared || lab)
}
