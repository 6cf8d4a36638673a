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

use crate::context::{Admin, HttpContext, Messenger, Reception, Webhook};
#[cfg(feature = "openapi")]
use crate::description::{Description, schema_of};
#[cfg(feature = "openapi")]
use crate::handlers::clinics::ClinicView;
use crate::handlers::{
    appointments, availability, clinics, exceptions, faq, professionals, rules, send, services, templates,
    webhook,
};
use crate::route::{AnyRoute, Route, RouteInfo};

// A row: summary; constant, function, method, path, context, handler; `body` or `query` with the function
// that reads it; the status of success with the data of the answer, always present or `maybe`; and the
// error statuses that only this route has.
macro_rules! routes {
    ($(
        #[doc = $summary:literal]
        $constant:ident: $function:ident $method:ident $path:literal $context:ident
            $module:ident::$handler:ident $(body $body:ident)? $(query $query:ident)?
            => $status:literal { $($name:ident: $data:ty),* }
            $(maybe { $($extra:ident: $extra_data:ty),* })? $(or $($refusal:literal)+)?;
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
                        always: &[$((stringify!($name), schema_of::<$data>)),*],
                        maybe: &[$($((stringify!($extra), schema_of::<$extra_data>)),*)?],
                        refusals: &[$($($refusal),+)?],
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
    /// Takes every event of z-api.
    WHATSAPP_WEBHOOK: WhatsAppWebhook POST "/webhook/whatsapp" Webhook webhook::receive => 200 {};

    /// Takes status, delivery and connection events of z-api.
    WHATSAPP_STATUS_WEBHOOK: WhatsAppStatusWebhook POST "/webhook/whatsapp/status" Webhook
        webhook::receive_status => 200 {};

    /// Sends a patient a message of reception's own, and records it.
    SEND_MESSAGE: SendMessage POST "/send" Messenger send::send
        body send_input => 200 { messageId: Uuid, providerStatus: ProviderStatus } or 404 409 502;

    /// Books an appointment.
    CREATE_APPOINTMENT: CreateAppointment POST "/appointments" Reception appointments::create
        body create_input => 201 { appointmentId: AppointmentId, appointment: Appointment } or 404 409;

    /// Lists appointments by date and time, from today on unless dates are given.
    LIST_APPOINTMENTS: ListAppointments GET "/clinics/{clinicId}/appointments" Admin appointments::list
        query list_input => 200 { appointments: Vec<Appointment> } maybe { nextCursor: String };

    /// Moves an appointment, or changes its status or its words.
    UPDATE_APPOINTMENT: UpdateAppointment PUT "/appointments/{appointmentId}" Messenger
        appointments::update body update_input => 200 { appointment: Appointment } or 409;

    /// Makes a clinic.
    CREATE_CLINIC: CreateClinic POST "/clinics" Admin clinics::create
        body create_input => 201 { clinicId: ClinicId, clinic: ClinicView } or 404 409;

    /// Lists the active clinics by name.
    LIST_CLINICS: ListClinics GET "/clinics" Admin clinics::list
        => 200 { clinics: Vec<ClinicView> } or 404;

    /// Shows a clinic.
    GET_CLINIC: GetClinic GET "/clinics/{clinicId}" Admin clinics::get => 200 { clinic: ClinicView };

    /// Changes a clinic.
    UPDATE_CLINIC: UpdateClinic PUT "/clinics/{clinicId}" Admin clinics::update
        body update_input => 200 { clinic: ClinicView } or 409;

    /// Adds a service.
    CREATE_SERVICE: CreateService POST "/clinics/{clinicId}/services" Admin services::create
        body create_input => 201 { serviceId: ServiceId, service: Service };

    /// Lists the active services.
    LIST_SERVICES: ListServices GET "/clinics/{clinicId}/services" Admin services::list
        => 200 { services: Vec<Service> };

    /// Changes a service, or takes it back.
    UPDATE_SERVICE: UpdateService PUT "/services/{serviceId}" Admin services::update
        body update_input => 200 { service: Service };

    /// Adds a professional.
    CREATE_PROFESSIONAL: CreateProfessional POST "/clinics/{clinicId}/professionals" Admin
        professionals::create body create_input
        => 201 { professionalId: ProfessionalId, professional: Professional };

    /// Lists the active professionals by name.
    LIST_PROFESSIONALS: ListProfessionals GET "/clinics/{clinicId}/professionals" Admin
        professionals::list => 200 { professionals: Vec<Professional> };

    /// Changes a professional, or takes them back with their hours.
    UPDATE_PROFESSIONAL: UpdateProfessional PUT "/professionals/{professionalId}" Admin
        professionals::update body update_input => 200 { professional: Professional };

    /// Opens a window of a weekday.
    CREATE_AVAILABILITY_RULE: CreateAvailabilityRule POST "/clinics/{clinicId}/availability-rules" Admin
        rules::create body create_input => 201 { ruleId: RuleId, rule: AvailabilityRule };

    /// Lists the active windows of the week.
    LIST_AVAILABILITY_RULES: ListAvailabilityRules GET "/clinics/{clinicId}/availability-rules" Admin
        rules::list => 200 { rules: Vec<AvailabilityRule> };

    /// Changes a window of a weekday, or takes it back.
    UPDATE_AVAILABILITY_RULE: UpdateAvailabilityRule PUT "/availability-rules/{ruleId}" Admin
        rules::update body update_input => 200 { rule: AvailabilityRule };

    /// Closes a day, or gives it hours of its own.
    CREATE_AVAILABILITY_EXCEPTION: CreateAvailabilityException
        POST "/clinics/{clinicId}/availability-exceptions" Admin exceptions::create body create_input
        => 201 { exceptionId: ExceptionId, exception: AvailabilityException, conflicts: Vec<Appointment> };

    /// Lists the active special days of a range.
    LIST_AVAILABILITY_EXCEPTIONS: ListAvailabilityExceptions
        GET "/clinics/{clinicId}/availability-exceptions" Admin exceptions::list query list_input
        => 200 { exceptions: Vec<AvailabilityException> };

    /// Changes a special day, or takes it back.
    UPDATE_AVAILABILITY_EXCEPTION: UpdateAvailabilityException PUT "/availability-exceptions/{exceptionId}"
        Admin exceptions::update body update_input
        => 200 { exception: AvailabilityException, conflicts: Vec<Appointment> } or 409;

    /// Lists the times of a day at which a service may start.
    GET_AVAILABLE_SLOTS: GetAvailableSlots GET "/clinics/{clinicId}/available-slots" Admin
        availability::get_slots query get_slots_input => 200 { date: NaiveDate, slots: Vec<HourMinute> };

    /// Words one of the bot's messages in the clinic's way.
    CREATE_TEMPLATE: CreateTemplate POST "/clinics/{clinicId}/templates" Admin templates::create
        body create_input => 201 { templateId: TemplateId, template: MessageTemplate } or 409;

    /// Lists the clinic's own wordings that are in use, by key.
    LIST_TEMPLATES: ListTemplates GET "/clinics/{clinicId}/templates" Admin templates::list
        query list_input => 200 { templates: Vec<MessageTemplate> };

    /// Changes a wording, or takes it back.
    UPDATE_TEMPLATE: UpdateTemplate PUT "/templates/{templateId}" Admin templates::update
        body update_input => 200 { template: MessageTemplate };

    /// Answers a question that patients ask.
    CREATE_FAQ: CreateFaq POST "/clinics/{clinicId}/faq" Admin faq::create
        body create_input => 201 { faqId: FaqId, faq: FaqEntry } or 409;

    /// Lists the questions that are offered, in their order.
    LIST_FAQ: ListFaq GET "/clinics/{clinicId}/faq" Admin faq::list => 200 { faq: Vec<FaqEntry> };

    /// Changes a question or its answer, or takes it back.
    UPDATE_FAQ: UpdateFaq PUT "/faq/{faqId}" Admin faq::update
        body update_input => 200 { faq: FaqEntry };
}
