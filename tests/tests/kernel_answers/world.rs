//! Networks, and how their mail is answered.

use std::net::{IpAddr, SocketAddr};

use relay_guard::datapath::LoadOptions;
use relay_guard::policy::ClassInterner;
use relay_guard_common::action::Action;
use relay_guard_common::class::{Class, MAX_PORT_GROUPS, Rule};
use relay_guard_common::reason::Reason;
use relay_guard_common::respond::cookie::CookieKeys;
use relay_guard_common::respond::limits::Answering;
use relay_guard_common::respond::response::{LineId, Rate};

use super::support::kernel::{Kernel, with_kernel};
use super::support::lists::{List, compile};
use super::texts::{ADDRESS, Limited, Texts};

/// A network, 198.18.N.0/24 and 2001:db8:N::/48, whose mail is answered in one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Who(pub u8);

/// Refused at the recipient.
pub const REFUSED: Who = Who(1);
/// The same for now.
pub const REFUSED_FOR_NOW: Who = Who(2);
/// Refused in the greeting.
pub const GREETED: Who = Who(3);
/// The same for now.
pub const GREETED_FOR_NOW: Who = Who(4);
/// Refused with the longest text.
pub const AT_LENGTH: Who = Who(5);
/// Refused with the longest text that has an address in it.
pub const AT_LENGTH_WITH_ADDRESS: Who = Who(6);
/// Refused with addresses everywhere in the text.
pub const BY_ADDRESS: Who = Who(7);
pub const RESET: Who = Who(10);
pub const TARPITTED: Who = Who(11);
pub const DROPPED: Who = Who(12);
/// Three connections each, then one of these.
pub const LIMITED_DROP: Who = Who(20);
pub const LIMITED_RESET: Who = Who(21);
pub const LIMITED_REFUSE: Who = Who(22);
pub const LIMITED_TARPIT: Who = Who(23);
/// On an allow list.
pub const CLEAN: Who = Who(30);
/// Refused as the destination of outbound mail, and on no list of sources.
pub const DESTINATION: Who = Who(41);
/// All other addresses, refused.
pub const ELSEWHERE: Who = Who(40);

/// Our mail server.
pub const MAIL: &str = "10.0.2.25";
pub const MAIL_V6: &str = "2001:db8:2fff::25";

/// What a client acknowledges after the greeting `220 mx.example.com SMTP`.
pub const SAID: u32 = 1 + 25;

/// The reason in most refusals.
pub const REASON: &str = "{address} is listed; see https://example.org/lookup?ip={address}";

/// Connections of a limited network that are let through at first.
pub const BURST: u64 = 3;
/// Longer than tests take: no connection after the burst is within the rate.
const HOUR_US: u64 = 3_600_000_000;

impl Who {
    /// A client of this network.
    pub fn client(self, v6: bool) -> IpAddr {
        self.host(v6, 7)
    }

    /// A host of this network.
    pub fn host(self, v6: bool, host: u8) -> IpAddr {
        let Self(network) = self;
        match v6 {
            true => IpAddr::from([0x2001, 0xdb8, network.into(), 0, 0, 0, 0, host.into()]),
            false => IpAddr::from([198, 18, network, host]),
        }
    }

    /// What is done with its mail.
    pub fn action(self) -> Action {
        match self {
            RESET => Action::Reset,
            TARPITTED => Action::Tarpit,
            DROPPED => Action::Drop,
            CLEAN => Action::Pass,
            Self(20..30) => Action::Limit,
            _ => Action::Refuse,
        }
    }

    /// What it is told.
    pub fn texts(self) -> Texts {
        match self {
            REFUSED_FOR_NOW => Texts::temporary(REASON),
            GREETED => Texts::greeting(REASON),
            GREETED_FOR_NOW => Texts::temporary_greeting(REASON),
            AT_LENGTH => Texts::permanent("refused").with_line(LineId::Recipient, long_line(511)),
            AT_LENGTH_WITH_ADDRESS => {
                let mut line = long_line(512 - LONGEST_ADDRESS);
                line.insert_str(101, ADDRESS);
                Texts::permanent("refused").with_line(LineId::Recipient, line)
            }
            BY_ADDRESS | ELSEWHERE => Texts::permanent("{address}{address}, odd {address}")
                .with_line(LineId::Hello, "{address}\r\n".into())
                .with_line(LineId::Sender, "250 odd{address}\r\n".into())
                .with_line(LineId::Done, "{address} {address}a{address}".into()),
            _ => Texts::permanent(REASON),
        }
    }

