//! What is said to those who are refused, and how much is answered at all.

use relay_guard_common::{action::Action, respond::response::Stage};
use url::Url;

use super::values::number;
use crate::config::error::Fault;
use crate::config::raw::{self, Manner, Number, RefuseAt, RefuseWith};
use crate::config::resolved::{Answering, ListAction};
use crate::feeds::catalogue::Feed;
use crate::policy::answer::MAX_NAME_LEN;
use crate::policy::text::{Placeholder, TextError, Words};
use crate::policy::{Answer, Answers, Applies, HostName, Limit, Text};

/// The longest contact, in octets. With it and the longest URL, the default texts still fit.
const MAX_CONTACT_LEN: usize = 120;
/// The longest URL, in octets with the longest addresses in it.
const MAX_URL_LEN: usize = 250;
/// How often the address may stand in a URL, so that a text can name it once besides.
const MAX_URL_ADDRESSES: usize = 2;
/// The kernel counts time between answers in microseconds.
const MAX_PER_SECOND: u32 = 1_000_000;
/// More often than that, nothing is limited.
const MAX_PER_MINUTE: u32 = 1_000_000;

/// What lists say that have no text of their own.
pub(super) struct Defaults<'a> {
    contact: Option<&'a str>,
    /// To sources, as it is written.
    text: Option<&'a raw::Text>,
    /// To contained inside hosts.
    outbound: Text,
}

impl<'a> Defaults<'a> {
    /// Checks what is written of them, as far as it says the same for every list.
    pub(super) fn of(raw: &'a raw::Answers) -> Result<Self, Fault> {
        let contact = raw.contact.as_ref().map(contact).transpose()?;
        // Of a list; what that has no value for is looked at with each list that uses it.
        let any = Text::literal("x");
        let words = Words { list: Some("x"), url: Some(&any), contact };
        if let Some(template) = &raw.text {
            text(template, words)?;
        }
        let words = Words { contact, ..Words::default() };
        let outbound = match &raw.outbound_text {
            Some(template) => text(template, words)?,
            None => known(
                &format!(
                    "this host may not send mail directly; use submission on port 587{}",
                    when(contact.is_some(), "; contact {contact}")
                ),
                words,
            ),
        };
        Ok(Self { contact, text: raw.text.as_ref(), outbound })
    }

    /// What is said in the name of a list or zone (`of`) to sources if there is no text of its own.
    fn inbound(&self, words: Words<'_>, of: &str, used: bool) -> Result<Text, Fault> {
        if let Some(template) = self.text.filter(|_| used) {
            let name = words.list.unwrap_or_default();
            return Text::new(template.get_ref(), words).map_err(|error| {
                Fault::new(template.span(), format!("{}, for the {of} {name:?}", told(&error)))
            });
        }
        let template = format!(
            "{{address}} is on the list {{list}}{}{}",
            when(words.url.is_some(), "; see {url}"),
            when(words.contact.is_some(), "; contact {contact}")
        );
        Ok(known(&template, words))
    }
}

/// What a list says to inside hosts that write to its destinations. The address in a reply is theirs, so a page about it says
/// nothing of the destination.
fn outbound(words: Words<'_>) -> Text {
    let template = format!(
        "the destination is on the list {{list}}{}{}",
        when(words.url.is_some_and(|url| url.addresses() == 0), "; see {url}"),
        when(words.contact.is_some(), "; contact {contact}")
    );
    known(&template, words)
}

const fn when(holds: bool, words: &str) -> &str {
    if holds { words } else { "" }
}

/// One of our own templates, which fits whatever is filled in: a test tries the longest.
fn known(template: &str, words: Words<'_>) -> Text {
    Text::new(template, words).unwrap_or_else(|_| Answer::default().text)
}

