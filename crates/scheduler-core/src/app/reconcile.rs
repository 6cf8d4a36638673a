//! Takes up what a crash or an outage left behind.
