//! Why a call fails, and the answer to each failure. The answer says what the caller can correct; the cause
//! goes to the log.

use std::borrow::Cow;

use http::{HeaderValue, Response, StatusCode, header};
use scheduler_core::adapters::postgres::faq::CreateFaqError;
use scheduler_core::adapters::postgres::templates::CreateTemplateError;
use scheduler_core::app::appointments::AppointmentError;
use scheduler_core::app::clinics::ClinicError;
use scheduler_core::app::send_message::{LimitReached, SendMessageError};
use scheduler_core::domain::appointment::Missing;
use scheduler_core::error::{StoreError, StoreErrorKind};
use scheduler_core::ports::whatsapp::SendError;
use serde::Serialize;
use serde_json::json;

use crate::response::with_headers;

/// What is wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// Its name in the request.
    pub field: String,
    /// What is wrong, in Portuguese.
    pub message: String,
}

impl FieldError {
    /// An error of `field`, in Portuguese.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }
}

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// 400, with every error at once. Nothing was written.
    #[error("invalid request")]
    Invalid(Vec<FieldError>),
    /// 401: the key or token is missing or wrong.
    #[error("unauthorised")]
    Unauthorized,
    /// 403: a key for one clinic sets these fields, which only a key for every clinic may set.
    #[error("forbidden")]
    ForbiddenFields(Vec<&'static str>),
    /// 404, with a Portuguese text that says what was not found.
    #[error("not found")]
    NotFound(&'static str),
    /// 405: the path does not have this method.
    #[error("method not allowed")]
    WrongMethod,
    /// 409, with a Portuguese text that says what the conflict is.
    #[error("conflict")]
    Conflict(&'static str),
    /// 413: the body is over 1 MiB.
    #[error("body too large")]
    TooLarge,
    /// 429: a limit of the clinic is used up until its next day.
    #[error("a limit is used up")]
    LimitReached(LimitReached),
    /// 500: an internal error.
    #[error("{0}")]
    Internal(Box<dyn std::error::Error + Send + Sync>),
    /// 502: the WhatsApp provider refused a message or did not answer in time.
    #[error("the provider did not accept the message")]
    Refused(#[source] SendError),
    /// 503: a store is unavailable.
    #[error("a store is unavailable")]
    Unavailable(#[source] StoreError),
}

impl ApiError {
    /// An internal error. `cause` goes to the log only.
    pub fn internal(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Internal(cause.into())
    }

    /// 400 for a single field.
    pub fn field(field: &str, message: &str) -> Self {
        Self::Invalid(vec![FieldError::new(field, message)])
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Invalid(_) => StatusCode::BAD_REQUEST,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::ForbiddenFields(_) => StatusCode::FORBIDDEN,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::WrongMethod => StatusCode::METHOD_NOT_ALLOWED,
            Self::Conflict(_) => StatusCode::CONFLICT,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::LimitReached(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Refused(_) => StatusCode::BAD_GATEWAY,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// Builds the answer. Logs a server error with its causes, which the caller does not see.
    pub fn into_response(self, trace_id: &str) -> Response<String> {
        let status = self.status();
        if status.is_server_error() {
            tracing::error!(
                step = "answer",
                status = status.as_u16(),
                error = &self as &dyn std::error::Error,
                "the call failed"
            );
        }
        let retry_after = match &self {
            Self::LimitReached(limit) => Some(limit.retry_after),
            Self::Unavailable(_) => Some(5),
            _ => None,
        };
        let mut body = json!({"status": "ERROR", "message": self.message()});
        match self {
            Self::Invalid(errors) => body["errors"] = json!(errors),
            Self::Internal(_) | Self::Unavailable(_) => body["traceId"] = json!(trace_id),
            _ => {}
        }
        let mut response = with_headers(status, body.to_string());
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }

    /// The text of the answer, in Portuguese.
    fn message(&self) -> Cow<'static, str> {
        let text: &'static str = match self {
            Self::ForbiddenFields(fields) => {
                let fields = fields.join(", ");
                return format!("Só uma chave de todas as clínicas pode definir: {fields}.").into();
            }
            Self::Invalid(_) => "Dados inválidos.",
            Self::Unauthorized => "Não autorizado.",
            Self::NotFound(what) | Self::Conflict(what) => what,
            Self::WrongMethod => "Método não permitido.",
            Self::LimitReached(LimitReached { to_new_people: true, .. }) => {
                "A clínica já enviou hoje o máximo de mensagens a números que nunca escreveram."
            }
            Self::LimitReached(_) => "A clínica já enviou hoje o máximo de mensagens.",
            Self::TooLarge => "O corpo da requisição passa de 1 MiB.",
            Self::Internal(_) => "Erro interno.",
            Self::Refused(_) => "O provedor de WhatsApp recusou a mensagem.",
            Self::Unavailable(_) => "Serviço temporariamente indisponível. Tente novamente em instantes.",
        };
        text.into()
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error.kind {
            StoreErrorKind::Unavailable => Self::Unavailable(error),
            StoreErrorKind::Internal => Self::Internal(Box::new(error)),
        }
    }
}

impl From<ClinicError> for ApiError {
    fn from(error: ClinicError) -> Self {
        match error {
            ClinicError::InstanceTaken => {
                Self::Conflict("Esta instância da z-api já pertence a outra clínica.")
            }
            ClinicError::SheetTaken => Self::Conflict(
                "Esta aba da planilha já pertence a outra clínica. Informe outra planilha ou outra aba.",
            ),
            ClinicError::MissingInstanceId => {
                Self::field("zapi_instance_id", "Informe junto com os tokens da instância.")
            }
            ClinicError::MissingInstanceToken => {
                Self::field("zapi_instance_token", "Informe junto com zapi_instance_id.")
            }
            ClinicError::Contended => {
                Self::Conflict("A clínica está sendo alterada por outra pessoa. Tente de novo.")
            }
            ClinicError::NotFound => Self::NotFound("Clínica não encontrada."),
            ClinicError::Store(error) => error.into(),
        }
    }
}

impl From<CreateTemplateError> for ApiError {
    fn from(error: CreateTemplateError) -> Self {
        match error {
            CreateTemplateError::Duplicate => {
                Self::Conflict("A clínica já tem um modelo com esta template_key, ativo ou não.")
            }
            CreateTemplateError::UnknownClinic => Self::NotFound("Clínica não encontrada."),
            CreateTemplateError::Store(error) => error.into(),
        }
    }
}

impl From<CreateFaqError> for ApiError {
    fn from(error: CreateFaqError) -> Self {
        match error {
            CreateFaqError::Duplicate => {
                Self::Conflict("A clínica já tem uma pergunta com esta question_key, ativa ou não.")
            }
            CreateFaqError::UnknownClinic => Self::NotFound("Clínica não encontrada."),
            CreateFaqError::Store(error) => error.into(),
        }
    }
}

impl From<SendMessageError> for ApiError {
    fn from(error: SendMessageError) -> Self {
        match error {
            SendMessageError::NoClinic => Self::NotFound("Clínica não encontrada."),
            SendMessageError::NoInstance => Self::Conflict("A clínica não tem uma instância da z-api."),
            SendMessageError::LimitReached(limit) => Self::LimitReached(limit),
            SendMessageError::Refused(error) => Self::Refused(error),
            SendMessageError::Store(error) => error.into(),
        }
    }
}

impl From<AppointmentError> for ApiError {
    fn from(error: AppointmentError) -> Self {
        match error {
            AppointmentError::SlotTaken => Self::Conflict("Este horário já está ocupado."),
            AppointmentError::NotOffered => Self::Conflict("A clínica não atende neste horário."),
            AppointmentError::InThePast => Self::field("date", "O horário já passou."),
            AppointmentError::TooFarAhead => Self::field("date", "A data pode ser até cinco anos à frente."),
            AppointmentError::PastMidnight => {
                Self::field("time", "A sessão terminaria depois da meia-noite.")
            }
            AppointmentError::Missing(Missing::Professional) => {
                Self::NotFound("Profissional não encontrado.")
            }
            AppointmentError::Missing(Missing::Service) => Self::NotFound("Serviço não encontrado."),
            AppointmentError::Missing(Missing::Clinic) => Self::NotFound("Clínica não encontrada."),
            AppointmentError::NotFound => Self::NotFound("Agendamento não encontrado."),
            AppointmentError::KeyReused => {
                Self::Conflict("Esta Idempotency-Key já foi usada com outros dados.")
            }
            AppointmentError::Stale => {
                Self::Conflict("O agendamento mudou desde que foi lido. Leia de novo e repita.")
            }
            AppointmentError::NotAllowed => {
                Self::Conflict("O agendamento não permite esta mudança no estado em que está.")
            }
            AppointmentError::Store(error) => error.into(),
        }
    }
}
