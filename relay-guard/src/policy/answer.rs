//! What is said to those who are refused, tarpitted, reset or limited, as the configuration means it.

use relay_guard_common::{action::Action, respond::response::Stage};

use super::text::Text;

/// The longest name of ours that is said, in octets: with it, every text fits the room that a response has.
pub const MAX_NAME_LEN: usize = 200;

/// The longest part of a name between dots, in octets (RFC 1035 §2.3.4).
const MAX_LABEL_LEN: usize = 63;

/// The name that a greeting says: labels of letters, digits and `-`, with dots between (RFC 952, RFC 1123 §2.1).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HostName(String);

impl HostName {
    /// A host's name; nothing if it is none, or longer than [`MAX_NAME_LEN`]. One dot at the end is left out.
    #[must_use]
    pub fn new(name: &str) -> Option<Self> {
        let name = name.strip_suffix('.').unwrap_or(name);
        let label = |label: &str| {
            (1..=MAX_LABEL_LEN).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'-')
        };
        (name.len() <= MAX_NAME_LEN && name.split('.').all(label)).then(|| Self(name.to_owned()))
    }

    /// The name of this machine if it has a fit one, else `localhost`.
    #[must_use]
    pub fn of_machine(name: &str) -> Self {
        Self::new(name).unwrap_or_else(|| Self("localhost".to_owned()))
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// How often a source may connect, and what happens to those who do more often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Connections in a minute.
    pub per_minute: u32,
    /// Connections at once, after a pause.
    pub burst: u32,
    /// Leading bits of an IPv4 source that are counted together, 1 to 32.
    pub prefix_v4: u8,
    /// Leading bits of an IPv6 source that are counted together, 1 to 128.
    pub prefix_v6: u8,
    /// What happens to connections over it: [`Action::Drop`], [`Action::Reset`], [`Action::Refuse`] or
    /// [`Action::Tarpit`].
    pub then: Action,
}

impl Default for Limit {
    fn default() -> Self {
        Self { per_minute: 30, burst: 10, prefix_v4: 32, prefix_v6: 64, then: Action::Refuse }
    }
}

/// What is said, and where in the dialogue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Where a refusal is made.
    pub stage: Stage,
    /// Whether the sender is to try again later.
    pub temporary: bool,
    /// What a refusal says.
    pub text: Text,
    /// How often a source may connect, where that is what is done.
    pub limit: Limit,
}

impl Default for Answer {
    /// What is said where nobody wrote anything.
    fn default() -> Self {
        Self {
            stage: Stage::Recipient,
            temporary: false,
            text: Text::literal("refused by policy"),
            limit: Limit::default(),
        }
    }
}

/// What a list has said in its name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answers {
    /// To sources of inbound mail that it holds.
    pub inbound: Answer,
    /// To inside hosts that write to destinations that it holds.
    pub outbound: Answer,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_hosts() {
        let label = "a".repeat(63);
        for good in ["a", "mx.example.com", "mx.example.com.", "1-2.x--y.Z", &label] {
            let name = HostName::new(good).expect(good);
            assert_eq!(name.as_str(), good.trim_end_matches('.'));
        }
        let long = [label.as_str(); 4].join(".");
        let too_long = format!("{label}a");
        for bad in ["", ".", "a..b", "-a", "a-", "a_b", "a b", "a\r\nb", "é", "a.com..", &long, &too_long] {
            assert_eq!(HostName::new(bad), None, "{bad:?}");
            assert_eq!(HostName::of_machine(bad).as_str(), "localhost");
        }
        assert_eq!(HostName::of_machine("gateway").as_str(), "gateway");
        let longest = format!("{}.{}", [label.as_str(); 3].join("."), "a".repeat(8));
        assert_eq!(HostName::new(&longest).map(|name| name.as_str().len()), Some(MAX_NAME_LEN));
    }
}
