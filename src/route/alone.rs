//! One file on its own, without a disk: for fuzzing, and for tests of any text. Nothing here
//! panics, whatever the text.

use std::{collections::BTreeMap, path::Path};

use super::{
    check::Schemas,
    file::{RouteFile, SystemFile},
    fill,
    routes::{self, World},
    systems::{Outside, Systems},
};
use crate::{
    diagnostic::{Diagnostic, Report, decode, parse},
    step::Context,
};

/// What is wrong with the text of a route file in a project that has no other files.
pub fn check_route(text: &str) -> Vec<Diagnostic> {
    let mut report = Report::default();
    let schemas = Schemas { compiled: BTreeMap::new(), broken: Vec::new() };
    let outside = Outside {
        schemas: &schemas,
        retry: &BTreeMap::new(),
        hash_key: true,
        body_keys: true,
        directory: Path::new("."),
    };
    let world = World {
        context: Context { tables: &BTreeMap::new(), schemas: &schemas.compiled },
        systems: &Systems::default(),
        outside,
        digests: &BTreeMap::new(),
        broken_tables: &[],
    };
    if let Some(mut node) = parse(text, &mut report) {
        fill::refuse(&mut node, &mut report);
        if let Some(file) = decode::<RouteFile>(&node, &mut report) {
            let stem = file.route.value.clone();
            routes::compile(&file, (&stem, text), &world, &mut report);
        }
    }
    report.into_sorted()
}

/// What is wrong with the text of a system file in a project that has no other files; `${env:…}`
/// and `${file:…}` stay as they are.
pub fn check_system(text: &str) -> Vec<Diagnostic> {
    let mut report = Report::default();
    let schemas = Schemas { compiled: BTreeMap::new(), broken: Vec::new() };
    let outside = Outside {
        schemas: &schemas,
        retry: &BTreeMap::new(),
        hash_key: true,
        body_keys: true,
        directory: Path::new("."),
    };
    if let Some(node) = parse(text, &mut report)
        && let Some(file) = decode::<SystemFile>(&node, &mut report)
    {
        let stem = file.system.value.clone();
        Systems::default().add(&file, &stem, &outside, &mut report);
    }
    report.into_sorted()
}
