//! A TCP proxy that counts network waits and can break or delay connections.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::wire::{CallParser, Protocol};

/// What the proxy does with new connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyMode {
    /// Forwards all bytes.
    Forward,
    /// Accepts the connection and resets it at once.
    Refuse,
    /// Accepts the connection and never answers.
    Hang,
    /// Resets the connection after this many bytes of the answer.
    ResetAfter(usize),
    /// Answers with PostgreSQL's "sorry, too many clients already" (53300).
    TooManyClients,
}

/// One network wait: from the first byte of a request to the first byte of its response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait {
    /// When the request was sent.
    pub started: Instant,
    /// When the response arrived.
    pub ended: Instant,
}

/// What went through the proxy.
#[derive(Debug, Clone, Default)]
pub struct Traffic {
    /// Number of new connections.
    pub connections: usize,
    /// Waits in the order in which they ended.
    pub waits: Vec<Wait>,
    /// PostgreSQL statements, names of DynamoDB operations, or request lines of HTTP.
    pub calls: Vec<String>,
}

/// The running proxy. It stops when this is dropped.
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

struct Shared {
    target: Mutex<SocketAddr>,
    mode: Mutex<ProxyMode>,
    delay: Mutex<Duration>,
    traffic: Mutex<Traffic>,
    protocol: Protocol,
    /// Connections with a lower number are reset.
    reset_below: watch::Sender<u64>,
    /// Connections with a lower number stay open and carry nothing.
    hang_below: watch::Sender<u64>,
    /// The number of the next connection.
    next: AtomicU64,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Proxy {
    /// Starts in front of `target`, such as `127.0.0.1:5432`.
    pub async fn start(target: SocketAddr, protocol: Protocol) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared {
            target: Mutex::new(target),
            mode: Mutex::new(ProxyMode::Forward),
            delay: Mutex::default(),
            traffic: Mutex::default(),
            protocol,
            reset_below: watch::Sender::new(0),
            hang_below: watch::Sender::new(0),
            next: AtomicU64::new(0),
        });
        let server = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Self { address, shared, server }
    }

    /// The proxy's address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Forwards new connections to another server.
    pub fn set_target(&self, target: SocketAddr) {
        *lock(&self.shared.target) = target;
    }

    /// Sets what happens to new connections.
    pub fn set_mode(&self, mode: ProxyMode) {
        *lock(&self.shared.mode) = mode;
    }

    /// Delays all bytes from now on by this long in each direction.
    pub fn set_delay(&self, each_way: Duration) {
        *lock(&self.shared.delay) = each_way;
    }

    /// Resets all open connections.
    pub fn reset_connections(&self) {
        self.shared.reset_below.send_replace(self.shared.next.load(Ordering::SeqCst));
    }

    /// Keeps all open connections but carries nothing on them any more, as after a Lambda was frozen.
    pub fn hang_connections(&self) {
        self.shared.hang_below.send_replace(self.shared.next.load(Ordering::SeqCst));
    }

    /// What went through since this was last called.
    pub fn take_traffic(&self) -> Traffic {
        std::mem::take(&mut *lock(&self.shared.traffic))
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.server.abort();
        self.reset_connections();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        let number = shared.next.fetch_add(1, Ordering::SeqCst);
        lock(&shared.traffic).connections += 1;
        let _ = stream.set_nodelay(true);
        tokio::spawn(serve(stream, number, Arc::clone(&shared)));
    }
}

async fn serve(client: TcpStream, number: u64, shared: Arc<Shared>) {
    let mode = *lock(&shared.mode);
    let mut reset_below = shared.reset_below.subscribe();
    let served = async {
        match mode {
            ProxyMode::Refuse => drop(client.set_zero_linger()),
            ProxyMode::Hang => std::future::pending().await,
            ProxyMode::TooManyClients => answer_too_many_clients(client).await,
            ProxyMode::Forward => forward(client, number, &shared, usize::MAX).await,
            ProxyMode::ResetAfter(bytes) => forward(client, number, &shared, bytes).await,
        }
    };
    tokio::select! {
        () = served => {}
        _ = reset_below.wait_for(|below| *below > number) => {}
    }
}

/// When the request was sent that has no response yet; shared by both directions of a connection.
type OpenRequest = Arc<Mutex<Option<Instant>>>;

async fn forward(client: TcpStream, number: u64, shared: &Arc<Shared>, response_limit: usize) {
    let target = *lock(&shared.target);
    let Ok(server) = TcpStream::connect(target).await else {
        drop(client.set_zero_linger());
        return;
    };
    let _ = server.set_nodelay(true);
    // With this option a dropped connection is reset, as when its host fails.
    let _ = (client.set_zero_linger(), server.set_zero_linger());
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let open = OpenRequest::default();
    tokio::select! {
        () = forward_requests(from_client, to_server, number, shared, &open) => {}
        () = forward_responses(from_server, to_client, number, shared, &open, response_limit) => {}
    }
}

async fn forward_requests(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    number: u64,
    shared: &Shared,
    open: &OpenRequest,
) {
    let mut parser = CallParser::new(shared.protocol);
    let mut bytes = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = from.read(&mut bytes).await {
        let started = Instant::now();
        lock(open).get_or_insert(started);
        let calls = parser.read(&bytes[..read]);
        lock(&shared.traffic).calls.extend(calls);
        hold(number, shared).await;
        if to.write_all(&bytes[..read]).await.is_err() {
            break;
        }
    }
}

async fn forward_responses(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    number: u64,
    shared: &Shared,
    open: &OpenRequest,
    mut limit: usize,
) {
    let mut bytes = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = from.read(&mut bytes).await {
        let part = read.min(limit);
        hold(number, shared).await;
        // Counted before the bytes leave, so that a test that has the response also sees the wait.
        if let Some(started) = lock(open).take() {
            lock(&shared.traffic).waits.push(Wait { started, ended: Instant::now() });
        }
        let written = to.write_all(&bytes[..part]).await.is_ok();
        limit -= part;
        if !written || limit == 0 {
            break;
        }
    }
}

/// Waits for the delay of one direction, or forever if the connection carries nothing any more.
async fn hold(number: u64, shared: &Shared) {
    let delay = *lock(&shared.delay);
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
    if *shared.hang_below.borrow() > number {
        std::future::pending::<()>().await;
    }
}

/// Answers a start-up packet as PostgreSQL does when it has no connection left.
async fn answer_too_many_clients(mut client: TcpStream) {
    let mut bytes = [0; 1024];
    while let Ok(read @ 1..) = client.read(&mut bytes).await {
        let wants_tls = read == 8;
        if wants_tls {
            if client.write_all(b"N").await.is_err() {
                return;
            }
            continue;
        }
        let fields = b"SFATAL\0VFATAL\0C53300\0Msorry, too many clients already\0\0";
        let mut message = vec![b'E'];
        message.extend_from_slice(&u32::try_from(fields.len() + 4).unwrap_or_default().to_be_bytes());
        message.extend_from_slice(fields);
        let _ = client.write_all(&message).await;
        let _ = client.shutdown().await;
        return;
    }
}

/// Length of the longest chain of waits in which each starts after the previous one ended. Waits that run in
/// parallel count as one.
pub fn sequential_waits(waits: &[Wait]) -> usize {
    let mut ordered = waits.to_vec();
    ordered.sort_by_key(|wait| wait.ended);
    let mut chain = 0;
    let mut last_end: Option<Instant> = None;
    for wait in ordered {
        if last_end.is_none_or(|end| wait.started >= end) {
            chain += 1;
            last_end = Some(wait.ended);
        }
    }
    chain
}
