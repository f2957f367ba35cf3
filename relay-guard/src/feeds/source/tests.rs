//! What a source is called and how it is told from others; files and commands, as they are fetched. Web servers are
//! played by the integration tests.

use std::io::Read as _;

use super::*;

const LIMIT: Limit = Limit { bytes: 1000, name: "limits.list_bytes" };

fn http(urls: &[&str]) -> Source {
    Source::Http(HttpSource::new(urls.iter().map(|url| Url::parse(url).unwrap()).collect()))
}

fn shell(script: &str) -> Source {
    let argv = ["/bin/sh", "-c", script].map(str::to_owned).to_vec();
    Source::Command(CommandSource { argv, timeout: Duration::from_secs(30) })
}

fn fetch(source: &Source) -> Result<Vec<u8>, FetchError> {
    let content = Fetcher::default().fetch_blocking(source, LIMIT)?;
    assert_eq!(content.documents.len(), 1);
    Ok(content.documents.into_iter().next().unwrap().bytes)
}

fn error(source: &Source) -> (&'static str, String) {
    let error = fetch(source).unwrap_err();
    assert!(!error.to_string().contains('\n'), "{error}");
    (error.kind(), error.to_string())
}

#[test]
fn sources_are_named_without_what_may_be_secret() {
    let command = shell("echo secret");
    for (source, expected) in [
        (Source::File("/etc/list".into()), "/etc/list"),
        (http(&["https://user:secret@a.example/list?secret"]), "https://a.example/list?…"),
        (
            http(&["https://a.example/1", "https://a.example/2", "https://a.example/3"]),
            "https://a.example/1 and 2 more",
        ),
        (command, "command sh"),
    ] {
        assert_eq!(source.to_string(), expected);
        assert!(!format!("{source:?}").contains("secret"), "{source:?}");
        assert!(!source.id().contains("secret"), "{}", source.id());
    }
}

#[test]
fn ids_tell_sources_apart() {
    let sources = [
        Source::File("/etc/list".into()),
        Source::Directory("/etc/list".into()),
        http(&["https://a.example/?a"]),
        http(&["https://a.example/?b"]),
        http(&["https://a.example/?a", "https://a.example/?b"]),
        shell("a"),
        shell("b"),
        shell("a b"),
    ];
    for (index, one) in sources.iter().enumerate() {
        for (other_index, other) in sources.iter().enumerate() {
            assert_eq!(one.id() == other.id(), index == other_index, "{} {}", one.id(), other.id());
        }
    }
    let Source::Http(mut with_more) = http(&["https://a.example/?a"]) else { unreachable!() };
    with_more.bearer_file = Some("/etc/token".into());
    with_more.timeout = Duration::from_secs(1);
    assert_eq!(Source::Http(with_more).id(), sources[2].id());
}

#[test]
fn a_secret_over_an_unencrypted_connection_is_noticed() {
    let source = |urls: &[&str], bearer: bool| {
        let Source::Http(mut source) = http(urls) else { unreachable!() };
        source.bearer_file = bearer.then(|| "/etc/token".into());
        source.secret_in_clear().is_some()
    };
    assert!(source(&["https://a.example/", "http://b.example/"], true));
    assert!(source(&["http://user@a.example/"], false));
    assert!(!source(&["http://a.example/"], false));
    assert!(!source(&["https://user@a.example/"], true));
}

#[test]
fn a_file_is_content_with_its_fingerprint() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "192.0.2.1\n").unwrap();
    let source = Source::File(file.path().to_owned());
    let content = Fetcher::default().fetch_blocking(&source, LIMIT).unwrap();
    let document = &content.documents[0];
    assert_eq!((document.bytes.as_slice(), content.bytes()), (&b"192.0.2.1\n"[..], 10));
    let state = source.fingerprints().unwrap().unwrap();
    assert_eq!(state, [(file.path().to_owned(), document.fingerprint.unwrap())]);
    std::fs::write(file.path(), vec![b'1'; 1001]).unwrap();
    assert_eq!(error(&source).0, "too-large");
}

#[test]
fn sources_that_can_never_work_say_why() {
    for (source, expected) in [
        (http(&[]), "cannot fetch the list: no URL is given; correct the configuration"),
        (
            http(&["ftp://a.example/x"]),
            "cannot fetch ftp://a.example/x: only http and https can be fetched; correct the configuration",
        ),
    ] {
        assert_eq!(error(&source), ("unusable", expected.to_owned()));
    }
    let Source::Http(mut source) = http(&["http://a.example/"]) else { unreachable!() };
    source.header = Some(("Host".to_owned(), "/etc/token".into()));
    let (kind, text) = error(&Source::Http(source));
    assert_eq!(kind, "unusable");
    assert!(text.contains("with header \"Host\": this header is set by the program itself"), "{text}");
}

