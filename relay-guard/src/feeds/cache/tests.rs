//! Copies are as they were, or said to be damaged; never something else.

use std::os::unix::fs::{FileExt as _, PermissionsExt as _, symlink};

use tempfile::TempDir;

use super::super::source::Validators;
use super::*;

const LIMIT: Limit = Limit { bytes: 1000, name: "limits.list_bytes" };
const FIGURES: Figures = Figures { entries: 3, addresses: 700 };
const ENTRY: Entry<'_> =
    Entry { source: "http https://a.example/ 00000000", fetched_at: 5000, figures: FIGURES };

fn cache() -> (TempDir, Cache) {
    let directory = tempfile::tempdir().unwrap();
    let cache = Cache::open(&directory.path().join("lists/copies")).unwrap();
    (directory, cache)
}

fn document(name: &str, bytes: &[u8]) -> Document {
    let validators =
        Validators { etag: Some(format!("\"{name}\"")), last_modified: Some("yesterday".to_owned()) };
    Document { validators, ..Document::new(name.to_owned(), bytes.to_vec()) }
}

fn content(documents: &[&[u8]]) -> Content {
    let documents = documents.iter().enumerate().map(|(index, bytes)| document(&format!("d{index}"), bytes));
    Content { documents: documents.collect() }
}

fn files(cache: &Cache) -> Vec<String> {
    let entries = fs::read_dir(cache.directory()).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn what_was_stored_is_loaded() {
    let (_directory, cache) = cache();
    assert_eq!(cache.load("drop", LIMIT).unwrap(), None);
    let stored = content(&[b"192.0.2.1\n", b"", b"198.51.100.0/24\n"]);
    cache.store("drop", &ENTRY, &stored).unwrap();
    let (about, loaded) = cache.load("drop", LIMIT).unwrap().unwrap();
    assert_eq!(loaded, stored);
    assert_eq!((about.source.as_str(), about.fetched_at, about.checked_at), (ENTRY.source, 5000, 5000));
    assert_eq!((about.figures, about.bytes()), (FIGURES, 26));
    assert_eq!(cache.about("drop").unwrap().unwrap(), about);
    for (index, expected) in stored.documents.iter().enumerate() {
        assert_eq!(cache.read_document("drop", index).unwrap().as_ref(), Some(expected));
    }
    assert_eq!(cache.read_document("drop", 3).unwrap(), None);
    assert_eq!(cache.read_document("other", 0).unwrap(), None);
    assert_eq!(files(&cache), ["drop.list"]);
}

#[test]
fn validators_are_for_their_own_source_alone() {
    let (_directory, cache) = cache();
    let stored = content(&[b"1", b"2"]);
    cache.store("drop", &ENTRY, &stored).unwrap();
    let about = cache.about("drop").unwrap().unwrap();
    assert_eq!(about.validators_for(ENTRY.source), stored.validators());
    assert_eq!(about.validators_for("http https://b.example/ 00000000"), []);
}

#[test]
fn copies_are_for_their_owner_alone() {
    let (_directory, cache) = cache();
    cache.store("drop", &ENTRY, &content(&[b"1"])).unwrap();
    cache.touch("drop", 6000).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode(cache.directory()), 0o700);
    assert_eq!(mode(&cache.directory().join("drop.list")), 0o600);
    assert_eq!(mode(&cache.directory().join("drop.checked")), 0o600);
}

