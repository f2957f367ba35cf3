//! What each client has of the table, so that none of them takes the room of all others.

use std::collections::HashMap;

use relay_guard_common::address::Address;

use super::by_use::ByUse;

/// The number of a client's share while it has a session.
#[derive(Clone, Copy, Debug)]
struct Holder(u32);

impl From<Holder> for usize {
    fn from(Holder(number): Holder) -> Self {
        number as Self
    }
}

/// One client's share.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Share {
    /// Sessions.
    pub sessions: usize,
    /// Octets that they take.
    pub bytes: usize,
}

/// Octets that the shares take for a session, at most: each may be its client's only one.
pub(super) const SHARE_BYTES: usize = 3 * size_of::<(Address, Holder)>()
    + 2 * (size_of::<Share>() + 3 * size_of::<u64>() + 4 * size_of::<u32>());

/// The shares of all clients that have one. An IPv6 client is its /64: within that, addresses cost nothing.
#[derive(Debug, Default)]
pub(super) struct Shares {
    /// Keyed at random, as is the index of connections.
    holders: HashMap<Address, Holder>,
    shares: Vec<Share>,
    free: Vec<Holder>,
    by_use: ByUse<Holder>,
}

impl Shares {
    /// Adds a session, which takes nothing yet.
    pub fn insert(&mut self, slot: u32, client: Address) {
        let holder = *self.holders.entry(holder_of(client)).or_insert_with(|| {
            self.free.pop().unwrap_or_else(|| {
                self.shares.push(Share::default());
                Holder(self.shares.len() as u32 - 1)
            })
        });
        self.shares[usize::from(holder)].sessions += 1;
        self.by_use.insert(slot, holder);
    }

    /// Takes a session away that takes so many octets.
    pub fn remove(&mut self, slot: u32, client: Address, bytes: usize) {
        let holder = self.by_use.queue(slot);
        self.by_use.remove(slot);
        let share = &mut self.shares[usize::from(holder)];
        share.sessions -= 1;
        share.bytes -= bytes;
        if share.sessions == 0 {
            self.holders.remove(&holder_of(client));
            self.free.push(holder);
        }
    }

    /// Notes that a session is used now.
    pub fn touch(&mut self, slot: u32) {
        self.by_use.touch(slot, self.by_use.queue(slot));
    }

    /// Notes that a session takes other octets than before.
    pub fn resize(&mut self, slot: u32, before: usize, bytes: usize) {
        let share = &mut self.shares[usize::from(self.by_use.queue(slot))];
        share.bytes = share.bytes - before + bytes;
    }

    /// The share that a session is of, and of that the session that was not used for the longest time.
    pub fn of_session(&self, slot: u32) -> (Share, Option<u32>) {
        let holder = self.by_use.queue(slot);
        (self.shares[usize::from(holder)], self.by_use.oldest(holder))
    }

    /// A client's share, and of that the session that was not used for the longest time.
    pub fn of_client(&self, client: Address) -> (Share, Option<u32>) {
        let holder = self.holders.get(&holder_of(client));
        holder.map_or_else(Default::default, |holder| {
            (self.shares[usize::from(*holder)], self.by_use.oldest(*holder))
        })
    }

    /// Whether nobody has a session.
    #[cfg(test)]
    pub fn is_empty(&self) -> bool {
        self.holders.is_empty() && self.free.len() == self.shares.len()
    }

    /// Heap octets.
    pub fn memory(&self) -> usize {
        self.holders.capacity() * (size_of::<(Address, Holder)>() + 1)
            + self.shares.capacity() * size_of::<Share>()
            + self.free.capacity() * size_of::<Holder>()
            + self.by_use.memory()
    }
}

/// Who counts as one client.
fn holder_of(client: Address) -> Address {
    match client.as_v4() {
        Some(_) => client,
        None => Address::from_halves(client.halves().0, 0),
    }
}
