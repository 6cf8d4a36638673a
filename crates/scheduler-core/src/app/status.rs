//! What became of messages we sent.
