//! `relay-guard reload`.

use hyper::Method;

use super::{Arguments, Outcome, directories, output};
use crate::control::{
    api::Done,
    client::{self, ClientError},
};

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Outcome> {
    let directories = directories::of(arguments);
    match client::call::<Done>(&directories.run_dir, Method::POST, "/v1/reload", None::<&()>) {
        Ok(done) if arguments.json => output::json(&done)?,
        Ok(done) => output::line(done.done),
        Err(ClientError::Refused(error)) => {
            if arguments.json {
                output::json(&serde_json::json!({ "error": error }))?;
            } else {
                output::line(format!("not reloaded, nothing has changed: {error}"));
            }
            return Ok(Outcome::No);
        }
        Err(error) => return Err(error.into()),
    }
    Ok(Outcome::Fine)
}
