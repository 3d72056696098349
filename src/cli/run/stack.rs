//! Stack for threads that this program does not start itself.
//!
//! Headers of AMQP may be tables in tables, and the client library reads them by recursion, in a
//! thread of its own: 8 KiB from anybody who may publish to a queue would end the process, and
//! again after each restart, for the message stays in its queue. The size of such a thread's stack
//! is that of `RUST_MIN_STACK` when the process begins, and nothing else.

use std::{env, os::unix::process::CommandExt as _, process::Command};

use crate::cli::screen::complain;

const VARIABLE: &str = "RUST_MIN_STACK";

/// Enough for the deepest table that fits into a frame of 128 KiB (18,000 levels; 32 MiB are not).
/// Only what is used takes memory.
const BYTES: &str = "67108864";

/// Begins this process anew, with its number, where threads would have too little stack. Nothing
/// must have been opened or started yet.
pub(super) fn make_room() {
    if env::var_os(VARIABLE).is_some() {
        return;
    }
    let mut arguments = env::args_os();
    let name = arguments.next().unwrap_or_else(|| "simpul".into());
    let failed = match env::current_exe() {
        Ok(program) => {
            let mut anew = Command::new(program);
            anew.arg0(name).args(arguments).env(VARIABLE, BYTES).exec()
        }
        Err(error) => error,
    };
    complain(&format!(
        "warning: threads have little stack ({failed}): set {VARIABLE}={BYTES}, or a message with \
         deeply nested AMQP headers ends the bus"
    ));
}
