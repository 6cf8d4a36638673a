//! Cache of the clinics that a process keeps in memory for a minute.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::clinic_profile::ClinicProfile;
use crate::domain::ids::ClinicId;

/// How long a process uses its copy of a clinic before it reads the clinic again.
const MAX_AGE: TimeDelta = TimeDelta::seconds(60);

/// Profiles by clinic. Clones share the profiles.
#[derive(Clone, Default)]
pub(super) struct ProfileCache(Arc<Mutex<Cached>>);

#[derive(Default)]
struct Cached {
    profiles: HashMap<ClinicId, CachedProfile>,
    by_instance: HashMap<String, ClinicId>,
}

struct CachedProfile {
    profile: Arc<ClinicProfile>,
    read_at: DateTime<Utc>,
}

impl ProfileCache {
    pub(super) fn find(&self, id: &ClinicId, now: DateTime<Utc>) -> Option<Arc<ClinicProfile>> {
        self.0.lock().ok()?.find(id, now)
    }

    pub(super) fn find_by_instance(
        &self,
        instance_id: &str,
        now: DateTime<Utc>,
    ) -> Option<Arc<ClinicProfile>> {
        let cached = self.0.lock().ok()?;
        let found = cached.find(cached.by_instance.get(instance_id)?, now);
        found.filter(|profile| profile.clinic.zapi.as_ref().is_some_and(|zapi| zapi.id == instance_id))
    }

    pub(super) fn insert(&self, profile: &Arc<ClinicProfile>, now: DateTime<Utc>) {
        let Ok(mut cached) = self.0.lock() else { return };
        let id = &profile.clinic.id;
        if let Some(zapi) = &profile.clinic.zapi {
            cached.by_instance.insert(zapi.id.clone(), id.clone());
        }
        let entry = CachedProfile { profile: profile.clone(), read_at: now };
        cached.profiles.insert(id.clone(), entry);
    }

    /// Removes a clinic after a write to anything in its profile.
    pub(super) fn remove(&self, id: &ClinicId) {
        if let Ok(mut cached) = self.0.lock() {
            cached.profiles.remove(id);
        }
    }
}

impl Cached {
    fn find(&self, id: &ClinicId, now: DateTime<Utc>) -> Option<Arc<ClinicProfile>> {
        let cached = self.profiles.get(id)?;
        let age = now - cached.read_at;
        (TimeDelta::zero()..MAX_AGE).contains(&age).then(|| cached.profile.clone())
    }
}
