//! Keeps apart two people who had the same phone number one after the other: the phone's record stays closed to
//! a person with another lid until they give the name on it (docs/rules/conversation.md#recycled-numbers).
//! Until then they are a patient of their own, found by their lid.

use std::sync::atomic::Ordering;

use chrono::{DateTime, Utc};

use super::effects::EffectRunner;
use super::worker::ChatWorker;
use crate::conversation::machine::event::Event;
use crate::conversation::machine::state::{AppointmentSummary, Intent, Wish};
use crate::domain::appointment::Appointment;
use crate::domain::ids::AppointmentId;
use crate::domain::message::IncomingMessage;
use crate::domain::patient::{Patient, Person};
use crate::domain::phone::MatchKey;
use crate::domain::same_name::{has_words, is_same_name};
use crate::error::StoreError;

impl ChatWorker<'_> {
    /// Notes who sent the message. If somebody with another lid wrote before, the session ends: what was asked
    /// in it was asked of them.
    pub(super) fn note_sender(&mut self, message: &IncomingMessage) {
        let Some(lid) = &message.chat_lid else { return };
        let bookkeeping = &mut self.session.bookkeeping;
        let known = bookkeeping.known_address.as_ref().and_then(|known| known.chat_lid.clone());
        let before = bookkeeping.sender_lid.replace(lid.clone()).or(known);
        if before.is_some_and(|before| before != *lid) {
            self.session.expires_at = None;
        }
    }

    /// The lid of whoever sent the message. A message without one is of whoever wrote last.
    pub(super) fn sender_lid(&self, message: &IncomingMessage) -> Option<String> {
        let bookkeeping = &self.session.bookkeeping;
        let known = || bookkeeping.known_address.as_ref()?.chat_lid.clone();
        message.chat_lid.clone().or_else(|| bookkeeping.sender_lid.clone()).or_else(known)
    }

    /// Whether PostgreSQL is known to hold the person's lid, or the person has none.
    pub(super) fn is_known_sender(&self, person: &Person) -> bool {
        let known = self.session.bookkeeping.known_address.as_ref();
        person.chat_lid.is_none() || known.is_some_and(|known| known.chat_lid == person.chat_lid)
    }
}

