//! The commands that bring what is missing, as data: setup runs them where it may, and prints them elsewhere.

use std::path::Path;
use std::process::Command;

use super::machine::Os;
use super::plan::{BPF_LINKER_VERSION, Need};
use crate::privilege::Access;
use crate::process;

const LLVM_PREFIX: &str = "/usr/lib/llvm-22";
/// Unpacks Debian's package `$1` into the folder `$0`.
const UNPACK: &str = "set -e; rm -rf \"$0\"; mkdir -p \"$0\"; cd \"$0\"; apt-get download \"$1\"; \
                      dpkg --extract \"$1\"_*.deb .; rm \"$1\"_*.deb";

/// A command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Invocation {
    /// What it is for, as the name of a step.
    pub(crate) name: &'static str,
    /// Whether only root may run it.
    pub(crate) as_root: bool,
    env: Option<(&'static str, &'static str)>,
    words: Vec<String>,
}

impl Invocation {
    /// Words separated by spaces, as anyone may run them.
    fn new(name: &'static str, words: &str) -> Self {
        Self { name, as_root: false, env: None, words: words.split_whitespace().map(str::to_owned).collect() }
    }

    fn root(self) -> Self {
        Self { as_root: true, ..self }
    }

    fn env(self, name: &'static str, value: &'static str) -> Self {
        Self { env: Some((name, value)), ..self }
    }

    fn arguments(mut self, words: &[&str]) -> Self {
        self.words.extend(words.iter().map(|&word| word.to_owned()));
        self
    }

    /// The line to paste into a shell, with `sudo` where that is needed and we are not root.
    pub(crate) fn line(&self, root_already: bool) -> String {
        let words: Vec<String> = self.words.iter().map(|word| process::quoted(word)).collect();
        let env = self.env.map(|(name, value)| format!("{name}={value} ")).unwrap_or_default();
        let sudo = match (self.as_root && !root_already, self.env) {
            (false, _) => "",
            (true, None) => "sudo ",
            // Without `env`, sudo may refuse to set variables.
            (true, Some(_)) => "sudo env ",
        };
        format!("{sudo}{env}{}", words.join(" "))
    }

    /// The command to run, through sudo where that is needed.
    pub(crate) fn command(&self, access: Access) -> Command {
        let (program, args) =
            self.words.split_first().map_or(("", &[][..]), |(first, rest)| (first.as_str(), rest));
        let mut command = match (program, self.as_root, self.env) {
            ("cargo", ..) => process::cargo(),
            (_, true, Some((name, value))) => {
                let mut env = access.command(Path::new("env"));
                env.arg(format!("{name}={value}")).arg(program);
                env
            }
            (_, true, None) => access.command(Path::new(program)),
            (_, false, _) => Command::new(program),
        };
        command.args(args).envs(self.env);
        // What is installed is no part of this workspace's build.
        command.env_remove("CARGO_TARGET_DIR");
        command
    }
}

/// The commands for Debian 12, in the order they must run.
pub(crate) fn for_debian(needs: &[Need]) -> Vec<Invocation> {
    let mut commands = Vec::new();
    let packages = package_names(needs);
    let unpack: Vec<_> = needs.iter().filter_map(unpack).collect();
    if !packages.is_empty() || !unpack.is_empty() {
        commands.push(Invocation::new("update package lists", "apt-get update").root());
    }
    if !packages.is_empty() {
        let install = Invocation::new("install packages", "apt-get install --yes --no-install-recommends")
            .arguments(&packages);
        commands.push(install.root().env("DEBIAN_FRONTEND", "noninteractive"));
    }
    commands.extend(unpack);
    if needs.contains(&Need::BpfLinker) {
        let install = Invocation::new(
            "build bpf-linker",
            "cargo install bpf-linker --locked --no-default-features --features llvm-22",
        );
        let install = install.arguments(&["--version", BPF_LINKER_VERSION]);
        commands.push(install.env("LLVM_PREFIX", LLVM_PREFIX));
    }
    commands.extend(components(needs));
    commands
}

