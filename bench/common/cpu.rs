//! How much of the processor something took. Other programs on the machine do not count, which is
//! why the pure benches tell this time and not that of the clock on the wall.

#![allow(dead_code, reason = "no bench needs all of it")]

use std::{hint::black_box, time::Duration};

use rustix::time::{ClockId, clock_gettime};

/// What the calling thread has taken so far.
pub(crate) fn of_thread() -> Duration {
    of(ClockId::ThreadCPUTime)
}

/// What this process has taken so far.
pub(crate) fn of_process() -> Duration {
    of(ClockId::ProcessCPUTime)
}

fn of(clock: ClockId) -> Duration {
    let time = clock_gettime(clock);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or_default())
}

/// Nanoseconds of this thread that one of `times` calls takes.
pub(crate) fn nanoseconds<T>(times: usize, mut call: impl FnMut(usize) -> T) -> f64 {
    let start = of_thread();
    for index in 0..times {
        black_box(call(index));
    }
    (of_thread() - start).as_nanos() as f64 / times as f64
}

/// Milliseconds of processor that all programs took which this one started and saw the end of.
pub(crate) fn cpu_of_ended() -> f64 {
    /// The kernel tells them in hundredths of a second.
    const TICK_MS: f64 = 10.0;
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    // Behind the name, which may hold blanks: the state is the first field.
    let fields = stat.rsplit(')').next().unwrap().split_whitespace();
    fields.skip(13).take(2).map(|it| it.parse::<f64>().unwrap() * TICK_MS).sum()
}
