//! F12 to F15: three RabbitMQ nodes, of which some die or see each other no more.

use std::{
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::time::sleep;

use crate::{
    oracle::{
        proxy::Proxy,
        rabbit::{Ground, Rabbit},
    },
    stage::{Context, PATIENCE, Played, Stage, with_rabbit},
};

/// How long a publication may stand still when a leader dies.
const STALL_MAX: Duration = Duration::from_secs(20);

/// How soon a fresh message is delivered then.
const FRESH_MAX: Duration = Duration::from_secs(25);

/// How soon nothing waits any more after a partition.
const DRAINED_MAX: Duration = Duration::from_secs(60);

/// What a gateway holds of a queue at most.
const PREFETCH: usize = 500;

const NODES: usize = 3;

/// A side that is alone must stop, or both would go on.
const MINORITY_PAUSES: &str = "cluster_partition_handling = pause_minority\n";

/// Three nodes, and the load balancer before them.
struct Cluster {
    nodes: Vec<Arc<Rabbit>>,
    balancer: Proxy,
    network: Option<Network>,
}

impl Cluster {
    /// On loopback.
    async fn start() -> Result<Self, String> {
        Self::start_in(None).await
    }

    async fn start_in(network: Option<Network>) -> Result<Self, String> {
        let grounds = network.as_ref().map(Network::grounds);
        let starting = move || -> Option<Vec<Arc<Rabbit>>> {
            let mut nodes: Vec<Arc<Rabbit>> = Vec::new();
            for index in 0..NODES {
                let mut ground = match &grounds {
                    Some(grounds) => grounds[index].clone(),
                    None => Ground { vhosts: 1, more: MINORITY_PAUSES, ..Ground::default() },
                };
                if let Some(first) = nodes.first() {
                    ground.home = Some(first.home());
                    ground.names = Some(first.names());
                }
                let node = Rabbit::start_on(&ground)?;
                if let Some(first) = nodes.first() {
                    join(&node, first);
                }
                nodes.push(Arc::new(node));
            }
            Some(nodes)
        };
        let nodes = tokio::task::spawn_blocking(starting).await.unwrap();
        let nodes = nodes.ok_or("RabbitMQ is not installed")?;
        let places = nodes.iter().map(|it| (it.host().to_owned(), it.port())).collect();
        Ok(Self { nodes, balancer: Proxy::before(places).await, network })
    }

    /// A gateway under load, with every queue on three nodes.
    async fn stage(&self, context: &Context) -> Stage {
        let url = self.balancer.through(&self.nodes[0].address(0));
        let mut stage = Stage::on(context, Some(format!("{url}?heartbeat=4"))).await;
        stage.cut = true;
        stage.start().await;
        stage.load().await;
        stage.accepted_more(200).await;
        stage
    }

    /// The node that leads a queue.
    async fn leader_of(&self, queue: &str) -> usize {
        let listed = with_rabbit(&self.nodes[0], |it| {
            it.control(&["list_queues", "-p", "t00", "name", "leader"])
        })
        .await;
        let line = listed.lines().find(|it| it.starts_with(queue)).unwrap_or_default();
        let led = self.nodes.iter().position(|it| line.contains(&it.node()));
        led.unwrap_or_else(|| panic!("nobody leads {queue}: {listed}"))
    }
}

/// Makes a node one of a cluster.
fn join(node: &Rabbit, first: &Rabbit) {
    let to = first.node();
    for order in [&["stop_app"][..], &["reset"], &["join_cluster", &to], &["start_app"]] {
        node.control(order);
    }
    node.wait_until_up();
}

/// F12.
pub(crate) async fn leader_killed(context: Context) -> Played {
    let cluster = Cluster::start().await?;
    let mut stage = cluster.stage(&context).await;
    for _ in 0..context.length(1, 2) {
        let leader = cluster.leader_of("simpul.route.urut").await;
        let begun = Instant::now();
        with_rabbit(&cluster.nodes[leader], Rabbit::kill).await;
        stage.findings.kills += 1;
        let accepted = stage.log.accepted();
        stage.goes_on("fresh after the leader's death", begun, FRESH_MAX).await;
        stage.accepted_more(100).await;
        let stall =
            stage.log.answers(begun..Instant::now()).into_iter().find(|it| it.status == Some(202));
        let stall = stall.map(|it| it.at + it.took - begun).unwrap_or_default();
        stage.wants_in_time(stall <= STALL_MAX, || format!("nothing was accepted for {stall:?}"));
        stage.wants(accepted < stage.log.accepted(), || "nothing more was accepted".to_owned());
        with_rabbit(&cluster.nodes[leader], |it| {
            it.begin();
            it.wait_until_up();
        })
        .await;
        stage.accepted_more(200).await;
    }
    Ok(stage.judge(PREFETCH).await)
}

/// F13.
pub(crate) async fn quorum_lost(context: Context) -> Played {
    let away = context.length(Duration::from_secs(10), Duration::from_secs(60));
    let cluster = Cluster::start().await?;
    let mut stage = cluster.stage(&context).await;
    let leader = cluster.leader_of("simpul.route.urut").await;
    let lost = [leader, (leader + 1) % NODES];
    for node in lost {
        with_rabbit(&cluster.nodes[node], Rabbit::kill).await;
        stage.findings.kills += 1;
    }
    // What was under way when the second one died may have been in time.
    sleep(Duration::from_secs(2)).await;
    let down = Instant::now();
    sleep(away).await;
    let answers = stage.log.answers(down..Instant::now());
    let accepted = answers.iter().filter(|it| it.status == Some(202)).count();
    let refused = answers.iter().filter(|it| it.status == Some(503)).count();
    stage.wants(accepted == 0, || format!("{accepted} were accepted without a quorum"));
    stage.wants(0 < refused, || "nobody was told to come again".to_owned());
    for node in lost {
        with_rabbit(&cluster.nodes[node], |it| it.begin()).await;
    }
    for node in lost {
        with_rabbit(&cluster.nodes[node], Rabbit::wait_until_up).await;
    }
    stage.goes_on("fresh after the quorum is back", Instant::now(), FRESH_MAX).await;
    Ok(stage.judge(PREFETCH).await)
}

/// Three namespaces, each with a link to the others and one to us.
struct Network {
    tag: String,
}

/// The links between nodes, and those to us.
const AMONG: &str = "10.213.77";
const TO_US: &str = "10.213.78";

impl Network {
    /// Where the kernel lets us.
    fn make() -> Result<Self, String> {
        let network = Self { tag: format!("sf{}", std::process::id() % 10_000) };
        let tag = &network.tag;
        let refused = |error: String| format!("no network namespaces here: {error}");
        ip(&format!("link add {tag}br type bridge")).map_err(refused)?;
        ip(&format!("link set {tag}br up")).map_err(refused)?;
        for node in 1..=NODES {
            let name = format!("{tag}n{node}");
            for order in [
                format!("netns add {name}"),
                format!("link add {tag}a{node} type veth peer name antar netns {name}"),
                format!("link set {tag}a{node} master {tag}br up"),
                format!("link add {tag}u{node} type veth peer name kami netns {name}"),
                format!("addr add {TO_US}.{}/30 dev {tag}u{node}", node * 4 + 1),
                format!("link set {tag}u{node} up"),
                format!("-n {name} addr add {AMONG}.{node}/24 dev antar"),
                format!("-n {name} addr add {TO_US}.{}/30 dev kami", node * 4 + 2),
                format!("-n {name} link set lo up"),
                format!("-n {name} link set antar up"),
                format!("-n {name} link set kami up"),
            ] {
                ip(&order).map_err(refused)?;
            }
        }
        Ok(network)
    }

    fn grounds(&self) -> Vec<Ground> {
        let ground = |node: usize| Ground {
            namespace: Some(format!("{}n{node}", self.tag)),
            host: format!("{TO_US}.{}", node * 4 + 2),
            node: format!("{AMONG}.{node}"),
            vhosts: 1,
            more: MINORITY_PAUSES,
            ..Ground::default()
        };
        (1..=NODES).map(ground).collect()
    }

    /// Whether a node sees the others.
    fn link(&self, node: usize, up: bool) {
        let (tag, word) = (&self.tag, if up { "up" } else { "down" });
        ip(&format!("link set {tag}a{} {word}", node + 1)).unwrap();
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for node in 1..=NODES {
            let _ = ip(&format!("netns del {}n{node}", self.tag));
            let _ = ip(&format!("link del {}a{node}", self.tag));
            let _ = ip(&format!("link del {}u{node}", self.tag));
        }
        let _ = ip(&format!("link del {}br", self.tag));
    }
}

fn ip(order: &str) -> Result<(), String> {
    let done = Command::new("ip").args(order.split(' ')).output().map_err(|it| it.to_string())?;
    let said = String::from_utf8_lossy(&done.stderr).trim().to_owned();
    if done.status.success() { Ok(()) } else { Err(format!("ip {order}: {said}")) }
}

/// F14.
pub(crate) async fn partition(context: Context) -> Played {
    let parted = context.length(Duration::from_secs(30), Duration::from_secs(60));
    let cluster = Cluster::start_in(Some(Network::make()?)).await?;
    let mut stage = cluster.stage(&context).await;
    // The load balancer leads to the first node: that is the side that is alone.
    cluster.link(0, false);
    let begun = Instant::now();
    sleep(parted).await;
    cluster.link(0, true);
    let up = Instant::now();
    let answers = stage.log.answers(begun..up);
    let other = answers.iter().filter(|it| ![Some(202), Some(503), None].contains(&it.status));
    let other = other.count();
    stage.wants(other == 0, || format!("{other} other answers than 202 and 503"));
    stage.goes_on("fresh after the partition", up, DRAINED_MAX).await;
    Ok(stage.judge(PREFETCH).await)
}

/// F15.
pub(crate) async fn flapping(context: Context) -> Played {
    const HALF: Duration = Duration::from_secs(5);
    let cluster = Cluster::start_in(Some(Network::make()?)).await?;
    let mut stage = cluster.stage(&context).await;
    for _ in 0..context.length(3, 10) {
        cluster.link(0, false);
        sleep(HALF).await;
        cluster.link(0, true);
        sleep(HALF).await;
    }
    let up = Instant::now();
    stage.goes_on("fresh after the flapping", up, DRAINED_MAX).await;
    stage.rest().await;
    stage.drained().await;
    let took = up.elapsed();
    stage.wants_in_time(took <= DRAINED_MAX.max(PATIENCE), || format!("drained after {took:?}"));
    Ok(stage.judge(PREFETCH).await)
}

impl Cluster {
    fn link(&self, node: usize, up: bool) {
        if let Some(network) = &self.network {
            network.link(node, up);
        }
    }
}
