//! Sets as a zone file of rbldnsd: one file with a data set for each family, both at the name of the zone.
//!
//! `ip4trie` and `ip6trie` take any prefix length and answer with the longest match. Of the same zone, rbldnsd asks one
//! after the other, which is what makes both families one zone.

use std::io;

use super::{About, AddressSet, Blocks, family_lines, header};

pub(super) fn write(set: &AddressSet, about: &About, out: &mut Blocks<'_>) -> io::Result<()> {
    out.push(header(set, about).as_bytes())?;
    out.push(b"# to be served as: rbldnsd ... ZONE:combined:FILE\n")?;
    let default = format!(":{}:{}\n", about.value, about.txt);
    // A data set without an entry would only cost memory, but a file without any is refused.
    if !set.v4.is_empty() || set.v6.is_empty() {
        out.push(b"$DATASET ip4trie:ipv4 @\n")?;
        out.push(default.as_bytes())?;
        family_lines(set.v4.cidrs(), out)?;
    }
    if !set.v6.is_empty() {
        out.push(b"$DATASET ip6trie:ipv6 @\n")?;
        out.push(default.as_bytes())?;
        family_lines(set.v6.cidrs(), out)?;
    }
    Ok(())
}
