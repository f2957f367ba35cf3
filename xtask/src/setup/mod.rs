//! `cargo xtask setup`: look, decide, then install; or say what to run where installing is not ours to do.

mod invocation;
mod machine;
mod plan;
mod policy;

use std::path::Path;
use std::time::Instant;

use anyhow::{anyhow, bail};
use clap::Args;

use self::invocation::Invocation;
use self::machine::Machine;
pub(crate) use self::plan::Part;
use self::plan::{Item, Need};
use self::policy::NoServices;
use crate::Verdict;
use crate::privilege::Access;
use crate::process;
use crate::steps::{Steps, Stream, seconds};

/// Packages that bring a service of their name, and the step that disables it. (That of rbldnsd runs only where an
/// administrator has configured it.)
const SERVICES: [(&str, &str); 2] =
    [("postfix", "keep Postfix from starting at boot"), ("unbound", "keep unbound from starting at boot")];

/// Options of `cargo xtask setup`.
#[derive(Args, Debug)]
#[command(
    after_help = "Installs on Debian 12, as root or with a sudo that does not ask. Elsewhere it prints the
commands to run, one per line, and ends with code 2; where nothing is missing it ends with 0.

Examples:
  cargo xtask setup              everything
  cargo xtask setup --only bpf   enough to build the kernel program
  cargo xtask setup --dry-run    say what is missing; code 1 if something is"
)]
pub(crate) struct Options {
    /// Only this part
    #[arg(long, value_name = "PART")]
    only: Option<Part>,
    /// Print the commands that would be run, and change nothing
    #[arg(long)]
    dry_run: bool,
}

/// Carries out `cargo xtask setup`.
///
/// # Errors
///
/// When something is missing and cannot be installed from here.
pub(crate) fn run(options: &Options) -> anyhow::Result<Verdict> {
    let parts = options.only.map_or(vec![Part::Bpf, Part::Lab, Part::Check, Part::Fuzz], |part| vec![part]);
    let mut steps = Steps::new(Stream::Stdout);
    let verdict = ensure(&parts, options.dry_run, &mut steps)?;
    steps.summary();
    Ok(verdict)
}

/// Brings what `parts` need, for a command that goes on afterwards.
///
/// # Errors
///
/// When something is missing and cannot be installed from here.
pub(crate) fn prepare(parts: &[Part], steps: &mut Steps) -> anyhow::Result<()> {
    ensure(parts, false, steps).map(|_| ())
}

fn ensure(parts: &[Part], dry_run: bool, steps: &mut Steps) -> anyhow::Result<Verdict> {
    let start = Instant::now();
    let machine = Machine::probe();
    let access = Access::probe();
    let items = plan::plan(&machine, parts);
    report(&items, &plan::warnings(&machine, parts), steps);
    steps.say(&format!("setup: {}; looked in {}", plan::kernel(&machine), seconds(start.elapsed())));
    let needs: Vec<Need> = items.into_iter().filter_map(|item| item.need).collect();
    if needs.is_empty() {
        return Ok(Verdict::Fine);
    }
    if dry_run {
        print_commands(&machine, &needs, access, steps);
        return Ok(Verdict::No);
    }
    if let Err(reason) = may_install(&machine, &needs, access) {
        print_commands(&machine, &needs, access, steps);
        bail!("setup: cannot install here: {reason}; run the commands above");
    }
    install(&needs, access, steps)?;
    let left = plan::plan(&Machine::probe(), parts).into_iter().find(|item| item.need.is_some());
    match left {
        None => Ok(Verdict::Fine),
        Some(item) => Err(anyhow!("setup: {}: still missing after it was installed; see above", item.name)),
    }
}

/// Prints each thing wanted and whether it is there, then what else is wrong.
fn report(items: &[Item], warnings: &[String], steps: &Steps) {
    for item in items {
        let state = match &item.need {
            None => "already there".to_owned(),
            Some(Need::Packages(names) | Need::Components(names)) => format!("missing: {}", names.join(" ")),
            Some(Need::Unpack(..) | Need::BpfLinker | Need::Nightly) => "missing".to_owned(),
        };
        steps.say(&format!("setup: {}: {state}", item.name));
    }
    for warning in warnings {
        steps.say(&format!("setup: warning: {warning}"));
    }
}

/// Whether the commands for `needs` can be run on this machine; if not, why.
fn may_install(machine: &Machine, needs: &[Need], access: Access) -> Result<(), &'static str> {
    let commands = invocation::for_debian(needs);
    if !machine.os.is_supported() {
        Err("this is not Debian 12")
    } else if commands.iter().any(|command| command.as_root) && !access.is_silent() {
        Err("not root, and sudo is not there or wants a password")
    } else {
        Ok(())
    }
}

fn print_commands(machine: &Machine, needs: &[Need], access: Access, steps: &Steps) {
    let root_already = access == Access::Root;
    let lines = if machine.os.is_supported() {
        invocation::for_debian(needs).iter().map(|command| command.line(root_already)).collect()
    } else {
        invocation::for_others(&machine.os, needs, root_already)
    };
    for line in lines {
        steps.say(&line);
    }
}

fn install(needs: &[Need], access: Access, steps: &mut Steps) -> anyhow::Result<()> {
    let commands = invocation::for_debian(needs);
    let packages = invocation::package_names(needs);
    let services: Vec<_> = SERVICES.iter().filter(|(package, _)| packages.contains(package)).collect();
    let bring_some = !services.is_empty();
    let no_services =
        bring_some.then(|| NoServices::forbid(Path::new(policy::POLICY_FILE), access)).transpose()?;
    for command in &commands {
        run_step(command, access, steps)?;
    }
    drop(no_services);
    if process::find_program("systemctl").is_some() {
        for (package, step) in services {
            // Best effort: where services are not systemd's, there is none to be disabled.
            let mut disable = access.command(Path::new("systemctl"));
            steps.run(step, disable.args(["disable", package]))?;
        }
    }
    Ok(())
}

fn run_step(invocation: &Invocation, access: Access, steps: &mut Steps) -> anyhow::Result<()> {
    let line = invocation.line(access == Access::Root);
    if !steps.run(invocation.name, &mut invocation.command(access))? {
        let hint = if line.contains("apt-get") {
            "are Debian 12's main archive and its security updates among apt's sources, and reachable?"
        } else {
            "see its own words above"
        };
        bail!("setup: `{line}` failed; {hint}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::plan::tests::{ALL, complete, needs};
    use super::*;

    const DEBIAN: &str = "ID=debian\nVERSION_ID=12";

    #[test]
    fn packages_need_root_or_a_silent_sudo() {
        let mut machine = complete(DEBIAN);
        machine.packages.remove("llvm-22-dev");
        let needs = needs(&machine, &ALL);
        for (access, allowed) in
            [(Access::Root, true), (Access::Sudo, true), (Access::SudoAsks, false), (Access::Nothing, false)]
        {
            assert_eq!(may_install(&machine, &needs, access).is_ok(), allowed, "{access:?}");
        }
    }

    #[test]
    fn what_goes_into_the_home_folder_needs_no_root() {
        let machine = Machine { bpf_linker: None, components_missing: vec!["rustfmt"], ..complete(DEBIAN) };
        let needs = needs(&machine, &ALL);
        assert_eq!(may_install(&machine, &needs, Access::Nothing), Ok(()));
    }

    #[test]
    fn other_distributions_are_never_changed() {
        let machine = Machine { bpf_linker: None, ..complete("ID=debian\nVERSION_ID=13") };
        let needs = needs(&machine, &ALL);
        assert!(may_install(&machine, &needs, Access::Root).is_err());
    }
}
