use super::Scale;
use super::report::Sessions;
use anyhow::Result;
pub(crate) fn measure(_scale: Scale) -> Result<Sessions> {
    Ok(Sessions::new(0.0, 0.0, vec![]))
}
