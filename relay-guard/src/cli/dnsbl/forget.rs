//! `relay-guard dnsbl forget`: after a delisting.

use std::net::IpAddr;

use hyper::Method;

use super::{
    super::{Arguments, Outcome, directories, output},
    address as parsed,
};
use crate::control::{
    api::{ForgetRequest, Forgotten},
    client,
};

/// Forgets an address, or all without one.
pub(super) fn run(arguments: &Arguments, address: Option<&str>) -> anyhow::Result<Outcome> {
    let request = ForgetRequest { address: address.map(parsed).transpose()? };
    let directories = directories::of(arguments);
    let path = "/v1/dnsbl/forget";
    let done: Forgotten = client::call(&directories.run_dir, Method::POST, path, Some(&request))?;
    if arguments.json {
        output::json(&done)?;
    } else {
        output::line(told(request.address, done.forgotten));
    }
    Ok(if done.forgotten > 0 { Outcome::Fine } else { Outcome::No })
}

fn told(address: Option<IpAddr>, forgotten: u64) -> String {
    match (address, forgotten) {
        (Some(address), 0) => format!("{address}: nothing was known of it"),
        (Some(address), _) => format!("forgotten: {address}; zones are asked when it comes again"),
        (None, 0) => "nothing was known of anybody".to_owned(),
        (None, 1) => "forgotten: 1 source".to_owned(),
        (None, many) => format!("forgotten: {} sources", output::number(many)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_forgotten_is_told() {
        let address = Some("192.0.2.7".parse().expect("an address"));
        assert_eq!(told(address, 0), "192.0.2.7: nothing was known of it");
        assert_eq!(told(address, 1), "forgotten: 192.0.2.7; zones are asked when it comes again");
        assert_eq!(told(None, 0), "nothing was known of anybody");
        assert_eq!(told(None, 1), "forgotten: 1 source");
        assert_eq!(told(None, 65_536), "forgotten: 65 536 sources");
    }
}
