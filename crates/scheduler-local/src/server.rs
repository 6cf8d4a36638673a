//! The whole product on one port, with the stores it needs.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode};
use axum::response::IntoResponse;
use scheduler_api::auth::WebhookToken;
use scheduler_api::metrics::Metrics;
use scheduler_api::{Contexts, dispatch};
use scheduler_core::adapters::dynamodb::Tables;
use scheduler_core::adapters::postgres::Db;
use scheduler_core::adapters::zapi::Zapi;
use scheduler_core::app::chats::Chats;
use scheduler_core::app::sheets::SheetSync;
use scheduler_core::config::TablesConfig;
use scheduler_core::domain::allowed_phones::AllowedPhones;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::changes::Changes;
use crate::clock::LocalClock;
use crate::database::Database;
use crate::dynamodb::EmbeddedDynamoDb;
use crate::fake_zapi::FakeZapi;
use crate::folder::DataFolder;
use crate::settings::Settings;
use crate::shutdown::GRACE;
use crate::state::LocalState;
use crate::{docs, local_routes, page, port, schedule, tables};

/// Connections to PostgreSQL, so that races are real.
const CONNECTIONS: u32 = 20;

/// The largest body that is read at all; the routes refuse far less.
const LARGEST_READ: usize = 16 * 1024 * 1024;

/// Anything that keeps the server from starting, as a sentence for the operator.
pub type StartError = Box<dyn std::error::Error + Send + Sync>;

/// A running server.
pub struct Server {
    /// Such as `http://127.0.0.1:9000`.
    pub url: String,
    /// Where the embedded DynamoDB answers, if it is one's own.
    pub dynamodb: Option<String>,
    /// The port of one's own PostgreSQL.
    pub postgres_port: Option<u16>,
    /// Whether messages stay in the outbox.
    pub keeps_messages: bool,
    /// What the operator should know: a port that was taken, a database that is away.
    pub notices: Vec<String>,
    contexts: Arc<Contexts>,
    stop: watch::Sender<bool>,
    served: JoinHandle<std::io::Result<()>>,
    schedule: Option<JoinHandle<()>>,
    parts: Parts,
}

struct Parts {
    database: Database,
    embedded: Option<EmbeddedDynamoDb>,
    db: Db,
    // Held until the end: one folder, one server.
    _folder: DataFolder,
}

