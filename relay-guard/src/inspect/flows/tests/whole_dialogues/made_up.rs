//! Dialogues that are made up, each address and each reply of which is there once.

use super::*;

/// A dialogue, and the first words of its replies.
#[derive(Clone, Debug)]
pub struct MadeUp {
    pub turns: Vec<Turn>,
    pub replies: Vec<String>,
}

/// A transaction: whether the sender and each recipient is accepted, whether the message is, and how it is sent.
#[derive(Clone, Debug)]
struct Plan {
    sender: bool,
    recipients: Vec<bool>,
    message: bool,
    transfer: Transfer,
    lines: usize,
}

#[derive(Clone, Copy, Debug)]
enum Transfer {
    Data,
    Pipelined,
    Chunked,
}

fn plan() -> impl Strategy<Value = Plan> {
    let transfer = prop_oneof![Just(Transfer::Data), Just(Transfer::Pipelined), Just(Transfer::Chunked)];
    (prop::bool::weighted(0.9), vec(prop::bool::weighted(0.7), 1..5), any::<bool>(), transfer, 0..6_usize)
        .prop_map(|(sender, recipients, message, transfer, lines)| Plan {
            sender,
            recipients,
            message,
            transfer,
            lines,
        })
}

/// Dialogues of a few transactions.
pub fn made_up() -> impl Strategy<Value = MadeUp> {
    vec(plan(), 1..5).prop_map(|plans| {
        let mut writer = Writer::default();
        writer.server(220, true);
        writer.client("EHLO client.example\r\n");
        writer.say_server("250-mx.example\r\n250-PIPELINING\r\n250 CHUNKING\r\n");
        plans.iter().for_each(|plan| writer.transaction(plan));
        writer.client("QUIT\r\n");
        writer.server(221, true);
        MadeUp { turns: writer.turns, replies: writer.replies }
    })
}

#[derive(Default)]
struct Writer {
    turns: Vec<Turn>,
    replies: Vec<String>,
    /// Commands of a group whose replies come later.
    waiting: Vec<(u16, bool)>,
    names: usize,
}

impl Writer {
    fn say(&mut self, from: Party, words: &[u8]) {
        match self.turns.last_mut() {
            Some((before, said)) if *before == from => said.extend_from_slice(words),
            _ => self.turns.push((from, words.to_vec())),
        }
    }

    fn client(&mut self, words: &str) {
        self.say(Client, words.as_bytes());
    }

    fn say_server(&mut self, words: &str) {
        self.say(Server, words.as_bytes());
    }

    /// A reply whose text is there once; some have several lines.
    fn server(&mut self, code: u16, is_ok: bool) {
        let code = if is_ok { code } else { 550 };
        let word = format!("r{}", self.replies.len());
        if self.replies.len().is_multiple_of(3) {
            self.say_server(&format!("{code}-first\r\n"));
        }
        self.say_server(&format!("{code} {word} text\r\n"));
        self.replies.push(word);
    }

    /// A command; its reply comes now, or with those of its group.
    fn command(&mut self, words: &str, code: u16, is_ok: bool, is_pipelined: bool) {
        self.client(words);
        self.waiting.push((code, is_ok));
        if !is_pipelined {
            self.answer();
        }
    }

    fn answer(&mut self) {
        for (code, is_ok) in std::mem::take(&mut self.waiting) {
            self.server(code, is_ok);
        }
    }

    fn name(&mut self) -> usize {
        self.names += 1;
        self.names
    }

    fn transaction(&mut self, plan: &Plan) {
        let is_pipelined = matches!(plan.transfer, Transfer::Pipelined);
        let sender = self.name();
        self.command(&format!("MAIL FROM:<s{sender}@client.example>\r\n"), 250, plan.sender, is_pipelined);
        if !plan.sender && !is_pipelined {
            return self.command("RSET\r\n", 250, true, false);
        }
        for is_ok in &plan.recipients {
            let name = self.name();
            let is_ok = *is_ok && plan.sender;
            self.command(&format!("RCPT TO:<r{name}@mx.example>\r\n"), 250, is_ok, is_pipelined);
        }
        let is_wanted = plan.sender && plan.recipients.contains(&true);
        match plan.transfer {
            Transfer::Data | Transfer::Pipelined if is_wanted => self.data(plan),
            Transfer::Chunked if is_wanted => self.chunks(plan),
            _ => {
                self.answer();
                self.command("RSET\r\n", 250, true, false);
            }
        }
    }

    /// Content that looks like commands.
    fn content(&mut self, plan: &Plan) -> String {
        let line = |line: usize| match line % 3 {
            0 => format!("MAIL FROM:<fake{line}@content.example>\r\n"),
            1 => format!("RCPT TO:<fake{line}@content.example>\r\n"),
            _ => "..\r\n".to_owned(),
        };
        (0..plan.lines).map(line).collect()
    }

    fn data(&mut self, plan: &Plan) {
        self.command("DATA\r\n", 354, true, true);
        self.answer();
        let content = self.content(plan);
        self.client(&content);
        self.command(".\r\n", 250, plan.message, false);
    }

    fn chunks(&mut self, plan: &Plan) {
        let content = self.content(plan);
        self.command(&format!("BDAT {}\r\n{content}", content.len()), 250, true, false);
        self.command(&format!("BDAT {} LAST\r\n{content}", content.len()), 250, plan.message, false);
    }
}
