//! A channel that publishes, with everything that was sent over it and is not confirmed.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    future::{Future, poll_fn},
    pin::Pin,
    sync::Arc,
    task::Poll,
    time::Duration,
};

use futures_util::{StreamExt, stream::FuturesUnordered};
use lapin::{
    Confirmation,
    message::BasicReturnMessage,
    options::{BasicPublishOptions, ConfirmSelectOptions},
};
use tokio::{
    sync::watch,
    time::{Instant, timeout},
};

use super::{
    LinkState, PublishFailure,
    link::{Inside, Session},
    publisher::{Outcome, Pending, Sending, unknown},
    pulse::Pulses,
    why,
};
use crate::crash;

/// How long a broker may take to confirm.
const CONFIRM_TIMEOUT: Duration = Duration::from_secs(10);

/// How much later than its successors a message may be confirmed before its queue is suspected.
const SUSPECT_AFTER: Duration = Duration::from_secs(2);

/// Messages at most that were given up and may still be confirmed: more, and the channel is given
/// up, for the library keeps something of each.
const LATE_MAX: usize = 512;

/// How long a broker may take to open a channel.
const CHANNEL_TIMEOUT: Duration = Duration::from_secs(5);

/// By what a returned message is known: exchange, routing key and message id.
type Mark = (String, String, Option<String>);

/// What came of the message with a number.
pub(super) type Confirmed = (u64, lapin::Result<Confirmation>);

type Confirming = Pin<Box<dyn Future<Output = Confirmed> + Send>>;

/// What was sent and is not confirmed.
struct Waiting {
    mark: Mark,
    place: Arc<str>,
    since: Instant,
    /// Nothing, once it was given up.
    pending: Option<Pending>,
}

/// A channel with what was sent over it.
pub(super) struct Desk {
    pulses: Arc<Pulses>,
    epoch: u64,
    channel: lapin::Channel,
    next: u64,
    confirming: FuturesUnordered<Confirming>,
    waiting: BTreeMap<u64, Waiting>,
    /// What came back, until its confirmation is seen.
    returned: HashMap<Mark, (u16, String)>,
    /// Places that confirm nothing while others do, and were named.
    silent: BTreeSet<Arc<str>>,
    /// Places that were found sick or well and not told of: well, where true.
    found: BTreeMap<Arc<str>, bool>,
    /// When something was last confirmed.
    heard: Instant,
}

impl Desk {
    pub(super) async fn open(session: &Session, pulses: Arc<Pulses>) -> Result<Self, String> {
        let opening = async {
            let channel = session.channel().await?;
            channel.confirm_select(ConfirmSelectOptions::default()).await?;
            Ok(channel)
        };
        let opened = timeout(CHANNEL_TIMEOUT, Box::pin(opening)).await;
        let opened = opened.map_err(|_| "the broker opens no channel".to_owned())?;
        let channel = opened.map_err(|it: lapin::Error| why(&it))?;
        let (confirming, waiting, returned) =
            (FuturesUnordered::new(), BTreeMap::new(), HashMap::new());
        let (epoch, next) = (session.epoch, 0);
        let (silent, found) = (BTreeSet::new(), BTreeMap::new());
        let heard = Instant::now();
        Ok(Self {
            pulses,
            epoch,
            channel,
            next,
            confirming,
            waiting,
            returned,
            silent,
            found,
            heard,
        })
    }

    /// Whether it belongs to the connection that there is, and may publish.
    pub(super) fn fits(&self, link: &watch::Receiver<Inside>) -> bool {
        let inside = link.borrow();
        inside.state == LinkState::Up
            && inside.session.as_ref().is_some_and(|it| it.epoch == self.epoch)
    }

    /// Whether it can go on over this connection.
    pub(super) fn is_open(&self, session: &Session) -> bool {
        self.epoch == session.epoch && self.channel.status().connected()
    }

    /// The next confirmation; never, while nothing is sent.
    pub(super) async fn confirmed(&mut self) -> Confirmed {
        match self.confirming.next().await {
            Some(confirmed) => confirmed,
            None => std::future::pending().await,
        }
    }

    /// What was found of places since it was last asked: whether they are well.
    pub(super) fn findings(&mut self) -> BTreeMap<Arc<str>, bool> {
        std::mem::take(&mut self.found)
    }

    /// Where the first of what waits was sent, if the channel confirms nothing any more: that is what
    /// it hangs at, or the broker hangs as a whole.
    pub(super) fn suspect(&self) -> Option<Arc<str>> {
        let oldest = self.waiting.values().find(|it| it.pending.is_some())?;
        let silence = oldest.since.elapsed().min(self.heard.elapsed());
        (SUSPECT_AFTER < silence).then(|| Arc::clone(&oldest.place))
    }

    /// Gives up what waits for too long, and that alone: one queue may have lost its server while
    /// all others confirm. Whether nothing is to be hoped for of the whole channel.
    pub(super) fn expire(&mut self) -> bool {
        let is_late = |it: &Waiting| CONFIRM_TIMEOUT < it.since.elapsed();
        let others = !self.pulses.is_stalled();
        let mut late = BTreeSet::new();
        for waiting in self.waiting.values_mut().filter(|it| is_late(it)) {
            let Some(pending) = waiting.pending.take() else { continue };
            let seconds = CONFIRM_TIMEOUT.as_secs();
            let reason = if others {
                format!("no confirmation from `{}` within {seconds} s", waiting.place)
            } else {
                format!("no confirmation within {seconds} s")
            };
            pending.answer(unknown(&reason));
            late.insert(Arc::clone(&waiting.place));
        }
        for place in late.into_iter().filter(|_| others) {
            if self.silent.insert(Arc::clone(&place)) {
                tracing::error!(
                    queue = &*place,
                    "it confirms nothing, and others do: it may have lost its server; see \
                     `rabbitmq-queues quorum_status`"
                );
            }
        }
        let late = self.waiting.values().filter(|it| it.pending.is_none()).count();
        0 < late && (late == self.waiting.len() || LATE_MAX < late)
    }

