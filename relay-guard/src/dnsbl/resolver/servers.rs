//! Which servers there are, and which of them is asked first.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use super::exchange::Server;
use super::system;
use crate::dnsbl::question::Fault;

/// The most servers; of more, the first.
pub const MAX_SERVERS: usize = 8;

/// The servers, and the one that has answered last when others did not.
#[derive(Debug)]
pub struct Servers {
    /// Whether the system's are asked, which may change.
    of_system: bool,
    now: Mutex<Order>,
}

#[derive(Debug, Default)]
struct Order {
    servers: Vec<Arc<Server>>,
    first: usize,
    /// Why there are none.
    missing: String,
}

impl Servers {
    /// Those of the configuration, or the system's if there are none.
    pub fn new(configured: &[SocketAddr]) -> Self {
        let servers = Self { of_system: configured.is_empty(), now: Mutex::default() };
        if servers.of_system {
            servers.refresh();
        } else {
            servers.set(configured);
        }
        servers
    }

    /// Reads the system's servers again, and says whether they are others now; those that are still named keep their
    /// connections.
    pub fn refresh(&self) -> bool {
        self.of_system && self.take(system::servers())
    }

    fn take(&self, found: Result<Vec<SocketAddr>, String>) -> bool {
        match found {
            // A file that is being written, or gone for a moment: whom we know stays.
            Ok(none) if none.is_empty() => self.addresses().is_empty() && self.set(&[system::LOCAL]),
            Ok(addresses) => self.set(&addresses),
            Err(cause) => {
                self.lock().missing = cause;
                false
            }
        }
    }

    /// Whether they are others now.
    fn set(&self, addresses: &[SocketAddr]) -> bool {
        let mut now = self.lock();
        if now.servers.iter().map(|server| server.address()).eq(addresses.iter().copied().take(MAX_SERVERS)) {
            return false;
        }
        let known = std::mem::take(&mut now.servers);
        let server = |address: &SocketAddr| {
            let same = known.iter().find(|server| server.address() == *address);
            same.map_or_else(|| Arc::new(Server::new(*address)), Arc::clone)
        };
        now.servers = addresses.iter().take(MAX_SERVERS).map(server).collect();
        now.first = 0;
        true
    }

    /// The addresses, in the order of the configuration.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.lock().servers.iter().map(|server| server.address()).collect()
    }

    /// Whom to ask, and whom to ask next; no second one if there is only one.
    ///
    /// # Errors
    /// When there is none.
    pub fn two(&self) -> Result<(Arc<Server>, Option<Arc<Server>>), Fault> {
        let now = self.lock();
        let count = now.servers.len();
        if count == 0 {
            return Err(Fault::Network(format!("no resolver is known: {}", now.missing)));
        }
        let at = |place: usize| Arc::clone(&now.servers[place % count]);
        Ok((at(now.first), (count > 1).then(|| at(now.first + 1))))
    }

    /// From now on this one is asked first: it has answered, and the one before it has not.
    pub fn prefer(&self, server: &Arc<Server>) {
        let mut now = self.lock();
        if let Some(place) = now.servers.iter().position(|known| Arc::ptr_eq(known, server)) {
            now.first = place;
        }
    }

    /// Neither this one, which was asked first, nor the one after it has said anything: those behind them are next.
    pub fn pass(&self, first: &Arc<Server>) {
        let mut now = self.lock();
        let count = now.servers.len();
        // Others may have found out before.
        if now.servers.get(now.first).is_some_and(|known| Arc::ptr_eq(known, first)) {
            now.first = (now.first + 2) % count;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Order> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> SocketAddr {
        ([192, 0, 2, last], 53).into()
    }

    fn order(servers: &Servers) -> Vec<SocketAddr> {
        let (first, second) = servers.two().unwrap();
        [Some(first), second].into_iter().flatten().map(|server| server.address()).collect()
    }

    #[test]
    fn none_is_a_fault_that_says_why() {
        let servers = Servers { of_system: true, now: Mutex::default() };
        servers.take(Err("/etc/resolv.conf: No such file or directory".to_owned()));
        let fault = servers.two().unwrap_err().to_string();
        assert!(fault.contains("no resolver is known: /etc/resolv.conf: No such file"), "{fault}");
    }

    #[test]
    fn where_the_system_names_none_this_machine_is_asked() {
        let servers = Servers { of_system: true, now: Mutex::default() };
        assert!(servers.take(Ok(Vec::new())));
        assert_eq!(servers.addresses(), [system::LOCAL]);
    }

    #[test]
    fn the_one_that_answers_is_first_until_the_system_names_others() {
        let servers = Servers { of_system: true, now: Mutex::default() };
        assert!(servers.take(Ok(vec![address(1), address(2), address(3)])));
        assert_eq!(order(&servers), [address(1), address(2)]);
        let second = servers.two().unwrap().1.unwrap();
        servers.prefer(&second);
        assert_eq!(order(&servers), [address(2), address(3)]);
        assert!(!servers.take(Err("cannot be read for a moment".to_owned())));
        assert!(!servers.take(Ok(Vec::new())), "it is being written");
        assert!(!servers.take(Ok(vec![address(1), address(2), address(3)])));
        assert_eq!(order(&servers), [address(2), address(3)]);
        assert!(servers.take(Ok(vec![address(2)])));
        assert_eq!(order(&servers), [address(2)]);
        assert!(Arc::ptr_eq(&servers.two().unwrap().0, &second), "it keeps its connection");
    }

    #[test]
    fn two_that_say_nothing_are_passed_once() {
        let servers = Servers::new(&[address(1), address(2), address(3)]);
        let first = servers.two().unwrap().0;
        servers.pass(&first);
        assert_eq!(order(&servers), [address(3), address(1)]);
        servers.pass(&first);
        assert_eq!(order(&servers), [address(3), address(1)], "another question has been as unlucky");
        servers.pass(&servers.two().unwrap().0);
        assert_eq!(order(&servers), [address(2), address(3)]);
        for few in 1..=2 {
            let servers = Servers::new(&[address(1), address(2)][..few]);
            servers.pass(&servers.two().unwrap().0);
            assert_eq!(servers.two().unwrap().0.address(), address(1));
        }
    }

    #[test]
    fn only_so_many_are_asked() {
        let all: Vec<_> = (0..20).map(address).collect();
        assert_eq!(Servers::new(&all).addresses(), all[..MAX_SERVERS]);
    }
}
