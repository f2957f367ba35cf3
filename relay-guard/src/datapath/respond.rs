//! What the kernel answers with, and what came of answering.

use relay_guard_common::{
    address::Address,
    respond::{
        limits::Answering,
        response::Response,
        step::{Step, Steps},
    },
};

use super::{Datapath, DatapathError};

impl Datapath {
    /// Writes a response. Rules that name its place must not be in force.
    ///
    /// # Errors
    /// If the kernel refuses the write.
    pub fn set_response(&mut self, place: u16, response: &Response) -> Result<(), DatapathError> {
        self.responses.set(place.into(), response, 0).map_err(DatapathError::map("write a response"))
    }

    /// What holds for all answers.
    ///
    /// # Errors
    /// If the map cannot be read.
    pub fn answering(&self) -> Result<Answering, DatapathError> {
        self.answering.get(&0, 0).map_err(DatapathError::map("read what holds for answers"))
    }

    /// Writes what holds for all answers.
    ///
    /// # Errors
    /// If the kernel refuses the write.
    pub fn set_answering(&mut self, answering: &Answering) -> Result<(), DatapathError> {
        self.answering.set(0, answering, 0).map_err(DatapathError::map("write what holds for answers"))
    }

    /// Writes the addresses that nothing is answered to; all others are forgotten. Those that find no room are left out.
    ///
    /// # Errors
    /// If the kernel refuses a write.
    pub fn set_own_addresses(&mut self, addresses: &[Address]) -> Result<(), DatapathError> {
        let known: Vec<Address> = self.own_addresses.keys().filter_map(Result::ok).collect();
        for address in known.iter().filter(|address| !addresses.contains(address)) {
            self.own_addresses.remove(address).map_err(DatapathError::map("forget an address"))?;
        }
        for address in addresses.iter().filter(|address| !known.contains(address)) {
            self.own_addresses.insert(address, 1, 0).map_err(DatapathError::map("write an address"))?;
        }
        Ok(())
    }

    /// How often each step of answering was made for a class, summed over CPUs; class 0: for what no class decided.
    ///
    /// # Errors
    /// If the map cannot be read.
    pub fn steps(&self, class: u32) -> Result<Steps, DatapathError> {
        let values = self.steps.get(&class, 0).map_err(DatapathError::map("read steps"))?;
        Ok(values.iter().fold([0; Step::ALL.len()], |mut sum: Steps, steps| {
            sum.iter_mut().zip(steps).for_each(|(sum, count)| *sum = sum.wrapping_add(*count));
            sum
        }))
    }
}
