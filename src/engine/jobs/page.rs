//! Some dead letters, dealt with in one commit.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use tracing::error;

use crate::{
    broker::Output,
    engine::{
        EngineError, Shared,
        again::again,
        batch::crashed,
        bodies::Keeper,
        live::Live,
        pipeline::{MEMORY_MAX, bad},
    },
    journal::{self, Event, Line},
    ledger::{self, Cause, DeadLetter, JobKind},
    message::{Digest, Endpoint, Message},
    store::Writes,
};

/// Dead letters that are dealt with in one transaction.
pub(in crate::engine) const PAGE: usize = 100;

/// Bytes that a page puts into queues before it takes no further letter. One message makes at most
/// 64 MiB.
const PAGE_BYTES: usize = 8 << 20;

/// What is done with letters.
pub(in crate::engine) struct Doing<'a> {
    pub(in crate::engine) kind: JobKind,
    /// Of messages, only what goes to this target is sent.
    pub(in crate::engine) only_to: Option<&'a Endpoint>,
    /// Who has it done, and why.
    pub(in crate::engine) by: &'a str,
}

/// What some letters come to; nothing of it has happened yet.
#[derive(Default)]
pub(in crate::engine) struct Page {
    outputs: Vec<Output>,
    pub(in crate::engine) writes: Writes,
    /// How many are dealt with.
    pub(in crate::engine) passed: u64,
    /// Those that would be dead again, and why.
    pub(in crate::engine) failed: Vec<(DeadLetter, Cause)>,
    /// The number of the last letter that was looked at.
    pub(in crate::engine) reached: i64,
    discarded: Vec<(Arc<str>, Option<Endpoint>)>,
    bytes: usize,
}

impl Shared {
    /// What letters come to: of those that fit into one page.
    pub(in crate::engine) async fn page_of(
        &self,
        letters: Vec<DeadLetter>,
        doing: &Doing<'_>,
    ) -> Result<Page, EngineError> {
        let live = self.live();
        let mut page = Page::default();
        for letter in letters {
            if PAGE_BYTES <= page.bytes {
                break;
            }
            page.reached = letter.id;
            if doing.kind == JobKind::Discard {
                self.discard_in(&mut page, &live, &letter, doing.by);
                continue;
            }
            // One at a time: a hundred bodies would be a hundred times the largest.
            let message = match self.message_of_letter(&letter).await? {
                Some(Err(unopened)) => {
                    page.failed.push((letter, bad("body", unopened)));
                    continue;
                }
                Some(Ok(message)) => Some(message),
                None => None,
            };
            match self.made_of(&live, (&letter, message.as_ref()), doing.only_to) {
                Ok(made) => self.send_in(&mut page, (&live, &letter), (made, doing)).await?,
                Err(cause) => page.failed.push((letter, cause)),
            }
        }
        Ok(page)
    }

    /// What a letter gives rise to today. A message that makes the program panic is no reason to
    /// stop before the next one.
    fn made_of(
        &self,
        live: &Live,
        (letter, message): (&DeadLetter, Option<&Message>),
        only_to: Option<&Endpoint>,
    ) -> Result<(Output, Option<Digest>), Cause> {
        let Some(message) = message else {
            return Err(bad("", "bug: the message of this dead letter is not kept"));
        };
        let made = AssertUnwindSafe(|| again(self, live, (letter, message), only_to));
        catch_unwind(made).unwrap_or_else(|_| {
            self.metrics.panics.inc();
            error!(route = &*letter.route, message = %letter.message, "bug: a replay panicked");
            Err(crashed("replay", "panicked"))
        })
    }

    async fn send_in(
        &self,
        page: &mut Page,
        (live, letter): (&Live, &DeadLetter),
        ((output, key), doing): ((Output, Option<Digest>), &Doing<'_>),
    ) -> Result<(), EngineError> {
        page.passed += 1;
        if doing.kind == JobKind::Preview {
            return Ok(());
        }
        page.bytes += output.entry.body.len();
        ledger::replay(&mut page.writes, letter, key);
        self.keep_again(page, (live, letter), &output);
        self.send_again(letter, output, (&mut page.outputs, &mut page.writes)).await?;
        let event = Event::Replayed { by: doing.by.to_owned() };
        journal::append(&mut page.writes, &self.line_of(letter, live, event));
        Ok(())
    }

    /// Keeps what the route wants of a body that is sent in the place of another.
    fn keep_again(&self, page: &mut Page, (live, letter): (&Live, &DeadLetter), output: &Output) {
        let (Some(route), Some((target, ordinal))) =
            (live.plan.routes.get(&letter.route), &letter.delivery)
        else {
            return;
        };
        let (about, delivery) = ((self.clock.now(), letter.message), Some((target, *ordinal)));
        let body = &output.entry.body;
        let bytes = Keeper::new(self, route).keep(&mut page.writes, about, delivery, body);
        self.metrics.route(&letter.route).bodies_bytes.inc_by(bytes);
    }

    fn discard_in(&self, page: &mut Page, live: &Live, letter: &DeadLetter, by: &str) {
        page.passed += 1;
        ledger::discard(&mut page.writes, letter, self.clock.now());
        let event = Event::Discarded { by: by.to_owned() };
        journal::append(&mut page.writes, &self.line_of(letter, live, event));
        let target = letter.delivery.as_ref().map(|(target, _)| target.clone());
        page.discarded.push((Arc::clone(&letter.route), target));
    }

    fn line_of(&self, letter: &DeadLetter, live: &Live, event: Event) -> Line {
        Line {
            at: self.clock.now(),
            route: Arc::clone(&letter.route),
            message: Some(letter.message),
            delivery: letter.delivery.clone(),
            generation: live.generation,
            event,
        }
    }

    /// Makes a page happen, all of it or nothing.
    pub(in crate::engine) async fn commit_page(&self, page: Page) -> Result<(), EngineError> {
        let Page { outputs, writes, discarded, .. } = page;
        if outputs.is_empty() {
            self.store.commit(writes).await?;
        } else {
            self.broker.publish_atomically(outputs, writes).await?;
        }
        self.call_keys().await;
        for (route, target) in discarded {
            match target {
                Some(to) => self.metrics.target(&route, &to.to_string()).discarded.inc(),
                None => self.metrics.route(&route).discarded.inc(),
            }
        }
        Ok(())
    }
}

// A page of one letter is never too large to be made.
const _: () = assert!(PAGE_BYTES <= MEMORY_MAX);
