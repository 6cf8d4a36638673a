//! A TCP proxy that counts the waits it carries and can be told to misbehave.

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

use crate::wire::{Reader, Speaks};

/// How connections are treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// Carried.
    Carry,
    /// Taken, and reset before a byte.
    Refuse,
    /// Taken, and never answered.
    Hang,
    /// Reset after so many bytes of the answer.
    ResetAfter(usize),
    /// PostgreSQL's "sorry, too many clients already" (53300).
    Full,
}

/// One wait: from the first byte of a question to the first byte of its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait {
    /// When the question left.
    pub asked: Instant,
    /// When the answer came.
    pub answered: Instant,
}

/// What went through.
#[derive(Debug, Clone, Default)]
pub struct Traffic {
    /// Connections that were made.
    pub connections: usize,
    /// Waits, as they ended.
    pub waits: Vec<Wait>,
    /// PostgreSQL statements that ran, or DynamoDB operations by name, or HTTP requests.
    pub calls: Vec<String>,
}

/// The running proxy. It ends when this is dropped.
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

struct Shared {
    target: Mutex<SocketAddr>,
    manner: Mutex<Manner>,
    delay: Mutex<Duration>,
    traffic: Mutex<Traffic>,
    speaks: Speaks,
    /// Connections numbered below are cut, or carry nothing any more.
    cut: watch::Sender<u64>,
    silent: watch::Sender<u64>,
    next: AtomicU64,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Proxy {
    /// In front of `target`, such as `127.0.0.1:5432`.
    pub async fn start(target: SocketAddr, speaks: Speaks) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared {
            target: Mutex::new(target),
            manner: Mutex::new(Manner::Carry),
            delay: Mutex::default(),
            traffic: Mutex::default(),
            speaks,
            cut: watch::Sender::new(0),
            silent: watch::Sender::new(0),
            next: AtomicU64::new(0),
        });
        let server = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Self { address, shared, server }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From the next connection on.
    pub fn leads_to(&self, target: SocketAddr) {
        *locked(&self.shared.target) = target;
    }

    /// From the next connection on.
    pub fn treats(&self, manner: Manner) {
        *locked(&self.shared.manner) = manner;
    }

    /// From the next bytes on, so long each way.
    pub fn delays(&self, each_way: Duration) {
        *locked(&self.shared.delay) = each_way;
    }

    /// Resets every connection there is.
    pub fn cut(&self) {
        self.shared.cut.send_replace(self.shared.next.load(Ordering::SeqCst));
    }

    /// Every connection there is stays open and carries nothing any more, as after a thaw.
    pub fn silence(&self) {
        self.shared.silent.send_replace(self.shared.next.load(Ordering::SeqCst));
    }

    /// What went through since the last call.
    pub fn take_traffic(&self) -> Traffic {
        std::mem::take(&mut *locked(&self.shared.traffic))
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.server.abort();
        self.cut();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        let number = shared.next.fetch_add(1, Ordering::SeqCst);
        locked(&shared.traffic).connections += 1;
        let _ = stream.set_nodelay(true);
        tokio::spawn(treat(stream, number, Arc::clone(&shared)));
    }
}

async fn treat(client: TcpStream, number: u64, shared: Arc<Shared>) {
    let manner = *locked(&shared.manner);
    let mut cut = shared.cut.subscribe();
    let treated = async {
        match manner {
            Manner::Refuse => drop(client.set_zero_linger()),
            Manner::Hang => std::future::pending().await,
            Manner::Full => refuse_as_full(client).await,
            Manner::Carry => carry(client, number, &shared, usize::MAX).await,
            Manner::ResetAfter(bytes) => carry(client, number, &shared, bytes).await,
        }
    };
    tokio::select! {
        () = treated => {}
        _ = cut.wait_for(|cut| *cut > number) => {}
    }
}

/// The wait that is open on a connection, between its two directions.
type Open = Arc<Mutex<Option<Instant>>>;

async fn carry(client: TcpStream, number: u64, shared: &Arc<Shared>, answer_limit: usize) {
    let target = *locked(&shared.target);
    let Ok(server) = TcpStream::connect(target).await else {
        drop(client.set_zero_linger());
        return;
    };
    let _ = server.set_nodelay(true);
    // When either side is dropped by a cut it is reset, as by a dying host.
    let _ = (client.set_zero_linger(), server.set_zero_linger());
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let open = Open::default();
    tokio::select! {
        () = questions(from_client, to_server, number, shared, &open) => {}
        () = answers(from_server, to_client, number, shared, &open, answer_limit) => {}
    }
}

async fn questions(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    number: u64,
    shared: &Shared,
    open: &Open,
) {
    let mut reader = Reader::new(shared.speaks);
    let mut bytes = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = from.read(&mut bytes).await {
        let asked = Instant::now();
        locked(open).get_or_insert(asked);
        let calls = reader.read(&bytes[..read]);
        locked(&shared.traffic).calls.extend(calls);
        hold(number, shared).await;
        if to.write_all(&bytes[..read]).await.is_err() {
            break;
        }
    }
}

async fn answers(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    number: u64,
    shared: &Shared,
    open: &Open,
    mut limit: usize,
) {
    let mut bytes = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = from.read(&mut bytes).await {
        let part = read.min(limit);
        hold(number, shared).await;
        // Before the last byte leaves: whoever has the answer finds the wait counted.
        if let Some(asked) = locked(open).take() {
            locked(&shared.traffic).waits.push(Wait { asked, answered: Instant::now() });
        }
        let passed = to.write_all(&bytes[..part]).await.is_ok();
        limit -= part;
        if !passed || limit == 0 {
            break;
        }
    }
}

/// The delay of one way, and for ever on a connection that carries nothing any more.
async fn hold(number: u64, shared: &Shared) {
    let delay = *locked(&shared.delay);
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
    if *shared.silent.borrow() > number {
        std::future::pending::<()>().await;
    }
}

/// Answers a start-up packet as a PostgreSQL with no connection left does.
async fn refuse_as_full(mut client: TcpStream) {
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

/// The longest row of waits of which each began when the one before had ended: how often a request
/// waited, whatever ran together.
pub fn waits_in_a_row(waits: &[Wait]) -> usize {
    let mut ordered = waits.to_vec();
    ordered.sort_by_key(|wait| wait.answered);
    let mut row = 0;
    let mut free_from: Option<Instant> = None;
    for wait in ordered {
        if free_from.is_none_or(|free| wait.asked >= free) {
            row += 1;
            free_from = Some(wait.answered);
        }
    }
    row
}
