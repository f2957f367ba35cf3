//! What a thread does with what it begins with.

use super::*;
use crate::config::Hosts;

#[test]
fn who_was_declared_while_no_daemon_ran_is_not_contained_again() {
    let excepted = Hosts { excepted: vec![ZOMBIE.into()], ..Default::default() };
    let servers = Hosts { own_servers: vec![ZOMBIE.into()], ..Default::default() };
    for (declared, stays) in [(Hosts::default(), true), (excepted, false), (servers, false)] {
        let kinds = Arc::new(Kinds::new(&declared, [], []));
        let left = Contained { address: ZOMBIE, step: 2, until_ns: monotonic_ns() + HOUR_NS };
        let adopted = Beginning { kinds: Arc::clone(&kinds), contained: vec![left], ..beginning("") };
        let (mut earlier, ..) = work(Beginning { contained: vec![left], ..beginning("") });
        let (answer, mut saved) = oneshot::channel();
        earlier.answer(Request::Saved(answer));
        let restored = Beginning { kinds, saved: saved.try_recv().expect("an answer"), ..beginning("") };
        for beginning in [adopted, restored] {
            let (work, ..) = work(beginning);
            let all = if stays { vec![(ZOMBIE, 2)] } else { Vec::new() };
            assert_eq!(work.outputs.last().and_then(contained), Some(all), "{declared:?}");
            let released = Output::Command(Command::Release { address: ZOMBIE });
            assert_eq!(work.outputs.contains(&released), !stays, "{declared:?}: {:?}", work.outputs);
        }
    }
}