#[test]
fn a_confirmation_changes_the_time_alone_and_only_of_this_copy() {
    let (_directory, cache) = cache();
    cache.touch("drop", 6000).unwrap();
    assert_eq!(files(&cache), [""; 0], "there is nothing to confirm");
    cache.store("drop", &ENTRY, &content(&[b"1"])).unwrap();
    let file = cache.directory().join("drop.list");
    let before = fs::read(&file).unwrap();
    cache.touch("drop", 6000).unwrap();
    let checked_at = || cache.about("drop").unwrap().unwrap().checked_at;
    assert_eq!((checked_at(), cache.about("drop").unwrap().unwrap().fetched_at), (6000, 5000));
    cache.touch("drop", 7000).unwrap();
    assert_eq!(checked_at(), 7000);
    assert_eq!(fs::read(&file).unwrap(), before);
    // A damaged note is none.
    for note in ["", "x", "6000", "00000000 9000\n", "\u{0}\u{0}"] {
        fs::write(cache.directory().join("drop.checked"), note).unwrap();
        assert_eq!(checked_at(), 5000, "{note:?}");
    }
    // Nor is that of the copy before.
    cache.touch("drop", 8000).unwrap();
    cache.store("drop", &Entry { fetched_at: 5500, ..ENTRY }, &content(&[b"2"])).unwrap();
    assert_eq!(checked_at(), 5500);
}

#[test]
fn removed_and_pruned_copies_are_gone_and_nothing_else() {
    let (_directory, cache) = cache();
    for name in ["a", "b", "c.d", "e"] {
        cache.store(name, &ENTRY, &content(&[b"1"])).unwrap();
        cache.touch(name, 6000).unwrap();
    }
    cache.remove("e").unwrap();
    cache.remove("e").unwrap();
    for other in ["README", ".new-abc", ".hidden.list", "x y.list", "list"] {
        fs::write(cache.directory().join(other), "").unwrap();
    }
    fs::write(cache.directory().join("lone.checked"), "").unwrap();
    assert_eq!(cache.prune(&["b"]).unwrap(), ["a", "c.d", "lone"]);
    assert_eq!(files(&cache), [".hidden.list", "README", "b.checked", "b.list", "list", "x y.list"]);
    assert!(cache.load("b", LIMIT).unwrap().is_some());
}

#[test]
fn names_cannot_leave_the_directory() {
    let (_directory, cache) = cache();
    let long = "x".repeat(MAX_NAME_BYTES + 1);
    for name in ["", ".", "..", ".a", "a/b", "../a", "a b", "ä", "a\n", "a\0", &long] {
        assert_eq!(cache.store(name, &ENTRY, &Content::default()).unwrap_err().kind(), "name", "{name:?}");
        assert_eq!(cache.load(name, LIMIT).unwrap_err().kind(), "name");
        assert_eq!(cache.remove(name).unwrap_err().kind(), "name");
    }
    let longest = "x".repeat(MAX_NAME_BYTES);
    cache.store(&longest, &ENTRY, &Content::default()).unwrap();
}

#[test]
fn the_limit_holds_for_what_is_kept() {
    let (_directory, cache) = cache();
    cache.store("drop", &ENTRY, &content(&[&[b'1'; 600], &[b'1'; 400]])).unwrap();
    assert!(cache.load("drop", LIMIT).unwrap().is_some());
    let error = cache.load("drop", Limit { bytes: 999, ..LIMIT }).unwrap_err();
    assert_eq!(error.kind(), "too-large");
    assert!(error.to_string().contains("holds more than 999 bytes (limits.list_bytes)"), "{error}");
}

#[test]
fn what_is_no_copy_is_said_to_be_damaged() {
    let (_directory, cache) = cache();
    let file = cache.directory().join("drop.list");
    cache.store("drop", &ENTRY, &content(&[b"192.0.2.1\n"])).unwrap();
    let good = fs::read(&file).unwrap();
    let longer = [&good[..], b"x"].concat();
    let other = String::from_utf8(good.clone()).unwrap().replacen("list 1 ", "list 2 ", 1).into_bytes();
    for (bytes, kind, what) in [
        (&b""[..], "damaged", "it is no copy of a list"),
        (b"192.0.2.1\n", "damaged", "it is no copy of a list"),
        (b"relay-guard-list 1 zzzzzzzz 00000001\n", "damaged", "its first line cannot be read"),
        (b"relay-guard-list 1 00000000 ffffffff\n", "damaged", "its first line cannot be read"),
        (&good[..good.len() - 1], "damaged", "its length is not what was written"),
        (&longer, "damaged", "its length is not what was written"),
        (&other, "version", "is of another version"),
    ] {
        fs::write(&file, bytes).unwrap();
        let error = cache.load("drop", LIMIT).unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(what) && !error.to_string().contains('\n'), "{error}");
        assert!(cache.about("drop").is_err());
        assert!(cache.touch("drop", 1).is_err());
    }
    // A good one takes its place.
    cache.store("drop", &ENTRY, &content(&[b"1"])).unwrap();
    assert!(cache.load("drop", LIMIT).unwrap().is_some());
}

