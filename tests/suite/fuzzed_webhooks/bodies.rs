//! Fuzzed webhook bodies, made from real z-api payloads (docs/rules/reliability.md#fuzzed-webhooks). The
//! same seed gives the same bodies.

use serde_json::{Value, json};

use crate::zapi::{payloads, walk};

const DEPTH: usize = 10_000;
const SIX_MEGABYTES: usize = 6 * 1024 * 1024;
/// One body in this many has six megabytes.
const HUGE_EVERY: usize = 500;
/// The first of them comes long before the test first measures memory.
const FIRST_HUGE: usize = 300;

/// A body of a webhook.
pub(super) struct Body {
    /// How it was made, for the printed counts.
    pub(super) kind: &'static str,
    pub(super) bytes: Vec<u8>,
    /// Whether it is sent in base64 even if it is text.
    pub(super) as_base64: bool,
}

/// An endless sequence of bodies.
pub(super) struct Bodies {
    payloads: Vec<Value>,
    rng: Rng,
    made: usize,
}

impl Bodies {
    pub(super) fn new(seed: u64) -> Self {
        Self { payloads: payloads(), rng: Rng(seed), made: 0 }
    }

    pub(super) fn next(&mut self) -> Body {
        self.made += 1;
        let (kind, bytes) = match self.rng.below(100) {
            _ if self.made % HUGE_EVERY == FIRST_HUGE => ("six megabytes", self.huge()),
            0..5 => ("unchanged", self.payload().to_string().into_bytes()),
            5..40 => ("odd values", self.odd_values()),
            40..80 => ("corrupted bytes", self.corrupted_bytes()),
            80..95 => ("invalid UTF-8", self.invalid_utf8()),
            _ => ("deeply nested", self.deeply_nested()),
        };
        Body { kind, bytes, as_base64: self.rng.below(2) == 0 }
    }

    /// A z-api payload. One in eight gets a new message id, so that it is not a duplicate.
    fn payload(&mut self) -> Value {
        let mut payload = self.payloads[self.rng.below(self.payloads.len())].clone();
        if payload.get("messageId").is_some() && self.rng.below(8) == 0 {
            payload["messageId"] = json!(format!("3EB0{:016X}", self.rng.next()));
        }
        payload
    }

    fn odd_values(&mut self) -> Vec<u8> {
        let mut payload = self.payload();
        for _ in 0..=self.rng.below(5) {
            let mut places = Vec::new();
            walk(&payload, String::new(), &mut places);
            let place = &places[self.rng.below(places.len())];
            if let Some(value) = payload.pointer_mut(place) {
                *value = self.rng.odd_value();
            }
        }
        payload.to_string().into_bytes()
    }

    fn corrupted_bytes(&mut self) -> Vec<u8> {
        let mut bytes = self.payload().to_string().into_bytes();
        for _ in 0..=self.rng.below(6) {
            let at = self.rng.below(bytes.len().max(1)).min(bytes.len());
            let until = (at + self.rng.below(40)).min(bytes.len());
            match self.rng.below(5) {
                0 => bytes.truncate(at),
                1 => drop(bytes.drain(at..until)),
                2 => bytes.extend_from_within(at..until),
                3 => bytes.insert(at, self.rng.below(128).try_into().unwrap_or_default()),
                _ => {
                    if let Some(byte) = bytes.get_mut(at) {
                        *byte ^= 1 << self.rng.below(7);
                    }
                }
            }
        }
        bytes
    }

    fn invalid_utf8(&mut self) -> Vec<u8> {
        let mut bytes = self.payload().to_string().into_bytes();
        let invalid: &[&[u8]] = &[b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xf8\x88\x80\x80\x80", b"\xc0\xaf"];
        let at = self.rng.below(bytes.len());
        bytes.splice(at..at, invalid[self.rng.below(invalid.len())].iter().copied());
        bytes
    }

    fn deeply_nested(&mut self) -> Vec<u8> {
        let (open, close) = [("[", "]"), ("{\"text\":", "}")][self.rng.below(2)];
        let deep = format!("{}1{}", open.repeat(DEPTH), close.repeat(DEPTH));
        match self.rng.below(3) {
            0 => open.repeat(DEPTH).into_bytes(),
            1 => deep.into_bytes(),
            _ => {
                let mut payload = self.payload();
                set_text(&mut payload, json!("@"));
                payload.to_string().replace("\"@\"", &deep).into_bytes()
            }
        }
    }

    fn huge(&mut self) -> Vec<u8> {
        match self.rng.below(3) {
            0 => vec![b'['; SIX_MEGABYTES],
            1 => vec![0xff; SIX_MEGABYTES],
            _ => {
                let mut payload = self.payload();
                set_text(&mut payload, json!({ "message": "á".repeat(SIX_MEGABYTES / 2) }));
                payload.to_string().into_bytes()
            }
        }
    }
}

/// Sets the text of a payload. A payload that is a list has no text.
fn set_text(payload: &mut Value, text: Value) {
    if let Some(fields) = payload.as_object_mut() {
        fields.insert("text".to_owned(), text);
    }
}

/// Pseudorandom numbers (SplitMix64).
struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap_or_default()
    }

    fn odd_value(&mut self) -> Value {
        match self.below(12) {
            0 => Value::Null,
            1 => json!(true),
            2 => json!(i64::MIN),
            3 => json!(u64::MAX),
            4 => json!(1e308),
            5 => json!(""),
            6 => json!("\u{0}\u{202e}\u{fffd}"),
            7 => json!("5511999990000@lid"),
            8 => json!([[{ "message": { "message": 1 } }]]),
            9 => json!({}),
            10 => json!("x".repeat(10_000)),
            _ => json!(self.next()),
        }
    }
}
