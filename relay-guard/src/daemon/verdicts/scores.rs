//! Verdicts of DNSBLs, as they come.

use std::net::IpAddr;

use relay_guard_common::verdict::Verdict;

use super::{VerdictSink, Verdicts};
use crate::datapath::DatapathError;

impl Verdicts {
    /// Writes what DNSBLs say of an address: rules and times, without the administrator's word.
    ///
    /// # Errors
    /// If the kernel refuses it; it is tried again with the next [`sync`](Self::sync).
    pub fn score(
        &mut self,
        address: IpAddr,
        verdict: Verdict,
        sink: &mut impl VerdictSink,
    ) -> Result<(), DatapathError> {
        self.scored.put(address, verdict);
        self.settle(address, sink)
    }

    /// DNSBLs say nothing of an address any more.
    ///
    /// # Errors
    /// If the kernel refuses what is left to be said of it; it is tried again with the next [`sync`](Self::sync).
    pub fn unscore(&mut self, address: IpAddr, sink: &mut impl VerdictSink) -> Result<(), DatapathError> {
        self.scored.remove(address);
        self.settle(address, sink)
    }

    /// From now on DNSBLs say everything anew: what comes next is said by what they are judged by now. What they said before
    /// stays until [`end_scores`](Self::end_scores).
    pub const fn begin_scores(&mut self) {
        self.withdrawn = false;
        self.scored.begin();
    }

    /// They have said everything: what they have not said anew is removed.
    ///
    /// # Errors
    /// The kernel's first refusal; it is tried again with the next [`sync`](Self::sync).
    pub fn end_scores(&mut self, sink: &mut impl VerdictSink) -> Result<(), DatapathError> {
        let over = self.scored.end();
        self.settle_all(over, sink)
    }

    /// Removes all that DNSBLs have said: where groups of ports are about to change, no verdict may be read by the others'
    /// groups.
    ///
    /// # Errors
    /// The kernel's first refusal; it is tried again with the next [`sync`](Self::sync).
    pub fn withdraw_scores(&mut self, sink: &mut impl VerdictSink) -> Result<(), DatapathError> {
        self.withdrawn = true;
        self.clear_scores(sink)
    }

    /// Removes all that DNSBLs have said: somebody wants them to be asked again.
    ///
    /// # Errors
    /// The kernel's first refusal; it is tried again with the next [`sync`](Self::sync).
    pub fn clear_scores(&mut self, sink: &mut impl VerdictSink) -> Result<(), DatapathError> {
        let over = self.scored.clear();
        self.settle_all(over, sink)
    }

    /// Whether DNSBLs have to say everything anew because it was [withdrawn](Self::withdraw_scores).
    #[must_use]
    pub const fn are_withdrawn(&self) -> bool {
        self.withdrawn
    }

    fn settle_all(
        &mut self,
        addresses: Vec<IpAddr>,
        sink: &mut impl VerdictSink,
    ) -> Result<(), DatapathError> {
        let settled = addresses.into_iter().map(|address| self.settle(address, sink));
        // All of them, whatever became of the others.
        settled.fold(Ok(()), Result::and)
    }

    /// What DNSBLs say of an address.
    #[must_use]
    pub fn scored(&self, address: IpAddr) -> Option<&Verdict> {
        self.scored.get(address)
    }

    /// All that DNSBLs say, in no order.
    pub fn scores(&self) -> impl ExactSizeIterator<Item = (IpAddr, &Verdict)> {
        self.scored.iter()
    }
}
