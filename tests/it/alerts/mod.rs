//! Alerts: the rules that are printed are those that are shipped, Prometheus takes them, each fires once
//! and is over, and a dashboard asks for what is there.

mod night;
mod prometheus;
mod rules;
