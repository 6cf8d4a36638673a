//! A stand-in for Google: the token endpoint of a service account made for the test, and the part of
//! the Sheets API that the product uses, answered as Google does.

mod account;
mod api;
mod grid;

use std::collections::{BTreeMap, HashMap};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::routing::{get, post};
use axum::{Router, middleware};
use chrono::{DateTime, TimeDelta, Utc};
use scheduler_core::config::SheetsConfig;
use scheduler_core::domain::clinic::Secret;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use self::grid::Grid;
use crate::clock::TestClock;

/// How the Sheets API answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    /// As it should.
    Well,
    /// As it should, so much later.
    Slow(Duration),
    /// Every call with this status.
    Answers(u16),
    /// Not within the test's time.
    Hangs,
}

/// The running stand-in; it ends when this is dropped.
pub struct Google {
    address: SocketAddr,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

/// What the routes are given.
struct Shared {
    clock: Arc<TestClock>,
    token_uri: String,
    kept: Mutex<Kept>,
}

struct Kept {
    mood: Mood,
    /// Of single spreadsheets.
    moods: HashMap<String, Mood>,
    /// When each call of the API came, by the test's clock.
    calls: Vec<DateTime<Utc>>,
    /// Calls that nobody waits for any more.
    given_up: usize,
    /// Tokens given so far.
    tokens: usize,
    /// As many of them, from the first on, are no longer taken.
    outdated: usize,
    /// Assertions that were refused.
    refused: usize,
    spreadsheets: HashMap<String, BTreeMap<String, Grid>>,
}

impl Google {
    /// Starts on a free port; calls are dated by `clock`.
    pub async fn start(clock: Arc<TestClock>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port for Google");
        let address = listener.local_addr().expect("an address");
        let kept = Kept {
            mood: Mood::Well,
            moods: HashMap::new(),
            calls: Vec::new(),
            given_up: 0,
            tokens: 0,
            outdated: 0,
            refused: 0,
            spreadsheets: HashMap::new(),
        };
        let token_uri = format!("http://{address}/token");
        let shared = Arc::new(Shared { clock, token_uri, kept: Mutex::new(kept) });
        let api = Router::new()
            .route("/v4/spreadsheets/{id}", get(api::properties).post(api::change))
            .route("/v4/spreadsheets/{id}/values/{range}", get(api::read))
            .route("/v4/spreadsheets/{id}/values:batchUpdate", post(api::write))
            .layer(middleware::from_fn_with_state(shared.clone(), api::judge));
        let router =
            Router::new().route("/token", post(account::token)).merge(api).with_state(shared.clone());
        let server = tokio::spawn(async move { axum::serve(listener, router).await.expect("Google serves") });
        Self { address, shared, server }
    }

    /// What `GOOGLE_SHEETS_BASE_URL` would be.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What `GOOGLE_SHEETS_SERVICE_ACCOUNT` would be.
    pub fn service_account(&self) -> String {
        account::service_account(account::key(), &self.shared.token_uri)
    }

    /// Both, as the product has them.
    pub fn config(&self) -> SheetsConfig {
        SheetsConfig { service_account: Secret::new(self.service_account()), base_url: Some(self.base_url()) }
    }

    /// The same account with a key that Google does not know.
    pub fn config_of_a_stranger(&self) -> SheetsConfig {
        let account = account::service_account(&account::another_key(), &self.shared.token_uri);
        SheetsConfig { service_account: Secret::new(account), base_url: Some(self.base_url()) }
    }

    /// A spreadsheet with one tab of so many rows.
    pub fn has(&self, spreadsheet: &str, tab: &str, rows: usize) {
        self.kept().spreadsheets.entry(spreadsheet.into()).or_default().insert(tab.into(), Grid::new(rows));
    }

    /// From now on.
    pub fn is(&self, mood: Mood) {
        self.kept().mood = mood;
    }

    /// From now on with this spreadsheet, whatever it is otherwise.
    pub fn is_with(&self, spreadsheet: &str, mood: Mood) {
        self.kept().moods.insert(spreadsheet.into(), mood);
    }

    /// No token that was given so far is taken any more.
    pub fn forgets_its_tokens(&self) {
        let mut kept = self.kept();
        kept.outdated = kept.tokens;
    }

    /// What a tab holds.
    pub fn rows(&self, spreadsheet: &str, tab: &str) -> Vec<Vec<String>> {
        self.kept().spreadsheets[spreadsheet][tab].cells.clone()
    }

    /// Types into a cell, both counted from 1.
    pub fn types(&self, spreadsheet: &str, tab: &str, row: usize, column: usize, text: &str) {
        let mut kept = self.kept();
        let grid = kept.spreadsheets.get_mut(spreadsheet).and_then(|tabs| tabs.get_mut(tab));
        grid.expect("a tab").set(row - 1, column - 1, text);
    }

    /// Calls of the API so far.
    pub fn calls(&self) -> usize {
        self.kept().calls.len()
    }

    /// Calls of the API that were no longer waited for before they were answered.
    pub fn given_up(&self) -> usize {
        self.kept().given_up
    }

    /// Tokens given so far.
    pub fn tokens(&self) -> usize {
        self.kept().tokens
    }

    /// Assertions that were refused so far.
    pub fn refused(&self) -> usize {
        self.kept().refused
    }

    /// The most calls within any minute.
    pub fn most_calls_a_minute(&self) -> usize {
        let calls = self.kept().calls.clone();
        let within = |from: &DateTime<Utc>| {
            calls.iter().filter(|at| *at >= from && **at < *from + TimeDelta::minutes(1)).count()
        };
        calls.iter().map(within).max().unwrap_or(0)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.shared.kept()
    }
}

impl Drop for Google {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Shared {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
