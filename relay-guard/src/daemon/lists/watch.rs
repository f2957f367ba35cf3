//! Watching files and directories: content is read once it holds still, and again only when it has changed.

use std::path::PathBuf;

use crate::lists::source::Fingerprint;

/// The state of the files of a source at one look.
pub(super) type Sighting = Vec<(PathBuf, Fingerprint)>;

/// What a look tells.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// The files are those of the content in force.
    Same,
    /// They have changed, and were refused in this state.
    Refused,
    /// They have changed; somebody may still be writing.
    Settling,
    /// They have changed, and held still since the last look.
    Changed(Sighting),
}

/// What was seen of a source's files.
#[derive(Clone, Debug, Default)]
pub(super) struct Watch {
    /// The files that the content in force came from.
    taken: Option<Sighting>,
    /// The files at the last look, if they have changed.
    seen: Option<Sighting>,
    /// The files when they were refused.
    refused: Option<Sighting>,
}

impl Watch {
    /// Content in force came from these files.
    pub(super) fn take(&mut self, sighting: Sighting) {
        *self = Self { taken: Some(sighting), ..Self::default() };
    }

    /// These files were refused: they are not read again before they change.
    pub(super) fn refuse(&mut self, sighting: Sighting) {
        self.refused = Some(sighting);
        self.seen = None;
    }

    /// The files cannot be looked at.
    pub(super) fn lose(&mut self) {
        self.seen = None;
    }

    /// Whether the content in force came from these files.
    pub(super) fn has_taken(&self, current: &Sighting) -> bool {
        self.taken.as_ref() == Some(current)
    }

    /// Takes a look.
    pub(super) fn look(&mut self, current: Sighting) -> Look {
        if self.has_taken(&current) {
            (self.seen, self.refused) = (None, None);
            return Look::Same;
        }
        if self.refused.as_ref() == Some(&current) {
            return Look::Refused;
        }
        if self.seen.as_ref() == Some(&current) {
            return Look::Changed(current);
        }
        self.seen = Some(current);
        Look::Settling
    }
}

/// When the newest of the files was written, seconds since the epoch; none if there is no file.
pub(super) fn written_at(sighting: &Sighting) -> Option<u64> {
    sighting.iter().map(|(_, file)| u64::try_from(file.modified.0).unwrap_or(0)).max()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(size: u64) -> Sighting {
        let state = Fingerprint { device: 1, inode: 2, size, modified: (3, 0), changed: (3, 0) };
        vec![(PathBuf::from("a"), state)]
    }

    #[test]
    fn a_change_is_read_once_it_holds_still() {
        let mut watch = Watch::default();
        watch.take(files(1));
        assert_eq!(watch.look(files(1)), Look::Same);
        assert_eq!(watch.look(files(2)), Look::Settling);
        assert_eq!(watch.look(files(3)), Look::Settling, "still being written");
        assert_eq!(watch.look(files(3)), Look::Changed(files(3)));
        watch.take(files(3));
        assert_eq!(watch.look(files(3)), Look::Same);
    }

    #[test]
    fn what_was_refused_is_not_read_again() {
        let mut watch = Watch::default();
        watch.take(files(1));
        watch.look(files(2));
        watch.refuse(files(2));
        assert_eq!(watch.look(files(2)), Look::Refused);
        assert_eq!(watch.look(files(1)), Look::Same, "the old file is back");
        assert_eq!(watch.look(files(2)), Look::Settling, "and the bad one again");
    }
}
