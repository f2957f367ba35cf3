//! `relay-guard replay FILE…`.

mod args;
mod input;
mod text;

use std::{
    io::{self, ErrorKind, Write as _},
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, anyhow};

pub use args::ReplayArguments;

use super::{Arguments, Outcome, args::DEFAULT_CONFIG, output, progress::Progress};
use crate::{
    config::{self, Config, ConfigError},
    lists::source::SourceError,
    replay::{
        Listings, Replay, Wanted,
        capture::{Capture, CaptureError},
        lines::{FileLine, Line},
    },
};

pub(super) fn run(arguments: &Arguments, request: &ReplayArguments) -> anyhow::Result<Outcome> {
    let (config, is_given) = configuration(&arguments.config)?;
    let bytes = input::examine(request.files.iter().map(PathBuf::as_path))?;
    let mut key = [0; 16];
    rustix::rand::getrandom(&mut key, rustix::rand::GetRandomFlags::empty()).context("no random numbers")?;
    let listings = is_given.then(|| listings(&config)).transpose()?;
    let mut replay = Replay::new(Wanted { config: &config, ports: &request.ports, listings, key });
    let mut sink = Sink::new(arguments.json);
    let progress = Progress::reading(bytes);
    let mut failures = Vec::new();
    match read_all(&mut replay, &request.files, &mut sink, &progress, &mut failures) {
        // Nobody reads on.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(Outcome::Fine),
        other => other.context("cannot write")?,
    }
    for note in notes(&replay) {
        progress.note(&note);
    }
    drop(progress);
    if !arguments.json && !sink.kept.is_empty() {
        text::print(&replay, &sink.kept);
    }
    // The last one is told by whoever called.
    let last = failures.pop();
    failures.iter().for_each(output::failure);
    last.map_or(Ok(Outcome::Fine), Err)
}

/// The configuration, and whether there is one: without a file at the usual place, what holds by default.
fn configuration(path: &Path) -> anyhow::Result<(Config, bool)> {
    match config::load(path) {
        Ok(config) => Ok((config, true)),
        Err(ConfigError::Read(SourceError::Unreadable { cause, .. }))
            if path == Path::new(DEFAULT_CONFIG) && cause.kind() == ErrorKind::NotFound =>
        {
            let least = "interfaces.outside = [\"none\"]";
            Ok((config::parse(least, path).context("the default configuration")?, false))
        }
        Err(error) => Err(error.into()),
    }
}

/// The configured lists as they are here and now.
fn listings(config: &Config) -> anyhow::Result<Listings> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let (listings, notes) = Listings::load(config, now)?;
    for note in notes {
        eprintln!("relay-guard: note: {}", note.replace('\n', " "));
    }
    Ok(listings)
}

/// What the lines do not say: why some may be missing, and that times are not those of the packets.
fn notes(replay: &Replay) -> Vec<String> {
    let shortage = |(count, what)| format!("{} {what}, for lack of room", output::number(count));
    let mut notes: Vec<String> = replay.shortages().into_iter().map(shortage).collect();
    match replay.steps_back() {
        0 => {}
        steps => notes.push(format!(
            "times of packets went back ({}×): the clock goes on from where it was",
            output::number(steps)
        )),
    }
    notes
}

/// Reads all files in order. What cannot be read of one is a failure that is told at the end.
fn read_all(
    replay: &mut Replay,
    files: &[PathBuf],
    sink: &mut Sink,
    progress: &Progress,
    failures: &mut Vec<anyhow::Error>,
) -> io::Result<()> {
    let mut lines = Vec::new();
    for path in files {
        progress.working_on(&input::name(path));
        let before = *replay.tally();
        replay.begin_file();
        let opened = input::open(path, progress).map_err(CaptureError::from).and_then(Capture::open);
        let (is_capture, error) = match opened {
            Ok(capture) => (true, read(replay, capture, sink, &mut lines)?),
            Err(error) => (false, Some(error)),
        };
        let packets = replay.tally().since(&before);
        let error = error.map(|error| failure(path, &error, packets.packets));
        // Of what is no capture there is nothing to tell but why.
        if is_capture {
            let told = error.as_ref().map(ToString::to_string);
            lines.push(Line::File(FileLine { file: input::name(path), packets, error: told }));
        }
        sink.write(&mut lines)?;
        failures.extend(error);
    }
    replay.finish(&mut lines);
    sink.write(&mut lines)?;
    sink.flush()
}

/// Reads a file as far as possible; why not further.
fn read(
    replay: &mut Replay,
    mut capture: Capture<impl io::Read>,
    sink: &mut Sink,
    lines: &mut Vec<Line>,
) -> io::Result<Option<CaptureError>> {
    loop {
        match capture.next_packet() {
            Ok(Some(packet)) => replay.packet(&packet, lines),
            Ok(None) => return Ok(None),
            Err(error) => return Ok(Some(error)),
        }
        if !lines.is_empty() {
            sink.write(lines)?;
        }
    }
}

fn failure(path: &Path, error: &CaptureError, packets: u64) -> anyhow::Error {
    match error {
        CaptureError::Unreadable(cause) => input::unreadable(path, cause),
        error if error.is_refusal() => anyhow!("cannot read {}: {error}", input::name(path)),
        error => {
            let packets = output::number(packets);
            anyhow!("{}: {error}; {packets} packets were read", input::name(path))
        }
    }
}

/// Where lines go: to standard output as JSON, or those of which the text says something into memory.
struct Sink {
    json: Option<io::BufWriter<io::Stdout>>,
    kept: Vec<Line>,
}

impl Sink {
    fn new(json: bool) -> Self {
        Self { json: json.then(|| io::BufWriter::new(io::stdout())), kept: Vec::new() }
    }

    fn write(&mut self, lines: &mut Vec<Line>) -> io::Result<()> {
        for line in lines.drain(..) {
            match &mut self.json {
                Some(json) => {
                    serde_json::to_writer(&mut *json, &line)?;
                    json.write_all(b"\n")?;
                }
                None if text::wants(&line) => self.kept.push(line),
                None => {}
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.json.as_mut().map_or(Ok(()), io::Write::flush)
    }
}