impl Server {
    /// Starts what is not given, makes what is not there, and serves.
    pub async fn start(settings: Settings) -> Result<Self, StartError> {
        let folder = DataFolder::take(&settings.folder)?;
        let clock = Arc::new(LocalClock::default());
        // First, so that the port that is said to be taken is the one that was asked for.
        let listener = port::bind(settings.host, settings.port).await?;
        let address = listener.local_addr()?;
        let database = Database::open(&settings).await?;
        let mut notices = database.notices().to_vec();
        notices.extend(moved("PORT", settings.port, address.port()));
        let db = Db::pooled(&database.config, CONNECTIONS)?;
        notices.extend(database.fill(&db).await.map_err(with_cause)?);
        let embedded = match settings.dynamodb_endpoint {
            Some(_) => None,
            None => {
                let path = folder.path().join("dynamodb.sqlite");
                Some(EmbeddedDynamoDb::start(Some(&path), settings.dynamodb_port).await?)
            }
        };
        if let Some(embedded) = &embedded {
            notices.extend(moved("DYNAMODB_PORT", settings.dynamodb_port, embedded.port()));
        }
        let [sessions, events, reminders] = settings.tables.clone();
        let endpoint =
            settings.dynamodb_endpoint.clone().or(embedded.as_ref().map(EmbeddedDynamoDb::endpoint));
        let region = settings.region.clone();
        let stores = Tables::new(TablesConfig { sessions, events, reminders, endpoint, region });
        match tables::create(stores.client(), stores.names()).await {
            Err(error) if embedded.is_none() => notices.push(error.to_string()),
            made => made?,
        }
        let (zapi, base_url) = match &settings.zapi_base_url {
            Some(base_url) => (None, base_url.clone()),
            None => {
                let fake = FakeZapi::start(clock.clone()).await?;
                let base_url = fake.base_url();
                (Some(Arc::new(fake)), base_url)
            }
        };
        let chats = Chats {
            db: db.clone(),
            tables: stores,
            whatsapp: Arc::new(Zapi::new(&base_url, settings.client_token.clone())?),
            clock: clock.clone(),
            allowed: AllowedPhones::parse(&settings.allowed_phones),
        };
        let sheets = SheetSync::open(settings.sheets.as_ref(), &chats)?;
        let token = settings.webhook_token.clone().map_or(WebhookToken::NotRequired, WebhookToken::Required);
        let metrics = Metrics::of(settings.stage.clone());
        let contexts = Arc::new(Contexts::new(chats, sheets, settings.keys.clone(), token, metrics));
        let (stop, stopping) = watch::channel(false);
        let keeps_messages = zapi.is_some();
        let changes = Changes::default();
        let state = LocalState {
            contexts: contexts.clone(),
            clock,
            zapi,
            changes: changes.clone(),
            stopping: stopping.clone(),
        };
        Ok(Self {
            url: format!("http://{address}"),
            dynamodb: embedded.as_ref().map(EmbeddedDynamoDb::endpoint),
            postgres_port: database.port(),
            keeps_messages,
            notices,
            served: tokio::spawn(serve(listener, state)),
            schedule: settings
                .runs_jobs
                .then(|| tokio::spawn(schedule::keep(contexts.clone(), changes, stopping))),
            contexts,
            stop,
            parts: Parts { database, embedded, db, _folder: folder },
        })
    }

    /// What the routes are given.
    pub fn contexts(&self) -> &Contexts {
        &self.contexts
    }

    /// Answers what has been asked, then ends everything that was started.
    pub async fn stop(self) {
        let _ = self.stop.send(true);
        let _ = tokio::time::timeout(GRACE, self.served).await;
        if let Some(schedule) = self.schedule {
            let _ = tokio::time::timeout(GRACE, schedule).await;
        }
        let _ = tokio::time::timeout(GRACE, self.parts.db.close()).await;
        if let Some(embedded) = self.parts.embedded {
            embedded.stop().await;
        }
        self.parts.database.stop().await;
    }
}

async fn serve(listener: TcpListener, state: LocalState) -> std::io::Result<()> {
    let mut stopping = state.stopping.clone();
    let product = local_routes::router().merge(page::router()).fallback(answer).with_state(state);
    let router: Router = product.merge(docs::router());
    axum::serve(listener, router)
        .with_graceful_shutdown(async move {
            let _ = stopping.wait_for(|stop| *stop).await;
        })
        .await
}

/// Everything that is not the local server's own goes the way it goes in AWS; also in that a caller
/// who hangs up does not end what they began.
async fn answer(State(state): State<LocalState>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let (changes, reads) = (state.changes.clone(), parts.method.is_safe());
    let response = match to_bytes(body, LARGEST_READ).await {
        Ok(bytes) => {
            let request = Request::from_parts(parts, bytes.to_vec());
            match tokio::spawn(async move { dispatch(&state.contexts, request).await }).await {
                Ok(response) => response.map(Body::from),
                Err(error) => {
                    tracing::error!(
                        step = "serve",
                        panicked = error.is_panic(),
                        "a call ended without an answer"
                    );
                    StatusCode::INTERNAL_SERVER_ERROR.into_response()
                }
            }
        }
        Err(_) => StatusCode::PAYLOAD_TOO_LARGE.into_response(),
    };
    if !reads {
        changes.tell();
    }
    response
}

fn moved(name: &str, wanted: u16, got: u16) -> Option<String> {
    (wanted != 0 && wanted != got).then(|| format!("{name} {wanted} is taken: {got} is used instead"))
}

fn with_cause(error: scheduler_core::error::StoreError) -> StartError {
    format!("{error}: {}", error.source).into()
}
