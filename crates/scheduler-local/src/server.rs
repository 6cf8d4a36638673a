//! Serves the whole product on one port and starts the stores that it needs.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Response, StatusCode, header};
use axum::middleware::map_response;
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
use scheduler_core::webhook_url::WebhookUrls;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::changes::Changes;
use crate::clock::LocalClock;
use crate::database::Database;
use crate::dynamodb::EmbeddedDynamoDb;
use crate::fake_zapi::FakeZapi;
use crate::folder::DataFolder;
use crate::guard::Guard;
use crate::settings::Settings;
use crate::shutdown::GRACE_PERIOD;
use crate::state::LocalState;
use crate::{docs, local_routes, page, port, schedule, tables};

/// Size of the connection pool. With several connections, parallel requests race as parallel Lambdas do.
const MAX_CONNECTIONS: u32 = 20;

/// How many messages the outbox keeps.
const KEPT_MESSAGES: usize = 10_000;

/// Larger bodies are answered 413 without dispatch. The routes have lower limits
/// (docs/rules/security.md#limits).
const MAX_BODY_BYTES: usize = 16 * 1024 * 1024;

/// Why the server could not start; the text is for the operator.
pub type StartError = Box<dyn std::error::Error + Send + Sync>;

/// A running server.
pub struct Server {
    /// Such as `http://127.0.0.1:9000`.
    pub url: String,
    /// Endpoint of the embedded DynamoDB; `None` if another endpoint is configured.
    pub dynamodb: Option<String>,
    /// Port of the managed PostgreSQL; `None` if a database is configured.
    pub postgres_port: Option<u16>,
    /// Whether messages go to the outbox of the fake z-api server instead of z-api.
    pub has_outbox: bool,
    /// Sentences for the operator, such as about a port in use or an unavailable database.
    pub notices: Vec<String>,
    contexts: Arc<Contexts>,
    stop: watch::Sender<bool>,
    server_task: JoinHandle<std::io::Result<()>>,
    schedule: Option<JoinHandle<()>>,
    sweeps: Option<JoinHandle<()>>,
    resources: Resources,
}

/// Closed by [`Server::stop`] after requests and jobs have ended.
struct Resources {
    database: Database,
    embedded: Option<EmbeddedDynamoDb>,
    db: Db,
    // Keeps the folder locked: one server per folder.
    _folder: DataFolder,
}

