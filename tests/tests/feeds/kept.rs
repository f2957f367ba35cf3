//! Last good copies where there is no room for new ones. Needs root, for file systems of its own.

use std::fs;
use std::path::Path;

use anyhow::Result;
use relay_guard::feeds::cache::{Cache, Entry};
use relay_guard::feeds::shape::Figures;
use relay_guard::feeds::source::{Content, Document};
use relay_guard_tests::namespace::Namespace;
use rustix::mount::{MountFlags, mount, mount_remount};

use super::{LIMIT, LIST};

const ENTRY: Entry<'_> = Entry {
    source: "file /etc/list 00000000",
    fetched_at: 1000,
    figures: Figures { entries: 2, addresses: 257 },
};

fn content(bytes: &[u8]) -> Content {
    Content { documents: vec![Document::new("list".to_owned(), bytes.to_vec())] }
}

fn files(directory: &Path) -> Result<usize> {
    Ok(fs::read_dir(directory)?.count())
}

#[test]
fn a_full_or_read_only_disk_costs_the_new_copy_not_the_old_one() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let namespace = Namespace::with_bpffs("kept")?;
    namespace.run(|| {
        let path = directory.path();
        mount("tmpfs", path, "tmpfs", MountFlags::empty(), Some(c"size=64k"))?;
        let cache = Cache::open(path)?;
        cache.store("list", &ENTRY, &content(LIST))?;

        let full = cache.store("list", &ENTRY, &content(&[b'#'; 128 << 10])).expect_err("an error");
        assert_eq!(full.kind(), "no-space");
        let expected = format!(
            "cannot write {}: no space left; free some, or move the cache directory",
            path.join("list.list").display()
        );
        assert_eq!(full.to_string(), expected);
        assert_eq!(cache.load("list", LIMIT)?.expect("a copy").1, content(LIST));
        assert_eq!(files(path)?, 1, "nothing is left of the half one");
        // So there is room for one that fits.
        cache.store("list", &ENTRY, &content(b"192.0.2.7\n"))?;

        mount_remount(path, MountFlags::RDONLY, c"")?;
        for refused in
            [cache.store("list", &ENTRY, &content(LIST)), cache.touch("list", 2000), cache.remove("list")]
        {
            assert_eq!(refused.expect_err("an error").kind(), "read-only");
        }
        assert_eq!(cache.load("list", LIMIT)?.expect("a copy").1, content(b"192.0.2.7\n"));
        Ok(())
    })
}