impl EffectRunner<'_> {
    /// The phone's patient, if that is somebody else than the sender.
    pub(super) async fn find_other_owner(&self) -> Result<Option<&Patient>, StoreError> {
        if self.verified.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let find = || async {
            if self.is_known {
                return Ok(None);
            }
            let found = self.chats.db.find_patient(&self.clinic().id, &self.person.match_key).await?;
            Ok::<_, StoreError>(found.filter(|patient| self.is_somebody_else(patient)))
        };
        Ok(self.other_owner.get_or_try_init(find).await?.as_ref())
    }

    /// Notes the phone's patient, who was read with something else. Returns whether that is somebody else than
    /// the sender.
    pub(super) fn note_owner(&self, patient: Option<&Patient>) -> bool {
        let other = patient.filter(|patient| self.is_somebody_else(patient)).cloned();
        let is_other = other.is_some();
        // Already set if it was asked for earlier in this turn.
        let _ = self.other_owner.set(other);
        is_other
    }

    /// The sender's own record, beside the one of the phone's other owner.
    pub(super) async fn find_own_record(&self) -> Result<Option<Patient>, StoreError> {
        self.chats.db.find_patient(&self.clinic().id, &self.own_key()).await
    }

    /// The key of the sender's own record.
    pub(super) fn own_key(&self) -> MatchKey {
        self.person.chat_lid.clone().map_or_else(|| self.person.match_key.clone(), MatchKey)
    }

    /// Lists the appointments that the sender may see. If there are only those of the phone's other owner, the
    /// name on that record is needed first.
    pub(super) async fn find_appointments(
        &self,
        intent: Intent,
        wanted: Option<AppointmentId>,
    ) -> Result<Event, StoreError> {
        let found = |appointments: Vec<Appointment>| Event::AppointmentsFound {
            appointments: appointments.iter().map(AppointmentSummary::from).collect(),
            intent,
            wanted,
        };
        let of_phone = &self.person.match_key;
        let Some(owner) = self.find_other_owner().await? else {
            return Ok(found(self.list_future_appointments(of_phone).await?));
        };
        let own = self.list_future_appointments(&self.own_key()).await?;
        let is_own = match wanted {
            Some(id) => own.iter().any(|appointment| appointment.id == id),
            None => !own.is_empty(),
        };
        if is_own || self.list_future_appointments(of_phone).await?.is_empty() {
            return Ok(found(own));
        }
        let has_name = owner.name.as_deref().is_some_and(has_words);
        Ok(Event::NameRequired { wish: Wish::Change { intent, wanted }, has_name })
    }

    pub(super) async fn list_future_appointments(
        &self,
        key: &MatchKey,
    ) -> Result<Vec<Appointment>, StoreError> {
        self.chats.db.list_future_appointments(&self.clinic().id, key, self.local_now()).await
    }

    /// Compares a name with the one on record. If they are the same, the record becomes the sender's.
    pub(super) async fn check_name(&self, name: &str, wish: Wish) -> Result<Event, StoreError> {
        // Read again: if the message is run again after a crash, the record may be the sender's already.
        let record = self.chats.db.find_patient(&self.clinic().id, &self.person.match_key).await?;
        let patient_name = record.as_ref().and_then(|patient| patient.name.clone());
        if record.is_some_and(|patient| self.is_somebody_else(&patient)) {
            if !patient_name.as_deref().is_some_and(|on_record| is_same_name(name, on_record)) {
                return Ok(Event::NameChecked { wish, confirmed: false, patient_name: None });
            }
            self.take_over_record().await?;
        }
        self.verified.store(true, Ordering::Relaxed);
        Ok(Event::NameChecked { wish, confirmed: true, patient_name })
    }

    /// As whom the sender books. Whoever gives the name on the phone's record is its owner, and the record keeps
    /// its name. Anybody else gets a record of their own, so that the other one is neither renamed nor merged.
    pub(super) async fn person_who_books(
        &self,
        name: Option<String>,
        may_verify: bool,
    ) -> Result<Person, StoreError> {
        let Some(owner) = self.find_other_owner().await? else {
            return Ok(Person { stated_name: name, ..self.person.clone() });
        };
        let on_record = owner.name.as_deref().unwrap_or_default();
        if may_verify && name.as_deref().is_some_and(|name| is_same_name(name, on_record)) {
            self.take_over_record().await?;
            return Ok(self.person.clone());
        }
        Ok(Person { stated_name: name, ..self.own_person() })
    }

    /// Sets the time of the opt-out; `None` ends it. Returns the sender's stored name. What a phone gets is its
    /// holder's to stop, also where it is meant for the phone's other owner.
    pub(super) async fn set_opt_out(&self, at: Option<DateTime<Utc>>) -> Result<Option<String>, StoreError> {
        let (db, clinic) = (&self.chats.db, &self.clinic().id);
        if self.find_other_owner().await?.is_none() {
            return db.set_opt_out(clinic, self.person, at).await;
        }
        if at.is_some() {
            db.set_opt_out(clinic, self.person, at).await?;
        }
        db.set_opt_out(clinic, &self.own_person(), at).await
    }

    /// Makes the phone's record the sender's, and merges the record that they had beside it.
    async fn take_over_record(&self) -> Result<(), StoreError> {
        let (db, clinic) = (&self.chats.db, &self.clinic().id);
        if let Some(lid) = &self.person.chat_lid {
            db.replace_chat_lid(clinic, &self.person.match_key, lid).await?;
        }
        db.save_address(clinic, self.person).await?;
        self.verified.store(true, Ordering::Relaxed);
        self.address_saved.store(true, Ordering::Relaxed);
        Ok(())
    }

    fn own_person(&self) -> Person {
        Person { match_key: self.own_key(), ..self.person.clone() }
    }

    fn is_somebody_else(&self, patient: &Patient) -> bool {
        patient.has_other_lid(self.person.chat_lid.as_deref())
    }
}
