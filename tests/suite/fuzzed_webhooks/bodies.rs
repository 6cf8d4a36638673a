//! Bodies made of z-api's own payloads by spoiling them, the same ones for the same seed.

use serde_json::{Value, json};

use crate::zapi::{payloads, walk};

const DEPTH: usize = 10_000;
const SIX_MEGABYTES: usize = 6 * 1024 * 1024;
/// One body in so many has six megabytes, long before memory is looked at.
const HUGE_EVERY: usize = 500;
const FIRST_HUGE: usize = 300;

/// One body.
pub(super) struct Body {
    /// How it was spoiled.
    pub(super) kind: &'static str,
    pub(super) bytes: Vec<u8>,
    /// Whether it comes in base64 though it is text.
    pub(super) as_base64: bool,
}

/// All of them, one after the other.
pub(super) struct Bodies {
    payloads: Vec<Value>,
    dice: Dice,
    made: usize,
}

impl Bodies {
    pub(super) fn new(seed: u64) -> Self {
        Self { payloads: payloads(), dice: Dice(seed), made: 0 }
    }

    pub(super) fn next(&mut self) -> Body {
        self.made += 1;
        let (kind, bytes) = match self.dice.below(100) {
            _ if self.made % HUGE_EVERY == FIRST_HUGE => ("six megabytes", self.huge()),
            0..5 => ("as it is", self.payload().to_string().into_bytes()),
            5..40 => ("odd values", self.odd_values()),
            40..80 => ("spoiled bytes", self.spoiled_bytes()),
            80..95 => ("no UTF-8", self.no_utf8()),
            _ => ("deep", self.deep()),
        };
        Body { kind, bytes, as_base64: self.dice.below(2) == 0 }
    }

    /// One of z-api's, now and then as a message that was not seen before.
    fn payload(&mut self) -> Value {
        let mut payload = self.payloads[self.dice.below(self.payloads.len())].clone();
        if payload.get("messageId").is_some() && self.dice.below(8) == 0 {
            payload["messageId"] = json!(format!("3EB0{:016X}", self.dice.next()));
        }
        payload
    }

    fn odd_values(&mut self) -> Vec<u8> {
        let mut payload = self.payload();
        for _ in 0..=self.dice.below(5) {
            let mut places = Vec::new();
            walk(&payload, String::new(), &mut places);
            let place = &places[self.dice.below(places.len())];
            if let Some(value) = payload.pointer_mut(place) {
                *value = self.dice.odd();
            }
        }
        payload.to_string().into_bytes()
    }

    fn spoiled_bytes(&mut self) -> Vec<u8> {
        let mut bytes = self.payload().to_string().into_bytes();
        for _ in 0..=self.dice.below(6) {
            let at = self.dice.below(bytes.len().max(1)).min(bytes.len());
            let until = (at + self.dice.below(40)).min(bytes.len());
            match self.dice.below(5) {
                0 => bytes.truncate(at),
                1 => drop(bytes.drain(at..until)),
                2 => bytes.extend_from_within(at..until),
                3 => bytes.insert(at, self.dice.below(128).try_into().unwrap_or_default()),
                _ => {
                    if let Some(byte) = bytes.get_mut(at) {
                        *byte ^= 1 << self.dice.below(7);
                    }
                }
            }
        }
        bytes
    }

    fn no_utf8(&mut self) -> Vec<u8> {
        let mut bytes = self.payload().to_string().into_bytes();
        let broken: &[&[u8]] = &[b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xf8\x88\x80\x80\x80", b"\xc0\xaf"];
        let at = self.dice.below(bytes.len());
        bytes.splice(at..at, broken[self.dice.below(broken.len())].iter().copied());
        bytes
    }

    fn deep(&mut self) -> Vec<u8> {
        let (open, close) = [("[", "]"), ("{\"text\":", "}")][self.dice.below(2)];
        let deep = format!("{}1{}", open.repeat(DEPTH), close.repeat(DEPTH));
        match self.dice.below(3) {
            0 => open.repeat(DEPTH).into_bytes(),
            1 => deep.into_bytes(),
            _ => {
                let mut payload = self.payload();
                say(&mut payload, json!("@"));
                payload.to_string().replace("\"@\"", &deep).into_bytes()
            }
        }
    }

    fn huge(&mut self) -> Vec<u8> {
        match self.dice.below(3) {
            0 => vec![b'['; SIX_MEGABYTES],
            1 => vec![0xff; SIX_MEGABYTES],
            _ => {
                let mut payload = self.payload();
                say(&mut payload, json!({ "message": "á".repeat(SIX_MEGABYTES / 2) }));
                payload.to_string().into_bytes()
            }
        }
    }
}

/// Has a payload say so; those of answers that are lists say nothing.
fn say(payload: &mut Value, words: Value) {
    if let Some(fields) = payload.as_object_mut() {
        fields.insert("text".to_owned(), words);
    }
}

/// Numbers that look like chance (SplitMix64).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap_or_default()
    }

    fn odd(&mut self) -> Value {
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
