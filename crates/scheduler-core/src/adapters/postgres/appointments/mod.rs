//! Appointments. The constraint `appointments_no_overlap` refuses two at the same time
//! (docs/rules/agenda.md#no-double-booking).

pub mod change;
pub mod insert;
pub mod read;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use uuid::Uuid;

use super::connection::{QueryError, constraint};
use crate::domain::appointment::Appointment;
use crate::domain::ids::{AppointmentId, ClinicId, PatientId, ProfessionalId, ServiceId};
use crate::error::StoreError;

/// Maximum retries of a statement after a conflict with a concurrent one.
const MAX_RETRIES: usize = 3;

/// Whether a statement failed because the appointment would end after midnight. PostgreSQL computes
/// `occupied` before it checks constraints; a range that ends before it starts fails with SQLSTATE 22000.
fn ends_past_midnight(error: &QueryError) -> bool {
    constraint(error) == Some("appointments_times_check")
        || matches!(error, QueryError::Sql(sqlx::Error::Database(error)) if error.code().as_deref() == Some("22000"))
}

/// Defines a query that selects appointments, aliased `a`, with the names of their patient, service and
/// professional. In the long form, `with` is a `with` clause or empty, `names` are the SQL expressions for
/// patient name, patient phone, service name and professional name, and `from` is everything after the select
/// list. The short form takes only what follows the joins, and reads the names from the joined tables.
macro_rules! query_appointments {
    (
        with $with:literal,
        names ($patient:literal, $phone:literal, $service:literal, $professional:literal),
        from $($from:literal)+,
        $($argument:expr),+ $(,)?
    ) => {
        sqlx::query_as!(
            AppointmentRow,
            $with
                + " select a.id, a.clinic_id, a.patient_id, a.professional_id, a.service_id,
                    a.appointment_date, a.start_time, a.end_time, a.buffer_minutes, a.areas, a.status,
                    a.notes, a.patient_confirmed_at, a.version, a.created_at, a.updated_at, "
                + $patient + r#" as "patient_name?", "#
                + $phone + r#" as "patient_phone?", "#
                + $service + r#" as "service_name!", "#
                + $professional + r#" as "professional_name?" "#
                $(+ $from)+,
            $($argument),+
        )
    };
    ($tail:literal, $($argument:expr),+ $(,)?) => {
        query_appointments!(
            with "",
            names ("p.name", "p.phone", "s.name", "pr.name"),
            from "from scheduler.appointments a
                join scheduler.patients p on p.id = a.patient_id
                join scheduler.services s on s.id = a.service_id
                left join scheduler.professionals pr on pr.id = a.professional_id " $tail,
            $($argument),+
        )
    };
}

use query_appointments;

struct AppointmentRow {
    id: AppointmentId,
    clinic_id: ClinicId,
    patient_id: PatientId,
    professional_id: Option<Uuid>,
    service_id: ServiceId,
    appointment_date: NaiveDate,
    start_time: NaiveTime,
    end_time: NaiveTime,
    buffer_minutes: i32,
    areas: Option<String>,
    status: String,
    notes: Option<String>,
    patient_confirmed_at: Option<DateTime<Utc>>,
    version: i32,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    patient_name: Option<String>,
    patient_phone: Option<String>,
    service_name: String,
    professional_name: Option<String>,
}

impl TryFrom<AppointmentRow> for Appointment {
    type Error = StoreError;

    fn try_from(row: AppointmentRow) -> Result<Self, StoreError> {
        let status =
            row.status.parse().map_err(|error| StoreError::internal("read an appointment", error))?;
        Ok(Self {
            id: row.id,
            clinic_id: row.clinic_id,
            patient_id: row.patient_id,
            professional_id: row.professional_id.map(ProfessionalId),
            service_id: row.service_id,
            appointment_date: row.appointment_date,
            start_time: row.start_time,
            end_time: row.end_time,
            buffer_minutes: row.buffer_minutes,
            areas: row.areas,
            status,
            notes: row.notes,
            patient_confirmed_at: row.patient_confirmed_at,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
            patient_name: row.patient_name,
            patient_phone: row.patient_phone,
            service_name: row.service_name,
            professional_name: row.professional_name,
        })
    }
}
