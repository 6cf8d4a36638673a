//! Cache of the clinics that a process keeps in memory for a minute.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;

use crate::domain::clinic::Clinic;
use crate::domain::clinic_profile::ClinicProfile;
use crate::domain::ids::ClinicId;

/// How long a process uses its copy of a clinic before it reads the clinic again.
const MAX_AGE: Duration = Duration::from_secs(60);

/// Profiles by clinic. Clones share the profiles.
#[derive(Clone, Default)]
pub(super) struct ProfileCache(Arc<Mutex<HashMap<ClinicId, CachedProfile>>>);

struct CachedProfile {
    profile: Arc<ClinicProfile>,
    read_at: Instant,
}

impl ProfileCache {
    pub(super) fn find(&self, is_wanted: impl Fn(&Clinic) -> bool) -> Option<Arc<ClinicProfile>> {
        let cached = self.0.lock().ok()?;
        cached
            .values()
            .find(|cached| cached.read_at.elapsed() < MAX_AGE && is_wanted(&cached.profile.clinic))
            .map(|cached| cached.profile.clone())
    }

    pub(super) fn insert(&self, profile: &Arc<ClinicProfile>) {
        if let Ok(mut cached) = self.0.lock() {
            let entry = CachedProfile { profile: profile.clone(), read_at: Instant::now() };
            cached.insert(profile.clinic.id.clone(), entry);
        }
    }

    /// Removes a clinic after a write to anything in its profile.
    pub(super) fn remove(&self, id: &ClinicId) {
        if let Ok(mut cached) = self.0.lock() {
            cached.remove(id);
        }
    }
}
