//! What a Postfix of the lab is for, as lines of its configuration.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

use crate::lab::addresses;

/// The domain for which a receiving [`Postfix`](super::Postfix) accepts mail, with any local part.
pub const RECEIVED_DOMAIN: &str = "guarded.example";

/// How a sending Postfix sends.
#[derive(Debug, Clone)]
pub struct Relay {
    /// The source addresses to bind to, one of each family.
    pub sources: [IpAddr; 2],
    /// Which server takes the mail of a domain.
    pub servers: Vec<(String, SocketAddr)>,
    /// Whether it sends by STARTTLS, to whatever certificate, or not at all.
    pub encrypts: bool,
}

impl Relay {
    /// The domain of its own mail: bounces come here.
    pub const OWN_DOMAIN: &str = "sender.example";
    /// Where it takes mail.
    pub const PORT: u16 = 2525;

    /// The socket at which it takes mail, from its own namespace alone.
    #[must_use]
    pub fn submission() -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, Self::PORT))
    }
}

/// What it is for.
#[derive(Debug)]
pub(super) enum Role {
    Receiver,
    /// One that offers STARTTLS.
    TlsReceiver,
    Sender(Relay),
}

impl Role {
    /// The port it listens on.
    pub(super) fn port(&self) -> u16 {
        match self {
            Self::Receiver | Self::TlsReceiver => addresses::SMTP,
            Self::Sender(_) => Relay::PORT,
        }
    }

    /// The same as master.cf names it.
    pub(super) fn service(&self) -> String {
        match self {
            Self::Receiver | Self::TlsReceiver => "smtp".to_owned(),
            Self::Sender(_) => Relay::submission().to_string(),
        }
    }

    /// All of main.cf. `owner`: whose the maildir is.
    pub(super) fn main_cf(&self, home: &Path, owner: u32) -> String {
        let (domain, own) = match self {
            Self::Receiver => (RECEIVED_DOMAIN, String::new()),
            Self::TlsReceiver => (RECEIVED_DOMAIN, tls_lines(home)),
            Self::Sender(relay) => (Relay::OWN_DOMAIN, sender_lines(relay)),
        };
        let home = home.display();
        let inside = [
            addresses::INSIDE_V4.to_string(),
            addresses::SERVERS_V4.to_string(),
            format!("[{}]/64", addresses::INSIDE_V6.network()),
            format!("[{}]/64", addresses::SERVERS_V6.network()),
        ]
        .join(", ");
        format!(
            "compatibility_level = 3.6
queue_directory = {home}/queue
data_directory = {home}/data
maillog_file = {home}/maillog
maillog_file_prefixes = {home}
myhostname = mail.{domain}
mydestination =
mynetworks = 127.0.0.0/8, [::1]/128, {inside}
inet_interfaces = all
inet_protocols = all
virtual_mailbox_domains = {domain}
virtual_mailbox_base = {home}
virtual_mailbox_maps = static:mail/
virtual_minimum_uid = 1
virtual_uid_maps = static:{owner}
virtual_gid_maps = static:{owner}
alias_maps =
alias_database =
smtp_dns_support_level = disabled
smtp_host_lookup = native
smtpd_peername_lookup = no
smtp_connect_timeout = 5s
in_flow_delay = 0s
biff = no
{own}"
        )
    }
}

/// Where key and certificate are, below the Postfix's directory.
pub(super) const TLS_FILE: &str = "etc/tls.pem";

fn tls_lines(home: &Path) -> String {
    format!(
        "smtpd_tls_security_level = may\nsmtpd_tls_chain_files = {}\nsmtpd_tls_loglevel = 1\n",
        home.join(TLS_FILE).display()
    )
}

fn sender_lines(relay: &Relay) -> String {
    let servers = relay.servers.iter().map(|(domain, server)| {
        let (address, port) = (server.ip(), server.port());
        format!("{{ {domain} = smtp:[{address}]:{port} }}")
    });
    let servers: Vec<_> = servers.collect();
    let [v4, v6] = relay.sources;
    let level = if relay.encrypts { "encrypt" } else { "none" };
    format!(
        "smtp_bind_address = {v4}\nsmtp_bind_address6 = {v6}\ntransport_maps = inline:{{ {} }}\n\
         smtp_tls_security_level = {level}\n",
        servers.join(", ")
    )
}
