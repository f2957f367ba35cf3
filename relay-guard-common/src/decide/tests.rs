use super::*;
use crate::class::MAX_CLASSES;

#[test]
fn a_packed_decision_comes_back_whole() {
    for action in Action::ALL {
        for &reason in Reason::ALL {
            for class in [CLEAN, 1, 255, 256, MAX_CLASSES - 1] {
                for param in [0, 1, 511, u16::MAX] {
                    let decision = Decision { action, reason, class, param };
                    assert_eq!(Decision::unpack(decision.pack()), decision);
                }
            }
        }
    }
    let unknown = Decision::new(Action::Drop, Reason::Listed).pack() | 0xff;
    assert_eq!(Decision::unpack(unknown), Decision::NOTHING_KNOWN);
}
