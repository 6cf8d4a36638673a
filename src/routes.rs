//! The table of HTTP functions: the only place a path is written. From it come the Lambdas, the
//! local server and the tests.

use std::future::Future;
use std::pin::Pin;

#[cfg(feature = "openapi")]
use chrono::NaiveDate;
#[cfg(feature = "openapi")]
use scheduler_core::app::send::ProviderStatus;
#[cfg(feature = "openapi")]
use scheduler_core::domain::{
    appointment::Appointment,
    clinic::{AvailabilityException, AvailabilityRule},
    ids::{AppointmentId, ClinicId, ExceptionId, FaqId, ProfessionalId, RuleId, ServiceId, TemplateId},
    service::{Professional, Service},
    time::HourMinute,
    wording::{FaqEntry, MessageTemplate},
};
#[cfg(feature = "openapi")]
use uuid::Uuid;

use crate::envelope::Reply;
use crate::error::ApiError;
#[cfg(feature = "openapi")]
use crate::handlers::clinics::ClinicRow;
use crate::handlers::{
    appointments, availability, clinics, exceptions, faq, professionals, rules, send, services, templates,
    webhook,
};
#[cfg(feature = "openapi")]
use crate::openapi::{Description, schema_of};
use crate::request::Call;
use crate::world::{self, Kind, World};

/// Who may call a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Auth {
    /// Whoever has a key (contract 1.3).
    Key,
    /// Whoever knows the webhooks' token.
    Token,
}

/// What a handler answers, some time.
pub type Answer<'a> = Pin<Box<dyn Future<Output = Result<Reply, ApiError>> + Send + 'a>>;

/// One function: a row of the table.
pub struct Route {
    /// Its name in AWS, such as `GetClinic`.
    pub function: &'static str,
    /// The HTTP method.
    pub method: &'static str,
    /// The path, in API Gateway's syntax.
    pub path: &'static str,
    /// Who may call it.
    pub auth: Auth,
    /// What it needs.
    pub(crate) kind: &'static Kind,
    pub(crate) handler: for<'a> fn(&'a World, Call) -> Answer<'a>,
    /// What a client should know.
    #[cfg(feature = "openapi")]
    pub(crate) description: Description,
}

// A row: what it is for; constant, function, method, path, who may call it, its kind, its handler;
// `body` or `query` with the function that reads it; the status of success with what is answered,
// always or `maybe`; and the refusals that are this route's own.
macro_rules! routes {
    ($(
        #[doc = $summary:literal]
        $constant:ident: $function:ident $method:ident $path:literal $auth:ident $kind:ident
            $module:ident::$handler:ident $(body $body:ident)? $(query $query:ident)?
            => $status:literal { $($name:ident: $data:ty),* }
            $(maybe { $($extra:ident: $extra_data:ty),* })? $(or $($refusal:literal)+)?;
    )+) => {
        $(
            #[doc = $summary]
            #[doc = concat!("`", stringify!($method), " ", $path, "`")]
            pub static $constant: Route = Route {
                function: stringify!($function),
                method: stringify!($method),
                path: $path,
                auth: Auth::$auth,
                kind: &world::$kind,
                handler: |world, call| Box::pin($module::$handler(world, call)),
                #[cfg(feature = "openapi")]
                description: Description {
                    summary: $summary,
                    tag: stringify!($module),
                    body: &[$(|fields| { $module::$body(fields); })?],
                    query: &[$(|fields| { $module::$query(fields); })?],
                    status: $status,
                    always: &[$((stringify!($name), schema_of::<$data>)),*],
                    maybe: &[$($((stringify!($extra), schema_of::<$extra_data>)),*)?],
                    refusals: &[$($($refusal),+)?],
                },
            };
        )+

        /// Every HTTP function.
        pub static ROUTES: &[&Route] = &[$(&$constant),+];
    };
}

