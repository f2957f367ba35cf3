//! Users that programs want and the machine need not have: in a mount namespace, `passwd` and `group` are others.

use std::fs;
use std::path::Path;

use anyhow::Result;

/// What a shell in a mount namespace of its own does first; `$0` is the directory that [`write()`] was given.
pub(super) const WITH_USERS: &str =
    r#"mount --bind "$0/passwd" /etc/passwd && mount --bind "$0/group" /etc/group"#;

/// Writes the machine's `passwd` and `group` with these users, each with a group of its own, into `dir`.
pub(super) fn write(dir: &Path, users: &[(&str, u32)]) -> Result<()> {
    for (file, line) in [("passwd", passwd as fn(&str, u32) -> String), ("group", group)] {
        let machine = fs::read_to_string(Path::new("/etc").join(file))?;
        let others = machine.lines().filter(|line| {
            let name = line.split(':').next();
            !users.iter().any(|(user, _)| Some(*user) == name)
        });
        let mut text: String = others.map(|line| format!("{line}\n")).collect();
        text.extend(users.iter().map(|(user, id)| line(user, *id)));
        fs::write(dir.join(file), text)?;
    }
    Ok(())
}

fn passwd(user: &str, id: u32) -> String {
    format!("{user}:x:{id}:{id}::/nonexistent:/usr/sbin/nologin\n")
}

fn group(user: &str, id: u32) -> String {
    format!("{user}:x:{id}:\n")
}
