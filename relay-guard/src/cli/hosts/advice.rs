//! What the administrator can do about a host.

use super::{detail::doing, shown};
use crate::control::api::HostDetail;

pub(super) fn lines(detail: &HostDetail) -> Vec<String> {
    let host = &detail.host;
    let address = shown(host.address, &host.kind);
    if host.state == "quiet" {
        return Vec::new();
    }
    let mut lines = vec![look(&host.kind)];
    if host.state == "contained" {
        lines.push(format!("  It is {}. If it is clean: `relay-guard release {address}`", doing(host)));
    } else {
        lines.extend(why_free(detail));
    }
    match host.kind.as_str() {
        "host" => lines.extend([
            format!("  If it may send: `relay-guard allow {address} --for 1d`, or for good"),
            "    hosts.mail_servers or hosts.excepted in the configuration".to_owned(),
        ]),
        "network" => lines.extend([
            format!("  To stop all of it: `relay-guard block {address} --for 1h`"),
            "  If these are mail servers, declare them: hosts.mail_servers".to_owned(),
        ]),
        "allowed" => lines.push(format!("  `relay-guard remove {address}` takes the allow back")),
        _ => lines.push(format!("  To stop it now: `relay-guard block {address} --for 1h`")),
    }
    lines
}

/// Where to look first.
fn look(kind: &str) -> String {
    let text = match kind {
        "mail-server" | "own-server" => {
            "  Look for an account that sends too much in the server's log; change its password"
        }
        "gateway" => "  Look at which process of this machine sends mail",
        "network" => {
            "  A machine there takes ever other addresses: find it by its MAC address\n    (`ip -6 neigh`), or by the port of the switch"
        }
        _ => "  Look at the machine: what sends this mail is hardly a person",
    };
    text.to_owned()
}

/// Why a host that sends like a bot is not contained.
fn why_free(detail: &HostDetail) -> Vec<String> {
    let (judging, host) = (&detail.judging, &detail.host);
    let first = judging.steps.iter().find(|step| step.action != "report");
    let may_be_contained = match host.kind.as_str() {
        "host" => true,
        "mail-server" => judging.contain_mail_servers,
        _ => return vec!["  It is never contained".to_owned()],
    };
    match first {
        _ if !may_be_contained => vec![
            "  It is a declared mail server, and contained only with".to_owned(),
            "    inspection.contain_mail_servers = true".to_owned(),
        ],
        _ if judging.mode == "observe" => vec!["  It is not contained: mode is observe".to_owned()],
        None => vec!["  It is not contained: no step of [[containment]] does more than report".to_owned()],
        Some(step) if host.score < step.score => {
            vec![format!(
                "  It is not contained: the first step that does is {} at {}",
                step.action, step.score
            )]
        }
        Some(_) => Vec::new(),
    }
}
