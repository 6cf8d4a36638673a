//! How the chat responds to the answer to a reminder.

use super::event::{Effect, Event, PatientMessage, Step};
use super::state::{Intent, RemindedAppointment, State};
use super::step::StepBuilder;
use crate::conversation::say::format::appointment_values;
use crate::conversation::understand::reminder_reply::{ReminderReply, read_reply};

impl StepBuilder {
    /// Responds to the answer: confirms the reminded appointment, or starts to move or cancel it. There is no
    /// greeting or menu, and a yes leaves an open question open. During silence only a yes is recorded.
    pub(super) fn respond_to_reminder_reply(
        mut self,
        message: &PatientMessage,
        reminded: RemindedAppointment,
    ) -> Step {
        let silent = self.is_silent();
        let Some(reply) = read_reply(&self.chat, message) else { return self.end() };
        if self.chat.state == State::Welcome {
            self.chat.state = State::MainMenu;
        }
        let memory = &mut self.chat.memory;
        memory.patient_name = memory.patient_name.take().or(reminded.patient_name);
        memory.misunderstood = 0;
        let appointment = reminded.appointment;
        match reply {
            ReminderReply::Confirm => self.wait(Effect::ConfirmAppointment { appointment }),
            _ if silent => self.end(),
            ReminderReply::Reschedule => self.start_change(appointment, Intent::Reschedule),
            ReminderReply::Cancel => self.start_change(appointment, Intent::Cancel),
        }
    }

    /// Thanks for the confirmation, or says that the appointment has changed. During silence says nothing.
    pub(super) fn respond_to_confirmation(self, result: Event) -> Step {
        match result {
            _ if self.is_silent() => self.end(),
            Event::AppointmentConfirmed { appointment: Some(appointment) } => {
                self.say("REMINDER_CONFIRMED", appointment_values(&appointment)).end()
            }
            _ => self.say("VISIT_GONE", []).menu().ask(),
        }
    }
}