fn unpack(need: &Need) -> Option<Invocation> {
    match need {
        Need::Unpack(server, folder) => {
            let arguments = [UNPACK, &folder.to_string_lossy(), server.package];
            Some(Invocation::new("unpack a mail server", "sh -c").arguments(&arguments))
        }
        Need::Packages(_) | Need::BpfLinker | Need::Nightly | Need::Components(_) => None,
    }
}

/// The lines to run by hand on another distribution; a line that starts with `#` is advice.
pub(crate) fn for_others(os: &Os, needs: &[Need], root_already: bool) -> Vec<String> {
    let mut lines = Vec::new();
    let packages = package_names(needs);
    match package_manager(os) {
        _ if packages.is_empty() => {}
        Some((install, names)) => {
            let names: Vec<&str> = packages.iter().map(|package| names(package)).collect();
            lines.push(
                Invocation::new("install packages", install).root().arguments(&names).line(root_already),
            );
        }
        None => lines.push(format!("# with the system's package manager, install: {}", packages.join(" "))),
    }
    let mut commands = Vec::new();
    if needs.contains(&Need::Nightly) {
        commands.push(Invocation::new(
            "install a nightly Rust",
            "rustup toolchain install nightly --component rust-src",
        ));
    }
    if needs.contains(&Need::BpfLinker) {
        commands.push(Invocation::new("install cargo-binstall", "cargo install cargo-binstall --locked"));
        commands.push(Invocation::new("install bpf-linker", "cargo binstall bpf-linker"));
    }
    commands.extend(components(needs));
    lines.extend(commands.iter().map(|command| command.line(root_already)));
    lines
}

fn components(needs: &[Need]) -> Option<Invocation> {
    needs.iter().find_map(|need| match need {
        Need::Components(names) => {
            Some(Invocation::new("add Rust components", "rustup component add").arguments(names))
        }
        Need::Packages(_) | Need::Unpack(..) | Need::BpfLinker | Need::Nightly => None,
    })
}

/// The Debian packages among `needs`.
pub(crate) fn package_names(needs: &[Need]) -> Vec<&'static str> {
    let names = needs.iter().filter_map(|need| match need {
        Need::Packages(names) => Some(names.as_slice()),
        Need::Unpack(..) | Need::BpfLinker | Need::Nightly | Need::Components(_) => None,
    });
    names.flatten().copied().collect()
}

/// How a distribution installs packages, and what it calls those that Debian names.
type PackageManager = (&'static str, fn(&'static str) -> &'static str);

fn package_manager(os: &Os) -> Option<PackageManager> {
    let families: [(&str, PackageManager); 5] = [
        ("debian", ("apt-get install --no-install-recommends", |name| name)),
        ("fedora", ("dnf install", red_hat_name)),
        ("suse", ("zypper install", |name| if name == "g++" { "gcc-c++" } else { name })),
        ("arch", ("pacman -S --needed", arch_name)),
        ("alpine", ("apk add", |name| if name == "pkg-config" { "pkgconf" } else { name })),
    ];
    families.into_iter().find(|(family, _)| os.is_like(family)).map(|(_, manager)| manager)
}