    /// Sends one message.
    pub(super) async fn send(&mut self, sending: Sending, pending: Pending) {
        let number = self.next;
        self.next += 1;
        let Sending { exchange, routing_key, properties, .. } = &sending;
        let mark = (
            exchange.to_string(),
            routing_key.to_string(),
            properties.message_id().as_ref().map(ToString::to_string),
        );
        let channel = self.channel.clone();
        let mut confirming: Confirming =
            Box::pin(async move { (number, confirm(channel, sending).await) });
        let (place, since) = (Arc::clone(&pending.outstanding.place), Instant::now());
        let is_delivery = place.starts_with("simpul.deliver.");
        self.waiting.insert(number, Waiting { mark, place, since, pending: Some(pending) });
        // The first look hands the frames over, so messages leave in the order of the calls.
        let first = poll_fn(|context| Poll::Ready(confirming.as_mut().poll(context))).await;
        crash::point_if(is_delivery, "after_k_of_n_destinations");
        match first {
            Poll::Ready(confirmed) => self.judge(confirmed).await,
            Poll::Pending => self.confirming.push(confirming),
        }
    }

    /// Judges a confirmation together with all others that are there.
    pub(super) async fn judge(&mut self, first: Confirmed) {
        crash::point("after_publish_before_confirm");
        let mut seen = vec![first];
        while let Poll::Ready(Some(next)) =
            poll_fn(|context| Poll::Ready(self.confirming.poll_next_unpin(context))).await
        {
            seen.push(next);
        }
        let (mut judged, now) = (Vec::with_capacity(seen.len()), Instant::now());
        for (number, confirmed) in seen {
            if confirmed.is_ok() {
                self.hear(number, now);
            }
            let outcome = match confirmed {
                Ok(Confirmation::Ack(back)) => self.note(back, number, Ok(())),
                Ok(Confirmation::Nack(back)) => {
                    self.note(back, number, Err(PublishFailure::Nacked))
                }
                Ok(Confirmation::NotRequested) => unknown("bug: the channel confirms nothing"),
                Err(error) => unknown(&why(&error)),
            };
            judged.push((number, outcome));
        }
        for (number, outcome) in judged {
            self.answer(number, outcome);
        }
    }

    /// The broker has said something of a message: its place lives, and others may stay behind.
    fn hear(&mut self, number: u64, now: Instant) {
        let Some(waiting) = self.waiting.get(&number) else { return };
        self.pulses.lives(&waiting.place, now);
        self.silent.remove(&waiting.place);
        self.heard = now;
        self.found.insert(Arc::clone(&waiting.place), true);
        // Sent before, and still not confirmed; the oldest are the first.
        let earlier = self.waiting.range(..number).map(|(_, it)| it);
        for behind in earlier.take_while(|it| SUSPECT_AFTER < now.duration_since(it.since)) {
            self.found.insert(Arc::clone(&behind.place), false);
        }
    }

    /// Keeps a message that came back with the confirmation of one that may be another.
    fn note(&mut self, back: Option<BasicReturnMessage>, number: u64, outcome: Outcome) -> Outcome {
        let Some(back) = back else { return outcome };
        let delivery = &back.delivery;
        let mark = (
            delivery.exchange.to_string(),
            delivery.routing_key.to_string(),
            delivery.properties.message_id().as_ref().map(ToString::to_string),
        );
        let is_own = self.waiting.get(&number).is_some_and(|it| it.mark == mark);
        self.returned.insert(mark, (back.reply_code, back.reply_text.to_string()));
        // Its own return may come with a later confirmation.
        if is_own { outcome } else { unknown("others came back at the same time") }
    }

    fn answer(&mut self, number: u64, outcome: Outcome) {
        let Some(Waiting { mark, pending, .. }) = self.waiting.remove(&number) else { return };
        let outcome = match self.returned.get(&mark) {
            Some((code, text)) => Err(PublishFailure::Returned { code: *code, text: text.clone() }),
            None => outcome,
        };
        // Looked for only where something came back: hundreds may be waiting.
        if !self.returned.is_empty() && !self.waiting.values().any(|it| it.mark == mark) {
            self.returned.remove(&mark);
        }
        if let Some(pending) = pending {
            pending.answer(outcome);
        }
    }

    /// Says of everything under way that nobody knows. What was sent over this channel may still
    /// arrive, so the next message takes another one.
    pub(super) fn give_up(self, reason: &str) {
        for pending in self.waiting.into_values().filter_map(|it| it.pending) {
            pending.answer(unknown(reason));
        }
    }
}

/// Sends, and waits for the confirmation.
async fn confirm(channel: lapin::Channel, sending: Sending) -> lapin::Result<Confirmation> {
    let Sending { exchange, routing_key, properties, body } = sending;
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    channel.basic_publish(exchange, routing_key, options, &body, properties).await?.await
}
