//! Why a packet got its action.

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $word:literal;)*) => {
        /// Why a packet got its action. Append-only numbers, shared by kernel, logs, metrics and tests.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Reason { $($(#[$doc])* $name = $number,)* }

        impl Reason {
            /// All reasons, in the order of their numbers.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The reason with this number, if there is one.
            #[inline(always)]
            #[must_use]
            pub const fn from_u8(number: u8) -> Option<Self> {
                match number {
                    $($number => Some(Self::$name),)*
                    _ => None,
                }
            }

            /// The word for it in output, logs and metrics.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }
        }
    };
}

reasons! {
    /// Neither IPv4 nor IPv6.
    NotIp = 0, "not-ip";
    /// IP, but not TCP.
    NotTcp = 1, "not-tcp";
    /// TCP, but neither a guarded nor a watched port.
    OtherPort = 2, "other-port";
    /// The frame ends before its TCP header does.
    Truncated = 3, "truncated";
    /// A header contradicts itself (IP version, header length).
    Malformed = 4, "malformed";
    /// More VLAN tags or IPv6 extension headers than are followed.
    TooDeep = 5, "too-deep";
    /// A later fragment: nothing reassembles without the first, which was judged.
    LaterFragment = 6, "later-fragment";
    /// A TCP first fragment too short for its header (RFC 1858).
    TinyFragment = 7, "tiny-fragment";
    /// A TCP fragment at offset 8 bytes: it would overwrite the flags (RFC 3128).
    OverlappingFragment = 8, "overlapping-fragment";
    /// SMTP, but this interface and direction are not judged.
    NotJudged = 9, "not-judged";
    /// Nothing is known against the address.
    Clean = 10, "clean";
    /// Allowed by the administrator.
    AdminAllow = 11, "admin-allow";
    /// Blocked by the administrator.
    AdminBlock = 12, "admin-block";
    /// One of our own servers, declared mail servers or excepted hosts, or in a protected network.
    Protected = 13, "protected";
    /// On an allow list.
    AllowList = 14, "allow-list";
    /// On a list.
    Listed = 15, "listed";
    /// An inside host contained because it behaves like a zombie.
    Contained = 16, "contained";
    /// A reply to an outbound connection: counted for its host, never judged.
    Reply = 17, "reply";
    /// Outbound SMTP to a destination on a list that judges destinations.
    ListedDestination = 18, "listed-destination";
    /// DNSBLs say enough against the source of inbound SMTP.
    DnsblListed = 19, "dnsbl-listed";
    /// DNSBLs were asked, and do not.
    DnsblClean = 20, "dnsbl-clean";
    /// DNSBLs were asked, and could not say.
    DnsblUnknown = 21, "dnsbl-unknown";
    /// The first SYN of a source that DNSBLs are being asked about; it will be repeated.
    Held = 22, "held";
    /// A connection that inspection has ended.
    SessionEnded = 23, "session-ended";
}

impl Reason {
    /// How many reasons there are.
    pub const COUNT: usize = Self::ALL.len();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_dense_and_names_unique() {
        for (number, reason) in Reason::ALL.iter().enumerate() {
            assert_eq!(*reason as usize, number);
            assert_eq!(Reason::from_u8(number as u8), Some(*reason));
        }
        let mut names: Vec<_> = Reason::ALL.iter().map(|r| r.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Reason::COUNT);
        assert_eq!(Reason::from_u8(Reason::COUNT as u8), None);
    }
}
