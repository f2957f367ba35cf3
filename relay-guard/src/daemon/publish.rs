//! When policy is published: at the start, when lists or this machine's addresses change, and with a new configuration.

use ipnet::IpNet;

use super::{
    lists::ListSet,
    policy::{PublishError, protected},
    state::State,
};
use crate::config::Config;

impl State {
    /// Compiles lists, protected networks and ports, and puts them in force.
    pub(super) fn publish(&mut self) -> Result<(), PublishError> {
        let protected = protected(&self.config, &self.addresses);
        self.published.publish(&self.config, protected, &mut self.lists, &mut self.datapath)
    }

    /// Publishes anew while the daemon runs; what is refused is told, and the old table stays.
    pub(super) fn republish(&mut self) {
        let published = self.publish();
        self.unpublished =
            published.err().map(|error| format!("the last change of lists is not in force: {error}"));
        self.unpublished.iter().for_each(|error| tracing::error!("{error}"));
    }

    /// Takes this machine's addresses; where others are protected now, tables follow. What is refused is not tried again
    /// before something changes.
    pub(super) fn take_addresses(&mut self, addresses: Vec<(IpNet, u32)>) {
        let before = protected(&self.config, &self.addresses);
        self.addresses = addresses;
        if protected(&self.config, &self.addresses) != before {
            tracing::info!("addresses of this machine have changed; protected networks follow");
            self.republish();
        }
    }

    /// Puts lists of a new configuration in force. Where they hold what they held, only what they do is written.
    pub(super) fn put_in_force(&mut self, new: &Config, lists: &mut ListSet) -> Result<(), PublishError> {
        let protected = protected(new, &self.addresses);
        let same = self.unpublished.is_none() && lists.holds_what(&self.lists);
        if same && protected == *self.published.protected() {
            return self.published.publish_rules(new, lists, &mut self.datapath);
        }
        self.published.publish(new, protected, lists, &mut self.datapath)
    }
}
