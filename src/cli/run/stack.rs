//! What threads that this program does not start itself get, and how memory is shared out.
//!
//! Headers of AMQP may be tables in tables, and the client library reads them by recursion, in a
//! thread of its own: 8 KiB from anybody who may publish to a queue would end the process, and
//! again after each restart, for the message stays in its queue. The size of such a thread's stack
//! is that of `RUST_MIN_STACK` when the process begins, and nothing else.
//!
//! glibc keeps a heap for each thread, up to eight for each processor, and what one thread frees
//! helps no other: a message is made in one thread and dropped in another. Two heaps take a sixth
//! less memory, and no more of the processor.

use std::{env, os::unix::process::CommandExt as _, process::Command};

use crate::cli::screen::complain;

const STACK: &str = "RUST_MIN_STACK";

/// Enough for the deepest table that fits into a frame of 128 KiB (18,000 levels; 32 MiB are not).
/// Only what is used takes memory.
const STACK_BYTES: &str = "67108864";

const HEAPS: &str = "MALLOC_ARENA_MAX";

const HEAPS_MAX: &str = "2";

/// Begins this process anew, with its number, where nobody said how much stack threads have and how
/// many heaps there are. Nothing must have been opened or started yet.
pub(super) fn make_room() {
    let missing = [(STACK, STACK_BYTES), (HEAPS, HEAPS_MAX)];
    let missing: Vec<_> =
        missing.into_iter().filter(|(name, _)| env::var_os(name).is_none()).collect();
    if missing.is_empty() {
        return;
    }
    let mut arguments = env::args_os();
    let name = arguments.next().unwrap_or_else(|| "simpul".into());
    let failed = match env::current_exe() {
        Ok(program) => {
            let mut anew = Command::new(program);
            anew.arg0(name).args(arguments).envs(missing).exec()
        }
        Err(error) => error,
    };
    if env::var_os(STACK).is_none() {
        complain(&format!(
            "warning: threads have little stack ({failed}): set {STACK}={STACK_BYTES}, or a message \
             with deeply nested AMQP headers ends the bus"
        ));
    }
}
