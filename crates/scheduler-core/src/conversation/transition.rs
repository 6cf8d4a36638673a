//! The one transition.
