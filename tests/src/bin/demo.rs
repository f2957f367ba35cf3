//! `demo`: relay-guard at work between namespaces of this machine; see `relay_guard_tests::demo`.

use std::process::ExitCode;

use clap::Parser;
use relay_guard_tests::demo::{self, DEFAULT_SECONDS, End, Interrupt, LEAST_SECONDS, Options};

/// The shell's convention for "ended by SIGINT".
const INTERRUPTED: u8 = 130;

/// Shows relay-guard at work: mail through a guarded gateway, all in namespaces of this machine.
///
/// Clean senders deliver; those on one list are dropped and learn nothing, those on another are refused and learn why;
/// an inside host turns zombie, is found and contained, while the declared mail server and an excepted monitoring host
/// keep sending. Needs root, and relay-guard beside this program
/// or named by RELAY_GUARD_BIN. Leaves nothing behind.
#[derive(Debug, Parser)]
#[command(name = "demo", after_help = EXIT_CODES)]
struct Arguments {
    /// Print the result as one JSON object on the last line of standard output; all else goes to standard error.
    #[arg(long)]
    json: bool,
    /// Print lines of progress instead of the live view, also at a terminal.
    #[arg(long)]
    plain: bool,
    /// Seconds of traffic.
    #[arg(long, value_name = "N", default_value_t = DEFAULT_SECONDS,
        value_parser = clap::value_parser!(u64).range(LEAST_SECONDS..=3600))]
    seconds: u64,
}

const EXIT_CODES: &str = "\
Exit codes:
  0    all is as it must be
  1    something is not; the summary says what
  2    it could not run
  130  interrupted";

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let options = Options { seconds: arguments.seconds, plain: arguments.plain };
    match Interrupt::on_signals().and_then(|interrupt| demo::run(options, &interrupt)) {
        Ok(End::Finished { report, summary }) => {
            if arguments.json {
                eprint!("\n{summary}");
                println!("{}", serde_json::json!(*report));
            } else {
                print!("\n{summary}");
            }
            ExitCode::from(u8::from(!report.ok))
        }
        Ok(End::Interrupted) => {
            eprintln!("interrupted");
            ExitCode::from(INTERRUPTED)
        }
        Err(error) => {
            eprintln!("demo: {error:#}");
            ExitCode::from(2)
        }
    }
}
