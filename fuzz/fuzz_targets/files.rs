//! Whatever stands in a route or system file: reading it never panics, and everything found wrong
//! can be shown.

#![no_main]

use libfuzzer_sys::fuzz_target;
use simpul::route::{check_route, check_system};

fuzz_target!(|text: &str| {
    for found in check_route(text).iter().chain(&check_system(text)) {
        assert!(found.render(text).contains(found.code.as_str()));
    }
});
