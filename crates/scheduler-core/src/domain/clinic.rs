//! A clinic, its weekly opening hours and the exceptions to them.

use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, Days, NaiveDate, NaiveTime, Utc, Weekday};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use super::date_limits::last_appointment_date;
use super::ids::{ClinicId, ExceptionId, ProfessionalId, RuleId};
use super::time::wall_clock_at;

/// A secret. Its `Debug` output does not show the value.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Wraps `value`.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value, for the code that sends or compares it. Never log it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Credentials of a clinic's z-api instance.
///
/// z-api (<https://z-api.io>, `ZAPI_…` in names) is the service through which the product sends and receives
/// WhatsApp messages. An instance is one WhatsApp number that is connected to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZapiInstance {
    /// Id of the instance. It also decides to which clinic a webhook belongs.
    pub id: String,
    /// Token of the instance, which is part of every URL.
    pub token: Secret,
    /// Security token of the z-api account (header `Client-Token`), if the clinic does not use the default
    /// one.
    pub client_token: Option<Secret>,
}

/// Opening hours of one weekday, as `{"start":"09:00","end":"18:00"}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DayHours {
    /// Opening time on the clinic's wall clock.
    #[serde(with = "super::time::hour_minute")]
    #[cfg_attr(feature = "openapi", schemars(with = "super::time::HourMinute"))]
    pub start: NaiveTime,
    /// Closing time on the clinic's wall clock, after `start`.
    #[serde(with = "super::time::hour_minute")]
    #[cfg_attr(feature = "openapi", schemars(with = "super::time::HourMinute"))]
    pub end: NaiveTime,
}

/// Opening hours by weekday (`mon` … `sun`); a missing day is closed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct BusinessHours(pub BTreeMap<DayName, DayHours>);

/// A weekday, spelled as in `business_hours`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "weekdays explain themselves")]
pub enum DayName {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

impl From<Weekday> for DayName {
    fn from(day: Weekday) -> Self {
        match day {
            Weekday::Mon => Self::Mon,
            Weekday::Tue => Self::Tue,
            Weekday::Wed => Self::Wed,
            Weekday::Thu => Self::Thu,
            Weekday::Fri => Self::Fri,
            Weekday::Sat => Self::Sat,
            Weekday::Sun => Self::Sun,
        }
    }
}

/// A clinic and its settings.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are columns")]
pub struct Clinic {
    pub id: ClinicId,
    /// Shown to patients.
    pub name: String,
    /// The clinic's own WhatsApp number.
    pub phone: Option<String>,
    pub address: Option<String>,
    /// IANA time zone of all dates and times of the clinic.
    pub timezone: Tz,
    /// Used if no availability rule is active.
    pub business_hours: BusinessHours,
    /// Minutes kept free after each appointment.
    pub buffer_minutes: i32,
    /// Minimum number of minutes between a booking by a patient and the appointment.
    pub min_notice_minutes: i32,
    /// Maximum number of days that a patient can book ahead.
    pub max_days_ahead: i32,
    /// Replaces the `WELCOME_*` texts.
    pub welcome_message: Option<String>,
    /// Sent when a booking is confirmed.
    pub pre_session_instructions: Option<String>,
    /// `None` if the clinic has no z-api instance: then it sends and receives no messages.
    pub zapi: Option<ZapiInstance>,
    /// Google spreadsheet to which the appointments are written.
    pub google_spreadsheet_id: Option<String>,
    /// Tab of that spreadsheet.
    pub google_sheet_name: String,
    /// An inactive clinic is not served.
    pub active: bool,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Clinic {
    /// The last day that patients can book: today plus `max_days_ahead`, and never more than
    /// [`last_appointment_date`] allows.
    pub fn last_bookable_day(&self, now: DateTime<Utc>) -> NaiveDate {
        let today = wall_clock_at(now, self.timezone).date();
        let ahead = Days::new(u64::try_from(self.max_days_ahead).unwrap_or(0));
        let limit = last_appointment_date(today);
        today.checked_add_days(ahead).map_or(limit, |last| last.min(limit))
    }

    /// A new clinic with the default settings.
    pub fn new(id: ClinicId, name: String, business_hours: BusinessHours, now: DateTime<Utc>) -> Self {
        Self {
            id,
            name,
            phone: None,
            address: None,
            timezone: Tz::America__Sao_Paulo,
            business_hours,
            buffer_minutes: 10,
            min_notice_minutes: 0,
            max_days_ahead: 60,
            welcome_message: None,
            pre_session_instructions: None,
            zapi: None,
            google_spreadsheet_id: None,
            google_sheet_name: "Agenda".into(),
            active: true,
            created_at: now,
            updated_at: now,
        }
    }
}

/// A weekly opening window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[allow(missing_docs, reason = "the fields are columns")]
pub struct AvailabilityRule {
    #[serde(rename = "rule_id")]
    pub id: RuleId,
    pub clinic_id: ClinicId,
    /// If set, the rule counts only while this professional is active. All professionals of a clinic share
    /// one agenda.
    pub professional_id: Option<ProfessionalId>,
    /// 0 = Sunday … 6 = Saturday.
    pub day_of_week: i16,
    #[serde(with = "super::time::hour_minute")]
    #[cfg_attr(feature = "openapi", schemars(with = "super::time::HourMinute"))]
    pub start_time: NaiveTime,
    /// After `start_time`.
    #[serde(with = "super::time::hour_minute")]
    #[cfg_attr(feature = "openapi", schemars(with = "super::time::HourMinute"))]
    pub end_time: NaiveTime,
    /// An inactive rule is ignored.
    pub active: bool,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// What an exception does to the opening windows of its date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ExceptionType {
    /// Closes the whole day, or the part between its times.
    Blocked,
    /// Replaces the windows of the day.
    SpecialHours,
}

impl ExceptionType {
    /// Name of the type in the database and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Blocked => "BLOCKED",
            Self::SpecialHours => "SPECIAL_HOURS",
        }
    }
}

/// A date whose opening hours differ from the weekly ones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[allow(missing_docs, reason = "the fields are columns")]
pub struct AvailabilityException {
    #[serde(rename = "exception_id")]
    pub id: ExceptionId,
    pub clinic_id: ClinicId,
    pub exception_date: NaiveDate,
    pub exception_type: ExceptionType,
    /// Both times are set, or neither.
    #[serde(with = "super::time::hour_minute_option")]
    #[cfg_attr(feature = "openapi", schemars(with = "Option<super::time::HourMinute>"))]
    pub start_time: Option<NaiveTime>,
    #[serde(with = "super::time::hour_minute_option")]
    #[cfg_attr(feature = "openapi", schemars(with = "Option<super::time::HourMinute>"))]
    pub end_time: Option<NaiveTime>,
    /// Note for the clinic's staff.
    pub reason: Option<String>,
    /// An inactive exception is ignored.
    pub active: bool,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}
