//! A whole session as it would be spoken: the visitor's end is the same [`Talker`] that goes through the lab, the server's end says
//! what the lab's server would.

use super::talker::{Answer, Talker};
use super::visit::Visit;
use crate::smtp::ServerOptions;

/// Who says something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The visitor.
    Client = 0,
    /// The server.
    Server = 1,
}

/// All that is said, in turns.
#[must_use]
pub fn dialogue(visit: &Visit, server: &ServerOptions) -> Vec<(End, String)> {
    let mut talker = Talker::new(visit);
    let mut command = talker.begins();
    let mut said: Vec<_> = command.iter().map(|text| (End::Client, text.clone())).collect();
    let mut reply = Some(format!("220 {} ESMTP\r\n", server.hostname));
    while let Some(text) = reply.take() {
        let code = text.get(..3).and_then(|code| code.parse().ok()).unwrap_or_default();
        said.push((End::Server, text));
        match talker.hears(code) {
            Answer::Says(text) => {
                said.push((End::Client, text.clone()));
                command = Some(text);
            }
            Answer::Waits => {}
            Answer::Leaves => break,
        }
        reply = command.as_deref().map(|command| reply_to(server, command, visit));
    }
    said
}

/// What the server says to a command, or to content, which is what has more than one line.
fn reply_to(server: &ServerOptions, command: &str, visit: &Visit) -> String {
    let is_content = command.lines().nth(1).is_some();
    let verb = if is_content { "." } else { command.split_whitespace().next().unwrap_or_default() };
    let refusal = server.refusal(verb, command, visit.source);
    let reply = refusal.unwrap_or_else(|| match verb {
        "EHLO" => format!("250-{}\r\n250 8BITMIME", server.hostname),
        "HELO" => format!("250 {}", server.hostname),
        "MAIL" => "250 2.1.0 ok".to_owned(),
        "RCPT" => "250 2.1.5 ok".to_owned(),
        "DATA" => "354 go ahead, end with a dot".to_owned(),
        "." => "250 2.0.0 taken".to_owned(),
        "QUIT" => "221 2.0.0 bye".to_owned(),
        _ => "250 2.0.0 ok".to_owned(),
    });
    reply + "\r\n"
}
