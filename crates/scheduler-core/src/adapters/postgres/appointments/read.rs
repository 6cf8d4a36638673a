//! Reading appointments.

use chrono::{NaiveDate, NaiveDateTime, NaiveTime};

use super::super::Db;
use super::super::connection::{run, try_run};
use super::{AppointmentRow, query_appointments};
use crate::domain::appointment::{Appointment, AppointmentStatus};
use crate::domain::ids::{AppointmentId, ClinicId};
use crate::domain::phone::MatchKey;
use crate::error::StoreError;

/// Which appointments to list.
#[derive(Debug, Clone, Default)]
pub struct AppointmentFilter {
    /// From this day on.
    pub from: Option<NaiveDate>,
    /// Up to and including this day.
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
    pub async fn list_appointments(
        &self,
        clinic: &ClinicId,
        filter: &AppointmentFilter,
    ) -> Result<Option<Vec<Appointment>>, StoreError> {
        const ACTION: &str = "list appointments";
        let (after_date, after_time, after_id) = match filter.after {
            Some((date, time, id)) => (Some(date), Some(time), Some(id.0)),
            None => (None, None, None),
        };
        let rows = run!(self, ACTION, retry, |connection| {
            query_appointments!(
            "where a.clinic_id = $1
                and a.appointment_date between coalesce($2, '-infinity'::date) and coalesce($3, 'infinity'::date)
                and ($4::text is null or a.status = $4)
                and (a.appointment_date, a.start_time, a.id) > (
                    coalesce($5, '-infinity'::date),
                    coalesce($6, '00:00'::time),
                    coalesce($7, '00000000-0000-0000-0000-000000000000'::uuid)
                )
            order by a.appointment_date, a.start_time, a.id
            limit $8",
            clinic.as_str(),
            filter.from,
            filter.until,
            filter.status.map(AppointmentStatus::as_str),
            after_date,
            after_time,
            after_id,
            filter.limit,
        )
        .fetch_all(connection)
        })?;
        let appointments = rows.into_iter().map(Appointment::try_from).collect::<Result<_, _>>()?;
        self.none_if_no_clinic(clinic, appointments).await
    }

    /// A person's `CONFIRMED` appointments that start at `local_now` or later, sorted by start.
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
                and a.appointment_date >= $3::timestamp::date
                and a.appointment_date + a.start_time >= $3
            order by a.appointment_date, a.start_time, a.id",
            clinic.as_str(),
            person.0,
            local_now,
        )
        .fetch_all(connection))?;
        rows.into_iter().map(Appointment::try_from).collect()
    }
}
