//! The checksums of SQLite's log.

use std::{
    fs::File,
    io::{self, Seek as _, SeekFrom},
};

use super::{FRAME_HEADER, HEADER, PAGE, header, read_whole, word};

/// The running checksum of a log: that of a frame goes over all before it.
///
/// Source: "Checksum Algorithm" in SQLite's file format.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Sum {
    words: [u32; 2],
    is_big_endian: bool,
}

impl Sum {
    /// Of nothing, in a log with this header.
    fn start(header: &[u8]) -> Self {
        // The last bit of the magic number says which way round the words are summed up.
        Self { words: [0, 0], is_big_endian: word(header, 0) & 1 == 1 }
    }

    /// As it stands in what comes before `at`: a frame, or the header of the log.
    pub(super) fn before(log: &mut File, at: u64) -> io::Result<Self> {
        log.rewind()?;
        let mut sum = Self::start(&header(log)?.unwrap_or_default());
        let from = if at == HEADER { 24 } else { at - PAGE - 8 };
        log.seek(SeekFrom::Start(from))?;
        let mut words = [0; 8];
        read_whole(log, &mut words)?;
        sum.words = [word(&words, 0), word(&words, 1)];
        Ok(sum)
    }

    /// Whether the frame that follows is as it was written. Its own sum counts from then on.
    pub(super) fn goes_on_to(&mut self, frame: &[u8]) -> bool {
        self.add(frame.get(..8).unwrap_or_default());
        self.add(frame.get(FRAME_HEADER as usize..).unwrap_or_default());
        let own = [word(frame, 4), word(frame, 5)];
        std::mem::replace(&mut self.words, own) == own
    }

    fn add(&mut self, bytes: &[u8]) {
        let [mut first, mut second] = self.words;
        for index in (0..bytes.len() / 4).step_by(2) {
            let [one, two] = [word(bytes, index), word(bytes, index + 1)];
            let order = |it: u32| if self.is_big_endian { it } else { it.swap_bytes() };
            first = first.wrapping_add(order(one)).wrapping_add(second);
            second = second.wrapping_add(order(two)).wrapping_add(first);
        }
        self.words = [first, second];
    }
}

/// Whether the checksum at the end of the header of a log fits the rest of it.
pub(super) fn is_whole(header: &[u8]) -> bool {
    let mut sum = Sum::start(header);
    sum.add(header.get(..24).unwrap_or_default());
    sum.words == [word(header, 6), word(header, 7)]
}