impl Server {
    /// Starts PostgreSQL, DynamoDB and the fake z-api server, each unless another one is configured. Creates
    /// missing tables, and serves.
    pub async fn start(settings: Settings) -> Result<Self, StartError> {
        let folder = DataFolder::lock(&settings.folder)?;
        let clock = Arc::new(LocalClock::default());
        // Bind first, so that no store takes the configured port.
        let listener = port::bind(settings.host, settings.port).await?;
        let address = listener.local_addr()?;
        let database = Database::open(&settings).await?;
        let mut notices = database.notices().to_vec();
        notices.extend(port_notice("PORT", settings.port, address.port()));
        let db = Db::connection_pool(&database.config, MAX_CONNECTIONS)?;
        notices.extend(database.prepare(&db).await.map_err(with_cause)?);
        let guard = Guard::admitting(&settings.hosts, &settings.origins);
        let embedded = match settings.dynamodb_endpoint {
            Some(_) => None,
            None => {
                let path = folder.path().join("dynamodb.sqlite");
                Some(EmbeddedDynamoDb::start_guarded(Some(&path), settings.dynamodb_port, &guard).await?)
            }
        };
        if let Some(embedded) = &embedded {
            notices.extend(port_notice("DYNAMODB_PORT", settings.dynamodb_port, embedded.port()));
        }
        let [sessions, events, reminders] = settings.tables.clone();
        let endpoint =
            settings.dynamodb_endpoint.clone().or(embedded.as_ref().map(EmbeddedDynamoDb::endpoint));
        let region = settings.region.clone();
        let stores = Tables::new(TablesConfig { sessions, events, reminders, endpoint, region });
        match tables::create(stores.client(), stores.names()).await {
            Err(error) if embedded.is_none() => notices.push(error.to_string()),
            created => created?,
        }
        let sweeper = match &embedded {
            Some(embedded) if settings.runs_jobs => Some(embedded.sweeper(tables::expiring(stores.names())?)),
            _ => None,
        };
        let (zapi, base_url) = match &settings.zapi_base_url {
            Some(base_url) => (None, base_url.clone()),
            None => {
                let fake = FakeZapi::keeping(KEPT_MESSAGES, clock.clone()).await?;
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
        let sheets = SheetSync::open(settings.sheets.as_ref(), &chats.db, &chats.tables, &chats.clock)?;
        let url = format!("http://{address}");
        let (token, webhook_urls) = webhook_access(&settings, &url);
        let metrics = Metrics::of(settings.stage.clone());
        let (keys, limits) = (settings.keys.clone(), settings.send_limits);
        let contexts = Arc::new(Contexts::new(chats, sheets, keys, token, webhook_urls, limits, metrics));
        let (stop, stopping) = watch::channel(false);
        let has_outbox = zapi.is_some();
        let changes = Changes::default();
        let sweeps = sweeper.map(|sweeper| tokio::spawn(sweeper.run(clock.clone(), stopping.clone())));
        let state = LocalState {
            contexts: contexts.clone(),
            clock,
            zapi,
            changes: changes.clone(),
            stopping: stopping.clone(),
        };
        Ok(Self {
            url,
            dynamodb: embedded.as_ref().map(EmbeddedDynamoDb::endpoint),
            postgres_port: database.port(),
            has_outbox,
            notices,
            server_task: tokio::spawn(serve(listener, state, guard)),
            sweeps,
            schedule: settings
                .runs_jobs
                .then(|| tokio::spawn(schedule::run(contexts.clone(), changes, stopping))),
            contexts,
            stop,
            resources: Resources { database, embedded, db, _folder: folder },
        })
    }

    /// The contexts that the routes and jobs run in.
    pub fn contexts(&self) -> &Contexts {
        &self.contexts
    }

    /// Finishes running requests and jobs, if they do not take too long, then stops every store that was
    /// started.
    pub async fn stop(self) {
        let _ = self.stop.send(true);
        let _ = tokio::time::timeout(GRACE_PERIOD, self.server_task).await;
        for mut task in [self.schedule, self.sweeps].into_iter().flatten() {
            if tokio::time::timeout(GRACE_PERIOD, &mut task).await.is_err() {
                task.abort();
            }
        }
        let _ = tokio::time::timeout(GRACE_PERIOD, self.resources.db.close()).await;
        if let Some(embedded) = self.resources.embedded {
            embedded.stop().await;
        }
        self.resources.database.stop().await;
    }
}

async fn serve(listener: TcpListener, state: LocalState, guard: Guard) -> std::io::Result<()> {
    let mut stopping = state.stopping.clone();
    let local = local_routes::router().merge(page::router()).fallback(dispatch_request).with_state(state);
    let router: Router =
        local.layer(map_response(forbid_storing)).merge(docs::router()).layer(map_response(forbid_sniffing));
    axum::serve(listener, guard.protect(router))
        .with_graceful_shutdown(async move {
            let _ = stopping.wait_for(|stop| *stop).await;
        })
        .await
}

/// Dispatches every other path to the product's routes, as in AWS. The request runs in a spawned task,
/// so that it completes even if the client hangs up, as a Lambda invocation does.
async fn dispatch_request(State(state): State<LocalState>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let (changes, read_only) = (state.changes.clone(), parts.method.is_safe());
    let response = match to_bytes(body, MAX_BODY_BYTES).await {
        Ok(bytes) => {
            let request = Request::from_parts(parts, bytes.to_vec());
            match tokio::spawn(async move { dispatch(&state.contexts, request).await }).await {
                Ok(response) => response.map(Body::from),
                Err(error) => {
                    tracing::error!(
                        step = "serve",
                        panicked = error.is_panic(),
                        "a request ended without a response"
                    );
                    StatusCode::INTERNAL_SERVER_ERROR.into_response()
                }
            }
        }
        Err(_) => StatusCode::PAYLOAD_TOO_LARGE.into_response(),
    };
    if !read_only {
        changes.notify();
    }
    response
}

/// The token that webhooks need, and their URLs if they need one.
fn webhook_access(settings: &Settings, own_url: &str) -> (WebhookToken, Option<WebhookUrls>) {
    let Some(masters) = settings.webhook_masters.clone() else { return (WebhookToken::NotRequired, None) };
    let base = settings.webhook_base_url.as_deref().unwrap_or(own_url);
    let urls = WebhookUrls::new(base, masters.clone());
    (WebhookToken::Required { masters, accepts_master: settings.accepts_webhook_master }, Some(urls))
}

/// Keeps answers with patients' data out of caches. The page's files set a value of their own.
async fn forbid_storing(mut response: Response<Body>) -> Response<Body> {
    response.headers_mut().entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Keeps browsers from reading an answer as another type than it says.
async fn forbid_sniffing(mut response: Response<Body>) -> Response<Body> {
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

fn port_notice(name: &str, wanted: u16, got: u16) -> Option<String> {
    (wanted != 0 && wanted != got).then(|| format!("{name} {wanted} is taken, so {got} is used"))
}

fn with_cause(error: scheduler_core::error::StoreError) -> StartError {
    format!("{error}: {}", error.source).into()
}
