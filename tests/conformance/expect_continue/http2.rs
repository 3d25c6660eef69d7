//! The server's side of an HTTP/2 connection: streams, which end by themselves.

use std::{io, sync::Arc, time::Instant};

use bytes::Bytes;
use h2::{RecvStream, server::SendResponse};
use http::{HeaderMap, Request};
use tokio::net::TcpStream;

use super::{
    line::Line,
    stage::{End, Received, Stage},
};
use crate::url::Url;

/// Reads requests until the client ends the connection. Only probes are answered here.
pub async fn serve(stream: TcpStream, connection: usize, stage: &Arc<Stage>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut server = h2::server::handshake(stream).await.map_err(io::Error::other)?;
    while let Some(accepted) = server.accept().await {
        let (request, response) = accepted.map_err(io::Error::other)?;
        let stage = Arc::clone(stage);
        // A stream that the client resets stays incomplete.
        tokio::spawn(async move { read(request, response, connection, &stage).await });
    }
    Ok(())
}

async fn read(
    request: Request<RecvStream>,
    response: SendResponse<Bytes>,
    connection: usize,
    stage: &Stage,
) -> Result<(), h2::Error> {
    let (head, mut body) = request.into_parts();
    let line = Line::http2(response);
    let number = stage.arrived(Received {
        connection,
        method: head.method.to_string(),
        url: Url::parse(&head.uri.to_string()).0,
        fields: fields(&head.headers),
        head_at: Instant::now(),
        content_at: None,
        content: Vec::new(),
        trailers: Vec::new(),
        end: End::Open,
        line: line.clone(),
    });
    while let Some(data) = body.data().await {
        let data = data?;
        stage.content(number, &data);
        body.flow_control().release_capacity(data.len())?;
    }
    let trailers = body.trailers().await?.as_ref().map(fields);
    stage.complete(number, trailers.unwrap_or_default());
    if number.is_none() {
        // The client may be gone.
        let _ = line.say_ok().await;
    }
    Ok(())
}

fn fields(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect()
}
