//! The parser against etherparse, on frames that are well-formed, and on the same after bits were turned, bytes put in
//! and ends cut off.
//!
//! [`frame`] makes the frames, [`agreement`] says whether both find the same in them.

mod agreement;
mod frame;

use std::cell::RefCell;

use agreement::Reached;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

const CASES: u32 = 20_000;

#[test]
fn finds_what_etherparse_finds() {
    let (reached, whole) = (RefCell::new(Vec::new()), RefCell::new(0));
    let mut runner = TestRunner::new(Config { cases: CASES, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&(frame::frames(), frame::mutations()), |(frame, mutations)| {
        let frame = frame::mutate(frame, &mutations);
        reached.borrow_mut().push(agreement::equals_reference(&frame).map_err(TestCaseError::fail)?);
        let by_etherparse = agreement::finds_all_that_etherparse_as_a_whole_finds(&frame);
        *whole.borrow_mut() += u32::from(by_etherparse.map_err(TestCaseError::fail)?);
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
    // How many frames ended where keeps the test from testing nothing.
    for (place, least) in [
        (Reached::TcpV4, 3000),
        (Reached::TcpV6, 2500),
        (Reached::FirstFragment, 300),
        (Reached::TinyFragment, 100),
        (Reached::OtherFragment, 300),
        (Reached::NotTcp, 1000),
        (Reached::Nothing, 1000),
    ] {
        let times = reached.borrow().iter().filter(|reached| **reached == place).count();
        assert!(times >= least, "{place:?} was reached {times} times of {CASES}");
    }
    let whole = *whole.borrow();
    assert!(whole >= 4000, "etherparse alone found TCP {whole} times of {CASES}");
}
