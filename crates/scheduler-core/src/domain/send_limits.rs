//! How many messages reception may send a day (`docs/rules/api.md#send`).

/// The limits of each clinic, per day of its calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SendLimits {
    /// Messages in all.
    pub daily: u32,
    /// How many of them may go to people who never wrote to the clinic.
    pub daily_to_new: u32,
}

impl Default for SendLimits {
    fn default() -> Self {
        Self { daily: 500, daily_to_new: 100 }
    }
}
