//! What can be said behind `relay-guard list`.

use std::{net::Ipv4Addr, path::PathBuf};

use clap::{
    Args, Subcommand,
    builder::{PossibleValue, PossibleValuesParser, TypedValueParser},
};

use crate::{
    lists::{DEFAULT_MAX_ENTRIES, DEFAULT_MAX_LINE_BYTES, Format, HostBits, ParseOptions},
    sets::text::{About, TextFormat},
};

/// The most bytes of one file, unless told otherwise.
const DEFAULT_MAX_BYTES: u64 = 1 << 30;
/// The most entries that `search` shows, unless told otherwise.
const DEFAULT_MAX_HITS: usize = 100;
/// The longest TXT record of rbldnsd, in bytes.
const MAX_TXT_BYTES: usize = 255;

/// The commands on lists.
#[derive(Debug, Subcommand)]
pub enum ListCommand {
    /// Read or fetch lists of the daemon now
    ///
    /// Files and directories are read at once, feeds fetched unless their provider was asked a moment ago. Waits until
    /// what has changed is in force. Exit code 1 if a list failed; the last good copy stays in force then.
    #[command(
        after_help = "Examples:\n  relay-guard list refresh                       all lists\n  relay-guard list refresh spamhaus-drop\n  relay-guard list refresh local --accept        it really shrank to a tenth"
    )]
    Refresh {
        /// Only this list
        name: Option<String>,
        /// Fetch even if the provider was asked a moment ago
        #[arg(long)]
        force: bool,
        /// Take the new content however much it differs from the old (asks the provider, too)
        #[arg(long, requires = "name")]
        accept: bool,
    },
    /// Show well-known feeds
    ///
    /// What they hold, how often they may be fetched, their terms, and what to write into the configuration.
    #[command(
        after_help = "Examples:\n  relay-guard list catalogue\n  relay-guard list catalogue spamhaus-drop"
    )]
    Catalogue {
        /// Only this feed, with everything about it
        name: Option<String>,
    },
    /// Read list files and say what is wrong with them, line by line
    ///
    /// Reads every file as the daemon would. Exit code 1 if one of them would be refused, 2 if one cannot be opened.
    #[command(
        after_help = "Examples:\n  relay-guard list check drop.txt\n  relay-guard list check --host-bits reject feeds/*.netset\n  curl -s https://example.org/drop.json | relay-guard list check -"
    )]
    Check(CheckArguments),
    /// Write lists as one minimal, sorted list
    ///
    /// Reads all files, takes them together, and writes the fewest CIDRs or ranges that hold exactly the same
    /// addresses. `--intersect` keeps only what each of its files holds, `--except` takes out what any of its files
    /// holds. Nothing is written if a file is bad.
    #[command(after_help = CONVERT_EXAMPLES)]
    Convert(ConvertArguments),
    /// Compare two lists by the addresses in them
    ///
    /// Prints what B has and A has not as `+ CIDR`, and the other way round as `- CIDR`. Exit code 1 if they differ, 0
    /// if they hold the same addresses, however they write them.
    #[command(
        after_help = "Examples:\n  relay-guard list diff yesterday.netset today.netset\n  relay-guard list diff old.txt new.txt --json | jq .added.ipv4_addresses"
    )]
    Diff(DiffArguments),
    /// Show how many addresses each two lists share
    ///
    /// Without files: the lists of the configuration. The table gives per cent of the list on the left that are in the
    /// list above, too; exact counts of the largest overlaps follow, and all of them with --json.
    #[command(
        after_help = "Examples:\n  relay-guard list overlap\n  relay-guard list overlap feeds/*.netset\n  relay-guard list overlap a.txt b.txt --json | jq '.pairs[0]'"
    )]
    Overlap(OverlapArguments),
    /// Find the entries of lists that hold an address or overlap a CIDR
    ///
    /// Without files: the lists of the configuration. Exit code 1 if there is no such entry. How the daemon treats an
    /// address says `relay-guard explain`.
    #[command(
        after_help = "Examples:\n  relay-guard list search 192.0.2.7\n  relay-guard list search 192.0.2.0/24 feeds/*.netset\n  relay-guard list search 2001:db8::25 --json | jq '.hits[].note'"
    )]
    Search(SearchArguments),
}