    fn limited(self) -> Option<Limited> {
        let over = match self {
            LIMITED_DROP => Action::Drop,
            LIMITED_RESET => Action::Reset,
            LIMITED_REFUSE => Action::Refuse,
            LIMITED_TARPIT => Action::Tarpit,
            _ => return None,
        };
        let rate = Rate { interval_us: HOUR_US, tolerance_us: (BURST - 1) * HOUR_US };
        Some(Limited { over, prefix_v4: 28, prefix_v6: 64, rate })
    }

    fn list(self) -> List {
        let Self(network) = self;
        let nets = match self {
            ELSEWHERE => ["0.0.0.0/0".to_owned(), "::/0".to_owned()],
            _ => [format!("198.18.{network}.0/24"), format!("2001:db8:{network:x}::/48")],
        };
        let nets = nets.map(|net| net.parse().expect("a CIDR")).to_vec();
        let reason = if self == CLEAN { Reason::AllowList } else { Reason::Listed };
        let mut list = List::inbound(self.action(), reason, nets);
        list.meaning.inbound = list.meaning.inbound.map(|rule| rule.with_param(network.into()));
        if self == DESTINATION {
            let rule = Rule::new(Action::Refuse, Reason::ListedDestination).with_param(network.into());
            list.meaning = Class { outbound: [rule; MAX_PORT_GROUPS], ..Class::default() };
        }
        list
    }
}

/// Octets of the longest address in text: eight groups of four, and colons.
const LONGEST_ADDRESS: usize = 39;

/// A line of so many octets, in which no two pieces are the same.
fn long_line(octets: usize) -> String {
    let numbers: String = (0..200).map(|number| format!("x{number}")).collect();
    let text = format!("550 5.7.1 {numbers}");
    format!("{}\r\n", &text[..octets - 2])
}

/// Where an address is in several networks, the first one counts.
const ALL: [Who; 17] = [
    REFUSED,
    REFUSED_FOR_NOW,
    GREETED,
    GREETED_FOR_NOW,
    AT_LENGTH,
    AT_LENGTH_WITH_ADDRESS,
    BY_ADDRESS,
    RESET,
    TARPITTED,
    DROPPED,
    LIMITED_DROP,
    LIMITED_RESET,
    LIMITED_REFUSE,
    LIMITED_TARPIT,
    CLEAN,
    DESTINATION,
    ELSEWHERE,
];

/// Keys of cookies, and no caps.
pub const UNCAPPED: Answering = Answering {
    keys: CookieKeys { current: [0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210], previous: [0; 2] },
    total: Rate { interval_us: 0, tolerance_us: 0 },
    prefix: Rate { interval_us: 0, tolerance_us: 0 },
    tarpit: Rate { interval_us: 0, tolerance_us: 0 },
    prefix_v4: 24,
    prefix_v6: 56,
    own_listed: 1,
    reserved: 0,
};

/// Our mail server, in a client's family.
pub fn server(client: IpAddr, port: u16) -> SocketAddr {
    let address = if client.is_ipv4() { MAIL } else { MAIL_V6 };
    (address.parse::<IpAddr>().expect("an address"), port).into()
}

/// The programs, loaded, with all networks' answers.
pub struct World<'a> {
    pub kernel: &'a mut Kernel,
    classes: Vec<(Who, u32)>,
}

impl World<'_> {
    /// The class of a network; 0 of none.
    pub fn class(&self, who: Who) -> u32 {
        self.classes.iter().find(|(other, _)| *other == who).map_or(0, |(_, class)| *class)
    }

    /// Writes what holds for all answers.
    pub fn set_answering(&mut self, answering: &Answering) {
        self.kernel.datapath.set_answering(answering).expect("answering is written");
    }
}

/// Runs `test` with the programs loaded and all answers in place.
pub fn with_world(test: impl FnOnce(World<'_>) + Send) {
    with_kernel(&LoadOptions::default(), |kernel| {
        for who in ALL {
            let response = who.texts().response(who.limited());
            kernel.datapath.set_response(who.0.into(), &response).expect("a response is written");
        }
        let compiled = compile(&ALL.map(Who::list), &mut ClassInterner::new());
        kernel.publish(&compiled);
        // The first list is the lowest bit, and all addresses are on the last list, too.
        let class_of = |number: usize| {
            let mine = |(_, meaning): &&(u32, Class)| meaning.lists().trailing_zeros() as usize == number;
            compiled.classes.iter().find(mine).map_or(0, |(class, _)| *class)
        };
        let classes = ALL.iter().enumerate().map(|(number, who)| (*who, class_of(number))).collect();
        let mut world = World { kernel, classes };
        world.set_answering(&UNCAPPED);
        test(world);
    });
}