#[test]
fn links_and_directories_are_not_read() {
    let (directory, cache) = cache();
    let elsewhere = directory.path().join("elsewhere");
    cache.store("a", &ENTRY, &content(&[b"1"])).unwrap();
    fs::rename(cache.directory().join("a.list"), &elsewhere).unwrap();
    symlink(&elsewhere, cache.directory().join("a.list")).unwrap();
    assert_eq!(cache.load("a", LIMIT).unwrap_err().kind(), "unreadable");
    fs::create_dir(cache.directory().join("b.list")).unwrap();
    assert_eq!(cache.load("b", LIMIT).unwrap_err().kind(), "damaged");
    // Writing replaces the link, not what it leads to.
    let before = fs::read(&elsewhere).unwrap();
    cache.store("a", &ENTRY, &content(&[b"2"])).unwrap();
    assert_eq!(fs::read(&elsewhere).unwrap(), before);
}

#[test]
fn a_failed_write_leaves_the_old_copy_and_nothing_else() {
    let (_directory, cache) = cache();
    cache.store("drop", &ENTRY, &content(&[b"1"])).unwrap();
    let path = cache.directory().join("drop.list");
    for (code, kind) in [
        (rustix::io::Errno::NOSPC, "no-space"),
        (rustix::io::Errno::DQUOT, "no-space"),
        (rustix::io::Errno::ROFS, "read-only"),
        (rustix::io::Errno::IO, "unwritable"),
    ] {
        let written = cache.replace(&path, true, |file| {
            file.write_all(b"half")?;
            Err(code.into())
        });
        assert_eq!(CacheError::writing(&path, written.unwrap_err()).kind(), kind);
    }
    assert_eq!(files(&cache), ["drop.list"]);
    assert!(cache.load("drop", LIMIT).unwrap().is_some());
}

#[test]
fn a_file_where_the_directory_should_be_is_an_error() {
    let file = NamedTempFile::new().unwrap();
    assert_eq!(Cache::open(file.path()).unwrap_err().kind(), "unwritable");
    assert_eq!(Cache::open(&file.path().join("x")).unwrap_err().kind(), "unwritable");
}

/// One flipped bit anywhere, or a missing end: the copy is damaged, or of another version, never something else.
#[test]
fn no_flipped_bit_and_no_missing_end_goes_unnoticed() {
    let (_directory, cache) = cache();
    cache.store("drop", &ENTRY, &content(&[b"192.0.2.1\n", b"198.51.100.0/24\n"])).unwrap();
    let path = cache.directory().join("drop.list");
    let good = fs::read(&path).unwrap();
    let file = File::options().write(true).open(&path).unwrap();
    for (place, byte) in good.iter().enumerate() {
        for bit in 0..8 {
            file.write_all_at(&[byte ^ (1 << bit)], place as u64).unwrap();
            let loaded = cache.load("drop", LIMIT);
            let kind = loaded.as_ref().map_err(CacheError::kind);
            assert!(matches!(kind, Err("damaged" | "version")), "byte {place} bit {bit}: {loaded:?}");
        }
        file.write_all_at(&[*byte], place as u64).unwrap();
    }
    assert!(cache.load("drop", LIMIT).unwrap().is_some());
    for length in (0..good.len()).rev() {
        file.set_len(length as u64).unwrap();
        assert_eq!(cache.load("drop", LIMIT).unwrap_err().kind(), "damaged", "{length} bytes");
    }
}
