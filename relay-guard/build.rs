//! Builds the kernel programs (`relay-guard-ebpf`) for the BPF target and puts the object where the library
//! includes it.
//!
//! Needs a compiler that has `core` for `bpfel-unknown-none` and `bpf-linker`. Without them, `cargo check`, `cargo doc`
//! and `cargo clippy` still work; what needs the object fails with one line that names `cargo xtask setup`
//! (see `src/datapath/object.rs`).

use std::{
    env, fs, io,
    path::{Path, PathBuf},
    process::Command,
};

const TARGET: &str = "bpfel-unknown-none";
const PACKAGE: &str = "relay-guard-ebpf";
/// Crates that use what Rust has not stabilised for BPF. Naming them, instead of `1`, keeps all others stable.
const UNSTABLE_CRATES: &str = "aya_ebpf,aya_ebpf_bindings,aya_ebpf_cty,aya_log_ebpf,aya_log_common,relay_guard_common,relay_guard_ebpf,relay_guard_bench,relay_guard_bench_table,relay_guard_bench_respond,relay_guard_lab";

/// The programs of the package, each of which becomes an object.
const OBJECTS: [&str; 5] =
    [PACKAGE, "relay-guard-bench", "relay-guard-bench-table", "relay-guard-bench-respond", "relay-guard-lab"];

/// A compiler for the BPF target.
struct Toolchain {
    cargo: Command,
    /// The compiler brings no prebuilt `core` for BPF: cargo builds it from source.
    build_std: bool,
}

fn main() {
    let manifest = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR"));
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let root = manifest.parent().expect("the package is in a workspace");
    for watched in ["relay-guard-ebpf", "relay-guard-common", "Cargo.lock"] {
        println!("cargo::rerun-if-changed={}", root.join(watched).display());
    }
    for variable in ["RELAY_GUARD_BPF_TOOLCHAIN", "RELAY_GUARD_NO_OBJECTS", "PATH"] {
        println!("cargo::rerun-if-env-changed={variable}");
    }
    // The fuzzer loads nothing into a kernel, and wants neither the toolchain for that nor the time it takes.
    if env::var_os("RELAY_GUARD_NO_OBJECTS").is_some() {
        OBJECTS
            .iter()
            .for_each(|name| fs::write(out.join(format!("{name}.o")), "").expect("OUT_DIR is writable"));
        println!("cargo::rustc-cfg=ebpf_object");
        return;
    }
    match toolchain() {
        Ok(toolchain) => match build(toolchain, root, &out) {
            Ok(()) => println!("cargo::rustc-cfg=ebpf_object"),
            Err(error) => {
                println!("cargo::error={error}");
                std::process::exit(1);
            }
        },
        Err(missing) => println!("cargo::warning=no eBPF object: {missing}; run `cargo xtask setup`"),
    }
}

/// The first compiler that can build for BPF: the one that `RELAY_GUARD_BPF_TOOLCHAIN` names (a rustup toolchain),
/// Debian's, rustup's nightly.
fn toolchain() -> Result<Toolchain, String> {
    if !runs(Command::new("bpf-linker").arg("--version")) && !cargo_bin().join("bpf-linker").exists() {
        return Err("bpf-linker is not installed".into());
    }
    if let Some(name) = env::var_os("RELAY_GUARD_BPF_TOOLCHAIN") {
        let mut cargo = Command::new("rustup");
        cargo.arg("run").arg(&name).arg("cargo");
        return Ok(Toolchain { cargo, build_std: true });
    }
    // Debian's rustc-web and libstd-rust-web-dev-bpf.
    if Path::new("/usr/bin/cargo").exists() && Path::new("/usr/lib/rustlib").join(TARGET).exists() {
        let mut cargo = Command::new("/usr/bin/cargo");
        cargo.env("RUSTC", "/usr/bin/rustc").env("RUSTDOC", "/usr/bin/rustdoc");
        return Ok(Toolchain { cargo, build_std: false });
    }
    if nightly_has_source() {
        let mut cargo = Command::new("rustup");
        cargo.args(["run", "nightly", "cargo"]);
        return Ok(Toolchain { cargo, build_std: true });
    }
    Err(format!("no Rust compiler here builds for {TARGET}"))
}

fn nightly_has_source() -> bool {
    let sysroot = Command::new("rustup").args(["run", "nightly", "rustc", "--print", "sysroot"]).output();
    sysroot.is_ok_and(|output| {
        output.status.success()
            && Path::new(String::from_utf8_lossy(&output.stdout).trim())
                .join("lib/rustlib/src/rust/library")
                .exists()
    })
}

fn runs(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}

/// Where `cargo install` puts programs.
fn cargo_bin() -> PathBuf {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from).or_else(|| Some(env::home_dir()?.join(".cargo")));
    home.unwrap_or_default().join("bin")
}

fn build(mut toolchain: Toolchain, root: &Path, out: &Path) -> Result<(), String> {
    let target_dir = out.join("ebpf");
    let path =
        env::join_paths(env::split_paths(&env::var_os("PATH").unwrap_or_default()).chain(Some(cargo_bin())));
    let cargo = &mut toolchain.cargo;
    // What the outer cargo told this script is about another compiler and target.
    for variable in [
        "RUSTUP_TOOLCHAIN",
        "RUSTC_WRAPPER",
        "RUSTC_WORKSPACE_WRAPPER",
        "RUSTFLAGS",
        "CARGO",
        "CARGO_TARGET_DIR",
    ] {
        cargo.env_remove(variable);
    }
    if toolchain.build_std {
        cargo.env_remove("RUSTC").env_remove("RUSTDOC").args(["-Z", "build-std=core"]);
    }
    cargo
        .current_dir(root)
        .args(["build", "--quiet", "--release", "--package", PACKAGE, "--bins", "--target", TARGET])
        .arg("--target-dir")
        .arg(&target_dir)
        .env("PATH", path.map_err(|error| error.to_string())?)
        .env("RUSTC_BOOTSTRAP", UNSTABLE_CRATES)
        // v3 (Linux 5.12) has 32-bit arithmetic and the atomic instructions that the host counters use.
        .env(
            "CARGO_ENCODED_RUSTFLAGS",
            format!(
                "--cfg=bpf_target_arch=\"{}\"\u{1f}-Cdebuginfo=2\u{1f}-Clink-arg=--btf\u{1f}-Ctarget-cpu=v3",
                env::var("CARGO_CFG_TARGET_ARCH").unwrap_or_default()
            ),
        );
    let output = cargo.output().map_err(|error| format!("cannot run {cargo:?}: {error}"))?;
    for line in String::from_utf8_lossy(&output.stderr).lines().filter(|line| !line.is_empty()) {
        println!("cargo::warning={line}");
    }
    if !output.status.success() {
        return Err(format!(
            "building {PACKAGE} for {TARGET} failed ({}); see the warnings above",
            output.status
        ));
    }
    install(&target_dir.join(TARGET).join("release"), out).map_err(|error| error.to_string())
}

/// Copies the objects to where `include_bytes!` finds them.
fn install(from: &Path, to: &Path) -> io::Result<()> {
    for name in OBJECTS {
        let source = from.join(name);
        if source.exists() {
            fs::copy(source, to.join(format!("{name}.o")))?;
        }
    }
    Ok(())
}
