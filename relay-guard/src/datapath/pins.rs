//! What is pinned where: everything that outlives the daemon.
//!
//! ```text
//! <pin_dir>/maps-<layout>/NAME       maps; another layout gets another directory
//! <pin_dir>/programs/NAME            the programs that run
//! <pin_dir>/links/<interface>~<ifindex>~<hook>~<mode>
//! ```
//! In link names, `:` stands for `.`, which the BPF file system keeps for itself and interface names may hold; `:` is
//! in no interface name.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use aya::{
    Ebpf,
    programs::{Program, tc},
};

use super::{Adoption, DatapathError, attach::TcMode, load};

/// The pin directory.
#[derive(Clone, Debug)]
pub struct Pins {
    root: PathBuf,
    maps: PathBuf,
    adoption: Adoption,
}

/// One pinned attachment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PinnedHook {
    /// Interface name when it was attached.
    pub interface: String,
    /// Interface index; never used again for another device in the life of a network namespace.
    pub ifindex: u32,
    /// `xdp`, `ingress` or `egress`.
    pub hook: String,
    /// `native`, `generic`, `tcx` or `clsact`.
    pub mode: String,
}

impl PinnedHook {
    fn file_name(&self) -> String {
        let interface = self.interface.replace('.', ":");
        format!("{interface}~{}~{}~{}", self.ifindex, self.hook, self.mode)
    }

    fn parse(name: &str) -> Option<Self> {
        let mut parts = name.rsplitn(4, '~');
        let (mode, hook, ifindex, interface) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        Some(Self {
            interface: interface.replace(':', "."),
            ifindex: ifindex.parse().ok()?,
            hook: hook.to_owned(),
            mode: mode.to_owned(),
        })
    }
}

