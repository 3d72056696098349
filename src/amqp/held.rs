//! What a channel handed out, and how it is acknowledged in groups.

use std::{collections::BTreeSet, time::Duration};

use futures_util::future::join_all;
use lapin::{Channel, options::BasicAckOptions};
use tokio::time::{Instant, timeout};

use super::{Tag, consumer::ANSWER_TIMEOUT, why};

/// Longer than any channel lives.
const NEVER: Duration = Duration::from_hours(365 * 24);

/// What a channel handed out and has no acknowledgement for.
pub(super) struct Held {
    epoch: u64,
    tags: BTreeSet<u64>,
    /// When the last one came.
    heard: Instant,
    channel: Channel,
}

impl Held {
    pub(super) fn new(epoch: u64, channel: Channel) -> Self {
        Self { epoch, tags: BTreeSet::new(), heard: Instant::now(), channel }
    }

    /// The number of the channel.
    pub(super) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// When nothing will have come for `quiet`: as good as never while something is held, or if that
    /// does not matter.
    pub(super) fn quiet_at(&self, quiet: Option<Duration>) -> Instant {
        match quiet.filter(|_| self.tags.is_empty()) {
            Some(quiet) => self.heard + quiet,
            None => self.heard + NEVER,
        }
    }

    /// The broker handed one out.
    pub(super) fn took(&mut self, tag: u64) {
        self.heard = Instant::now();
        self.tags.insert(tag);
    }

    /// Acknowledges those of `tags` that are of this channel: everything up to the first one that
    /// stays is one acknowledgement.
    pub(super) async fn ack(&mut self, tags: Vec<Tag>) -> Result<usize, String> {
        let mut done = BTreeSet::new();
        for tag in tags {
            if tag.epoch == self.epoch && self.tags.remove(&tag.number) {
                done.insert(tag.number);
            }
        }
        let (group, singles) = grouped(&done, self.tags.first().copied());
        let acks = group
            .into_iter()
            .map(|tag| (tag, true))
            .chain(singles.into_iter().map(|tag| (tag, false)))
            .map(|(tag, multiple)| self.channel.basic_ack(tag, BasicAckOptions { multiple }));
        let sent = timeout(ANSWER_TIMEOUT, join_all(acks)).await;
        let sent = sent.map_err(|_| "the broker takes no acknowledgement".to_owned())?;
        for ack in sent {
            ack.map_err(|error| why(&error))?;
        }
        Ok(done.len())
    }
}

/// The tag up to which all are acknowledged at once, and those after it one by one. `stays` is the
/// first that is not to be acknowledged.
fn grouped(done: &BTreeSet<u64>, stays: Option<u64>) -> (Option<u64>, Vec<u64>) {
    let Some(stays) = stays else { return (done.last().copied(), Vec::new()) };
    (done.range(..stays).next_back().copied(), done.range(stays..).copied().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn acknowledgements_go_in_one_group_up_to_the_first_that_stays() {
        let done = |tags: &[u64]| tags.iter().copied().collect::<BTreeSet<_>>();
        for (tags, stays, expected) in [
            (&[1, 2, 3][..], None, (Some(3), vec![])),
            (&[1, 2, 4, 6], Some(3), (Some(2), vec![4, 6])),
            (&[4, 5], Some(3), (None, vec![4, 5])),
            (&[], Some(3), (None, vec![])),
        ] {
            assert_eq!(grouped(&done(tags), stays), expected, "{tags:?} before {stays:?}");
        }
    }
}
