//! Tells the layer of 1xx responses, as hyper's HTTP/1 client does.
//!
//! Only hyper can call hyper's callback. So a connection of hyper's gets a request with the same
//! extensions, and reads what the server is to say.

use std::{
    cell::RefCell,
    collections::VecDeque,
    future::Future,
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use http::{Extensions, Request, Response};
use http_body_util::Empty;
use hyper::{
    body::Incoming,
    client::conn::http1::{self, Connection},
    rt::{Read, ReadBufCursor, Write},
};

type Content = Empty<Bytes>;

/// A connection of hyper's on which nothing happens but informational responses.
pub struct Informer {
    connection: Connection<Pipe, Content>,
    _response: Pin<Box<dyn Future<Output = hyper::Result<Response<Incoming>>>>>,
    input: Rc<RefCell<VecDeque<u8>>>,
}

impl Informer {
    /// Takes the callback that is among the extensions of a request.
    pub fn new(extensions: Extensions) -> Self {
        let input = Rc::new(RefCell::new(VecDeque::new()));
        let mut shake = Box::pin(http1::handshake(Pipe { input: Rc::clone(&input) }));
        let Poll::Ready(Ok((mut sender, connection))) = shake.as_mut().poll(&mut context()) else {
            unreachable!("hyper's HTTP/1 shakes no hands");
        };
        let mut request = Request::new(Content::new());
        *request.extensions_mut() = extensions;
        let response = Box::pin(sender.send_request(request));
        let mut informer = Self { connection, _response: response, input };
        informer.read();
        informer
    }

    /// Has the server say something.
    pub fn say(&mut self, response: &str) {
        self.input.borrow_mut().extend(response.as_bytes());
        self.read();
    }

    fn read(&mut self) {
        let _ = Pin::new(&mut self.connection).poll(&mut context());
    }
}

fn context() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

/// What is said; what hyper writes goes nowhere.
struct Pipe {
    input: Rc<RefCell<VecDeque<u8>>>,
}

impl Read for Pipe {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let mut input = self.input.borrow_mut();
        if input.is_empty() {
            return Poll::Pending;
        }
        let length = input.len().min(buffer.remaining());
        let data: Vec<u8> = input.drain(..length).collect();
        buffer.put_slice(&data);
        Poll::Ready(Ok(()))
    }
}

impl Write for Pipe {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(data.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
