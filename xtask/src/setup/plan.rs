//! What is missing: decided from facts alone, so that every kind of machine can be tried in a test.

use std::path::PathBuf;

use clap::ValueEnum;

use super::machine::Machine;

/// The `bpf-linker` that fits the LLVM of Debian 12's `rustc-web`.
pub(crate) const BPF_LINKER_VERSION: &str = "0.13.0";
const OLDEST_KERNEL: Version = Version { major: 6, minor: 1 };

/// The parts of a complete setup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// The compiler and linker for kernel programs
    Bpf,
    /// Programs that the tests run: ip, ethtool, mail programs, rbldnsd, unbound, ipset, iprange, nft
    Lab,
    /// What `cargo xtask check` needs: rustfmt, clippy
    Check,
    /// What libFuzzer is built with: a C++ compiler
    Fuzz,
}

/// A Debian package that is needed.
#[derive(Debug)]
pub(crate) struct Package {
    /// Its name in Debian 12.
    pub(crate) name: &'static str,
    /// The program we want it for: if that is there already, whoever brought it, the package is not needed.
    pub(crate) program: Option<&'static str>,
    part: Part,
}

const fn package(part: Part, name: &'static str, program: Option<&'static str>) -> Package {
    Package { name, program, part }
}

/// Everything that comes from the distribution.
pub(crate) const PACKAGES: [Package; 32] = [
    package(Part::Bpf, "gcc", Some("cc")),
    package(Part::Bpf, "libc6-dev", None),
    package(Part::Bpf, "pkg-config", Some("pkg-config")),
    package(Part::Bpf, "rustc-web", None),
    package(Part::Bpf, "cargo-web", None),
    package(Part::Bpf, "libstd-rust-web-dev-bpf", None),
    package(Part::Bpf, "llvm-22-dev", None),
    package(Part::Bpf, "libpolly-22-dev", None),
    package(Part::Bpf, "libzstd-dev", None),
    package(Part::Bpf, "zlib1g-dev", None),
    package(Part::Lab, "iproute2", Some("ip")),
    package(Part::Lab, "ethtool", Some("ethtool")),
    package(Part::Lab, "ipset", Some("ipset")),
    package(Part::Lab, "iprange", Some("iprange")),
    package(Part::Lab, "nftables", Some("nft")),
    package(Part::Lab, "postfix", Some("postfix")),
    package(Part::Lab, "rbldnsd", Some("rbldnsd")),
    package(Part::Lab, "unbound", Some("unbound")),
    package(Part::Lab, "swaks", Some("swaks")),
    // For swaks over IPv6.
    package(Part::Lab, "libio-socket-inet6-perl", None),
    package(Part::Lab, "msmtp", Some("msmtp")),
    package(Part::Lab, "python3", Some("python3")),
    package(Part::Lab, "tshark", Some("tshark")),
    // What the servers of `UNPACKED` are linked with.
    package(Part::Lab, "libdb5.3", None),
    package(Part::Lab, "libevent-2.1-7", None),
    package(Part::Lab, "libgnutls-dane0", None),
    package(Part::Lab, "libidn12", None),
    package(Part::Lab, "libidn2-0", None),
    package(Part::Lab, "libnsl2", None),
    package(Part::Lab, "libpcre2-8-0", None),
    package(Part::Lab, "ca-certificates", None),
    package(Part::Fuzz, "g++", Some("c++")),
];

/// A mail server that is only unpacked, into a folder below the one that cargo builds to: as packages they cannot be beside Postfix.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unpacked {
    /// What it is called.
    pub(crate) name: &'static str,
    /// Its Debian package.
    pub(crate) package: &'static str,
    /// Where the lab looks for it, above its own tests.
    pub(crate) folder: &'static str,
    /// What must be there in it.
    pub(crate) file: &'static str,
    /// The program that tells that a machine has one of its own.
    pub(crate) program: &'static str,
}

