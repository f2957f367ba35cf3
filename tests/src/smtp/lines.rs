//! Reading lines of bounded length from a connection.

use thiserror::Error;
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _};

/// Why a line could not be read.
#[derive(Debug, Error)]
pub(super) enum LineError {
    /// The peer closed the connection, also in the middle of a line.
    #[error("the peer closed the connection")]
    Closed,
    /// The line is longer than the bound.
    #[error("a line is longer than {0} bytes")]
    TooLong(usize),
    /// The connection broke.
    #[error("{0}")]
    Io(#[from] std::io::Error),
}

/// Reads one line into `line`, without its end (CRLF, or LF alone), of at most `limit` bytes including the end.
///
/// # Errors
/// See [`LineError`]; after one the connection is of no more use.
pub(super) async fn read_line(
    reader: &mut (impl AsyncBufRead + Unpin),
    limit: usize,
    line: &mut Vec<u8>,
) -> Result<(), LineError> {
    line.clear();
    loop {
        let buffered = reader.fill_buf().await?;
        if buffered.is_empty() {
            return Err(LineError::Closed);
        }
        let end = buffered.iter().position(|&byte| byte == b'\n');
        let taken = end.map_or(buffered.len(), |at| at + 1);
        if line.len() + taken > limit {
            return Err(LineError::TooLong(limit));
        }
        line.extend_from_slice(&buffered[..taken]);
        reader.consume(taken);
        if end.is_some() {
            line.pop();
            if line.last() == Some(&b'\r') {
                line.pop();
            }
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::BufReader;

    use super::*;

    #[tokio::test]
    async fn lines_are_split_bounded_and_never_guessed_at() {
        let mut reader = BufReader::with_capacity(4, &b"EHLO x\r\n\nlone\nabcdefgh\r\nrest"[..]);
        let mut line = Vec::new();
        for expected in ["EHLO x", "", "lone"] {
            read_line(&mut reader, 9, &mut line).await.expect("a line");
            assert_eq!(line, expected.as_bytes());
        }
        assert!(matches!(read_line(&mut reader, 9, &mut line).await, Err(LineError::TooLong(9))));
        let mut reader = &b"no end"[..];
        assert!(matches!(read_line(&mut reader, 9, &mut line).await, Err(LineError::Closed)));
    }
}
