//! Reading appointments.

use chrono::{NaiveDate, NaiveDateTime, NaiveTime};
use uuid::Uuid;

use super::super::Db;
use super::super::connection::{run, try_run};
use super::{AppointmentRow, query_appointments};
use crate::domain::appointment::{Appointment, AppointmentStatus};
use crate::domain::date_limits::{FIRST_DATE, LAST_DATE};
use crate::domain::ids::{AppointmentId, ClinicId};
use crate::domain::phone::MatchKey;
use crate::error::StoreError;

/// Which appointments to list. Those outside the accepted dates (docs/rules/data.md#dates) are never listed.
#[derive(Debug, Clone, Default)]
pub struct AppointmentFilter {
    /// From this day on; `None` means from the first accepted day on.
    pub from: Option<NaiveDate>,
    /// Up to and including this day; `None` means up to the last accepted day.
    pub until: Option<NaiveDate>,
    /// Only those with this status.
    pub status: Option<AppointmentStatus>,
    /// Date, start and id of the last appointment of the previous page.
    pub after: Option<(NaiveDate, NaiveTime, AppointmentId)>,
    /// Maximum number of appointments.
    pub limit: i64,
}

impl Db {
    /// An appointment. `clinic` is `None` only if the API key covers all clinics.
    pub async fn find_appointment(
        &self,
        clinic: Option<&ClinicId>,
        id: AppointmentId,
    ) -> Result<Option<Appointment>, StoreError> {
        const ACTION: &str = "find an appointment";
        let row = run!(self, ACTION, retry, |connection| query_appointments!(
            "where a.id = $1 and a.clinic_id = coalesce($2, a.clinic_id)",
            id.0,
            clinic.map(ClinicId::as_str),
        )
        .fetch_optional(connection))?;
        row.map(Appointment::try_from).transpose()
    }

    /// Appointments, sorted by date, time and id. `None`: the clinic does not exist.
    ///
    /// The index is read from the row comparison on, even under a generic plan, so its date must be the first
    /// day asked for and not the beginning of time. One statement for both cases would read the appointments
    /// of every status to find those of one (docs/rules/speed.md#growth): with the status in the row comparison
    /// only `appointments_by_status` can serve it.
    pub async fn list_appointments(
        &self,
        clinic: &ClinicId,
        filter: &AppointmentFilter,
    ) -> Result<Option<Vec<Appointment>>, StoreError> {
        const ACTION: &str = "list appointments";
        let (from, until) = (filter.from.unwrap_or(FIRST_DATE), filter.until.unwrap_or(LAST_DATE));
        let (after_date, after_time, after_id) = match filter.after {
            Some((date, time, id)) if date >= from => (date, time, id.0),
            _ => (from, NaiveTime::MIN, Uuid::nil()),
        };
        let rows = match filter.status {
            None => run!(self, ACTION, retry, |connection| query_appointments!(
                "where a.clinic_id = $1
                    and (a.appointment_date, a.start_time, a.id) > ($2::date, $3::time, $4::uuid)
                    and a.appointment_date between $2 and $5::date
                order by a.appointment_date, a.start_time, a.id
                limit $6",
                clinic.as_str(),
                after_date,
                after_time,
                after_id,
                until,
                filter.limit,
            )
            .fetch_all(connection))?,
            Some(status) => run!(self, ACTION, retry, |connection| query_appointments!(
                "where a.clinic_id = $1
                    and (a.status, a.appointment_date, a.start_time, a.id)
                        > ($6, $2::date, $3::time, $4::uuid)
                    and (a.status, a.appointment_date) <= ($6, $5::date)
                order by a.status, a.appointment_date, a.start_time, a.id
                limit $7",
                clinic.as_str(),
                after_date,
                after_time,
                after_id,
                until,
                status.as_str(),
                filter.limit,
            )
            .fetch_all(connection))?,
        };
        let appointments = rows.into_iter().map(Appointment::try_from).collect::<Result<_, _>>()?;
        self.none_if_no_clinic(clinic, appointments).await
    }

    /// A person's `CONFIRMED` appointments that start at `local_now` or later, sorted by start. An appointment
    /// after the last accepted day is left out.
    pub async fn list_future_appointments(
        &self,
        clinic: &ClinicId,
        person: &MatchKey,
        local_now: NaiveDateTime,
    ) -> Result<Vec<Appointment>, StoreError> {
        const ACTION: &str = "list a patient's appointments";
        let rows = run!(self, ACTION, retry, |connection| query_appointments!(
            "where a.clinic_id = $1 and p.clinic_id = $1 and p.match_key = $2
                and a.status = 'CONFIRMED'
                and a.appointment_date between $3::timestamp::date and $4
                and a.appointment_date + a.start_time >= $3
            order by a.appointment_date, a.start_time, a.id",
            clinic.as_str(),
            person.0,
            local_now,
            LAST_DATE,
        )
        .fetch_all(connection))?;
        rows.into_iter().map(Appointment::try_from).collect()
    }
}
