//! What can be said behind `relay-guard dnsbl`.

use clap::Subcommand;

/// The commands on DNSBL zones.
#[derive(Debug, Subcommand)]
pub enum DnsblCommand {
    /// Ask the configured zones about an address, now
    ///
    /// Shows each zone's raw answer and the reason that it gives, whether the answer counts, the score at each port, and what
    /// is done at it. Asks the resolvers itself: neither the daemon nor its cache is needed. Exit code 1 if policy stops the
    /// address.
    #[command(
        after_help = "Examples:\n  relay-guard dnsbl query 192.0.2.7\n  relay-guard dnsbl query 2001:db8::25 --port 587\n  relay-guard dnsbl query 127.0.0.2                 the zones' own test entry\n  relay-guard dnsbl query 192.0.2.7 --json | jq '.zones[] | {name, answers, text}'"
    )]
    Query {
        /// IPv4 or IPv6 address
        address: String,
        /// Only at this destination port [default: all guarded ports]
        #[arg(long, short)]
        port: Option<u16>,
    },
    /// Test whether the configured zones can be believed
    ///
    /// Asks each zone for its test entries: 127.0.0.2 must be listed, 127.0.0.1 and a name that does not exist must not. The
    /// daemon does the same on a timer and suspends what fails. Exit code 1 if a zone fails.
    #[command(
        after_help = "Examples:\n  relay-guard dnsbl test\n  relay-guard dnsbl test zen.spamhaus.org\n  relay-guard dnsbl test --json | jq '.zones[] | select(.ok | not)'"
    )]
    Test {
        /// Only this zone, by its name in the configuration
        zone: Option<String>,
    },
    /// Forget what zones said of an address, so that they are asked again
    ///
    /// After a delisting: the answer is otherwise believed as long as the zone said. Needs the daemon. Exit code 1 if
    /// nothing was known of the address.
    #[command(
        after_help = "Examples:\n  relay-guard dnsbl forget 192.0.2.7\n  relay-guard dnsbl forget --all"
    )]
    Forget {
        /// IPv4 or IPv6 address
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        address: Option<String>,
        /// Everything that zones said
        #[arg(long)]
        all: bool,
    },
    /// Show well-known zones
    ///
    /// What they list, what their answers mean, what they ask of their users, and what to write into the configuration.
    #[command(
        after_help = "Examples:\n  relay-guard dnsbl catalogue\n  relay-guard dnsbl catalogue zen.spamhaus.org\n  relay-guard dnsbl catalogue --json | jq '.[] | select(.registration | not) | .zone'"
    )]
    Catalogue {
        /// Only this zone, with everything about it
        name: Option<String>,
    },
}
