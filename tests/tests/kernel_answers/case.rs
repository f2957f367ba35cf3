//! One line of a table: a segment, what becomes of it, what is counted.

use relay_guard_common::respond::step::Step;
use relay_guard_tests::frames::Frame;

use super::connection::Wrapping;
use super::model::Model;
use super::reaction::Reaction;
use super::segment::Segment;
use super::world::Who;

/// A segment of a client, in both families, through each program.
#[derive(Clone)]
pub struct Case {
    /// What is special about it.
    pub what: String,
    pub who: Who,
    pub port: u16,
    pub wrapping: Wrapping,
    pub families: &'static [bool],
    pub segment: Segment,
    pub expect: Reaction,
    pub steps: Vec<Step>,
}

/// A case at port 25, without anything between the headers.
pub fn case(
    what: impl Into<String>,
    who: Who,
    segment: Segment,
    expect: Reaction,
    steps: impl Into<Vec<Step>>,
) -> Case {
    Case {
        what: what.into(),
        who,
        port: 25,
        wrapping: |frame: Frame| frame,
        families: &[false, true],
        segment,
        expect,
        steps: steps.into(),
    }
}

impl Case {
    /// The same to another port.
    pub fn port(self, port: u16) -> Self {
        Self { port, ..self }
    }

    /// The same with something around or between the headers.
    pub fn wrapped(self, wrapping: Wrapping) -> Self {
        Self { wrapping, ..self }
    }

    /// The same in IPv4 alone.
    pub fn v4(self) -> Self {
        Self { families: &[false], ..self }
    }

    /// The same in IPv6 alone.
    pub fn v6(self) -> Self {
        Self { families: &[true], ..self }
    }

    /// What the model says instead, if it does not agree.
    pub fn doubted(&self) -> Option<String> {
        let mut model = Model::default();
        let said = model.react(self.who.action(), &self.who.texts(), self.port, &self.segment);
        let agrees = said == (self.expect.clone(), self.steps.clone());
        (!agrees).then(|| {
            format!("{}:\n  table {:?} {:?}\n  model {:?}", self.what, self.expect, self.steps, said)
        })
    }
}