fn arch_name(debian: &'static str) -> &'static str {
    match debian {
        "g++" => "gcc",
        "pkg-config" => "pkgconf",
        "python3" => "python",
        "tshark" => "wireshark-cli",
        same => same,
    }
}

fn red_hat_name(debian: &'static str) -> &'static str {
    match debian {
        "g++" => "gcc-c++",
        "iproute2" => "iproute",
        "pkg-config" => "pkgconf-pkg-config",
        "tshark" => "wireshark-cli",
        same => same,
    }
}

#[cfg(test)]
mod tests {
    use super::super::plan::UNPACKED;
    use super::*;

    const EVERYTHING: fn() -> Vec<Need> = || {
        vec![
            Need::Packages(vec!["llvm-22-dev"]),
            Need::BpfLinker,
            Need::Packages(vec!["iproute2", "swaks"]),
            Need::Components(vec!["clippy"]),
        ]
    };

    #[test]
    fn debian_installs_in_one_go_and_only_what_is_missing() {
        let lines = |root| for_debian(&EVERYTHING()).iter().map(|step| step.line(root)).collect::<Vec<_>>();
        let linker = "LLVM_PREFIX=/usr/lib/llvm-22 cargo install bpf-linker --locked --no-default-features \
                      --features llvm-22 --version 0.13.0";
        let install = "DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends \
                       llvm-22-dev iproute2 swaks";
        let rest = [linker, "rustup component add clippy"];
        assert_eq!(lines(true), [&["apt-get update", install], &rest[..]].concat());
        let install = format!("sudo env {install}");
        assert_eq!(lines(false), [&["sudo apt-get update", install.as_str()], &rest[..]].concat());
        assert_eq!(for_debian(&[]), []);
    }

    #[test]
    fn mail_servers_are_unpacked_by_whoever_asks_from_lists_that_are_up_to_date() {
        let [exim, opensmtpd] = &UNPACKED;
        let needs = [
            Need::Unpack(exim, "/build/a b/exim4".into()),
            Need::Unpack(opensmtpd, "/build/opensmtpd".into()),
        ];
        let commands = for_debian(&needs);
        let lines: Vec<_> = commands.iter().map(|step| step.line(false)).collect();
        let [update, exim, opensmtpd] = lines.as_slice() else { panic!("{lines:?}") };
        assert_eq!(update, "sudo apt-get update");
        for (line, end) in
            [(exim, "'/build/a b/exim4' exim4-daemon-light"), (opensmtpd, " /build/opensmtpd opensmtpd")]
        {
            assert!(line.starts_with("sh -c ") && line.ends_with(end), "{line}");
        }
    }

    #[test]
    fn commands_that_need_root_go_through_sudo_and_the_others_never_do() {
        let commands = |access| {
            let commands = for_debian(&EVERYTHING());
            commands.iter().map(|step| process::shown(&step.command(access))).collect::<Vec<_>>()
        };
        let install = "env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends \
                       llvm-22-dev iproute2 swaks";
        assert_eq!(commands(Access::Root)[..2], ["apt-get update".to_owned(), install.to_owned()]);
        let sudo = commands(Access::Sudo);
        assert_eq!(sudo[..2], ["sudo -E apt-get update".to_owned(), format!("sudo -E {install}")]);
        assert!(sudo[2].starts_with("cargo install bpf-linker") && sudo[3].starts_with("rustup"), "{sudo:?}");
    }

    #[test]
    fn every_family_gets_its_own_package_names() {
        let needs = [Need::Packages(vec!["pkg-config", "iproute2", "postfix", "g++"])];
        for (os_release, expected) in [
            (
                "ID=ubuntu\nID_LIKE=debian",
                "sudo apt-get install --no-install-recommends pkg-config iproute2 postfix g++",
            ),
            (
                "ID=rocky\nID_LIKE=\"rhel centos fedora\"",
                "sudo dnf install pkgconf-pkg-config iproute postfix gcc-c++",
            ),
            ("ID=arch", "sudo pacman -S --needed pkgconf iproute2 postfix gcc"),
            ("ID=nixos", "# with the system's package manager, install: pkg-config iproute2 postfix g++"),
        ] {
            assert_eq!(for_others(&Os::parse(os_release), &needs, false), [expected], "{os_release}");
        }
    }

    #[test]
    fn elsewhere_the_bpf_toolchain_is_a_nightly_and_the_linkers_own_installer() {
        let lines = for_others(&Os::parse("ID=arch"), &[Need::Nightly, Need::BpfLinker], true);
        assert_eq!(
            lines,
            [
                "rustup toolchain install nightly --component rust-src",
                "cargo install cargo-binstall --locked",
                "cargo binstall bpf-linker",
            ]
        );
    }
}
