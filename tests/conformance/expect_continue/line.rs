//! The way back to a client.

use std::{io, sync::Arc};

use bytes::Bytes;
use h2::server::SendResponse;
use http::{Response, StatusCode};
use tokio::{io::AsyncWriteExt, net::tcp::OwnedWriteHalf, sync::Mutex};

use super::steps::Step;

/// Says something to whoever has made a request.
#[derive(Clone)]
pub enum Line {
    Http1(Arc<Mutex<OwnedWriteHalf>>),
    Http2(Arc<Mutex<SendResponse<Bytes>>>),
}

impl Line {
    pub fn http1(half: OwnedWriteHalf) -> Self {
        Self::Http1(Arc::new(Mutex::new(half)))
    }

    pub fn http2(response: SendResponse<Bytes>) -> Self {
        Self::Http2(Arc::new(Mutex::new(response)))
    }

    /// Says what a step says, to a request with this method.
    ///
    /// # Errors
    ///
    /// Fails if the client is gone, or the response cannot be expressed.
    pub async fn say(&self, step: &Step, method: &str) -> io::Result<()> {
        match self {
            Self::Http1(half) => {
                let mut half = half.lock().await;
                half.write_all(&message(step, method)).await?;
                if step.close { half.shutdown().await } else { Ok(()) }
            }
            Self::Http2(line) => {
                let Some(status) = step.status else { return Ok(()) };
                let mut response = Response::builder().status(status);
                for (name, value) in &step.headers {
                    response = response.header(name, value);
                }
                let head = response.body(()).map_err(io::Error::other)?;
                let content = Bytes::from(step.body.clone());
                send(&mut *line.lock().await, head, content).map_err(io::Error::other)
            }
        }
    }

    /// Answers a probe.
    ///
    /// # Errors
    ///
    /// Fails if the client is gone.
    pub async fn say_ok(&self) -> io::Result<()> {
        match self {
            Self::Http1(half) => {
                half.lock()
                    .await
                    .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nwell")
                    .await
            }
            Self::Http2(line) => {
                let content = Bytes::from_static(b"well");
                send(&mut *line.lock().await, Response::new(()), content).map_err(io::Error::other)
            }
        }
    }

    /// Ends the server's side, as the client has ended its own.
    pub async fn hang_up(&self) {
        if let Self::Http1(half) = self {
            // It may be gone already.
            let _ = half.lock().await.shutdown().await;
        }
    }
}

fn send(
    line: &mut SendResponse<Bytes>,
    head: Response<()>,
    content: Bytes,
) -> Result<(), h2::Error> {
    if head.status().is_informational() {
        return line.send_informational(head);
    }
    let mut stream = line.send_response(head, content.is_empty())?;
    if content.is_empty() { Ok(()) } else { stream.send_data(content, true) }
}

/// Writes a response to `method`, framed as it must be where the script does not frame it.
fn message(step: &Step, method: &str) -> Vec<u8> {
    if let Some(raw) = &step.raw {
        return raw.clone().into();
    }
    let Some(status) = step.status else { return Vec::new() };
    let known = || StatusCode::from_u16(status).ok()?.canonical_reason();
    let reason = step.reason.as_deref().or_else(known).unwrap_or("Scripted");
    let mut message = format!("HTTP/1.1 {status} {reason}\r\n");
    for (name, value) in &step.headers {
        message.push_str(&format!("{name}: {value}\r\n"));
    }
    let has = |name| step.headers.iter().any(|(found, _)| found.eq_ignore_ascii_case(name));
    if status < 200 || matches!(status, 204 | 304) || method == "HEAD" {
        message.push_str("\r\n");
    } else if has("transfer-encoding") {
        let size = step.body.len();
        let chunk =
            if size == 0 { String::new() } else { format!("{size:x}\r\n{}\r\n", step.body) };
        message.push_str(&format!("\r\n{chunk}0\r\n\r\n"));
    } else {
        if !has("content-length") {
            message.push_str(&format!("content-length: {}\r\n", step.body.len()));
        }
        message.push_str(&format!("\r\n{}", step.body));
    }
    message.into()
}
