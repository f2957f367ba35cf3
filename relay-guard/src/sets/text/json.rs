//! Sets as one JSON object, an entry on each line.

use std::io;

use super::{AddressSet, Blocks, Cidr, Family};

pub(super) fn write(set: &AddressSet, out: &mut Blocks<'_>) -> io::Result<()> {
    // The object's end makes way for the entries.
    let figures = serde_json::to_string_pretty(&set.size())?;
    out.push(figures.trim_end_matches(['\n', '}']).as_bytes())?;
    out.push(b",\n  \"ipv4\": [")?;
    entries(set.v4.cidrs(), out)?;
    out.push(b"],\n  \"ipv6\": [")?;
    entries(set.v6.cidrs(), out)?;
    out.push(b"]\n}\n")
}

fn entries<A: Family>(cidrs: impl Iterator<Item = Cidr<A>>, out: &mut Blocks<'_>) -> io::Result<()> {
    let mut separator: &[u8] = b"\n    \"";
    let mut end: &[u8] = b"";
    for cidr in cidrs {
        let room = out.room()?;
        room.extend_from_slice(separator);
        cidr.push_text(room);
        room.push(b'"');
        separator = b",\n    \"";
        end = b"\n  ";
    }
    out.push(end)
}
