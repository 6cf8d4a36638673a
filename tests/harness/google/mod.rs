//! A fake Google server: the token endpoint for a service account, and the part of the Sheets API that the
//! product uses.

mod account;
mod api;
mod grid;
mod spreadsheet;

use std::collections::HashMap;
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

pub use self::grid::Grid;

use self::grid::COLUMNS;
use self::spreadsheet::{Spreadsheet, Tab};
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
    /// Writes are made, but answered with 503.
    LostAnswers,
    /// Writes are answered with 400, as in a protected tab.
    RefusedWrites,
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

/// A kind of API calls, for which Google has a quota of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CallKind {
    Read,
    Write,
}

/// What people do in a tab before each call is answered.
struct Staff {
    spreadsheet: String,
    tab: String,
    work: Box<dyn FnMut(&mut Grid) + Send>,
}

struct GoogleState {
    mode: GoogleMode,
    /// Modes of single spreadsheets; they override `mode`.
    spreadsheet_modes: HashMap<String, GoogleMode>,
    /// When each API call came, by the test's clock.
    calls: Vec<(DateTime<Utc>, CallKind)>,
    abandoned_calls: usize,
    issued_tokens: usize,
    /// The first tokens, up to this number, are refused.
    revoked_tokens: usize,
    refused_assertions: usize,
    spreadsheets: HashMap<String, Spreadsheet>,
    staff: Option<Staff>,
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
            staff: None,
        };
        let token_uri = format!("http://{address}/token");
        let shared = Arc::new(Shared { clock, token_uri, state: Mutex::new(state) });
        let api = Router::new()
            .route("/v4/spreadsheets/{id}", get(api::properties).post(api::change))
            .route("/v4/spreadsheets/{id}/values:batchGet", get(api::read))
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

    /// The same account, with a text that is not a private key.
    pub fn config_with_broken_key(&self) -> SheetsConfig {
        let account = self.service_account().replace("MII", "!!!");
        SheetsConfig { service_account: Secret::new(account), base_url: Some(self.base_url()) }
    }

    /// Adds an empty tab with this many rows, and its spreadsheet if needed. Replaces a tab of that name.
    pub fn add_tab(&self, spreadsheet: &str, tab: &str, rows: usize) {
        let mut state = self.state();
        let tabs = &mut state.spreadsheets.entry(spreadsheet.into()).or_default().tabs;
        tabs.retain(|known| known.title != tab);
        let id = tabs.iter().map(|known| known.id + 1).max().unwrap_or(0);
        tabs.push(Tab { id, title: tab.into(), hidden: false, grid: Grid::new(rows, COLUMNS) });
    }

    /// Deletes the tabs that a spreadsheet hides.
    pub fn delete_hidden_tabs(&self, spreadsheet: &str) {
        self.spreadsheet(spreadsheet, |spreadsheet| spreadsheet.tabs.retain(|tab| !tab.hidden));
    }

    /// Number of tabs that a spreadsheet hides.
    pub fn hidden_tabs(&self, spreadsheet: &str) -> usize {
        self.spreadsheet(spreadsheet, |spreadsheet| spreadsheet.tabs.iter().filter(|tab| tab.hidden).count())
    }

    /// Makes `copyPaste` in a spreadsheet copy nothing, as it may be for rows that are hidden by a filter.
    pub fn ignore_copies(&self, spreadsheet: &str) {
        self.spreadsheet(spreadsheet, |spreadsheet| spreadsheet.ignores_copies = true);
    }

    /// Lets people work in a tab before each call is answered.
    pub fn let_staff_work(&self, spreadsheet: &str, tab: &str, work: impl FnMut(&mut Grid) + Send + 'static) {
        let (spreadsheet, tab) = (spreadsheet.to_owned(), tab.to_owned());
        self.state().staff = Some(Staff { spreadsheet, tab, work: Box::new(work) });
    }

    /// Ends what [`FakeGoogle::let_staff_work`] began.
    pub fn send_staff_home(&self) {
        self.state().staff = None;
    }

    /// Changes a tab now, as people do in the browser.
    pub fn change_tab(&self, spreadsheet: &str, tab: &str, change: impl FnOnce(&mut Grid)) {
        self.spreadsheet(spreadsheet, |spreadsheet| {
            change(&mut spreadsheet.tab_mut(tab).expect("a tab").grid)
        });
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

    /// The rows of a tab up to the last one with content.
    pub fn rows(&self, spreadsheet: &str, tab: &str) -> Vec<Vec<String>> {
        self.spreadsheet(spreadsheet, |spreadsheet| {
            spreadsheet.tab(tab).expect("a tab").grid.content().to_vec()
        })
    }

    /// Types a text into a cell, as a person would. Row and column are counted from 1.
    pub fn edit_cell(&self, spreadsheet: &str, tab: &str, row: usize, column: usize, text: &str) {
        self.change_tab(spreadsheet, tab, |grid| grid.set(row - 1, column - 1, text));
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

    /// Number of API calls so far that read.
    pub fn reads(&self) -> usize {
        self.calls_of(CallKind::Read).len()
    }

    /// Number of API calls so far that write.
    pub fn writes(&self) -> usize {
        self.calls_of(CallKind::Write).len()
    }

    /// The largest numbers of reads and of writes within any 60 seconds.
    pub fn max_calls_per_minute(&self) -> (usize, usize) {
        let most = |kind| {
            let calls = self.calls_of(kind);
            let within = |from: &DateTime<Utc>| {
                calls.iter().filter(|at| *at >= from && **at < *from + TimeDelta::minutes(1)).count()
            };
            calls.iter().map(within).max().unwrap_or(0)
        };
        (most(CallKind::Read), most(CallKind::Write))
    }

    fn calls_of(&self, kind: CallKind) -> Vec<DateTime<Utc>> {
        self.state().calls.iter().filter(|(_, other)| *other == kind).map(|(at, _)| *at).collect()
    }

    fn spreadsheet<T>(&self, id: &str, work: impl FnOnce(&mut Spreadsheet) -> T) -> T {
        work(self.state().spreadsheets.get_mut(id).expect("a spreadsheet"))
    }

    fn state(&self) -> MutexGuard<'_, GoogleState> {
        self.shared.state()
    }
}

impl GoogleState {
    fn let_staff_work(&mut self) {
        let Some(staff) = &mut self.staff else { return };
        let spreadsheet = self.spreadsheets.get_mut(&staff.spreadsheet);
        let tab = spreadsheet.and_then(|spreadsheet| spreadsheet.tab_mut(&staff.tab));
        (staff.work)(&mut tab.expect("a tab").grid);
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