#[test]
fn a_command_gives_what_it_writes() {
    assert_eq!(fetch(&shell("printf '192.0.2.1\\n'; echo note >&2")).unwrap(), b"192.0.2.1\n");
    assert_eq!(fetch(&shell("printf 192.0.2.1 | gzip")).unwrap(), b"192.0.2.1");
    assert_eq!(fetch(&shell("cat")).unwrap(), b"", "there is nothing on its standard input");
    assert_eq!(fetch(&shell("head -c 1000 /dev/zero")).unwrap().len(), 1000);
    assert_eq!(fetch(&shell("pwd")).unwrap(), b"/\n");
}

#[test]
fn a_command_sees_only_what_it_needs_of_the_environment() {
    let output = String::from_utf8(fetch(&shell("env")).unwrap()).unwrap();
    let names: Vec<&str> = output.lines().filter_map(|line| Some(line.split_once('=')?.0)).collect();
    // A shell sets some of its own.
    let known = ["PATH", "LANG", "PWD", "OLDPWD", "SHLVL", "_"];
    let others =
        names.iter().filter(|name| !known.contains(name) && !name.to_lowercase().ends_with("_proxy"));
    assert_eq!(others.count(), 0, "{names:?}");
    assert!(names.contains(&"PATH"), "{names:?}");
}

#[test]
fn a_command_that_fails_says_why() {
    let long = format!("{}…", "x".repeat(200));
    for (script, kind, expected) in [
        ("exit 3", "command-failed", "command sh failed with exit status 3".to_owned()),
        (
            "echo first >&2; echo 'the last' >&2; echo >&2; exit 1",
            "command-failed",
            "command sh failed with exit status 1; it said \"the last\"".to_owned(),
        ),
        (
            "printf '\\033[31mred\\tline' >&2; exit 1",
            "command-failed",
            "command sh failed with exit status 1; it said \"\\u{1b}[31mred\\tline\"".to_owned(),
        ),
        (
            "head -c 100000 /dev/zero | tr '\\0' x >&2; exit 1",
            "command-failed",
            format!("command sh failed with exit status 1; it said \"{long}\""),
        ),
        ("echo 192.0.2.1; kill -9 $$", "command-failed", "command sh failed with signal 9".to_owned()),
        (
            "head -c 1001 /dev/zero",
            "too-large",
            "cannot fetch command sh: larger than 1000 bytes (limits.list_bytes); raise the limit if that is meant".to_owned(),
        ),
        ("yes", "too-large", "cannot fetch command sh: larger than 1000 bytes (limits.list_bytes); raise the limit if that is meant".to_owned()),
        ("echo '<html>'", "html", "command sh: it is an HTML page, not a list; look at it in a browser: it may say what is wrong".to_owned()),
    ] {
        assert_eq!(error(&shell(script)), (kind, expected), "{script}");
    }
}

#[test]
fn a_command_that_cannot_run_says_why() {
    let command = |argv: &[&str]| {
        let argv = argv.iter().map(|word| (*word).to_owned()).collect();
        Source::Command(CommandSource { argv, timeout: Duration::from_secs(30) })
    };
    for (argv, expected) in [
        (&[][..], "cannot run a command: no program is given"),
        (&["/nonexistent/feed", "secret"], "cannot run command feed: No such file or directory"),
        (&["/"], "cannot run command /: Permission denied"),
    ] {
        assert_eq!(error(&command(argv)), ("command", expected.to_owned()));
    }
}

#[test]
fn a_command_that_takes_too_long_is_ended() {
    let argv = ["sleep", "600"].map(str::to_owned).to_vec();
    let source = Source::Command(CommandSource { argv, timeout: Duration::from_millis(50) });
    let expected = "cannot fetch command sleep: the command did not end within 0.05 s; raise its timeout if it is always slow";
    assert_eq!(error(&source), ("timeout", expected.to_owned()));
}

#[test]
fn a_command_ends_with_all_that_it_started() {
    let directory = tempfile::tempdir().unwrap();
    let pipe = directory.path().join("held");
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RWXU).unwrap();
    // A child of the shell is the only writer of the pipe.
    let source = shell(&format!("sleep 600 > {} & wait", pipe.display()));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut held = runtime.block_on(async {
        // Opening waits for the writer; then the fetch is dropped.
        let started = tokio::task::spawn_blocking(move || std::fs::File::open(pipe).unwrap());
        let fetcher = Fetcher::default();
        tokio::select! {
            ended = fetcher.fetch(&source, &[], LIMIT) => panic!("{ended:?}"),
            held = started => held.unwrap(),
        }
    });
    // The end comes when there is no writer any more.
    let (end, ended) = std::sync::mpsc::channel();
    std::thread::spawn(move || end.send(held.read_to_end(&mut Vec::new()).unwrap()));
    assert_eq!(ended.recv_timeout(Duration::from_secs(60)), Ok(0));
}
