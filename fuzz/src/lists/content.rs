//! What is read is well-formed: spans in order, within the limits, and counted.

use std::fmt::Debug;

use relay_guard::lists::{Format, Group, MAX_VALUES, MAX_WARNINGS_KEPT, ParseOptions, ParsedList, Span};

/// The upper 96 bits of IPv4 in IPv6 (RFC 4291, 2.5.5.2).
const MAPPED: u128 = 0xffff;

/// Holds it against a list.
///
/// # Panics
/// If it is not so.
pub(super) fn is_well_formed(list: &ParsedList, options: &ParseOptions) {
    assert_ne!(list.format, Format::Auto);
    for group in &list.groups {
        are_in_order(&group.v4, list.summary.lines);
        are_in_order(&group.v6, list.summary.lines);
        are_not_too_wide(group, options);
    }
    values_are_in_order(list);
    is_counted(list, options);
}

fn are_in_order<A: Ord + Copy + Debug>(spans: &[Span<A>], lines: usize) {
    for span in spans {
        assert!(span.first <= span.last, "backwards: {span:?}");
        assert!((1..=lines).contains(&(span.line as usize)), "not in the list of {lines} lines: {span:?}");
    }
    for pair in spans.windows(2) {
        let [a, b] = [&pair[0], &pair[1]].map(|span| (span.first, span.last));
        assert!(a < b, "not in order, or twice: {pair:?}");
    }
}

fn are_not_too_wide(group: &Group, options: &ParseOptions) {
    let widest_v4 = u32::MAX.checked_shr(options.widest_v4.into()).unwrap_or(0);
    let widest_v6 = u128::MAX.checked_shr(options.widest_v6.into()).unwrap_or(0);
    for span in &group.v4 {
        assert!(span.last - span.first <= widest_v4, "wider than /{}: {span:?}", options.widest_v4);
    }
    for span in &group.v6 {
        assert!(span.last - span.first <= widest_v6, "wider than /{}: {span:?}", options.widest_v6);
        let mapped = [span.first, span.last].map(|end| end >> 32 == MAPPED);
        assert_ne!(mapped, [true, true], "IPv4 among IPv6: {span:?}");
    }
}

/// Only rbldnsd has values, and no two groups the same.
fn values_are_in_order(list: &ParsedList) {
    assert!(list.groups.len() <= MAX_VALUES);
    assert!(list.groups.is_sorted_by(|a, b| a.value < b.value), "values are not in order");
    if list.format != Format::Rbldnsd {
        assert_eq!(list.groups.len(), 1);
        assert_eq!(list.groups[0].value, None);
    }
}

fn is_counted(list: &ParsedList, options: &ParseOptions) {
    let summary = &list.summary;
    let (v4, v6) = (list.v4().count(), list.v6().count());
    assert_eq!((summary.v4, summary.v6), (v4, v6), "what is kept");
    // In rbldnsd entries nest, and exclusions cut them to pieces.
    if list.format != Format::Rbldnsd {
        assert_eq!(summary.entries, v4 + v6 + summary.duplicates, "what was read, and what became of it");
    }
    assert!(summary.mapped.max(summary.masked_host_bits) <= summary.entries + summary.exclusions);
    assert!(summary.entries <= options.max_entries);
    assert!(options.allow_empty || summary.entries > 0, "empty");
    assert!(list.warnings.len() <= MAX_WARNINGS_KEPT);
    let addresses = list.addresses();
    assert_eq!((addresses.0 == 0, addresses.1 == 0), (v4 == 0, v6 == 0), "{addresses:?}");
}
