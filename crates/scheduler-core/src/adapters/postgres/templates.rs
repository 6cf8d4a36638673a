//! Templates: written by the seed; the admin API's turn comes later.
