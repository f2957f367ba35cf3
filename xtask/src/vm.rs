//! `cargo xtask vm`: the demonstration on other kernels. A virtual machine boots Debian's own kernel with nothing but
//! an initial file system that holds the built programs, runs the demonstration, and powers off.
//!
//! It needs no root and no hardware virtualisation, and leaves everything in the target folder.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};

use crate::Verdict;
use crate::demo::build;
use crate::process::{self, command};
use crate::steps::{Outcome, Steps, Stream};
use crate::workspace::Workspace;

/// What must be there, and the Debian package that brings it.
const PROGRAMS: [(&str, &str); 6] = [
    ("qemu-system-x86_64", "qemu-system-x86"),
    ("busybox", "busybox-static"),
    ("ip", "iproute2"),
    ("apt-get", "apt"),
    ("dpkg-deb", "dpkg"),
    ("ldd", "libc-bin"),
];

/// Modules that the demonstration's networks are made of, in the order they are loaded.
const MODULES: [&str; 3] = ["drivers/net/veth", "net/sched/sch_ingress", "net/sched/cls_bpf"];

/// How long a machine may run: emulation is slow, and a kernel that hangs must not hang us.
const LIMIT_SECONDS: &str = "600";

/// What the machine says last; the demonstration's exit code follows.
const ENDED: &str = "vm: the demonstration ended with ";

