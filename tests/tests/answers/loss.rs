//! A refusal on a link that loses a fifth of all segments, both ways: nobody is left hanging, and nothing goes on for ever.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Result;
use relay_guard_tests::Lab;
use relay_guard_tests::guard::Guard;
use relay_guard_tests::lab::{LossyLink, addresses as addr};
use relay_guard_tests::scene::{attempt_all, listed, listed_lines};
use relay_guard_tests::smtp::{Delivery, Outcome, Stage};

use super::{INFO_URL, TEXT, assert_well_made, config, reason, refused};

/// Of each family.
const CONNECTIONS: usize = 40;
const LOSS_PER_CENT: u32 = 20;
const SEED: u64 = 4;
/// How long a client waits for a connection, and for each reply.
const CLIENT_LIMIT: Duration = Duration::from_secs(4);

/// What a client sends again for want of an answer. Linux repeats a SYN each second at first, and all else after 200 ms, 400
/// ms and so on, with a probe for a lost tail before that: in [`CLIENT_LIMIT`] a SYN goes out 5 times at most; EHLO, MAIL,
/// RCPT and FIN 7 times each, and FIN another 3 while the test looks on.
const MOST_WITH_REPLY: u32 = 5 + 4 * 7 + 3;
/// Each of those has one reply at most, for each of which the client sends one acknowledgement at most. One of them, or a
/// repetition of it, is the handshake's end, which is greeted, and that is acknowledged again.
const MOST_SEGMENTS: u32 = 3 * MOST_WITH_REPLY + 4;
/// A client resets what comes when it has closed for good.
const MOST_RESETS: u32 = 3;

#[test]
fn lost_segments_end_in_a_refusal_or_in_a_timeout() -> Result<()> {
    let lab = Lab::new()?;
    let mut config = config(&lab);
    let keys = [("text", TEXT.into()), ("info_url", INFO_URL.into())];
    config.add_list_with(&lab, "refused", "refuse", &listed_lines(), keys)?;
    let _guard = Guard::start(&lab, &config)?;
    let link = LossyLink::start(&lab, LOSS_PER_CENT, SEED)?;

    let servers = addr::MAIL_SERVER.sockets(addr::SMTP);
    let mails: Vec<_> = listed(4)
        .into_iter()
        .zip(servers)
        .flat_map(|(source, server): (_, SocketAddr)| {
            let mail = Delivery { reply_timeout: CLIENT_LIMIT, ..Delivery::new(source, server) };
            vec![mail.connect_timeout(CLIENT_LIMIT); CONNECTIONS]
        })
        .collect();
    let outcomes = attempt_all(&lab.internet, &mails);
    let mut told = 0;
    for (mail, outcome) in mails.iter().zip(&outcomes) {
        let words = format!("5.7.1 {}", reason(mail.source, "refused"));
        match outcome {
            Outcome::Rejected { .. } => {
                assert_eq!(*outcome, refused(Stage::Rcpt, 550, words));
                told += 1;
            }
            Outcome::ConnectTimeout | Outcome::ReplyTimeout(_) => {}
            other => panic!("{other} for {}", mail.source),
        }
    }
    // A greeting comes if two segments in a row are not lost, as nobody repeats it: four in six. The rest is repeated.
    assert!(told > mails.len() / 3 && told < mails.len(), "{told} of {}: {outcomes:#?}", mails.len());

    let flows = link.flows()?;
    assert_eq!((flows.len(), flows.keys().filter(|key| key.v6).count()), (2 * CONNECTIONS, CONNECTIONS));
    for (key, flow) in flows {
        assert!(flow.back.sent <= flow.out.arrived(), "unasked: {key:?}: {flow:?}");
        assert!(flow.out.sent + flow.back.sent <= MOST_SEGMENTS, "{key:?}: {flow:?}");
        assert_eq!(flow.back.resets, 0, "a client that only repeats was reset: {key:?}: {flow:?}");
        assert!(flow.out.resets <= MOST_RESETS, "{key:?}: {flow:?}");
    }
    assert_eq!(lab.mail.counter("Tcp.InSegs")?, 0);
    assert_well_made(&lab)
}