impl Pins {
    /// Opens (and makes, where needed) the pin directory for maps of a layout.
    ///
    /// # Errors
    /// [`DatapathError::NoBpffs`], [`DatapathError::Pins`].
    pub(super) fn open(root: &Path, layout: &str) -> Result<Self, DatapathError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |error| DatapathError::Pins { path, error }
        };
        let parent = root.parent().unwrap_or(root);
        if !load::is_bpffs(if root.exists() { root } else { parent }) {
            return Err(DatapathError::NoBpffs { path: root.to_owned() });
        }
        let maps = root.join(layout);
        // Links without maps: somebody removed those. What is attached still judges until it is swapped.
        let attached = !Self::at(root).hooks().is_empty();
        let adoption = match (maps.exists(), attached || others(root, &maps).next().is_some()) {
            (true, _) => Adoption::Adopted,
            (false, true) => Adoption::Replaced,
            (false, false) => Adoption::Fresh,
        };
        for directory in [root, &maps, &root.join("programs"), &root.join("links")] {
            make_private(directory).map_err(failed(directory))?;
        }
        Ok(Self { root: root.to_owned(), maps, adoption })
    }

    /// The pin directory of a daemon that need not run.
    #[must_use]
    pub fn at(root: &Path) -> Self {
        Self { root: root.to_owned(), maps: PathBuf::new(), adoption: Adoption::Fresh }
    }

    pub(super) const fn adoption(&self) -> Adoption {
        self.adoption
    }

    pub(super) fn map(&self, name: &str) -> PathBuf {
        self.maps.join(name)
    }

    /// A map's pins in layouts other than the one in use.
    pub(super) fn earlier(&self, name: &str) -> impl Iterator<Item = PathBuf> {
        others(&self.root, &self.maps).map(move |directory| directory.join(name))
    }

    pub(super) fn link(&self, hook: &PinnedHook) -> PathBuf {
        self.root.join("links").join(hook.file_name())
    }

    /// Attachments that are pinned, whoever pinned them.
    #[must_use]
    pub fn hooks(&self) -> Vec<PinnedHook> {
        let names = fs::read_dir(self.root.join("links")).into_iter().flatten().filter_map(Result::ok);
        names.filter_map(|entry| PinnedHook::parse(entry.file_name().to_str()?)).collect()
    }

    /// Pins the programs in place of earlier ones.
    pub(super) fn pin_programs(&self, programs: &mut Ebpf) -> Result<(), DatapathError> {
        let names: Vec<String> = programs.programs().map(|(name, _)| name.to_owned()).collect();
        for name in names {
            let path = self.root.join("programs").join(&name);
            let pinned = remove_if_there(&path).and_then(|()| match programs.program_mut(&name) {
                Some(Program::Xdp(program)) => program.pin(&path).map_err(io::Error::other),
                Some(Program::SchedClassifier(program)) => program.pin(&path).map_err(io::Error::other),
                _ => Ok(()),
            });
            pinned.map_err(|error| DatapathError::Pins { path, error })?;
        }
        Ok(())
    }

    /// Removes maps of layouts other than the one in use.
    pub(super) fn remove_other_layouts(&self) {
        for path in others(&self.root, &self.maps) {
            remove_tree(&path, &mut Vec::new());
        }
    }

    /// Takes one attachment off.
    ///
    /// # Errors
    /// If its pin cannot be removed.
    pub fn detach(&self, hook: &PinnedHook) -> io::Result<()> {
        // A clsact filter has no link: what is pinned for it is its program, as a note that it is there.
        if hook.mode == TcMode::Clsact.name() {
            let direction =
                if hook.hook == "ingress" { tc::TcAttachType::Ingress } else { tc::TcAttachType::Egress };
            for name in [load::INGRESS, load::INGRESS_L3, load::EGRESS, load::EGRESS_L3] {
                // The device, and the filter with it, may be gone.
                let _ = tc::qdisc_detach_program(&hook.interface, direction, name);
            }
        }
        remove_if_there(&self.link(hook))
    }

    /// Takes everything off and removes the directory. Goes on where something fails.
    ///
    /// # Errors
    /// All failures, one line each.
    pub fn detach_all(&self) -> Result<Vec<PinnedHook>, Vec<String>> {
        let mut failures = Vec::new();
        let hooks = self.hooks();
        for hook in &hooks {
            // A pin that cannot be removed this way is told when the directory goes.
            let _ = self.detach(hook);
        }
        if self.root.exists() {
            remove_tree(&self.root, &mut failures);
        }
        if failures.is_empty() { Ok(hooks) } else { Err(failures) }
    }
}

/// Map directories beside `maps`.
fn others(root: &Path, maps: &Path) -> impl Iterator<Item = PathBuf> {
    let maps = maps.to_owned();
    fs::read_dir(root)
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("maps-"))
        .map(|entry| entry.path())
        .filter(move |path| *path != maps)
}

fn make_private(directory: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    match fs::DirBuilder::new().mode(0o700).create(directory) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && directory.is_dir() => Ok(()),
        other => other,
    }
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Removes something that is no pin from where a pin is to be.
pub(super) fn remove_foreign(path: &Path) {
    if fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir() || metadata.is_symlink()) {
        remove_tree(path, &mut Vec::new());
    }
}

fn remove_tree(path: &Path, failures: &mut Vec<String>) {
    let removed = match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => {
            for entry in fs::read_dir(path).into_iter().flatten().filter_map(Result::ok) {
                remove_tree(&entry.path(), failures);
            }
            fs::remove_dir(path)
        }
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    if let Err(error) = removed {
        failures.push(format!("{}: {error}", path.display()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn link_names_round_trip() {
        for interface in ["eth0", "eth0.10", "a~b", "wg-x_1"] {
            let hook = PinnedHook {
                interface: interface.into(),
                ifindex: 42,
                hook: "egress".into(),
                mode: "tcx".into(),
            };
            let name = hook.file_name();
            assert!(!name.contains('.'), "{name}");
            assert_eq!(PinnedHook::parse(&name), Some(hook));
        }
        assert_eq!(PinnedHook::parse("something-else"), None);
    }
}