routes! {
    /// Takes every event of z-api.
    WHATSAPP_WEBHOOK: WhatsAppWebhook POST "/webhook/whatsapp" Token WEBHOOK webhook::receive => 200 {};

    /// Takes status, delivery and connection events of z-api.
    WHATSAPP_STATUS_WEBHOOK: WhatsAppStatusWebhook POST "/webhook/whatsapp/status" Token WEBHOOK
        webhook::receive_status => 200 {};

    /// Sends a patient a message of reception's own, and records it.
    SEND_MESSAGE: SendMessage POST "/send" Key MESSENGER send::send
        body send_input => 200 { messageId: Uuid, providerStatus: ProviderStatus } or 404 409 502;

    /// Books a visit.
    CREATE_APPOINTMENT: CreateAppointment POST "/appointments" Key RECEPTION appointments::create
        body create_input => 201 { appointmentId: AppointmentId, appointment: Appointment } or 404 409;

    /// Lists visits by date and time, from today on unless dates are given.
    LIST_APPOINTMENTS: ListAppointments GET "/clinics/{clinicId}/appointments" Key ADMIN appointments::list
        query list_input => 200 { appointments: Vec<Appointment> } maybe { nextCursor: String };

    /// Moves a visit, or changes its status or its words.
    UPDATE_APPOINTMENT: UpdateAppointment PUT "/appointments/{appointmentId}" Key MESSENGER
        appointments::update body update_input => 200 { appointment: Appointment } or 409;

    /// Makes a clinic.
    CREATE_CLINIC: CreateClinic POST "/clinics" Key ADMIN clinics::create
        body create_input => 201 { clinicId: ClinicId, clinic: ClinicRow } or 404 409;

    /// Lists the active clinics by name.
    LIST_CLINICS: ListClinics GET "/clinics" Key ADMIN clinics::list
        => 200 { clinics: Vec<ClinicRow> } or 404;

    /// Shows a clinic.
    GET_CLINIC: GetClinic GET "/clinics/{clinicId}" Key ADMIN clinics::get => 200 { clinic: ClinicRow };

    /// Changes a clinic.
    UPDATE_CLINIC: UpdateClinic PUT "/clinics/{clinicId}" Key ADMIN clinics::update
        body update_input => 200 { clinic: ClinicRow } or 409;

    /// Adds a service.
    CREATE_SERVICE: CreateService POST "/clinics/{clinicId}/services" Key ADMIN services::create
        body create_input => 201 { serviceId: ServiceId, service: Service };

    /// Lists the active services.
    LIST_SERVICES: ListServices GET "/clinics/{clinicId}/services" Key ADMIN services::list
        => 200 { services: Vec<Service> };

    /// Changes a service, or takes it back.
    UPDATE_SERVICE: UpdateService PUT "/services/{serviceId}" Key ADMIN services::update
        body update_input => 200 { service: Service };

    /// Adds a professional.
    CREATE_PROFESSIONAL: CreateProfessional POST "/clinics/{clinicId}/professionals" Key ADMIN
        professionals::create body create_input
        => 201 { professionalId: ProfessionalId, professional: Professional };

    /// Lists the active professionals by name.
    LIST_PROFESSIONALS: ListProfessionals GET "/clinics/{clinicId}/professionals" Key ADMIN
        professionals::list => 200 { professionals: Vec<Professional> };

    /// Changes a professional, or takes them back with their hours.
    UPDATE_PROFESSIONAL: UpdateProfessional PUT "/professionals/{professionalId}" Key ADMIN
        professionals::update body update_input => 200 { professional: Professional };

    /// Opens a window of a weekday.
    CREATE_AVAILABILITY_RULE: CreateAvailabilityRule POST "/clinics/{clinicId}/availability-rules" Key ADMIN
        rules::create body create_input => 201 { ruleId: RuleId, rule: AvailabilityRule };

    /// Lists the active windows of the week.
    LIST_AVAILABILITY_RULES: ListAvailabilityRules GET "/clinics/{clinicId}/availability-rules" Key ADMIN
        rules::list => 200 { rules: Vec<AvailabilityRule> };

    /// Changes a window of a weekday, or takes it back.
    UPDATE_AVAILABILITY_RULE: UpdateAvailabilityRule PUT "/availability-rules/{ruleId}" Key ADMIN
        rules::update body update_input => 200 { rule: AvailabilityRule };

    /// Closes a day, or gives it hours of its own.
    CREATE_AVAILABILITY_EXCEPTION: CreateAvailabilityException
        POST "/clinics/{clinicId}/availability-exceptions" Key ADMIN exceptions::create body create_input
        => 201 { exceptionId: ExceptionId, exception: AvailabilityException, conflicts: Vec<Appointment> };

    /// Lists the active special days of a range.
    LIST_AVAILABILITY_EXCEPTIONS: ListAvailabilityExceptions
        GET "/clinics/{clinicId}/availability-exceptions" Key ADMIN exceptions::list query list_input
        => 200 { exceptions: Vec<AvailabilityException> };

    /// Changes a special day, or takes it back.
    UPDATE_AVAILABILITY_EXCEPTION: UpdateAvailabilityException PUT "/availability-exceptions/{exceptionId}"
        Key ADMIN exceptions::update body update_input
        => 200 { exception: AvailabilityException, conflicts: Vec<Appointment> } or 409;

    /// Lists the times of a day at which a service may start.
    GET_AVAILABLE_SLOTS: GetAvailableSlots GET "/clinics/{clinicId}/available-slots" Key ADMIN
        availability::get_slots query get_slots_input => 200 { date: NaiveDate, slots: Vec<HourMinute> };

    /// Words one of the bot's messages in the clinic's way.
    CREATE_TEMPLATE: CreateTemplate POST "/clinics/{clinicId}/templates" Key ADMIN templates::create
        body create_input => 201 { templateId: TemplateId, template: MessageTemplate } or 409;

    /// Lists the clinic's own wordings that are in use, by key.
    LIST_TEMPLATES: ListTemplates GET "/clinics/{clinicId}/templates" Key ADMIN templates::list
        query list_input => 200 { templates: Vec<MessageTemplate> };

    /// Changes a wording, or takes it back.
    UPDATE_TEMPLATE: UpdateTemplate PUT "/templates/{templateId}" Key ADMIN templates::update
        body update_input => 200 { template: MessageTemplate };

    /// Answers a question that patients ask.
    CREATE_FAQ: CreateFaq POST "/clinics/{clinicId}/faq" Key ADMIN faq::create
        body create_input => 201 { faqId: FaqId, faq: FaqEntry } or 409;

    /// Lists the questions that are offered, in their order.
    LIST_FAQ: ListFaq GET "/clinics/{clinicId}/faq" Key ADMIN faq::list => 200 { faq: Vec<FaqEntry> };

    /// Changes a question or its answer, or takes it back.
    UPDATE_FAQ: UpdateFaq PUT "/faq/{faqId}" Key ADMIN faq::update
        body update_input => 200 { faq: FaqEntry };
}

