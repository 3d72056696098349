//! Every promise has a test named after it; one binary, so that it is linked once.

mod accounting;
mod architecture;
mod body;
mod broker_conformance;
mod command_line;
mod crash;
mod dead_letters;
mod delivery;
mod demo;
mod diagnostics;
mod files_target;
mod http_target;
mod ingest;
mod language;
mod ledger;
mod metrics;
mod pause;
mod reload;
mod repeats;
mod replay;
mod retry;
mod rfc9535;
mod shutdown;
mod steps;
mod support;
mod tables;
