//! What the machine must offer, checked before anything is touched.

use rustix::thread::{CapabilitySet, capabilities};

use super::DatapathError;

/// Oldest kernel: XDP on jumbo frames (`xdp.frags`) came with 5.18; everything else used is older.
const OLDEST: (u32, u32) = (5, 18);

/// Checks privileges and kernel.
///
/// # Errors
/// [`DatapathError::Privileges`] with the missing capabilities, [`DatapathError::Kernel`] with what is missing.
pub fn check_requirements() -> Result<(), DatapathError> {
    let effective = capabilities(None).map_or(CapabilitySet::empty(), |sets| sets.effective);
    if let Some(missing) = missing_capabilities(effective) {
        return Err(DatapathError::Privileges { missing });
    }
    let release = rustix::system::uname().release().to_string_lossy().into_owned();
    check_release(&release)
}

fn missing_capabilities(effective: CapabilitySet) -> Option<String> {
    // CAP_SYS_ADMIN includes CAP_BPF and CAP_PERFMON (capabilities(7)).
    let admin = effective.contains(CapabilitySet::SYS_ADMIN);
    let missing: Vec<_> = [
        ("CAP_BPF", admin || effective.contains(CapabilitySet::BPF)),
        ("CAP_NET_ADMIN", effective.contains(CapabilitySet::NET_ADMIN)),
        ("CAP_PERFMON", admin || effective.contains(CapabilitySet::PERFMON)),
    ]
    .into_iter()
    .filter_map(|(name, present)| (!present).then_some(name))
    .collect();
    (!missing.is_empty()).then(|| missing.join(", "))
}

fn check_release(release: &str) -> Result<(), DatapathError> {
    let mut numbers =
        release.split(|c: char| !c.is_ascii_digit()).map(|part| part.parse::<u32>().unwrap_or(0));
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    if version < OLDEST {
        let release = release.to_owned();
        return Err(DatapathError::Kernel {
            release,
            what: "XDP on jumbo frames (xdp.frags)",
            needed: "5.18",
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases() {
        for (release, fine) in [
            ("6.1.0-31-cloud-amd64", true),
            ("5.18.0", true),
            ("5.17.9", false),
            ("5.10.0-34-amd64", false),
            ("4.19", false),
            ("10.0-rc1", true),
        ] {
            assert_eq!(check_release(release).is_ok(), fine, "{release}");
        }
    }

    #[test]
    fn missing_capabilities_are_named() {
        let all = CapabilitySet::BPF | CapabilitySet::NET_ADMIN | CapabilitySet::PERFMON;
        assert_eq!(missing_capabilities(all), None);
        assert_eq!(missing_capabilities(CapabilitySet::SYS_ADMIN | CapabilitySet::NET_ADMIN), None);
        assert_eq!(missing_capabilities(CapabilitySet::BPF).as_deref(), Some("CAP_NET_ADMIN, CAP_PERFMON"));
        assert!(missing_capabilities(CapabilitySet::empty()).is_some());
    }
}