/// The machine's first process. `/bin/ip` and the programs are real files; all else is busybox.
const INIT: &str = r#"#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin RELAY_GUARD_BIN=/bin/relay-guard
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t tmpfs run /run
mount -t tmpfs tmp /tmp
mount -t bpf bpf /sys/fs/bpf
for module in /modules/*.xz; do [ -e "$module" ] && unxz "$module"; done
for module in /modules/*; do insmod "$module"; done
echo "vm: Linux $(uname -r)"
timeout 300 demo --plain --seconds 12
echo "vm: the demonstration ended with $?"
poweroff -f
"#;

/// Kernels that Debian has packages of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kernel {
    /// Debian 12's own
    #[value(name = "6.1")]
    V6_1,
    /// Debian 13's, and Debian 12's newer one
    #[value(name = "6.12")]
    V6_12,
}

impl Kernel {
    const fn series(self) -> &'static str {
        match self {
            Self::V6_1 => "6.1",
            Self::V6_12 => "6.12",
        }
    }
}

/// Options of `cargo xtask vm`.
#[derive(Args, Debug)]
#[command(after_help = "Needs qemu-system-x86, busybox-static and iproute2, and an apt source that has the
kernel; no root. Kernels and logs stay in the target folder.

Examples:
  cargo xtask vm                   on every kernel, about a minute each
  cargo xtask vm --kernel 6.1      on Debian 12's own")]
pub(crate) struct Options {
    /// Only this kernel
    #[arg(long)]
    kernel: Option<Kernel>,
}

/// Carries out `cargo xtask vm`.
///
/// # Errors
///
/// When something is not installed, there is no package of a kernel, or something does not build or start.
pub(crate) fn run(options: &Options) -> anyhow::Result<Verdict> {
    let mut steps = Steps::new(Stream::Stdout);
    require_programs()?;
    let workspace = Workspace::find()?;
    build(&mut steps, &workspace, &["-p", "relay-guard"])?;
    build(&mut steps, &workspace, &["-p", "relay-guard-tests", "--bin", "demo"])?;
    for &kernel in Kernel::value_variants() {
        if options.kernel.is_none_or(|only| only == kernel) {
            boot(&mut steps, &workspace, kernel)?;
        }
    }
    steps.summary();
    Ok(steps.verdict())
}

fn require_programs() -> anyhow::Result<()> {
    let missing: Vec<_> = PROGRAMS.iter().filter(|(name, _)| process::find_program(name).is_none()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let names = |part: fn(&(&'static str, &'static str)) -> &'static str, between: &str| {
        missing.iter().map(|pair| part(pair)).collect::<Vec<_>>().join(between)
    };
    bail!(
        "vm: {} not installed; Debian's packages: {}",
        names(|pair| pair.0, ", "),
        names(|pair| pair.1, " ")
    );
}

fn boot(steps: &mut Steps, workspace: &Workspace, kernel: Kernel) -> anyhow::Result<()> {
    let series = kernel.series();
    let folder = workspace.target().join("vm").join(series);
    fs::create_dir_all(&folder).with_context(|| format!("{}: cannot make it", folder.display()))?;
    let unpacked = folder.join("kernel");
    let initial = folder.join("initial.cpio");
    if !fetch(steps, series, &folder, &unpacked)? {
        return Ok(());
    }
    let root = fill_root(workspace, &folder, &unpacked)?;
    let pack = format!("find . | busybox cpio -o -H newc > {}", process::quoted(&initial.to_string_lossy()));
    if !steps.run(&format!("pack {series}"), command("sh", ["-c", &pack]).current_dir(root))? {
        return Ok(());
    }
    let images = entries(&unpacked.join("boot"))?;
    let image = images.iter().find(|path| path.to_string_lossy().contains("/vmlinuz"));
    let log = folder.join("console.log");
    let mut machine =
        command("timeout", [LIMIT_SECONDS, "qemu-system-x86_64", "-accel", "tcg", "-cpu", "max"]);
    machine.args(["-m", "2048", "-smp", "2", "-display", "none", "-monitor", "none", "-no-reboot"]);
    machine.arg("-kernel").arg(image.context("vm: the package holds no kernel")?).arg("-initrd").arg(initial);
    machine.args(["-append", "console=ttyS0 quiet panic=-1"]);
    machine.arg("-chardev").arg(format!("stdio,id=console,signal=on,logfile={}", log.display()));
    machine.args(["-serial", "chardev:console"]).stdin(Stdio::null());
    steps.run(&format!("boot {series}"), &mut machine)?;
    steps.step(&format!("demo on {series}"), &log.display().to_string(), || {
        let said = fs::read(&log).with_context(|| format!("{}: cannot read it", log.display()))?;
        Ok(judged(&String::from_utf8_lossy(&said)))
    })?;
    Ok(())
}

/// Downloads and unpacks the newest kernel of a series, unless one is there.
fn fetch(steps: &mut Steps, series: &str, folder: &Path, unpacked: &Path) -> anyhow::Result<bool> {
    if unpacked.is_dir() {
        return Ok(true);
    }
    let package = newest(&packages(series)?);
    let package = package.with_context(|| format!("vm: apt knows no cloud kernel {series}"))?;
    let mut download = command("apt-get", ["download", &package]);
    if !steps.run(&format!("download {series}"), download.current_dir(folder))? {
        return Ok(false);
    }
    let file = entries(folder)?.into_iter().rfind(|path| path.extension().is_some_and(|end| end == "deb"));
    let file = file.context("apt-get: left no package")?;
    // Under its own name only when it is whole.
    let part = unpacked.with_extension("part");
    let unpack = ["-x".as_ref(), file.as_os_str(), part.as_os_str()];
    let whole = steps.run(&format!("unpack {series}"), &mut command("dpkg-deb", unpack))?;
    if whole {
        fs::rename(part, unpacked)?;
    }
    Ok(whole)
}

/// What the machine's last words mean.
fn judged(console: &str) -> Outcome {
    match console.lines().rev().find_map(|line| line.trim().strip_prefix(ENDED)) {
        Some("0") => Outcome::Done,
        Some(code) => Outcome::Failed(format!("exit code {code}")),
        None => Outcome::Failed("the machine did not come to its end".to_owned()),
    }
}

/// Lays out the initial file system.
fn fill_root(workspace: &Workspace, folder: &Path, unpacked: &Path) -> anyhow::Result<PathBuf> {
    let root = folder.join("root");
    if root.exists() {
        fs::remove_dir_all(&root)?;
    }
    for name in ["bin", "dev", "modules", "proc", "run", "sys", "tmp"] {
        fs::create_dir_all(root.join(name))?;
    }
    let found = |name| process::find_program(name).with_context(|| format!("{name}: not installed"));
    let programs =
        [found("ip")?, workspace.program("release", "relay-guard"), workspace.program("release", "demo")];
    fs::copy(found("busybox")?, root.join("bin/busybox"))?;
    for program in &programs {
        fs::copy(program, root.join("bin").join(program.file_name().unwrap_or_default()))?;
        let listing = process::answer(command("ldd", [""; 0]).arg(program)).unwrap_or_default();
        for library in libraries(&listing) {
            let inside = root.join(library.trim_start_matches('/'));
            fs::create_dir_all(inside.parent().unwrap_or(&root))?;
            fs::copy(library, inside).with_context(|| format!("{library}: cannot copy it"))?;
        }
    }
    // Where the kernel looks first.
    symlink("bin/init", root.join("init"))?;
    fs::write(root.join("bin/init"), INIT)?;
    fs::set_permissions(root.join("bin/init"), fs::Permissions::from_mode(0o755))?;
    let releases = entries(&unpacked.join("lib/modules"))?;
    let release = releases.first().context("vm: the package holds no modules")?;
    for (number, module) in MODULES.iter().enumerate() {
        let plain = release.join("kernel").join(format!("{module}.ko"));
        let packed = plain.with_extension("ko.xz");
        let (file, end) = if plain.exists() { (plain, "ko") } else { (packed, "ko.xz") };
        fs::copy(&file, root.join(format!("modules/{number}.{end}")))
            .with_context(|| format!("{}: cannot copy it", file.display()))?;
    }
    Ok(root)
}

/// The files that ldd names.
fn libraries(listing: &str) -> impl Iterator<Item = &str> {
    listing.split_whitespace().filter(|word| word.starts_with('/'))
}

/// A folder's entries, by name.
fn entries(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let listed = fs::read_dir(folder).with_context(|| format!("{}: cannot read it", folder.display()))?;
    let mut paths = listed.map(|entry| Ok(entry?.path())).collect::<anyhow::Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

/// Names of packages that hold a kernel of this series.
fn packages(series: &str) -> anyhow::Result<Vec<String>> {
    let names = process::answer(&mut command("apt-cache", ["pkgnames", &format!("linux-image-{series}.")]));
    let names = names.context("apt-cache: no answer")?;
    Ok(names.lines().filter(|name| name.ends_with("-cloud-amd64")).map(str::to_owned).collect())
}

/// The one with the highest numbers.
fn newest(packages: &[String]) -> Option<String> {
    let numbers = |name: &String| -> Vec<u32> {
        name.split(|c: char| !c.is_ascii_digit()).filter_map(|part| part.parse().ok()).collect()
    };
    packages.iter().max_by_key(|name| numbers(name)).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_kernel_is_found_by_number() {
        let names =
            ["6.1.0-9", "6.1.0-56", "6.1.0-47"].map(|version| format!("linux-image-{version}-cloud-amd64"));
        assert_eq!(newest(&names).unwrap(), names[1]);
        let names =
            ["6.12.99+deb12", "6.12.117+deb12"].map(|version| format!("linux-image-{version}-cloud-amd64"));
        assert_eq!(newest(&names).unwrap(), names[1]);
        assert_eq!(newest(&[]), None);
    }

    #[test]
    fn libraries_are_those_with_a_path() {
        let listing =
            "\tlinux-vdso.so.1 (0x1)\n\tlibc.so.6 => /lib/libc.so.6 (0x2)\n\t/lib64/ld.so.2 (0x3)\n";
        assert_eq!(libraries(listing).collect::<Vec<_>>(), ["/lib/libc.so.6", "/lib64/ld.so.2"]);
        assert_eq!(libraries("\tnot a dynamic executable\n").count(), 0);
    }

    #[test]
    fn the_machine_has_the_last_word() {
        assert_eq!(judged(&format!("vm: Linux 6.1\r\n{ENDED}0\r\n")), Outcome::Done);
        assert_eq!(judged(&format!("{ENDED}1\r\n")), Outcome::Failed("exit code 1".into()));
        assert!(matches!(judged("Kernel panic"), Outcome::Failed(_)));
        assert!(INIT.contains(ENDED));
    }
}
