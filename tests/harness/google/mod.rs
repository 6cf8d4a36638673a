//! A fake Google server: the token endpoint for a service account, and the part of the Sheets API that the
//! product uses.

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
pub enum GoogleMode {
    /// Correctly and at once.
    Normal,
    /// Correctly, after this delay.
    Slow(Duration),
    /// With this error status.
    Status(u16),
    /// Not at all while the test runs.
    Hang,
}

/// The running server. It stops when this is dropped.
pub struct FakeGoogle {
    address: SocketAddr,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

/// The state of all routes.
struct Shared {
    clock: Arc<TestClock>,
    token_uri: String,
    state: Mutex<GoogleState>,
}

struct GoogleState {
    mode: GoogleMode,
    /// Modes of single spreadsheets; they override `mode`.
    spreadsheet_modes: HashMap<String, GoogleMode>,
    /// When each API call came, by the test's clock.
    calls: Vec<DateTime<Utc>>,
    abandoned_calls: usize,
    issued_tokens: usize,
    /// The first tokens, up to this number, are refused.
    revoked_tokens: usize,
    refused_assertions: usize,
    spreadsheets: HashMap<String, BTreeMap<String, Grid>>,
}

impl FakeGoogle {
    /// Starts on a free port. `clock` gives the time of each call.
    pub async fn start(clock: Arc<TestClock>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port for Google");
        let address = listener.local_addr().expect("an address");
        let state = GoogleState {
            mode: GoogleMode::Normal,
            spreadsheet_modes: HashMap::new(),
            calls: Vec::new(),
            abandoned_calls: 0,
            issued_tokens: 0,
            revoked_tokens: 0,
            refused_assertions: 0,
            spreadsheets: HashMap::new(),
        };
        let token_uri = format!("http://{address}/token");
        let shared = Arc::new(Shared { clock, token_uri, state: Mutex::new(state) });
        let api = Router::new()
            .route("/v4/spreadsheets/{id}", get(api::properties).post(api::change))
            .route("/v4/spreadsheets/{id}/values/{range}", get(api::read))
            .route("/v4/spreadsheets/{id}/values:batchUpdate", post(api::write))
            .layer(middleware::from_fn_with_state(shared.clone(), api::check));
        let router =
            Router::new().route("/token", post(account::token)).merge(api).with_state(shared.clone());
        let server = tokio::spawn(async move { axum::serve(listener, router).await.expect("Google serves") });
        Self { address, shared, server }
    }

    /// The value for `GOOGLE_SHEETS_BASE_URL`.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The value for `GOOGLE_SHEETS_SERVICE_ACCOUNT`.
    pub fn service_account(&self) -> String {
        account::service_account(account::key(), &self.shared.token_uri)
    }

    /// Both values as a configuration.
    pub fn config(&self) -> SheetsConfig {
        SheetsConfig { service_account: Secret::new(self.service_account()), base_url: Some(self.base_url()) }
    }

    /// The same account, with a key that Google does not know.
    pub fn config_with_unknown_key(&self) -> SheetsConfig {
        let account = account::service_account(&account::new_key(), &self.shared.token_uri);
        SheetsConfig { service_account: Secret::new(account), base_url: Some(self.base_url()) }
    }

    /// Adds a tab with this many rows, and its spreadsheet if needed.
    pub fn add_tab(&self, spreadsheet: &str, tab: &str, rows: usize) {
        self.state().spreadsheets.entry(spreadsheet.into()).or_default().insert(tab.into(), Grid::new(rows));
    }

    /// Sets how all calls are answered from now on.
    pub fn set_mode(&self, mode: GoogleMode) {
        self.state().mode = mode;
    }

    /// Sets how calls for one spreadsheet are answered from now on.
    pub fn set_spreadsheet_mode(&self, spreadsheet: &str, mode: GoogleMode) {
        self.state().spreadsheet_modes.insert(spreadsheet.into(), mode);
    }

    /// Refuses all tokens issued so far.
    pub fn revoke_tokens(&self) {
        let mut state = self.state();
        state.revoked_tokens = state.issued_tokens;
    }

    /// All rows of a tab.
    pub fn rows(&self, spreadsheet: &str, tab: &str) -> Vec<Vec<String>> {
        self.state().spreadsheets[spreadsheet][tab].cells.clone()
    }

    /// Types a text into a cell, as a person would. Row and column are counted from 1.
    pub fn edit_cell(&self, spreadsheet: &str, tab: &str, row: usize, column: usize, text: &str) {
        let mut state = self.state();
        let grid = state.spreadsheets.get_mut(spreadsheet).and_then(|tabs| tabs.get_mut(tab));
        grid.expect("a tab").set(row - 1, column - 1, text);
    }

    /// Number of API calls so far.
    pub fn calls(&self) -> usize {
        self.state().calls.len()
    }

    /// Number of API calls that the client gave up before the answer.
    pub fn abandoned_calls(&self) -> usize {
        self.state().abandoned_calls
    }

    /// Number of tokens issued so far.
    pub fn tokens_issued(&self) -> usize {
        self.state().issued_tokens
    }

    /// Number of assertions refused so far.
    pub fn assertions_refused(&self) -> usize {
        self.state().refused_assertions
    }

    /// The largest number of calls within any 60 seconds.
    pub fn max_calls_per_minute(&self) -> usize {
        let calls = self.state().calls.clone();
        let within = |from: &DateTime<Utc>| {
            calls.iter().filter(|at| *at >= from && **at < *from + TimeDelta::minutes(1)).count()
        };
        calls.iter().map(within).max().unwrap_or(0)
    }

    fn state(&self) -> MutexGuard<'_, GoogleState> {
        self.shared.state()
    }
}

impl Drop for FakeGoogle {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, GoogleState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
