//! Starting other programs: where cargo is, what a command looks like on paper, what its end means.

use std::env;
use std::ffi::{OsStr, OsString};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

/// The cargo that runs us, or else the one on `PATH`; programs that `cargo install` put beside it are found
/// by what it starts.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.env("PATH", search_path());
    command
}

/// `PATH` with cargo's own directory for installed programs at the end, unless it is there already.
pub(crate) fn search_path() -> OsString {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = env::split_paths(&path).collect();
    match cargo_bin() {
        Some(bin) if !folders.contains(&bin) => folders.push(bin),
        _ => return path,
    }
    // Fails only for a folder with a colon in its name, which PATH cannot hold anyway.
    env::join_paths(folders).unwrap_or(path)
}

/// Where `cargo install` puts programs: `$CARGO_HOME/bin` or `~/.cargo/bin`.
fn cargo_bin() -> Option<PathBuf> {
    let home = env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| env::home_dir().map(|home| home.join(".cargo")))?;
    Some(home.join("bin"))
}

/// The file that would be run for `program`: first on [`search_path`], then where system programs are, since
/// an ordinary user's `PATH` often lacks those folders.
pub(crate) fn find_program(program: &str) -> Option<PathBuf> {
    let path = search_path();
    env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin"].map(PathBuf::from))
        .map(|folder| folder.join(program))
        .find(|file| is_executable(file))
}

fn is_executable(file: &Path) -> bool {
    use rustix::fs::{Access, access};
    file.is_file() && access(file, Access::EXEC_OK).is_ok()
}

/// What `command` prints on its standard output, or nothing if it could not be run or failed.
pub(crate) fn answer(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Whether `command` runs and succeeds; its output is discarded.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

/// The exit code a shell would report: the program's own, or 128 + the signal that ended it.
pub(crate) fn exit_code(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX)
}

/// `command` as one line of shell: the program by its file name, arguments quoted where they need it.
pub(crate) fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program.file_name().unwrap_or(program.as_os_str());
    let words: Vec<String> =
        std::iter::once(name).chain(command.get_args()).map(|word| quoted(&word.to_string_lossy())).collect();
    words.join(" ")
}

/// `word` so that a shell reads it as one word.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// A command for `program` with its arguments.
pub(crate) fn command<S: AsRef<OsStr>>(
    program: impl AsRef<OsStr>,
    args: impl IntoIterator<Item = S>,
) -> Command {
    let mut command = Command::new(program);
    command.args(args);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_shown_as_a_shell_would_read_them() {
        let shell = command("/usr/bin/sh", ["-c", "echo 'a b'", ""]);
        assert_eq!(shown(&shell), r"sh -c 'echo '\''a b'\''' ''");
    }

    #[test]
    fn exit_codes_follow_the_shell() {
        assert_eq!(exit_code(ExitStatus::from_raw(3 << 8)), 3);
        assert_eq!(exit_code(ExitStatus::from_raw(9)), 137);
    }

    #[test]
    fn programs_are_found_or_not() {
        assert!(find_program("sh").is_some());
        assert_eq!(find_program("no-such-program-here"), None);
        assert!(!succeeds(&mut Command::new("no-such-program-here")));
        assert_eq!(answer(&mut command("false", [""; 0])), None);
    }
}
