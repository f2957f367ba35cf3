//! What `replay` can be told.

use std::path::PathBuf;

use clap::Args;

/// Arguments of `replay`.
#[derive(Args, Debug)]
pub struct ReplayArguments {
    /// Capture files: pcap or pcapng, also gzip; - is standard input
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// Look for SMTP servers on this port, too; may be repeated
    #[arg(long = "port", short, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub ports: Vec<u16>,
}
