//! Many files, read on all cores at once; what comes of them stands in the order of the files.

use std::{
    num::NonZero,
    panic,
    thread::{self, Builder},
};

/// Files for which a thread of its own takes less time than it saves.
const PIECE_MIN: usize = 64;

/// Stack of such a thread, in bytes: as much as the first thread of a process usually has.
const STACK: usize = 8 << 20;

/// Does `work` on pieces of `items`, one for each core; the results are in the order of `items`.
pub(super) fn in_pieces<T, R, F>(items: &[T], work: F) -> Vec<R>
where
    T: Sync,
    R: Send,
    F: Fn(&[T]) -> R + Sync,
{
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let mut pieces = items.chunks(items.len().div_ceil(cores).max(PIECE_MIN));
    let Some(first) = pieces.next() else { return Vec::new() };
    let work = &work;
    thread::scope(|scope| {
        let begin = |piece| {
            let thread = Builder::new().stack_size(STACK);
            (piece, thread.spawn_scoped(scope, move || work(piece)))
        };
        let others: Vec<_> = pieces.map(begin).collect();
        let mut done = vec![work(first)];
        done.extend(others.into_iter().map(|(piece, thread)| match thread {
            Ok(thread) => thread.join().unwrap_or_else(|it| panic::resume_unwind(it)),
            // The system has no thread to spare.
            Err(_) => work(piece),
        }));
        done
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_is_worked_on_once_and_in_order() {
        for count in [0, 1, PIECE_MIN, PIECE_MIN + 1, 10 * PIECE_MIN + 7] {
            let items: Vec<usize> = (0..count).collect();
            let pieces = in_pieces(&items, <[usize]>::to_vec);
            assert_eq!(pieces.concat(), items);
        }
    }
}
