//! A clinic, its opening hours and the days that differ.

use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, Days, NaiveDate, NaiveTime, Utc, Weekday};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use super::ids::{ClinicId, ExceptionId, ProfessionalId, RuleId};
use super::time::local;

/// A secret that never prints itself.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The secret itself, for the one place that must send it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// What a call to a clinic's z-api instance needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZapiInstance {
    /// The instance, which also decides whose webhook it is.
    pub id: String,
    /// The instance's token: part of every URL.
    pub token: Secret,
    /// The account's security token, if the clinic has one of its own.
    pub client_token: Option<Secret>,
}

/// Opening hours of one weekday, as `{"start":"09:00","end":"18:00"}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DayHours {
    /// Opening, the clinic's wall clock.
    #[serde(with = "super::time::hour_minute")]
    #[cfg_attr(feature = "openapi", schemars(with = "super::time::HourMinute"))]
    pub start: NaiveTime,
    /// Closing, after the opening.
    #[serde(with = "super::time::hour_minute")]
    #[cfg_attr(feature = "openapi", schemars(with = "super::time::HourMinute"))]
    pub end: NaiveTime,
}

/// Opening hours by weekday (`mon` … `sun`); a day left out is closed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct BusinessHours(pub BTreeMap<DayName, DayHours>);

/// A weekday as `business_hours` spells it.
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

/// A clinic and how it wants to be scheduled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clinic {
    /// The readable id.
    pub id: ClinicId,
    /// As patients know it.
    pub name: String,
    /// The clinic's own WhatsApp number.
    pub phone: Option<String>,
    /// Street address.
    pub address: Option<String>,
    /// IANA time zone of every date and hour of the clinic.
    pub timezone: Tz,
    /// Used when no availability rule is active.
    pub business_hours: BusinessHours,
    /// Minutes kept free after each appointment.
    pub buffer_minutes: i32,
    /// Patients book no sooner than this many minutes ahead.
    pub min_notice_minutes: i32,
    /// Patients book no later than this many days ahead.
    pub max_days_ahead: i32,
    /// Stands in for the `WELCOME_*` texts.
    pub welcome_message: Option<String>,
    /// Sent with the confirmation of a booking.
    pub pre_session_instructions: Option<String>,
    /// How to reach WhatsApp; none means the clinic cannot write.
    pub zapi: Option<ZapiInstance>,
    /// The spreadsheet of the agenda, if any.
    pub google_spreadsheet_id: Option<String>,
    /// The tab of that spreadsheet.
    pub google_sheet_name: String,
    /// Whether it is served at all.
    pub active: bool,
    /// When the row was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

impl Clinic {
    /// The last day that patients may book: today plus `max_days_ahead`.
    pub fn last_bookable_day(&self, now: DateTime<Utc>) -> NaiveDate {
        let today = local(now, self.timezone).date();
        let ahead = Days::new(u64::try_from(self.max_days_ahead).unwrap_or(0));
        today.checked_add_days(ahead).unwrap_or(today)
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
pub struct AvailabilityRule {
    /// Its id.
    #[serde(rename = "rule_id")]
    pub id: RuleId,
    /// The clinic it opens.
    pub clinic_id: ClinicId,
    /// Whom it is about, if anybody: recorded, not yet an agenda of its own.
    pub professional_id: Option<ProfessionalId>,
    /// 0 = Sunday … 6 = Saturday.
    pub day_of_week: i16,
    /// Opening.
    #[serde(with = "super::time::hour_minute")]
    #[cfg_attr(feature = "openapi", schemars(with = "super::time::HourMinute"))]
    pub start_time: NaiveTime,
    /// Closing, after the opening.
    #[serde(with = "super::time::hour_minute")]
    #[cfg_attr(feature = "openapi", schemars(with = "super::time::HourMinute"))]
    pub end_time: NaiveTime,
    /// Whether it counts.
    pub active: bool,
    /// When the row was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// What a special day does to its week's windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ExceptionType {
    /// Closes the day, or the part between its times.
    Blocked,
    /// Replaces the day's windows.
    SpecialHours,
}

impl ExceptionType {
    /// The stored word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Blocked => "BLOCKED",
            Self::SpecialHours => "SPECIAL_HOURS",
        }
    }
}

/// A day that differs from its week.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct AvailabilityException {
    /// Its id.
    #[serde(rename = "exception_id")]
    pub id: ExceptionId,
    /// The clinic it concerns.
    pub clinic_id: ClinicId,
    /// The day.
    pub exception_date: NaiveDate,
    /// What it does.
    pub exception_type: ExceptionType,
    /// From; both times or neither.
    #[serde(with = "super::time::hour_minute_option")]
    #[cfg_attr(feature = "openapi", schemars(with = "Option<super::time::HourMinute>"))]
    pub start_time: Option<NaiveTime>,
    /// To.
    #[serde(with = "super::time::hour_minute_option")]
    #[cfg_attr(feature = "openapi", schemars(with = "Option<super::time::HourMinute>"))]
    pub end_time: Option<NaiveTime>,
    /// For reception.
    pub reason: Option<String>,
    /// Whether it counts.
    pub active: bool,
    /// When the row was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}
