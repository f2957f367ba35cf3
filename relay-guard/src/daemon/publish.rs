//! When policy is published: at the start, when lists or this machine's addresses change, and with a new configuration.

use ipnet::IpNet;
use tokio::task::spawn_blocking;

use super::{
    clock::Tick,
    lists::ListSet,
    policy::{Draft, Prepared, PublishError, protected},
    state::State,
};
use crate::config::Config;

impl State {
    /// What is to be compiled now, if anything. Where lists only do something else, that is put in force at once.
    pub(super) fn draft(&mut self, now: Tick) -> Option<Draft> {
        let (lists, protected) = (self.lists.weighed(now.unix_s), protected(&self.config, &self.addresses));
        let draft = self.published.draft(&self.config, lists.clone(), protected);
        if draft.is_none() && !self.published.rules_are(&lists) {
            // That rules are in force says nothing of a table that is not.
            if let Err(error) =
                self.published.publish_rules(&self.config, lists, &mut self.verdicts, &mut self.datapath)
            {
                self.note_published(Err(error));
            }
            self.follow_lookups();
        }
        draft
    }

    /// Takes what came of compiling.
    pub(super) fn install(&mut self, prepared: Result<Prepared, PublishError>, now: Tick) {
        let published = prepared.and_then(|prepared| {
            let (lists, verdicts, datapath) = (&mut self.lists, &mut self.verdicts, &mut self.datapath);
            self.published.install(prepared, &self.config, now.unix_s, lists, verdicts, datapath)
        });
        // In force or given up: there is no other to wait for.
        self.published.table.pending = false;
        self.note_published(published);
        self.follow_lookups();
    }

    /// Keeps why the last change of lists is not in force, if it is not, and logs it when it is news; the table before it
    /// is in force.
    fn note_published(&mut self, published: Result<(), PublishError>) {
        let unpublished =
            published.err().map(|error| format!("the last change of lists is not in force: {error}"));
        if let Some(error) = unpublished.as_ref().filter(|error| Some(*error) != self.unpublished.as_ref()) {
            tracing::error!("{error}");
        }
        self.unpublished = unpublished;
    }

    /// Takes this machine's addresses: they are not answered to from now on. Where others are protected now, the table
    /// will follow.
    pub(super) fn take_addresses(&mut self, addresses: Vec<(IpNet, u32)>) {
        let before = protected(&self.config, &self.addresses);
        if self.addresses != addresses {
            self.inspection.kinds_changed();
        }
        self.addresses = addresses;
        if protected(&self.config, &self.addresses) != before {
            tracing::info!("addresses of this machine have changed; protected networks follow");
        }
        if let Err(error) = self.write_own_addresses() {
            // The next tick tries it again.
            self.notice(Err(error));
        }
    }

    /// Puts lists of a configuration in force. Where they hold what they held, only what they do is written.
    pub(super) async fn put_in_force(
        &mut self,
        config: &Config,
        mut lists: ListSet,
        now: Tick,
    ) -> Result<ListSet, PublishError> {
        let weighed = lists.weighed(now.unix_s);
        let Some(draft) = self.published.draft(config, weighed.clone(), protected(config, &self.addresses))
        else {
            self.published.publish_rules(config, weighed, &mut self.verdicts, &mut self.datapath)?;
            return Ok(lists);
        };
        let prepared = spawn_blocking(|| draft.prepare()).await;
        // It can only have panicked: nobody cancels it.
        let prepared = prepared.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
        let installed = prepared.and_then(|prepared| {
            let (verdicts, datapath) = (&mut self.verdicts, &mut self.datapath);
            self.published.install(prepared, config, now.unix_s, &mut lists, verdicts, datapath)
        });
        // What failed for this configuration says nothing about that in force.
        installed.inspect_err(|_| self.published.forget_draft())?;
        Ok(lists)
    }
}
