//! What an answer to a reminder does with the appointment it is about.

use super::event::{Effect, Event, PatientMessage, Step};
use super::state::{Intent, RemindedAppointment, State};
use super::step::StepBuilder;
use crate::conversation::say::format::appointment_values;
use crate::conversation::understand::reminder_reply::{ReminderReply, reply};

impl StepBuilder {
    /// Does what the answer says to the appointment whose reminder waits. It needs neither greeting nor
    /// menu, and takes nobody out of what they were doing. In silence a yes is recorded, no more.
    pub(super) fn answers_reminder(
        mut self,
        message: &PatientMessage,
        reminded: RemindedAppointment,
    ) -> Step {
        let silent = self.is_silent();
        let Some(reply) = reply(&self.chat, message) else { return self.end() };
        if self.chat.state == State::Welcome {
            self.chat.state = State::MainMenu;
        }
        let memory = &mut self.chat.memory;
        memory.patient_name = memory.patient_name.take().or(reminded.patient_name);
        memory.misunderstood = 0;
        let appointment = reminded.appointment;
        match reply {
            ReminderReply::Coming => self.wait(Effect::ConfirmAppointment { appointment }),
            _ if silent => self.end(),
            ReminderReply::NotThen => self.start_change(appointment, Intent::Reschedule),
            ReminderReply::NotAtAll => self.start_change(appointment, Intent::Cancel),
        }
    }

    /// The yes is recorded, or the appointment is no longer what the reminder said.
    pub(super) fn reminder_recorded(self, answered: Event) -> Step {
        match answered {
            _ if self.is_silent() => self.end(),
            Event::AppointmentConfirmed { appointment: Some(appointment) } => {
                self.say("REMINDER_CONFIRMED", appointment_values(&appointment)).end()
            }
            _ => self.say("VISIT_GONE", []).menu().ask(),
        }
    }
}
