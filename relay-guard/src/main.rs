//! The `relay-guard` binary: glue. The work is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    relay_guard::cli::main()
}
