//! Reading an answer.