/// What a list says, and what it limits. `actions` are all that it does.
pub(super) fn answers(
    raw: &raw::List,
    applies: Applies,
    actions: &[ListAction],
    feed: Option<&Feed>,
    defaults: &Defaults<'_>,
) -> Result<Answers, Fault> {
    let url = match (&raw.info_url, feed) {
        (Some(raw), _) => Some(info_url(raw)?),
        (None, Some(feed)) => Some(Text::literal(feed.homepage)),
        (None, None) => None,
    };
    let words = Words { list: Some(raw.name.get_ref()), url: url.as_ref(), contact: defaults.contact };
    let manner = Manner::from(raw);
    let own = manner.text.map(|template| text(template, words)).transpose()?;
    let limit = limit_of(manner)?;
    let used = applies.to_inbound() && actions.iter().any(|action| action.refuses(limit));
    let (inbound, outbound) = match own {
        Some(own) => (own.clone(), own),
        None => (defaults.inbound(words, "list", used)?, outbound(words)),
    };
    Ok(Answers { inbound: answer(manner, limit, inbound), outbound: answer(manner, limit, outbound) })
}

/// What a threshold says in the name of a zone that counts for it.
pub(super) fn of_zone(
    manner: Manner<'_>,
    limit: Limit,
    (name, url): (&str, Option<&Text>),
    used: bool,
    defaults: &Defaults<'_>,
) -> Result<Answer, Fault> {
    let words = Words { list: Some(name), url, contact: defaults.contact };
    let said = match manner.text {
        Some(template) => Text::new(template.get_ref(), words).map_err(|error| {
            // The same for all zones, or for want of this one's page.
            let of = if matches!(error, TextError::Missing(Placeholder::Url)) {
                format!(", for the zone {name:?}")
            } else {
                String::new()
            };
            Fault::new(template.span(), format!("{}{of}", told(&error)))
        })?,
        None => defaults.inbound(words, "zone", used)?,
    };
    Ok(answer(manner, limit, said))
}

fn answer(manner: Manner<'_>, limit: Limit, text: Text) -> Answer {
    let stage = match manner.refuse_at.unwrap_or_default() {
        RefuseAt::Recipient => Stage::Recipient,
        RefuseAt::Greeting => Stage::Greeting,
    };
    Answer { stage, temporary: manner.refuse_with.unwrap_or_default() == RefuseWith::Temporary, text, limit }
}

/// What is limited.
pub(super) fn limit_of(manner: Manner<'_>) -> Result<Limit, Fault> {
    Ok(Limit {
        prefix_v4: number(manner.limit_prefix_v4, Limit::default().prefix_v4, 1, 32)?,
        prefix_v6: number(manner.limit_prefix_v6, Limit::default().prefix_v6, 1, 128)?,
        ..limit(manner.limit_per_minute, manner.limit_burst, manner.limit_then)?
    })
}

fn limit(
    per_minute: Option<&Number>,
    burst: Option<&Number>,
    then: Option<&raw::Text>,
) -> Result<Limit, Fault> {
    let default = Limit::default();
    Ok(Limit {
        per_minute: number(per_minute, default.per_minute, 1, MAX_PER_MINUTE)?,
        burst: number(burst, default.burst, 1, MAX_PER_MINUTE)?,
        then: then.map_or(Ok(default.then), stopping)?,
        ..default
    })
}

/// What a contained host is told, and how it is limited.
pub(super) fn of_step(manner: Manner<'_>, limit: Limit, defaults: &Defaults<'_>) -> Result<Answer, Fault> {
    let words = Words { contact: defaults.contact, ..Words::default() };
    let own = manner.text.map(|template| text(template, words)).transpose()?;
    Ok(answer(manner, limit, own.unwrap_or_else(|| defaults.outbound.clone())))
}

/// An action that stops a connection.
pub(super) fn stopping(raw: &raw::Text) -> Result<Action, Fault> {
    match raw.get_ref().as_str() {
        "drop" => Ok(Action::Drop),
        "tarpit" => Ok(Action::Tarpit),
        "reset" => Ok(Action::Reset),
        "refuse" => Ok(Action::Refuse),
        other => {
            let message =
                format!("{other:?} cannot be done here; use \"drop\", \"tarpit\", \"reset\" or \"refuse\"");
            Err(Fault::new(raw.span(), message))
        }
    }
}

