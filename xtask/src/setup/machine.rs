//! What is on this machine: distribution, packages, programs, kernel. Only looks, never changes.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::plan::{PACKAGES, UNPACKED, Version};
use crate::process::{answer, command, find_program, search_path, succeeds};
use crate::workspace::Workspace;

/// The kernel's own type information, which programs loaded into it are checked against.
const KERNEL_BTF: &str = "/sys/kernel/btf/vmlinux";

/// The facts that a plan is made from.
#[derive(Clone, Debug, Default)]
pub(crate) struct Machine {
    /// The distribution.
    pub(crate) os: Os,
    /// Those of [`PACKAGES`] that dpkg has installed.
    pub(crate) packages: BTreeSet<String>,
    /// Those of the programs in [`PACKAGES`] that are there, wherever they come from.
    pub(crate) programs: BTreeSet<String>,
    /// The folder that cargo builds to.
    pub(crate) target: PathBuf,
    /// Names of those of [`UNPACKED`] that are there, or that the machine has of its own.
    pub(crate) unpacked: BTreeSet<&'static str>,
    /// The version of `bpf-linker`, if it runs.
    pub(crate) bpf_linker: Option<String>,
    /// Whether rustup has a nightly toolchain with `rust-src`.
    pub(crate) nightly_with_source: bool,
    /// Whether rustup manages the Rust toolchain.
    pub(crate) rustup: bool,
    /// Rust components (`rustfmt`, `clippy`) that do not run.
    pub(crate) components_missing: Vec<&'static str>,
    /// The running kernel's version.
    pub(crate) kernel: Option<Version>,
    /// Whether the kernel shows its type information (BTF).
    pub(crate) btf: bool,
}

/// The distribution, from os-release(5).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Os {
    /// `ID`, such as `debian`.
    pub(crate) id: String,
    /// `ID_LIKE`: the distributions it derives from, nearest first.
    pub(crate) like: Vec<String>,
    /// `VERSION_ID`, such as `12`; rolling distributions have none.
    pub(crate) version: String,
}

impl Os {
    /// Reads the text of an os-release file; what is not there stays empty.
    pub(crate) fn parse(text: &str) -> Self {
        let field = |key: &str| {
            let value = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
            value.unwrap_or_default().trim_matches(['"', '\'']).to_owned()
        };
        let like = field("ID_LIKE").split_whitespace().map(str::to_owned).collect();
        Self { id: field("ID"), like, version: field("VERSION_ID") }
    }

    /// Whether this is the one distribution that setup installs on.
    pub(crate) fn is_supported(&self) -> bool {
        self.id == "debian" && self.version == "12"
    }

    /// Whether it is, or derives from, `family`.
    pub(crate) fn is_like(&self, family: &str) -> bool {
        self.id == family || self.like.iter().any(|like| like == family)
    }
}

impl Machine {
    /// Looks at this machine.
    pub(crate) fn probe() -> Self {
        let release = ["/etc/os-release", "/usr/lib/os-release"].map(fs::read_to_string);
        let release = release.into_iter().find_map(Result::ok).unwrap_or_default();
        let programs = PACKAGES.iter().filter_map(|package| package.program);
        let uname = rustix::system::uname();
        let target = Workspace::find().map(|workspace| workspace.target().to_owned()).unwrap_or_default();
        let unpacked = UNPACKED.iter().filter(|server| {
            target.join(server.folder).join(server.file).is_file() || find_program(server.program).is_some()
        });
        Self {
            os: Os::parse(&release),
            packages: installed_packages(),
            programs: programs.filter(|name| find_program(name).is_some()).map(str::to_owned).collect(),
            unpacked: unpacked.map(|server| server.name).collect(),
            target,
            bpf_linker: bpf_linker(),
            nightly_with_source: nightly_with_source(),
            rustup: find_program("rustup").is_some(),
            components_missing: components_missing(),
            kernel: Version::parse(&uname.release().to_string_lossy()),
            btf: Path::new(KERNEL_BTF).exists(),
        }
    }
}

fn installed_packages() -> BTreeSet<String> {
    let mut query = command("dpkg-query", ["--show", "--showformat=${db:Status-Status} ${Package}\\n"]);
    query.args(PACKAGES.iter().map(|package| package.name));
    // dpkg-query fails when one of the packages is unknown, yet tells about the others.
    let output = query.stderr(std::process::Stdio::null()).output();
    output.map(|output| parse_installed(&String::from_utf8_lossy(&output.stdout))).unwrap_or_default()
}

fn parse_installed(text: &str) -> BTreeSet<String> {
    text.lines().filter_map(|line| line.strip_prefix("installed ")).map(str::to_owned).collect()
}

fn bpf_linker() -> Option<String> {
    let words = answer(&mut command(find_program("bpf-linker")?, ["--version"]))?;
    words.split_whitespace().last().map(str::to_owned)
}

fn nightly_with_source() -> bool {
    let list = ["component", "list", "--toolchain", "nightly", "--installed"];
    let components = find_program("rustup").and_then(|rustup| answer(&mut command(rustup, list)));
    components.is_some_and(|names| names.lines().any(|name| name.starts_with("rust-src")))
}

fn components_missing() -> Vec<&'static str> {
    let runs = |component: &&'static str| {
        let subcommand = if *component == "rustfmt" { "fmt" } else { component };
        succeeds(crate::process::cargo().args([subcommand, "--version"]).env("PATH", search_path()))
    };
    ["rustfmt", "clippy"].into_iter().filter(|component| !runs(component)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn os_release_is_read_with_and_without_quotes() {
        let debian =
            Os::parse("PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nVERSION_ID=\"12\"\nID=debian\n");
        assert!(debian.is_supported() && debian.is_like("debian"));
        let mint = Os::parse("ID=linuxmint\nID_LIKE=\"ubuntu debian\"\nVERSION_ID='22'\n");
        assert!(!mint.is_supported() && mint.is_like("debian") && !mint.is_like("fedora"));
        assert_eq!(Os::parse(""), Os::default());
    }

    #[test]
    fn only_fully_installed_packages_count() {
        let found = parse_installed(
            "installed swaks\nconfig-files postfix\nunpacked llvm-22-dev\ninstalled zlib1g-dev\n",
        );
        assert_eq!(found, ["swaks", "zlib1g-dev"].map(str::to_owned).into());
    }
}
