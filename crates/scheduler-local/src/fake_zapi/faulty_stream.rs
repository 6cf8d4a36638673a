//! A TCP stream that can write slowly or reset the connection in the middle of a response.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Sleep, sleep};

/// How a stream writes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum WriteMode {
    /// Like any TCP stream.
    #[default]
    Normal,
    /// One byte at a time, with this pause between bytes.
    ByteByByte(Duration),
    /// Resets the connection after this many bytes.
    ResetAfter(usize),
}

/// Handle by which a request handler changes the write mode of its connection.
#[derive(Debug, Clone, Default)]
pub(super) struct StreamControl(Arc<Mutex<WriteMode>>);

impl StreamControl {
    /// Takes effect from the next byte.
    pub(super) fn set(&self, mode: WriteMode) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = mode;
    }

    fn get(&self) -> WriteMode {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connected<IncomingStream<'_, FaultyListener>> for StreamControl {
    fn connect_info(stream: IncomingStream<'_, FaultyListener>) -> Self {
        stream.io().control.clone()
    }
}

/// Accepts connections as [`FaultyStream`]s.
pub(super) struct FaultyListener(pub(super) TcpListener);

impl Listener for FaultyListener {
    type Io = FaultyStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (FaultyStream, SocketAddr) {
        let (stream, address) = Listener::accept(&mut self.0).await;
        (FaultyStream { stream, control: StreamControl::default(), pause: None }, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

/// One accepted connection.
pub(super) struct FaultyStream {
    stream: TcpStream,
    control: StreamControl,
    pause: Option<Pin<Box<Sleep>>>,
}

impl FaultyStream {
    fn reset(&self) -> io::Error {
        // Closing with a linger time of zero sends RST. If the option cannot be set, the peer sees a normal
        // close, which breaks the response as well.
        let _ = self.stream.set_zero_linger();
        io::ErrorKind::ConnectionReset.into()
    }
}

impl AsyncRead for FaultyStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for FaultyStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.control.get() {
            WriteMode::Normal => Pin::new(&mut self.stream).poll_write(cx, bytes),
            WriteMode::ResetAfter(0) => Poll::Ready(Err(self.reset())),
            WriteMode::ResetAfter(left) => {
                let part = &bytes[..left.min(bytes.len())];
                let written = ready!(Pin::new(&mut self.stream).poll_write(cx, part))?;
                self.control.set(WriteMode::ResetAfter(left - written));
                Poll::Ready(Ok(written))
            }
            WriteMode::ByteByByte(pause) => {
                if let Some(waiting) = self.pause.as_mut() {
                    ready!(waiting.as_mut().poll(cx));
                }
                self.pause = Some(Box::pin(sleep(pause)));
                Pin::new(&mut self.stream).poll_write(cx, &bytes[..bytes.len().min(1)])
            }
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