impl Route {
    /// The values of the path's placeholders if `path` is this route's, with or without API
    /// Gateway's stage in front.
    pub fn matches(&self, path: &str) -> Option<Vec<(&'static str, String)>> {
        let given: Vec<&str> = path.trim_matches('/').split('/').collect();
        let wanted: Vec<&'static str> = self.path.trim_matches('/').split('/').collect();
        fits(&wanted, &given).or_else(|| fits(&wanted, given.get(1..)?))
    }

    /// The binary's name, such as `get-clinic`.
    pub fn binary(&self) -> String {
        kebab(self.function)
    }
}

/// `GetClinic` → `get-clinic`; WhatsApp is one word.
pub(crate) fn kebab(function: &str) -> String {
    let mut name = String::new();
    for letter in function.replace("WhatsApp", "Whatsapp").chars() {
        if letter.is_ascii_uppercase() && !name.is_empty() {
            name.push('-');
        }
        name.push(letter.to_ascii_lowercase());
    }
    name
}

fn fits(wanted: &[&'static str], given: &[&str]) -> Option<Vec<(&'static str, String)>> {
    if wanted.len() != given.len() {
        return None;
    }
    let mut values = Vec::new();
    for (wanted, given) in wanted.iter().zip(given) {
        match wanted.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
            Some(name) => values.push((name, crate::request::decoded(given))),
            None if wanted == given => {}
            None => return None,
        }
    }
    Some(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_known_with_and_without_the_stage() {
        let check = |path: &str, clinic: Option<&str>| {
            let found = GET_CLINIC.matches(path).map(|values| values[0].1.clone());
            assert_eq!(found.as_deref(), clinic, "{path}");
        };
        check("/clinics/sp-1", Some("sp-1"));
        check("/dev/clinics/sp-1", Some("sp-1"));
        check("/clinics/a%20b/", Some("a b"));
        check("/clinics", None);
        check("/clinics/sp-1/services", None);
    }

    #[test]
    fn a_binary_is_named_after_its_function() {
        assert_eq!(WHATSAPP_STATUS_WEBHOOK.binary(), "whatsapp-status-webhook");
        assert_eq!(CREATE_AVAILABILITY_RULE.binary(), "create-availability-rule");
    }
}
