//! Whom servers name in their refusals, by session: a session's replies are shown without these, as a transaction's are.

use std::collections::{BTreeSet, HashMap, HashSet};

use relay_guard_common::flow::FlowKey;

use crate::inspect::{
    local_part,
    observation::{Reply, Transaction},
    words,
};

/// Names of a session that are kept; its line has no more than a few replies.
const MAX_NAMES: usize = 64;
/// Names of all sessions together.
const MAX_IN_ALL: usize = 1 << 20;

/// Whom a session's replies may name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// Local parts, in lower case.
    locals: BTreeSet<Box<str>>,
    /// Whether there may be others.
    pub is_cut: bool,
}

impl Names {
    /// The local parts.
    pub fn iter(&self) -> impl Iterator<Item = &str> + Clone {
        self.locals.iter().map(|local| &**local)
    }
}

/// Whom the replies of sessions name that are not over.
#[derive(Debug, Default)]
pub struct Named {
    sessions: HashMap<FlowKey, Names>,
    names: usize,
}

impl Named {
    /// Takes note of those of a transaction who are named in refusals.
    pub fn note(&mut self, transaction: &Transaction) {
        let said: HashSet<String> =
            refusals(transaction).flat_map(|reply| words(&reply.text)).map(str::to_ascii_lowercase).collect();
        if said.is_empty() {
            return;
        }
        let recipients = transaction.recipients.iter().map(|recipient| &*recipient.address);
        let locals = recipients.chain(transaction.mail_from.as_deref()).map(local_part);
        let mut locals = locals.map(str::to_ascii_lowercase).filter(|local| said.contains(local)).peekable();
        let is_cut = transaction.recipients_left_out > 0;
        if locals.peek().is_none() && !is_cut {
            return;
        }
        let names = self.sessions.entry(transaction.flow).or_default();
        names.is_cut |= is_cut;
        for local in locals {
            let has_room = names.locals.len() < MAX_NAMES && self.names < MAX_IN_ALL;
            if names.locals.contains(&*local) {
                continue;
            }
            if has_room {
                names.locals.insert(local.into());
                self.names += 1;
            }
            names.is_cut |= !has_room;
        }
    }

    /// Whom the replies of a session name, which is over.
    pub fn take(&mut self, flow: &FlowKey) -> Names {
        let names = self.sessions.remove(flow).unwrap_or_default();
        self.names -= names.locals.len();
        names
    }
}

/// Replies of a transaction that refuse.
fn refusals(transaction: &Transaction) -> impl Iterator<Item = &Reply> {
    let of_data = transaction.data.iter().flat_map(|data| data.go_ahead.iter().chain(&data.reply));
    let of_recipients = transaction.recipients.iter().filter_map(|recipient| recipient.reply.as_ref());
    let all =
        transaction.mail_reply.iter().chain(&transaction.last_reply).chain(of_data).chain(of_recipients);
    all.filter(|reply| reply.is_negative())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::Envelopes,
        inspect::{
            hosts::testing::{Message, SECOND, server},
            observation::Session,
        },
        replay::{Shown, lines::SessionLine},
    };

    fn message(recipients: Vec<String>, said: &str) -> Message {
        Message {
            sender: "Boss@example.com".into(),
            recipients,
            to_recipients: said.into(),
            ..Message::default()
        }
    }

    /// How a session is shown, and then whether anything is left of it.
    fn shown(message: &Message, how: Envelopes, left_out: u32) -> Vec<String> {
        let mut transaction = message.transaction(server(1));
        transaction.recipients_left_out = left_out;
        let mut named = Named::default();
        named.note(&transaction);
        named.note(&transaction);
        let session: Session = message.session_of(transaction.flow, SECOND);
        let names = named.take(&session.flow);
        assert_eq!((named.sessions.len(), named.names), (0, 0));
        assert_eq!(named.take(&session.flow), Names::default());
        SessionLine::of(&session, &Shown::new(how, [7; 16]), &names).refused_with
    }

    #[test]
    fn replies_of_a_session_name_nobody_either() {
        let said = "550 5.1.1 jane.doe: no such user, Boss; see <joe@there.example>";
        let message = message(vec!["joe@there.example".into(), "Jane.Doe@there.example".into()], said);
        assert_eq!(shown(&message, Envelopes::Plain, 0), [said]);
        let masked = "550 5.1.1 j…: no such user, B…; see <j…@there.example>";
        assert_eq!(shown(&message, Envelopes::Masked, 0), [masked]);
        let hashed = shown(&message, Envelopes::Hashed, 0).concat();
        assert!(!["jane", "Boss", "joe"].iter().any(|name| hashed.contains(name)), "{hashed}");
        assert_eq!(shown(&message, Envelopes::Hashed, 1), ["550"], "who was left out may be in it");
    }

    #[test]
    fn where_too_many_are_named_no_text_is_shown() {
        let recipients = |count| (0..count).map(|n| format!("p{n}@there.example")).collect::<Vec<_>>();
        let said = |count| (0..count).fold("550".to_owned(), |said, n| format!("{said} p{n}"));
        let last = format!("p{MAX_NAMES}");
        let enough = shown(&message(recipients(MAX_NAMES), &said(MAX_NAMES)), Envelopes::Masked, 0);
        assert!(enough[0].starts_with("550 p… p…") && !enough[0].contains("p1"), "{enough:?}");
        let more = shown(&message(recipients(MAX_NAMES + 1), &said(MAX_NAMES + 1)), Envelopes::Masked, 0);
        assert_eq!(more, ["550"], "{last} is not kept");
        let unnamed = shown(&message(recipients(500), "550 no"), Envelopes::Masked, 0);
        assert_eq!(unnamed, ["550 no"]);
    }
}
