//! What the guard is set to while it is measured.

use anyhow::{Context as _, Result};
use relay_guard::datapath::Datapath;
use relay_guard::policy::text::Words;
use relay_guard::policy::{Answer, HostName, Text, responses};
use relay_guard::table::Plan;
use relay_guard_common::action::Action;
use relay_guard_common::class::{Class, Rule};
use relay_guard_common::ports::PortSet;
use relay_guard_common::reason::Reason;
use relay_guard_common::respond::cookie::CookieKeys;
use relay_guard_common::respond::limits::Answering;
use relay_guard_common::respond::response::{Rate, Response};
use relay_guard_common::role::Side;
use relay_guard_common::settings::Settings;
use relay_guard_common::verdict::FOREVER;

use super::traffic::Listed;

/// The class of listed addresses.
pub(crate) const LISTED: u32 = 1;
/// The place of its response.
const RESPONSE: u16 = 1;

/// No limit: what is measured is meant to be large.
const TABLE_LIMIT: u64 = u64::MAX;

/// The settings of a gateway that enforces, with one interface, on the outside; answers are not capped.
pub(crate) fn set(guard: &mut Datapath, ifindex: u32, listed: &Listed) -> Result<()> {
    guard.set_ports(&PortSet::new(&[25, 465, 587], &[25]))?;
    guard.set_interfaces(&[(ifindex, Side::Outside)])?;
    guard.set_response(RESPONSE, &response()?)?;
    let keys = CookieKeys { current: [0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210], previous: [1, 2] };
    // Every cap is asked and none is met. Wide prefixes, of which none misses a bucket: what is fed comes from so many that
    // they would fill all buckets.
    let rate = Rate::per_second(1_000_000, u32::MAX);
    guard.set_answering(&Answering {
        keys,
        total: rate,
        prefix: rate,
        tarpit: rate,
        prefix_v4: 8,
        prefix_v6: 12,
        own_listed: 0,
        reserved: 0,
    })?;
    act(guard, Action::Refuse)?;
    guard.publish(&Plan::new(&listed.v4, &listed.v6)?, TABLE_LIMIT)?;
    let settings =
        Settings { enforce: 1, window_ns: 60_000_000_000, heartbeat_ns: FOREVER, ..Settings::default() };
    Ok(guard.set_settings(settings)?)
}

/// What is done with listed sources.
pub(crate) fn act(guard: &mut Datapath, action: Action) -> Result<()> {
    let rule = Rule::new(action, Reason::Listed).with_param(RESPONSE);
    Ok(guard.set_class(LISTED, Class::new(1).inbound(rule))?)
}

/// A refusal with the sender's address in it twice, as most configurations make it.
fn response() -> Result<Response> {
    const TEXT: &str = "{address} is on the list bench; see https://example.org/lookup?ip={address}, or write to \
                        postmaster@guarded.example";
    let answer = Answer { text: Text::new(TEXT, Words::default())?, ..Answer::default() };
    let name = HostName::new("mx.guarded.example").context("no name")?;
    responses::compose(Action::Refuse, &answer, &name).context("nothing is said")
}
