//! The configuration as it is written: which keys there are, and of which types.
//!
//! Defaults and everything that a type cannot say are in `resolve`. Values keep their place in the file, so that what
//! is wrong with them can be shown there.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use super::resolved::{Envelopes, Mode, OnStop};
use crate::lists::HostBits;

/// A number; the range is checked by `resolve`, which can name it.
pub(super) type Number = Spanned<i64>;
pub(super) type Text = Spanned<String>;

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Config {
    pub(super) mode: Mode,
    pub(super) interfaces: Interfaces,
    pub(super) ports: Ports,
    pub(super) hosts: Hosts,
    pub(super) lists: Vec<Spanned<List>>,
    pub(super) lookups: Lookups,
    pub(super) dnsbl: Vec<Spanned<Zone>>,
    pub(super) thresholds: Vec<Spanned<Threshold>>,
    pub(super) inspection: Inspection,
    pub(super) signals: BTreeMap<Text, Signal>,
    pub(super) containment: Vec<Spanned<Step>>,
    pub(super) answers: Answers,
    pub(super) daemon: Daemon,
    pub(super) limits: Limits,
    pub(super) protected: Protected,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Interfaces {
    pub(super) outside: Vec<Text>,
    pub(super) inside: Vec<Text>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Ports {
    pub(super) guarded: Option<Spanned<Vec<Number>>>,
    pub(super) watched: Option<Spanned<Vec<Number>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Hosts {
    pub(super) own_servers: Vec<Text>,
    pub(super) mail_servers: Vec<Text>,
    pub(super) excepted: Vec<Text>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct List {
    pub(super) name: Text,
    // Where it comes from: exactly one of these.
    pub(super) file: Option<Text>,
    pub(super) directory: Option<Text>,
    pub(super) url: Option<Text>,
    pub(super) command: Option<Spanned<Vec<Text>>>,
    pub(super) feed: Option<Text>,
    // How it is asked for.
    pub(super) interval: Option<Text>,
    pub(super) timeout: Option<Text>,
    pub(super) bearer_file: Option<Text>,
    pub(super) header: Option<Text>,
    pub(super) header_file: Option<Text>,
    pub(super) ca_file: Option<Text>,
    // How it is read.
    pub(super) format: Option<Text>,
    pub(super) address_field: Option<Text>,
    pub(super) note_field: Option<Text>,
    pub(super) allow_empty: Option<bool>,
    pub(super) widest_v4: Option<Number>,
    pub(super) widest_v6: Option<Number>,
    pub(super) host_bits: Option<HostBits>,
    // When its content is believed.
    pub(super) max_age: Option<Text>,
    pub(super) max_change: Option<Number>,
    // What it does.
    pub(super) action: Option<Text>,
    #[serde(default)]
    pub(super) actions: BTreeMap<Text, Text>,
    pub(super) direction: Option<Text>,
    pub(super) ports: Option<Spanned<Vec<Number>>>,
    // What it says.
    pub(super) refuse_at: Option<RefuseAt>,
    pub(super) refuse_with: Option<RefuseWith>,
    pub(super) text: Option<Text>,
    pub(super) info_url: Option<Text>,
    pub(super) limit_per_minute: Option<Number>,
    pub(super) limit_burst: Option<Number>,
    pub(super) limit_prefix_v4: Option<Number>,
    pub(super) limit_prefix_v6: Option<Number>,
    pub(super) limit_then: Option<Text>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Lookups {
    pub(super) hold: Option<bool>,
    pub(super) resolvers: Vec<Text>,
    pub(super) timeout: Option<Text>,
    pub(super) per_second: Option<Number>,
    pub(super) in_flight: Option<Number>,
    pub(super) queue: Option<Number>,
    pub(super) cache_entries: Option<Number>,
    pub(super) retry: Option<Text>,
    pub(super) test_interval: Option<Text>,
    pub(super) own_addresses: Vec<Text>,
    pub(super) own_interval: Option<Text>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Zone {
    // Whom to ask.
    pub(super) zone: Text,
    pub(super) name: Option<Text>,
    pub(super) key_file: Option<Text>,
    // What counts, and how much.
    pub(super) weight: Option<Number>,
    pub(super) answers: Option<Text>,
    pub(super) families: Option<Spanned<Vec<Text>>>,
    pub(super) ports: Option<Spanned<Vec<Number>>>,
    // When it is believed.
    pub(super) ttl_min: Option<Text>,
    pub(super) ttl_max: Option<Text>,
    pub(super) test_points: Option<bool>,
    pub(super) per_second: Option<Number>,
    pub(super) info_url: Option<Text>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Threshold {
    pub(super) score: Number,
    pub(super) action: Option<Text>,
    // What it says.
    pub(super) refuse_at: Option<RefuseAt>,
    pub(super) refuse_with: Option<RefuseWith>,
    pub(super) text: Option<Text>,
    pub(super) limit_per_minute: Option<Number>,
    pub(super) limit_burst: Option<Number>,
    pub(super) limit_prefix_v4: Option<Number>,
    pub(super) limit_prefix_v6: Option<Number>,
    pub(super) limit_then: Option<Text>,
}

/// How somebody is refused or limited: what a list, a threshold and a step of containment may say alike.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Manner<'a> {
    pub(super) refuse_at: Option<RefuseAt>,
    pub(super) refuse_with: Option<RefuseWith>,
    pub(super) text: Option<&'a Text>,
    pub(super) limit_per_minute: Option<&'a Number>,
    pub(super) limit_burst: Option<&'a Number>,
    pub(super) limit_prefix_v4: Option<&'a Number>,
    pub(super) limit_prefix_v6: Option<&'a Number>,
    pub(super) limit_then: Option<&'a Text>,
}

/// These have all keys under the same names.
macro_rules! manner_of {
    ($of:ty) => {
        impl<'a> From<&'a $of> for Manner<'a> {
            fn from(raw: &'a $of) -> Self {
                Self {
                    refuse_at: raw.refuse_at,
                    refuse_with: raw.refuse_with,
                    text: raw.text.as_ref(),
                    limit_per_minute: raw.limit_per_minute.as_ref(),
                    limit_burst: raw.limit_burst.as_ref(),
                    limit_prefix_v4: raw.limit_prefix_v4.as_ref(),
                    limit_prefix_v6: raw.limit_prefix_v6.as_ref(),
                    limit_then: raw.limit_then.as_ref(),
                }
            }
        }
    };
}
manner_of!(List);
manner_of!(Threshold);

/// Where a sender is refused.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum RefuseAt {
    #[default]
    Recipient,
    Greeting,
}

/// For how long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum RefuseWith {
    #[default]
    Permanent,
    Temporary,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Answers {
    pub(super) name: Option<Text>,
    pub(super) contact: Option<Text>,
    pub(super) text: Option<Text>,
    pub(super) outbound_text: Option<Text>,
    pub(super) per_second: Option<Number>,
    pub(super) per_second_per_prefix: Option<Number>,
    pub(super) prefix_v4: Option<Number>,
    pub(super) prefix_v6: Option<Number>,
    pub(super) tarpit_per_second: Option<Number>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Inspection {
    pub(super) enabled: Option<bool>,
    pub(super) inbound: Option<bool>,
    pub(super) window: Option<Text>,
    pub(super) half_life: Option<Text>,
    pub(super) envelopes: Envelopes,
    pub(super) contain_mail_servers: Option<bool>,
    pub(super) client_bytes: Option<Number>,
    pub(super) server_bytes: Option<Number>,
    pub(super) turn_bytes: Option<Number>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Signal {
    pub(super) weight: Option<Number>,
    pub(super) from: Option<Number>,
    pub(super) at: Option<Number>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Step {
    pub(super) score: Number,
    pub(super) action: Option<Text>,
    #[serde(rename = "for")]
    pub(super) lasts: Option<Text>,
    // What it says.
    pub(super) refuse_at: Option<RefuseAt>,
    pub(super) refuse_with: Option<RefuseWith>,
    pub(super) text: Option<Text>,
    pub(super) limit_per_minute: Option<Number>,
    pub(super) limit_burst: Option<Number>,
    pub(super) limit_then: Option<Text>,
}

impl<'a> From<&'a Step> for Manner<'a> {
    fn from(raw: &'a Step) -> Self {
        Self {
            refuse_at: raw.refuse_at,
            refuse_with: raw.refuse_with,
            text: raw.text.as_ref(),
            limit_per_minute: raw.limit_per_minute.as_ref(),
            limit_burst: raw.limit_burst.as_ref(),
            // Each host by itself.
            limit_prefix_v4: None,
            limit_prefix_v6: None,
            limit_then: raw.limit_then.as_ref(),
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Daemon {
    pub(super) run_dir: Option<Text>,
    pub(super) state_dir: Option<Text>,
    pub(super) cache_dir: Option<Text>,
    pub(super) pin_dir: Option<Text>,
    pub(super) on_stop: OnStop,
    pub(super) log_datapath: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Limits {
    pub(super) inside_hosts: Option<Number>,
    pub(super) verdicts: Option<Number>,
    pub(super) prefix_verdicts: Option<Number>,
    pub(super) list_bytes: Option<Number>,
    pub(super) table_bytes: Option<Number>,
    pub(super) events_per_second: Option<Number>,
    pub(super) envelopes_per_second: Option<Number>,
    pub(super) flows: Option<Number>,
    pub(super) capture_bytes: Option<Number>,
    pub(super) tracked_hosts: Option<Number>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Protected {
    pub(super) special_purpose: Option<bool>,
    pub(super) own_addresses: Option<bool>,
    pub(super) connected: Option<bool>,
    pub(super) networks: Vec<Text>,
}
