//! The table of HTTP functions: the only place where paths are written. The Lambdas, the local server, the
//! OpenAPI document and the tests are derived from it.

#[cfg(feature = "openapi")]
use chrono::NaiveDate;
#[cfg(feature = "openapi")]
use scheduler_core::app::send_message::ProviderStatus;
#[cfg(feature = "openapi")]
use scheduler_core::domain::{
    appointment::Appointment,
    clinic::{AvailabilityException, AvailabilityRule},
    faq::FaqEntry,
    ids::{AppointmentId, ClinicId, ExceptionId, FaqId, ProfessionalId, RuleId, ServiceId, TemplateId},
    message_template::MessageTemplate,
    service::{Professional, Service},
    time::HourMinute,
};
#[cfg(feature = "openapi")]
use uuid::Uuid;

use crate::context::{Admin, ClinicReader, HttpContext, Messenger, Reception, Sender, Webhook};
#[cfg(feature = "openapi")]
use crate::description::{Description, schema_of};
#[cfg(feature = "openapi")]
use crate::handlers::clinics::ClinicView;
use crate::handlers::{
    appointments, availability, clinics, exceptions, faq, professionals, rules, send, services, templates,
    webhook,
};
use crate::route::{AnyRoute, Route, RouteInfo};

// A row has, in this order:
// - the summary, as a doc comment;
// - `CONSTANT: Function METHOD "path" Context module::handler`;
// - `body` or `query`, with the function that reads it;
// - after `=>`, the status of a success and the data that every success has;
// - after `maybe`, the data that only some successes have;
// - after `or`, the error statuses in addition to those that follow from the path, the body and the access.
macro_rules! routes {
    ($(
        #[doc = $summary:literal]
        $constant:ident: $function:ident $method:ident $path:literal $context:ident
            $module:ident::$handler:ident $(body $body:ident)? $(query $query:ident)?
            => $status:literal { $($name:ident: $data:ty),* }
            $(maybe { $($extra:ident: $extra_data:ty),* })? $(or $($error_status:literal)+)?;
    )+) => {
        $(
            #[doc = $summary]
            #[doc = concat!("`", stringify!($method), " ", $path, "`")]
            pub static $constant: Route<$context> = Route {
                info: RouteInfo {
                    function: stringify!($function),
                    method: stringify!($method),
                    path: $path,
                    auth: <$context as HttpContext>::AUTH,
                    #[cfg(feature = "openapi")]
                    description: Description {
                        summary: $summary,
                        tag: stringify!($module),
                        body: &[$(|fields| { $module::$body(fields); })?],
                        query: &[$(|fields| { $module::$query(fields); })?],
                        status: $status,
                        data: &[$((stringify!($name), schema_of::<$data>)),*],
                        optional_data: &[$($((stringify!($extra), schema_of::<$extra_data>)),*)?],
                        other_statuses: &[$($($error_status),+)?],
                    },
                },
                handler: |context, request| Box::pin($module::$handler(context, request)),
            };
        )+

        /// Every HTTP function.
        pub static ROUTES: &[&dyn AnyRoute] = &[$(&$constant),+];
    };
}

