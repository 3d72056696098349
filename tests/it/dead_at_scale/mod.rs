//! Dead letters by the hundred thousand: found at once, and dealt with by jobs that nothing stops.

mod found;
mod jobs;
mod killed;
