//! Everything that takes part, and the one way to wait for something: watching, with the state of
//! all routes on the screen.

use std::{collections::BTreeMap, time::Duration};

use tokio::time::{Instant, sleep};

use super::{
    CouldNot,
    bus::Bus,
    display::Display,
    figures::{Figures, RouteFigures, lost},
    project::{self, Project},
    rabbitmq::RabbitMq,
    senders::{Door, Senders},
    stand_in::{Counted, StandIns},
    table,
    work::{Post, Source},
};
use crate::ops::wire::RouteView;

/// How often the state is looked at.
const LOOK_PAUSE: Duration = Duration::from_millis(100);

/// How long something that is waited for may take before the demo gives up.
const PATIENCE: Duration = Duration::from_secs(180);

/// Everything that takes part in the demonstration.
pub(super) struct Stage<'a> {
    /// Where people read.
    pub(super) display: &'a Display,
    /// The agency's systems that receive.
    pub(super) stand_ins: StandIns,
    /// The bus.
    pub(super) bus: Bus,
    /// How it is reached.
    pub(super) door: Door,
    /// Documents that were accepted so far, by route.
    published: BTreeMap<&'static str, u64>,
    /// Its files. Last, so that the folder goes after the bus that runs in it.
    pub(super) project: Project,
}

/// The state of everything at one moment.
pub(super) struct View {
    /// As the bus tells it.
    pub(super) routes: Vec<RouteView>,
    /// As the stand-ins counted.
    pub(super) counted: Counted,
}

impl<'a> Stage<'a> {
    /// Starts the stand-ins and the bus, whose messages wait in its store or at a RabbitMQ.
    ///
    /// # Errors
    ///
    /// [`CouldNot`] when one of them cannot be started.
    pub(super) async fn set(
        display: &'a Display,
        rabbitmq: Option<&RabbitMq>,
    ) -> Result<Self, CouldNot> {
        let project = Project::create(rabbitmq.is_some())?;
        let stand_ins = StandIns::start("kata-sandi-1").await?;
        let mut environment = BTreeMap::new();
        for stand_in in stand_ins.all() {
            let system = stand_in.system;
            environment.insert(system.address_variable.to_owned(), stand_in.address.clone());
            project.write(&format!("secrets/{}", system.secret), &stand_in.secret())?;
        }
        let mut keys = BTreeMap::new();
        for source in Source::ALL {
            let (key, hash) = crate::connector::http::ApiKey::generate()
                .map_err(|error| CouldNot(format!("no randomness for an API key: {error}")))?;
            environment.insert(source.key_variable().to_owned(), hash);
            keys.insert(source, key);
        }
        let client = client()?;
        let address = format!("http://{}", project.listen);
        let publisher = rabbitmq.map(RabbitMq::publisher);
        let door = Door { client: client.clone(), address, keys, publisher };
        environment
            .extend(rabbitmq.map(|it| (project::BROKER_VARIABLE.to_owned(), it.url.clone())));
        let mut bus = Bus::new(&project, environment, client)?;
        if let Some(rabbitmq) = rabbitmq {
            rabbitmq.prepare(&bus.operate(&["check", "--format", "json"]).await?).await?;
        }
        bus.start().await?;
        Ok(Self { display, stand_ins, bus, door, published: BTreeMap::new(), project })
    }

    /// Starts to send `posts`.
    pub(super) fn send(&mut self, posts: Vec<Post>) -> Senders {
        for post in &posts {
            *self.published.entry(post.source.route()).or_default() += 1;
        }
        Senders::start(posts, &self.door)
    }

    /// The state of everything now.
    ///
    /// # Errors
    ///
    /// [`CouldNot`] when the bus has ended or does not answer.
    pub(super) async fn view(&mut self) -> Result<View, CouldNot> {
        self.bus.check_alive()?;
        Ok(View { routes: self.bus.status().await?, counted: self.stand_ins.counted() })
    }

    /// Watches until `holds`, which says `what` is waited for.
    ///
    /// # Errors
    ///
    /// [`CouldNot`] when that takes too long, or the bus has ended.
    pub(super) async fn watch(
        &mut self,
        what: &str,
        mut holds: impl FnMut(&View) -> Result<bool, CouldNot>,
    ) -> Result<View, CouldNot> {
        let started = Instant::now();
        loop {
            let view = self.view().await?;
            self.display.progress(table::progress(&view));
            if holds(&view)? {
                return Ok(view);
            }
            if PATIENCE < started.elapsed() {
                let state = table::progress(&view).join("\n");
                let seconds = PATIENCE.as_secs();
                return Err(CouldNot(format!("waited {seconds} s in vain for {what}\n{state}")));
            }
            sleep(LOOK_PAUSE).await;
        }
    }

    /// Watches until everything was sent and nothing is on its way any more.
    ///
    /// # Errors
    ///
    /// [`CouldNot`] when a sender fails, that takes too long, or the bus has ended.
    pub(super) async fn watch_settled(&mut self, mut senders: Senders) -> Result<View, CouldNot> {
        let published = self.published.clone();
        self.watch("everything to arrive", |view| Ok(senders.done()? && settled(view, &published)))
            .await
    }

    /// The reconciliation of everything that was sent, `owed` being what it should have led to.
    ///
    /// # Errors
    ///
    /// [`CouldNot`] when the bus has ended or does not answer.
    pub(super) async fn figures(
        &mut self,
        owed: &super::figures::AllReceipts,
    ) -> Result<(Figures, Counted), CouldNot> {
        let View { routes, mut counted } = self.view().await?;
        let published = self.published.values().sum();
        let received: u64 = routes.iter().map(|it| it.received).sum();
        // A document that the bus has accepted and does not know of is lost as well.
        let unknown = u64::saturating_sub(published, received);
        let mut figures = Figures {
            published,
            lost: lost(owed, &counted.arrived) + unknown,
            ..Figures::default()
        };
        for route in &routes {
            let mut entry = RouteFigures {
                received: route.received,
                repeats: route.repeats,
                filtered: route.filtered,
                dead: route.dead,
                ..RouteFigures::default()
            };
            if route.route == Source::Results.route() {
                entry.checks = counted.checks.clone();
            }
            for target in &route.targets {
                let place = (route.route.clone(), target.target.clone());
                let mut seen = counted.targets.get(&place).copied().unwrap_or_default();
                seen.dead = target.dead;
                if target.delivered != seen.delivered {
                    let (says, took) = (target.delivered, seen.delivered);
                    counted.wrongs.push(format!(
                        "{}: the bus says that {says} were delivered to `{}`, which took {took}",
                        route.route, target.target
                    ));
                }
                entry.targets.insert(target.target.clone(), seen);
            }
            figures.routes.insert(route.route.clone(), entry);
        }
        Ok((figures, counted))
    }
}

/// Whether the bus has received everything and holds nothing that moves.
fn settled(view: &View, published: &BTreeMap<&'static str, u64>) -> bool {
    let received =
        |route: &str| view.routes.iter().find(|it| it.route == route).map_or(0, |it| it.received);
    published.iter().all(|(route, sent)| received(route) >= *sent)
        && view.routes.iter().all(|route| {
            let moving = |it: &crate::ops::wire::TargetView| it.waiting + it.retrying + it.paused;
            route.in_hand == 0 && route.targets.iter().map(moving).sum::<u64>() == 0
        })
}

fn client() -> Result<reqwest::Client, CouldNot> {
    // Another part of the program may have been first; all install the same one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(30))
        .build()
        .map_err(|error| CouldNot(format!("cannot make an HTTP client: {error}")))
}
