//! Words as they are compared: no case, no accents, no punctuation.