/// All of these.
pub(crate) const UNPACKED: [Unpacked; 2] = [
    Unpacked {
        name: "Exim",
        package: "exim4-daemon-light",
        folder: "peers/exim4",
        file: "usr/sbin/exim4",
        program: "exim4",
    },
    Unpacked {
        name: "OpenSMTPD",
        package: "opensmtpd",
        folder: "peers/opensmtpd",
        file: "usr/sbin/smtpd",
        program: "smtpctl",
    },
];

/// A kernel version, as far as it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version {
    major: u32,
    minor: u32,
}

impl Version {
    /// Reads the start of what `uname -r` prints.
    pub(crate) fn parse(release: &str) -> Option<Self> {
        let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(str::parse);
        Some(Self { major: numbers.next()?.ok()?, minor: numbers.next()?.ok()? })
    }
}

/// One thing to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Item {
    /// Its name, for the list that is printed.
    pub(crate) name: String,
    /// What is missing of it; nothing if it is there.
    pub(crate) need: Option<Need>,
}

/// Something missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// These packages, by their Debian names.
    Packages(Vec<&'static str>),
    /// This, unpacked into this folder.
    Unpack(&'static Unpacked, PathBuf),
    /// `bpf-linker`.
    BpfLinker,
    /// A rustup nightly with the source of `core`.
    Nightly,
    /// These components of the Rust toolchain.
    Components(Vec<&'static str>),
}

/// Everything wanted for `parts`, and what of it is missing.
pub(crate) fn plan(machine: &Machine, parts: &[Part]) -> Vec<Item> {
    let mut items = Vec::new();
    if parts.contains(&Part::Bpf) {
        items.push(packages(machine, "C linker, BPF compiler, LLVM", Part::Bpf));
        if !machine.os.is_supported() {
            let need = (!machine.nightly_with_source).then_some(Need::Nightly);
            items.push(Item { name: "BPF compiler (nightly with rust-src)".into(), need });
        }
        items.push(bpf_linker(machine));
    }
    if parts.contains(&Part::Lab) {
        items.push(packages(machine, "lab", Part::Lab));
        if machine.os.is_supported() {
            items.extend(UNPACKED.iter().map(|server| {
                let missing = !machine.unpacked.contains(server.name);
                let need = missing.then(|| Need::Unpack(server, machine.target.join(server.folder)));
                Item { name: server.name.into(), need }
            }));
        }
    }
    if parts.contains(&Part::Fuzz) {
        items.push(packages(machine, "fuzzer", Part::Fuzz));
    }
    if parts.contains(&Part::Check) {
        let missing = machine.components_missing.clone();
        let need = (!missing.is_empty() && machine.rustup).then_some(Need::Components(missing));
        items.push(Item { name: "rustfmt and clippy".into(), need });
    }
    items
}

/// Of `part`'s packages, all those that Debian 12 should have; elsewhere only the programs can be told.
fn packages(machine: &Machine, name: &str, part: Part) -> Item {
    let wanted: Vec<&Package> = PACKAGES
        .iter()
        .filter(|package| package.part == part && (machine.os.is_supported() || package.program.is_some()))
        .collect();
    let there = |package: &Package| {
        machine.packages.contains(package.name)
            || package.program.is_some_and(|name| machine.programs.contains(name))
    };
    let missing: Vec<_> =
        wanted.iter().filter(|package| !there(package)).map(|package| package.name).collect();
    Item {
        name: format!("{name} ({} packages)", wanted.len()),
        need: (!missing.is_empty()).then_some(Need::Packages(missing)),
    }
}

fn bpf_linker(machine: &Machine) -> Item {
    let version = machine.bpf_linker.as_deref();
    // Elsewhere it has to fit the nightly's LLVM, which we cannot tell.
    let fits =
        if machine.os.is_supported() { version == Some(BPF_LINKER_VERSION) } else { version.is_some() };
    let name = match version {
        Some(version) if fits => format!("bpf-linker {version}"),
        Some(version) => format!("bpf-linker {BPF_LINKER_VERSION} (there is {version})"),
        None => "bpf-linker".to_owned(),
    };
    Item { name, need: (!fits).then_some(Need::BpfLinker) }
}

/// What the running kernel is and has.
pub(crate) fn kernel(machine: &Machine) -> String {
    let version =
        machine.kernel.map_or("?".to_owned(), |version| format!("{}.{}", version.major, version.minor));
    let btf = if machine.btf { "with" } else { "without" };
    format!("kernel {version}, {btf} type information (BTF)")
}

/// What is wrong, yet nothing that setup could install, so it is only said.
pub(crate) fn warnings(machine: &Machine, parts: &[Part]) -> Vec<String> {
    let mut warnings = Vec::new();
    if parts.contains(&Part::Lab) && !machine.os.is_supported() {
        let missing = UNPACKED.iter().filter(|server| !machine.unpacked.contains(server.name));
        warnings.extend(missing.map(|Unpacked { name, .. }| {
            format!("{name} is missing, which tests send with; bring it without making it this machine's mail server")
        }));
    }
    if parts.contains(&Part::Check) && !machine.rustup && !machine.components_missing.is_empty() {
        let names = machine.components_missing.join(" and ");
        warnings.push(format!(
            "{names}: missing, and this Rust is not rustup's; `cargo xtask check` wants them from where it came from"
        ));
    }
    match machine.kernel {
        Some(version) if version < OLDEST_KERNEL => warnings.push(format!(
            "kernel {}.{} is older than 6.1: the guard and its privileged tests will not run on it",
            version.major, version.minor
        )),
        Some(_) => {}
        None => warnings.push("the kernel's version is unreadable; 6.1 or newer is needed".to_owned()),
    }
    if !machine.btf {
        warnings.push(
            "/sys/kernel/btf/vmlinux is missing: a kernel built with CONFIG_DEBUG_INFO_BTF is needed"
                .to_owned(),
        );
    }
    warnings
}

#[cfg(test)]
pub(crate) mod tests {
    use super::super::machine::Os;
    use super::*;

    pub(crate) const ALL: [Part; 4] = [Part::Bpf, Part::Lab, Part::Check, Part::Fuzz];

    /// A machine with everything.
    pub(crate) fn complete(os_release: &str) -> Machine {
        Machine {
            os: Os::parse(os_release),
            packages: PACKAGES.iter().map(|package| package.name.to_owned()).collect(),
            programs: PACKAGES.iter().filter_map(|package| package.program).map(str::to_owned).collect(),
            target: "/build".into(),
            unpacked: UNPACKED.iter().map(|server| server.name).collect(),
            bpf_linker: Some(BPF_LINKER_VERSION.to_owned()),
            nightly_with_source: true,
            rustup: true,
            components_missing: Vec::new(),
            kernel: Version::parse("6.1.0-32-amd64"),
            btf: true,
        }
    }

    pub(crate) fn needs(machine: &Machine, parts: &[Part]) -> Vec<Need> {
        plan(machine, parts).into_iter().filter_map(|item| item.need).collect()
    }

    const DEBIAN: &str = "ID=debian\nVERSION_ID=12";
    const FEDORA: &str = "ID=fedora\nVERSION_ID=44";

    #[test]
    fn nothing_is_missing_on_complete_machines() {
        assert_eq!(needs(&complete(DEBIAN), &ALL), []);
        let mut fedora = complete(FEDORA);
        fedora.packages.clear();
        fedora.bpf_linker = Some("0.99.0".to_owned());
        assert_eq!(needs(&fedora, &ALL), []);
    }

    #[test]
    fn missing_packages_are_named_and_a_program_stands_in_for_its_package() {
        let mut machine = complete(DEBIAN);
        for name in ["gcc", "llvm-22-dev", "swaks", "iproute2"] {
            machine.packages.remove(name);
        }
        machine.programs.remove("swaks");
        let expected = [Need::Packages(vec!["llvm-22-dev"]), Need::Packages(vec!["swaks"])];
        assert_eq!(needs(&machine, &ALL), expected);
        assert_eq!(needs(&machine, &[Part::Lab]), expected[1..]);
    }

    #[test]
    fn other_mail_servers_are_unpacked_on_debian_and_only_missed_elsewhere() {
        let [exim, opensmtpd] = &UNPACKED;
        let both = vec![
            Need::Unpack(exim, "/build/peers/exim4".into()),
            Need::Unpack(opensmtpd, "/build/peers/opensmtpd".into()),
        ];
        for (os, expected, warned) in [(DEBIAN, both, 0), (FEDORA, vec![], 2)] {
            let machine = Machine { unpacked: [].into(), ..complete(os) };
            assert_eq!(needs(&machine, &ALL), expected, "{os}");
            assert_eq!(needs(&machine, &[Part::Bpf, Part::Check]), [], "{os}");
            assert_eq!(warnings(&machine, &ALL).len(), warned, "{os}");
        }
    }

    #[test]
    fn any_cpp_compiler_will_do_for_the_fuzzer() {
        let mut machine = complete(DEBIAN);
        machine.packages.remove("g++");
        assert_eq!(needs(&machine, &[Part::Fuzz]), []);
        machine.programs.remove("c++");
        assert_eq!(needs(&machine, &[Part::Fuzz]), [Need::Packages(vec!["g++"])]);
        assert_eq!(needs(&machine, &[Part::Bpf, Part::Lab]), []);
    }

    #[test]
    fn debian_wants_the_linker_that_fits_and_others_any() {
        for (os, version, missing) in [
            (DEBIAN, Some("0.12.0"), true),
            (DEBIAN, None, true),
            (FEDORA, Some("0.12.0"), false),
            (FEDORA, None, true),
        ] {
            let machine = Machine { bpf_linker: version.map(str::to_owned), ..complete(os) };
            assert_eq!(needs(&machine, &ALL) == [Need::BpfLinker], missing, "{os} {version:?}");
        }
    }

    #[test]
    fn other_distributions_need_a_nightly_and_debian_does_not() {
        for (os, expected) in [(DEBIAN, vec![]), (FEDORA, vec![Need::Nightly])] {
            let machine = Machine { nightly_with_source: false, ..complete(os) };
            assert_eq!(needs(&machine, &ALL), expected, "{os}");
        }
    }

    #[test]
    fn components_are_asked_for_only_with_their_part() {
        let machine = Machine { components_missing: vec!["clippy"], ..complete(DEBIAN) };
        assert_eq!(needs(&machine, &ALL), [Need::Components(vec!["clippy"])]);
        assert_eq!(needs(&machine, &[Part::Bpf, Part::Lab]), []);
    }

    #[test]
    fn without_rustup_missing_components_are_only_warned_about() {
        let machine = Machine { components_missing: vec!["clippy"], rustup: false, ..complete(DEBIAN) };
        assert_eq!(needs(&machine, &ALL), []);
        assert_eq!(warnings(&machine, &ALL).len(), 1);
        assert_eq!(warnings(&machine, &[Part::Lab]), [""; 0]);
    }

    #[test]
    fn old_kernels_and_missing_type_information_are_warned_about() {
        assert_eq!(warnings(&complete(DEBIAN), &ALL), [""; 0]);
        for (release, count) in
            [("6.1.0", 0), ("6.18.44-fc", 0), ("7.0-rc1", 0), ("6.0.9", 1), ("5.15.0", 1), ("?", 1)]
        {
            let machine = Machine { kernel: Version::parse(release), ..complete(DEBIAN) };
            assert_eq!(warnings(&machine, &ALL).len(), count, "{release}");
        }
        assert_eq!(warnings(&Machine { btf: false, ..complete(DEBIAN) }, &ALL).len(), 1);
    }
}
