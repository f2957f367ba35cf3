//! The fuzzer, or without the feature `libfuzzer` a program that replays files: `relay-guard-fuzz TARGET FILE…`.
//!
//! libFuzzer has the command line to itself, so there the target's name is in `RELAY_GUARD_FUZZ_TARGET`. All targets are
//! one program: linking is most of what another one would cost, and code that a target does not reach costs nothing.

#![cfg_attr(feature = "libfuzzer", no_main)]

#[cfg(feature = "libfuzzer")]
mod fuzzer {
    use std::sync::LazyLock;

    use relay_guard_fuzz::Target;

    /// The variable that names the target.
    const VARIABLE: &str = "RELAY_GUARD_FUZZ_TARGET";

    static TARGET: LazyLock<Target> = LazyLock::new(|| {
        let name = std::env::var(VARIABLE).unwrap_or_default();
        Target::named(&name).unwrap_or_else(|| panic!("{VARIABLE}: no target is called {name:?}"))
    });

    libfuzzer_sys::fuzz_target!(init: LazyLock::force(&TARGET), |input: &[u8]| TARGET.run(input));
}

#[cfg(not(feature = "libfuzzer"))]
fn main() -> std::process::ExitCode {
    use std::process::ExitCode;

    let mut args = std::env::args().skip(1);
    let name = args.next().unwrap_or_default();
    let Some(target) = relay_guard_fuzz::Target::named(&name) else {
        eprintln!("relay-guard-fuzz: no target is called {name:?}; see `cargo xtask fuzz --list`");
        return ExitCode::from(2);
    };
    for file in args {
        match std::fs::read(&file) {
            Ok(input) => target.run(&input),
            Err(error) => {
                eprintln!("relay-guard-fuzz: {file}: {error}");
                return ExitCode::from(2);
            }
        }
        println!("{file}: fine");
    }
    ExitCode::SUCCESS
}