routes! {
    /// Receives every event of z-api.
    WHATSAPP_WEBHOOK: WhatsAppWebhook POST "/webhook/whatsapp" Webhook webhook::receive => 200 {};

    /// Receives status, delivery and connection events of z-api.
    WHATSAPP_STATUS_WEBHOOK: WhatsAppStatusWebhook POST "/webhook/whatsapp/status" Webhook
        webhook::receive_status => 200 {};

    /// Sends a patient a message that reception wrote, and records it.
    SEND_MESSAGE: SendMessage POST "/send" Sender send::send
        body send_input => 200 { messageId: Uuid, providerStatus: ProviderStatus } or 202 404 409 502;

    /// Books an appointment.
    CREATE_APPOINTMENT: CreateAppointment POST "/appointments" Reception appointments::create
        body create_input => 201 { appointmentId: AppointmentId, appointment: Appointment } or 404 409;

    /// Lists the appointments of a clinic by date and time, by default from today on.
    LIST_APPOINTMENTS: ListAppointments GET "/clinics/{clinicId}/appointments" Admin appointments::list
        query list_input => 200 { appointments: Vec<Appointment> } maybe { nextCursor: String };

    /// Moves an appointment, or changes its status, notes, areas or patient name.
    UPDATE_APPOINTMENT: UpdateAppointment PUT "/appointments/{appointmentId}" Messenger
        appointments::update body update_input => 200 { appointment: Appointment } or 409;

    /// Creates a clinic.
    CREATE_CLINIC: CreateClinic POST "/clinics" Admin clinics::create
        body create_input => 201 { clinicId: ClinicId, clinic: ClinicView } or 404 409;

    /// Lists the active clinics by name, page by page.
    LIST_CLINICS: ListClinics GET "/clinics" Admin clinics::list
        query list_input => 200 { clinics: Vec<ClinicView> } maybe { nextCursor: String } or 404;

    /// Returns a clinic, with its webhook URL for a key that opens every clinic.
    GET_CLINIC: GetClinic GET "/clinics/{clinicId}" ClinicReader clinics::get => 200 { clinic: ClinicView };

    /// Updates a clinic.
    UPDATE_CLINIC: UpdateClinic PUT "/clinics/{clinicId}" Admin clinics::update
        body update_input => 200 { clinic: ClinicView } or 403 409;

    /// Creates a service.
    CREATE_SERVICE: CreateService POST "/clinics/{clinicId}/services" Admin services::create
        body create_input => 201 { serviceId: ServiceId, service: Service };

    /// Lists the active services of a clinic by name.
    LIST_SERVICES: ListServices GET "/clinics/{clinicId}/services" Admin services::list
        => 200 { services: Vec<Service> };

    /// Updates, deactivates or restores a service.
    UPDATE_SERVICE: UpdateService PUT "/services/{serviceId}" Admin services::update
        body update_input => 200 { service: Service };

    /// Creates a professional.
    CREATE_PROFESSIONAL: CreateProfessional POST "/clinics/{clinicId}/professionals" Admin
        professionals::create body create_input
        => 201 { professionalId: ProfessionalId, professional: Professional };

    /// Lists the active professionals of a clinic by name.
    LIST_PROFESSIONALS: ListProfessionals GET "/clinics/{clinicId}/professionals" Admin
        professionals::list => 200 { professionals: Vec<Professional> };

    /// Updates, deactivates or restores a professional. The rules of an inactive professional are ignored.
    UPDATE_PROFESSIONAL: UpdateProfessional PUT "/professionals/{professionalId}" Admin
        professionals::update body update_input => 200 { professional: Professional };

    /// Creates a weekly availability rule.
    CREATE_AVAILABILITY_RULE: CreateAvailabilityRule POST "/clinics/{clinicId}/availability-rules" Admin
        rules::create body create_input => 201 { ruleId: RuleId, rule: AvailabilityRule };

    /// Lists the active availability rules of a clinic by weekday and time.
    LIST_AVAILABILITY_RULES: ListAvailabilityRules GET "/clinics/{clinicId}/availability-rules" Admin
        rules::list => 200 { rules: Vec<AvailabilityRule> };

    /// Updates, deactivates or restores an availability rule.
    UPDATE_AVAILABILITY_RULE: UpdateAvailabilityRule PUT "/availability-rules/{ruleId}" Admin
        rules::update body update_input => 200 { rule: AvailabilityRule };

    /// Creates an availability exception: closes a day, or sets special hours for it.
    CREATE_AVAILABILITY_EXCEPTION: CreateAvailabilityException
        POST "/clinics/{clinicId}/availability-exceptions" Admin exceptions::create body create_input
        => 201 { exceptionId: ExceptionId, exception: AvailabilityException, conflicts: Vec<Appointment> };

    /// Lists the active availability exceptions of a clinic by date.
    LIST_AVAILABILITY_EXCEPTIONS: ListAvailabilityExceptions
        GET "/clinics/{clinicId}/availability-exceptions" Admin exceptions::list query list_input
        => 200 { exceptions: Vec<AvailabilityException> };

    /// Updates, deactivates or restores an availability exception.
    UPDATE_AVAILABILITY_EXCEPTION: UpdateAvailabilityException PUT "/availability-exceptions/{exceptionId}"
        Admin exceptions::update body update_input
        => 200 { exception: AvailabilityException, conflicts: Vec<Appointment> } or 409;

    /// Lists the times of a day at which a service can start.
    GET_AVAILABLE_SLOTS: GetAvailableSlots GET "/clinics/{clinicId}/available-slots" Admin
        availability::get_slots query get_slots_input => 200 { date: NaiveDate, slots: Vec<HourMinute> };

    /// Creates a message template: a clinic's wording of one of the bot's messages.
    CREATE_TEMPLATE: CreateTemplate POST "/clinics/{clinicId}/templates" Admin templates::create
        body create_input => 201 { templateId: TemplateId, template: MessageTemplate } or 409;

    /// Lists the active message templates of a clinic by key.
    LIST_TEMPLATES: ListTemplates GET "/clinics/{clinicId}/templates" Admin templates::list
        query list_input => 200 { templates: Vec<MessageTemplate> };

    /// Updates, deactivates or restores a message template.
    UPDATE_TEMPLATE: UpdateTemplate PUT "/templates/{templateId}" Admin templates::update
        body update_input => 200 { template: MessageTemplate };

    /// Creates a frequent question with its answer.
    CREATE_FAQ: CreateFaq POST "/clinics/{clinicId}/faq" Admin faq::create
        body create_input => 201 { faqId: FaqId, faq: FaqEntry } or 409;

    /// Lists the active frequent questions of a clinic in display order.
    LIST_FAQ: ListFaq GET "/clinics/{clinicId}/faq" Admin faq::list => 200 { faq: Vec<FaqEntry> };

    /// Updates, deactivates or restores a frequent question.
    UPDATE_FAQ: UpdateFaq PUT "/faq/{faqId}" Admin faq::update
        body update_input => 200 { faq: FaqEntry };
}
