use super::*;

#[test]
fn content_comes_with_the_state_of_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("drop.txt");
    std::fs::write(&file, "192.0.2.1\n").unwrap();
    let source = read(&file, 10, "limits.list_bytes").unwrap();
    assert_eq!(source.bytes, b"192.0.2.1\n");
    assert_eq!(source.fingerprint, Fingerprint::of(&file).unwrap());

    let new = dir.path().join("new.txt");
    std::fs::write(&new, "192.0.2.2\n").unwrap();
    std::fs::rename(&new, &file).unwrap();
    assert_ne!(source.fingerprint, Fingerprint::of(&file).unwrap());
}

#[test]
fn errors_are_one_line_that_says_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let (missing, large) = (dir.path().join("missing"), dir.path().join("large"));
    std::fs::write(&large, "12345").unwrap();
    for (path, words) in [
        (missing.as_path(), "missing: No such file or directory"),
        (dir.path(), "it is a directory; give a regular file"),
        (Path::new("/dev/null"), "it is a pipe, socket or device; give a regular file"),
        (large.as_path(), "larger than 4 bytes (limits.list_bytes)"),
    ] {
        let message = read(path, 4, "limits.list_bytes").unwrap_err().to_string();
        assert!(message.starts_with("cannot read ") && message.contains(words), "{message}");
        assert!(!message.contains('\n') && !message.contains("os error"), "{message}");
    }
}

#[test]
fn a_file_without_a_size_is_still_bounded() {
    let maps = Path::new("/proc/self/maps");
    assert!(matches!(read(maps, 10, "limits.list_bytes"), Err(SourceError::TooLarge { .. })));
    assert!(!read(maps, 1 << 20, "limits.list_bytes").unwrap().bytes.is_empty());
}

#[test]
fn a_pipe_does_not_block() {
    let dir = tempfile::tempdir().unwrap();
    let pipe = dir.path().join("pipe");
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    assert!(matches!(read(&pipe, 10, "limits.list_bytes"), Err(SourceError::NotAFile { .. })));
}
