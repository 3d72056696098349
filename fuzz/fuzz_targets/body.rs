//! Whatever comes in as a body: parsing it never panics and stays within its memory, and what is
//! taken is written as text that is taken again, with the same meaning.

#![no_main]

use libfuzzer_sys::fuzz_target;
use simpul::message::{Arena, JsonWriter, Limits, parse};

const ARENA_BYTES: usize = 4 << 20;

fuzz_target!(|input: &[u8]| {
    let arena = Arena::with_limit(ARENA_BYTES);
    let limits = Limits { depth: Limits::DEPTH_MAX };
    let parsed = parse(&arena, input, &limits);
    assert!(arena.allocated() <= ARENA_BYTES);
    let Ok(value) = parsed else { return };
    let reference = serde_json::from_slice::<serde_json::Value>(input);
    let written = JsonWriter::to_vec(value);
    let again = Arena::with_limit(ARENA_BYTES);
    assert_eq!(parse(&again, &written, &limits).as_ref(), Ok(&value));
    // The other parser is laxer in keys and stricter in depth and in the size of numbers.
    if let Ok(reference) = reference {
        let written: serde_json::Value = serde_json::from_slice(&written).expect("as the first");
        assert_eq!(written, reference);
    }
});
