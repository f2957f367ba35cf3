//! The lab with an rbldnsd in its gateway.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Result;
use relay_guard_tests::Lab;
use relay_guard_tests::peers::{Rbldnsd, Zone};

use super::zone::{ZONE, text};

/// Where rbldnsd listens, in the gateway: where everybody looks for a resolver who cannot be told of another port.
pub(crate) const RESOLVER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 53);

/// All that runs all the time.
pub(crate) struct Stage {
    _rbldnsd: Rbldnsd,
    // Last, so that it is dropped last.
    pub(crate) lab: Lab,
}

impl Stage {
    pub(crate) fn new() -> Result<Self> {
        let lab = Lab::new()?;
        let directory = lab.fresh_path("zones");
        fs::create_dir(&directory)?;
        let zone = Zone { name: ZONE.to_owned(), kind: "ip4set".to_owned(), files: vec![text()] };
        let rbldnsd = Rbldnsd::start_at(&lab.gateway, &directory, &[zone], RESOLVER)?;
        let stage = Self { _rbldnsd: rbldnsd, lab };
        stage.lab.resolve_in_gateway(RESOLVER.ip())?;
        Ok(stage)
    }
}
