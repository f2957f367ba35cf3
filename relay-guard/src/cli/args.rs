//! What can be said on the command line.

use std::{path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::{dnsbl::DnsblCommand, list::ListCommand, replay::ReplayArguments};

/// Where the configuration is, if nothing else is said.
pub(super) const DEFAULT_CONFIG: &str = "/etc/relay-guard/relay-guard.toml";

const EXAMPLES: &str = "\
Examples:
  relay-guard check                            is the configuration right?
  relay-guard run                              start guarding (foreground)
  relay-guard status                           what runs, what it stopped
  relay-guard explain 192.0.2.7                why is this sender treated so?
  relay-guard block 192.0.2.0/24 --for 2h --reason 'dictionary attack'
  relay-guard hosts                            who behind us sends mail?
  relay-guard hosts 10.0.1.66                  why is it taken for a bot?
  relay-guard list convert a.txt b.txt         several lists as one minimal list
  relay-guard dnsbl query 192.0.2.7            what do DNSBLs say of it?
  relay-guard listed                           are we listed ourselves?
  relay-guard replay mail.pcap                 what is in this capture?

Exit codes: 0 fine, 1 the answer is no, 2 could not run.";

/// Packet-level SMTP guard: stops listed senders before the mail server sees them, finds infected hosts behind the
/// gateway, and says why.
#[derive(Debug, Parser)]
#[command(version, about, after_help = EXAMPLES, max_term_width = 100)]
pub struct Arguments {
    /// Configuration file
    #[arg(long, short, global = true, value_name = "FILE", default_value = DEFAULT_CONFIG, env = "RELAY_GUARD_CONFIG")]
    pub config: PathBuf,
    /// Print JSON instead of text
    #[arg(long, global = true)]
    pub json: bool,
    #[command(subcommand)]
    #[expect(missing_docs, reason = "clap would show the text as help")]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Guard: load, attach, watch lists and hosts (foreground)
    ///
    /// Attaches to the configured interfaces and keeps the kernel's tables in step with the lists. Runs until SIGTERM
    /// or Ctrl-C; SIGHUP reloads the configuration. The filter outlives the daemon: `relay-guard detach` takes it off.
    /// A new `run` takes over what is attached without a gap. RUST_LOG=debug tells more.
    #[command(
        after_help = "Examples:\n  relay-guard run\n  relay-guard --config ./test.toml run\n  RUST_LOG=debug relay-guard run"
    )]
    Run,
    /// Validate configuration and lists; touches nothing
    ///
    /// Reads the configuration and every list as `run` would, and says what is wrong, with file and line. Exit code 1
    /// if anything is.
    #[command(after_help = "Examples:\n  relay-guard check\n  relay-guard check --json | jq .lists")]
    Check,
    /// Show what runs, what it saw and stopped
    ///
    /// Exit code 1 if the daemon does not run (the filter may still be attached; that is shown), with --refused 2.
    #[command(
        after_help = "Examples:\n  relay-guard status\n  relay-guard status --refused                   who was refused writing to whom?\n  relay-guard status --json | jq .totals\n  relay-guard status --refused --json | jq '.connections[] | select(.lists[] == \"spamhaus-drop\")'"
    )]
    Status {
        /// Show refused senders instead: who they are, and to whom they wrote
        ///
        /// Senders speak before they are refused where the action is `refuse` (at the recipient): address, name, envelope
        /// and lists of the last connections, the newest first. A partner among them is how a false listing shows. What
        /// they call themselves is their claim.
        #[arg(long)]
        refused: bool,
    },
    /// Say how an address is treated, and why
    ///
    /// Runs a synthetic connection from the address through the loaded program in the kernel: what you see is what
    /// happens, to the last octet of what the sender is answered. Exit code 0 if it passes, 1 if policy stops it.
    #[command(
        after_help = "Examples:\n  relay-guard explain 192.0.2.7\n  relay-guard explain 2001:db8::25 --port 587\n  relay-guard explain 192.0.2.7 --json | jq .inbound.answer.dialogue"
    )]
    Explain {
        /// IPv4 or IPv6 address
        address: String,
        /// Destination port [default: the first guarded port]
        #[arg(long, short)]
        port: Option<u16>,
    },
    /// Block an address or CIDR
    ///
    /// Holds for SMTP from outside and for SMTP of inside hosts, wins over lists and protected hosts, and survives
    /// restarts.
    #[command(
        after_help = "Examples:\n  relay-guard block 192.0.2.7\n  relay-guard block 192.0.2.0/24 --for 2h --reason 'dictionary attack'"
    )]
    Block(VerdictArguments),
    /// Allow an address or CIDR, whatever lists and blocks say
    #[command(
        after_help = "Examples:\n  relay-guard allow 198.51.100.25 --reason 'partner, delisting asked for'\n  relay-guard allow 198.51.100.0/24 --for 1d"
    )]
    Allow(VerdictArguments),
    /// Remove a block or allow, or release a contained host
    ///
    /// Exit code 1 if there was nothing to remove.
    #[command(
        after_help = "Examples:\n  relay-guard remove 192.0.2.0/24\n  relay-guard remove 10.0.1.66          release a contained host"
    )]
    Remove {
        /// Address or CIDR, as it was given
        net: String,
    },
    /// List blocks and allows
    Verdicts,
    /// Show inside hosts that send mail: score, state, why
    ///
    /// Alone it shows all of them, the highest score first. With an address it shows what speaks against that host, its last
    /// sessions, what became of it, and what can be done. Exit code 1 if that host has sent nothing.
    #[command(
        after_help = "Examples:\n  relay-guard hosts\n  relay-guard hosts 10.0.1.66                    why is it contained?\n  relay-guard hosts --events                     who changed state lately?\n  relay-guard hosts --json | jq '.hosts[] | select(.score > 50) | .signals'"
    )]
    Hosts {
        /// Only this host, with all that is known of it
        address: Option<String>,
        /// Show changes of state instead, the newest first
        #[arg(long)]
        events: bool,
    },
    /// Release a contained inside host, and forget what it did
    ///
    /// If it goes on, it is found again, and contained for longer. To spare it, allow it. Exit code 1 if it was not contained.
    #[command(after_help = "Examples:\n  relay-guard release 10.0.1.66")]
    Release {
        /// IPv4 or IPv6 address
        address: String,
    },
    /// Show the daemon's lists; check, convert, compare and search lists
    ///
    /// Alone it shows the lists of the running daemon. `refresh` needs the daemon, too; the other commands do not. Files
    /// may be in any format that the daemon reads; it is recognised by the content unless --from says it.
    #[command(
        after_help = "Examples:\n  relay-guard list                               how are my lists?\n  relay-guard list refresh spamhaus-drop\n  relay-guard list search 192.0.2.7\n  relay-guard list convert a.txt b.txt --to cidr\n  relay-guard list catalogue                     feeds to choose from"
    )]
    List {
        #[command(subcommand)]
        #[expect(missing_docs, reason = "clap would show the text as help")]
        command: Option<ListCommand>,
    },
    /// Show the DNSBL zones that are asked, and how they are; ask and test them
    ///
    /// Alone it shows the zones of the running daemon: state, weight, questions, answers, faults, how fast they are, and why
    /// one is suspended. `forget` needs the daemon, too; the other commands do not.
    #[command(
        after_help = "Examples:\n  relay-guard dnsbl                              how are my zones?\n  relay-guard dnsbl query 192.0.2.7              what do they say of it?\n  relay-guard dnsbl test                         can they be believed?\n  relay-guard dnsbl forget 192.0.2.7             it was delisted: ask again\n  relay-guard dnsbl catalogue                    zones to choose from\n  relay-guard dnsbl --json | jq '.zones[] | select(.state == \"suspended\")'"
    )]
    Dnsbl {
        #[command(subcommand)]
        #[expect(missing_docs, reason = "clap would show the text as help")]
        command: Option<DnsblCommand>,
    },
    /// Say whether our own addresses are listed in DNSBLs
    ///
    /// Asks the configured zones and well-known ones about the addresses; without any, about lookups.own_addresses and the
    /// public addresses of the outside interfaces. Shows each listing with its answer, the reason that the zone gives, and
    /// where to have it removed. Needs no daemon. Exit code 1 if an address is listed.
    #[command(
        after_help = "Examples:\n  relay-guard listed\n  relay-guard listed 192.0.2.25 2001:db8::25\n  relay-guard listed --zones configured\n  relay-guard listed --json | jq '.listings[].info_url'"
    )]
    Listed(ListedArguments),
    /// Read capture files as if they had been seen on the wire
    ///
    /// Finds the SMTP in pcap and pcapng files and says what a daemon would have said: transactions, sessions, which hosts
    /// behave like bots, at the capture's own time, and what the configured lists say of each source. Needs no privileges
    /// and no daemon. With --json it prints a JSON object per line; see docs/replay.md. What can be read of a damaged file
    /// is told before the error.
    #[command(
        after_help = "Examples:\n  relay-guard replay mail.pcap\n  relay-guard replay monday.pcapng.gz tuesday.pcapng.gz\n  tcpdump -w - port 25 | relay-guard replay -\n  relay-guard replay --port 2525 --json mail.pcap | jq 'select(.type == \"transaction\")'\n  relay-guard replay --config ./guard.toml --json mail.pcap | jq 'select(.type == \"verdict\")'"
    )]
    Replay(ReplayArguments),
    /// Read configuration and lists again (as SIGHUP does, but says what came of it)
    Reload,
    /// Take the filter off every interface and remove everything pinned
    ///
    /// A running daemon ends. Works without a daemon, too.
    Detach,
}

/// What `block` and `allow` are told.
#[derive(Args, Debug)]
pub struct VerdictArguments {
    /// Address or CIDR
    pub net: String,
    /// For how long, such as 90s, 30m, 2h, 7d [default: for good]
    #[arg(long = "for", value_name = "TIME", value_parser = humantime::parse_duration)]
    pub duration: Option<Duration>,
    /// Why; shown by `explain` and `verdicts`
    #[arg(long, short, default_value = "")]
    pub reason: String,
}

/// What `listed` is told.
#[derive(Args, Debug)]
pub struct ListedArguments {
    /// IPv4 or IPv6 addresses [default: our own]
    #[arg(value_name = "ADDRESS")]
    pub addresses: Vec<String>,
    /// Which zones are asked
    #[arg(long, value_enum, default_value_t)]
    pub zones: ZoneSelection,
}

/// Which zones `listed` asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ZoneSelection {
    /// Those of the configuration
    Configured,
    /// Well-known ones (`relay-guard dnsbl catalogue`)
    Known,
    /// Both
    #[default]
    All,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn definitions_are_consistent() {
        Arguments::command().debug_assert();
    }
}