pub(super) fn answering(raw: &raw::Answers) -> Result<Answering, Fault> {
    let per_second = |raw: Option<&Number>, default| number(raw, default, 1, MAX_PER_SECOND);
    Ok(Answering {
        name: raw.name.as_ref().map(name).transpose()?,
        per_second: per_second(raw.per_second.as_ref(), 10_000)?,
        per_second_per_prefix: per_second(raw.per_second_per_prefix.as_ref(), 100)?,
        prefix_v4: number(raw.prefix_v4.as_ref(), 24, 1, 32)?,
        prefix_v6: number(raw.prefix_v6.as_ref(), 56, 1, 128)?,
        tarpit_per_second: per_second(raw.tarpit_per_second.as_ref(), 1000)?,
    })
}

fn name(raw: &raw::Text) -> Result<HostName, Fault> {
    HostName::new(raw.get_ref()).ok_or_else(|| {
        let rule = format!(
            "letters, digits and '-' with dots between, such as \"mx.example.com\", {MAX_NAME_LEN} octets at most"
        );
        Fault::new(raw.span(), format!("{:?} is no name of a host, which is {rule}", raw.get_ref()))
    })
}

fn contact(raw: &raw::Text) -> Result<&str, Fault> {
    let contact = raw.get_ref();
    let good = |octet: u8| matches!(octet, b' '..=b'~') && !matches!(octet, b'{' | b'}');
    if contact.trim() != contact || contact.is_empty() || !contact.bytes().all(good) {
        let message =
            format!("{contact:?} is no contact, which is printable ASCII such as \"postmaster@example.com\"");
        return Err(Fault::new(raw.span(), message));
    }
    match contact.len().checked_sub(MAX_CONTACT_LEN) {
        None | Some(0) => Ok(contact),
        Some(beyond) => {
            let message = format!("{beyond} octets too long; write {MAX_CONTACT_LEN} at most");
            Err(Fault::new(raw.span(), message))
        }
    }
}

/// A URL in which the address may stand.
pub(super) fn info_url(raw: &raw::Text) -> Result<Text, Fault> {
    let fault = |message: String| Fault::new(raw.span(), message);
    let template = raw.get_ref();
    // RFC 3986 §2; what is not among them must be percent-encoded.
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-._~:/?#[]@!$&'()*+,;=%".contains(c);
    let url = Text::new(template, Words::default()).map_err(|error| match error {
        TextError::Missing(_) | TextError::Unknown(_) => {
            fault("an info_url holds no placeholder but {address}".to_owned())
        }
        error => fault(told(&error)),
    })?;
    if let Some(bad) = url.pieces().iter().flat_map(|piece| piece.chars()).find(|c| !allowed(*c)) {
        return Err(fault(format!("{bad:?} cannot stand in a URL; write it as %{:02X}", u32::from(bad))));
    }
    if url.addresses() > MAX_URL_ADDRESSES {
        return Err(fault(format!("{{address}} stands in it more than {MAX_URL_ADDRESSES} times")));
    }
    if let Some(beyond) = url.longest().checked_sub(MAX_URL_LEN).filter(|beyond| *beyond > 0) {
        return Err(fault(format!(
            "{beyond} octets too long; a URL in a reply is {MAX_URL_LEN} at most, with the longest address"
        )));
    }
    for address in ["192.0.2.1", "2001:db8::1"] {
        let shown = url.with(address);
        let parsed = Url::parse(&shown).map_err(|cause| fault(format!("{shown:?} is no URL: {cause}")))?;
        if !matches!(parsed.scheme(), "http" | "https" | "mailto") {
            return Err(fault(format!("{template:?}: write a URL with http, https or mailto")));
        }
    }
    Ok(url)
}

fn text(raw: &raw::Text, words: Words<'_>) -> Result<Text, Fault> {
    Text::new(raw.get_ref(), words).map_err(|error| Fault::new(raw.span(), told(&error)))
}

/// What is wrong with a text, and which key would help.
fn told(error: &TextError) -> String {
    let cure = match error {
        TextError::Missing(Placeholder::Url) => ": there is no info_url",
        TextError::Missing(Placeholder::Contact) => ": write answers.contact too",
        TextError::Missing(Placeholder::List) => ": this text is of no list",
        _ => "",
    };
    format!("{error}{cure}")
}

#[cfg(test)]
mod tests;
