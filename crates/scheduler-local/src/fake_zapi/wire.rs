//! A connection that can be told to misbehave while it carries an answer.

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

/// How a connection carries what is written to it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Manner {
    /// As a connection should.
    #[default]
    Well,
    /// One byte, a pause, one byte.
    ByteByByte(Duration),
    /// So many bytes, then a reset.
    ResetAfter(usize),
}

/// The manner of one connection, as a handler may change it.
#[derive(Debug, Clone, Default)]
pub(super) struct WireControl(Arc<Mutex<Manner>>);

impl WireControl {
    /// From the next byte on.
    pub(super) fn set(&self, manner: Manner) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = manner;
    }

    fn get(&self) -> Manner {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connected<IncomingStream<'_, Wires>> for WireControl {
    fn connect_info(stream: IncomingStream<'_, Wires>) -> Self {
        stream.io().control.clone()
    }
}

/// Accepts connections that can misbehave.
pub(super) struct Wires(pub(super) TcpListener);

impl Listener for Wires {
    type Io = Wire;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Wire, SocketAddr) {
        let (stream, address) = Listener::accept(&mut self.0).await;
        (Wire { stream, control: WireControl::default(), pause: None }, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

/// One such connection.
pub(super) struct Wire {
    stream: TcpStream,
    control: WireControl,
    pause: Option<Pin<Box<Sleep>>>,
}

impl Wire {
    fn reset(&self) -> io::Error {
        // Closing with no time to linger sends RST; where the option can't be set the peer sees a
        // plain end, which is a broken answer too.
        let _ = self.stream.set_zero_linger();
        io::ErrorKind::ConnectionReset.into()
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.control.get() {
            Manner::Well => Pin::new(&mut self.stream).poll_write(cx, bytes),
            Manner::ResetAfter(0) => Poll::Ready(Err(self.reset())),
            Manner::ResetAfter(left) => {
                let part = &bytes[..left.min(bytes.len())];
                let written = ready!(Pin::new(&mut self.stream).poll_write(cx, part))?;
                self.control.set(Manner::ResetAfter(left - written));
                Poll::Ready(Ok(written))
            }
            Manner::ByteByByte(pause) => {
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