const CONVERT_EXAMPLES: &str = "\
Examples:
  relay-guard list convert drop.txt edrop.txt --to cidr
  relay-guard list convert feeds/*.txt --except ours.txt --to netset -o block.netset
  relay-guard list convert a.txt --intersect b.txt c.txt --to range
  relay-guard list convert zone --from rbldnsd --to json | jq '.ipv4[]'
  relay-guard list convert block.txt --to rbldnsd --txt 'listed, see https://example.org/?$' -o zone
  zcat big.gz | relay-guard list convert - --to cidr > small.txt";

/// What `list check` is told.
#[derive(Args, Debug)]
pub struct CheckArguments {
    /// List files, gzip or not; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// How files are read.
    #[command(flatten)]
    pub read: ReadArguments,
}

/// What `list convert` is told.
#[derive(Args, Debug)]
pub struct ConvertArguments {
    /// List files, gzip or not; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Format to write [default: cidr]
    #[arg(long, value_name = "FORMAT", value_parser = text_format())]
    pub to: Option<TextFormat>,
    /// Leave out every address that one of these lists holds
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub except: Vec<PathBuf>,
    /// Keep only addresses that each of these lists holds
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub intersect: Vec<PathBuf>,
    /// File to write, replaced as a whole or not at all [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// A record of every address, for --to rbldnsd
    #[arg(long, value_name = "ADDRESS", default_value_t = About::default().value, value_parser = zone_value)]
    pub value: Ipv4Addr,
    /// TXT record of every address, for --to rbldnsd; `$` stands for the address
    #[arg(long, value_name = "TEXT", default_value = "", value_parser = zone_text)]
    pub txt: String,
    /// How files are read.
    #[command(flatten)]
    pub read: ReadArguments,
}

/// What `list diff` is told.
#[derive(Args, Debug)]
pub struct DiffArguments {
    /// The old list; `-` is standard input
    #[arg(value_name = "A")]
    pub old: PathBuf,
    /// The new list
    #[arg(value_name = "B")]
    pub new: PathBuf,
    /// How files are read.
    #[command(flatten)]
    pub read: ReadArguments,
}

/// What `list overlap` is told.
#[derive(Args, Debug)]
pub struct OverlapArguments {
    /// List files [default: the lists of the configuration]
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// How files are read.
    #[command(flatten)]
    pub read: ReadArguments,
}

/// What `list search` is told.
#[derive(Args, Debug)]
pub struct SearchArguments {
    /// Address or CIDR
    #[arg(value_name = "ADDRESS")]
    pub net: String,
    /// List files [default: the lists of the configuration]
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Entries shown at most; what is left out is counted
    #[arg(long, value_name = "NUMBER", default_value_t = DEFAULT_MAX_HITS)]
    pub max_hits: usize,
    /// How files are read.
    #[command(flatten)]
    pub read: ReadArguments,
}

/// How files are to be read; for files on the command line, not for lists of the configuration.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "How files are read")]
pub struct ReadArguments {
    /// Format of the files
    #[arg(long, value_name = "FORMAT", default_value = Format::Auto.name(), value_parser = list_format())]
    pub from: Format,
    /// CSV column (name, or number from 1) or JSON pointer (/cidr) of the address
    #[arg(long, value_name = "FIELD")]
    pub field: Option<String>,
    /// The same for the note
    #[arg(long, value_name = "FIELD")]
    pub note_field: Option<String>,
    /// CIDRs with bits beyond their prefix length: read as their network, or refused
    #[arg(long, value_name = "RULE", default_value = "mask", value_parser = host_bits())]
    pub host_bits: HostBits,
    /// Widest IPv4 prefix accepted
    #[arg(long, value_name = "LENGTH", default_value_t = ParseOptions::default().widest_v4, value_parser = clap::value_parser!(u8).range(0..=32))]
    pub widest_v4: u8,
    /// Widest IPv6 prefix accepted
    #[arg(long, value_name = "LENGTH", default_value_t = ParseOptions::default().widest_v6, value_parser = clap::value_parser!(u8).range(0..=128))]
    pub widest_v6: u8,
    /// A list without any entry is fine
    #[arg(long)]
    pub allow_empty: bool,
    /// Most entries of one file
    #[arg(long, value_name = "NUMBER", default_value_t = DEFAULT_MAX_ENTRIES)]
    pub max_entries: usize,
    /// Most bytes of one file, decompressed
    #[arg(long, value_name = "BYTES", default_value_t = DEFAULT_MAX_BYTES)]
    pub max_bytes: u64,
    /// Longest line of a file
    #[arg(long, value_name = "BYTES", default_value_t = DEFAULT_MAX_LINE_BYTES)]
    pub max_line_bytes: usize,
}

impl ReadArguments {
    /// The same, as lists are read.
    pub(super) fn options(&self) -> ParseOptions {
        ParseOptions {
            format: self.from,
            address_field: self.field.clone(),
            note_field: self.note_field.clone(),
            allow_empty: self.allow_empty,
            widest_v4: self.widest_v4,
            widest_v6: self.widest_v6,
            host_bits: self.host_bits,
            max_line_bytes: self.max_line_bytes,
            max_entries: self.max_entries,
        }
    }
}

fn list_format() -> impl TypedValueParser<Value = Format> {
    let value = |format: Format| PossibleValue::new(format.name()).help(format.title());
    let values = Format::ALL.map(|format| match format {
        Format::Plain => value(format).aliases(["netset", "cidr", "netmask", "range"]),
        _ => value(format),
    });
    PossibleValuesParser::new(values).try_map(|name| name.parse::<Format>())
}

fn text_format() -> impl TypedValueParser<Value = TextFormat> {
    PossibleValuesParser::new(TextFormat::ALL.map(TextFormat::name))
        .try_map(|name| name.parse::<TextFormat>())
}

fn host_bits() -> impl TypedValueParser<Value = HostBits> {
    PossibleValuesParser::new(["mask", "reject"])
        .map(|word| if word == "reject" { HostBits::Reject } else { HostBits::Mask })
}

/// An A record that listed addresses may have (RFC 5782 §2.1).
fn zone_value(text: &str) -> Result<Ipv4Addr, String> {
    let value: Ipv4Addr = text.parse().map_err(|_| "not an IPv4 address".to_owned())?;
    if value.is_loopback() {
        Ok(value)
    } else {
        Err("listed addresses have a value in 127.0.0.0/8".to_owned())
    }
}

fn zone_text(text: &str) -> Result<String, String> {
    if text.len() > MAX_TXT_BYTES {
        return Err(format!("longer than {MAX_TXT_BYTES} bytes; rbldnsd would cut it"));
    }
    if text.chars().any(char::is_control) {
        return Err("control characters and line ends cannot be written".to_owned());
    }
    Ok(text.to_owned())
}
