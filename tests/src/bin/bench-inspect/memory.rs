use super::report::Memory;
use anyhow::Result;
pub(crate) fn measure() -> Result<Memory> {
    Ok(Memory::default())
}
