//! F10, F11, F16 to F20: RabbitMQ dies, stops, falls silent, has no memory left, or is full.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::{
    oracle::{
        proxy::{Proxy, Weather},
        receiver::Reply,
        verdict::Door,
    },
    stage::{Context, IN_FLIGHT_MAX, PATIENCE, Played, Stage, own_rabbit, until, with_rabbit},
};

/// How long a sender waits at most to be told that RabbitMQ is away.
const ANSWER_MAX: Duration = Duration::from_secs(1);

/// No call may take longer, whenever it began.
const HANGS_MAX: Duration = Duration::from_secs(10);

/// How soon a fresh message is delivered once RabbitMQ is back.
const BACK_MAX: Duration = Duration::from_secs(5);

/// What a gateway holds of a queue at most.
const PREFETCH: usize = 500;

/// How soon a queue of a hundred is full, and a sender told so.
const FULL_WITHIN: Duration = Duration::from_secs(15);

/// On RabbitMQ 3.10 a quorum queue that was declared a moment before a `kill -9` does not come back
/// (docs/decisions/0007): for this long nothing is promised for it.
const REGISTERED_AFTER: Duration = Duration::from_secs(8);

/// A heartbeat, in seconds, and how soon silence is noticed with it, a new connection included.
const HEARTBEAT: u64 = 2;
const NOTICED_MAX: Duration = Duration::from_secs(2 * HEARTBEAT + 4);

/// Every answer to a call that began while RabbitMQ was away: not now, come again; and quickly.
fn refused_quickly(stage: &mut Stage, during: std::ops::Range<Instant>, longest: Duration) {
    let answers = stage.log.answers(during.clone());
    stage.wants_in_time(!answers.is_empty(), || "nobody asked meanwhile".to_owned());
    for it in answers {
        let told = || format!("{:?} later: {it:?}", it.at - during.start);
        stage.wants(it.status == Some(503) && it.retry_after, told);
        stage.wants_in_time(it.took <= longest, told);
    }
}

fn none_hangs(stage: &mut Stage, since: Instant) {
    let slowest = stage.log.answers(since..Instant::now()).into_iter().map(|it| it.took).max();
    let slowest = slowest.unwrap_or_default();
    stage.wants_in_time(slowest <= HANGS_MAX, || format!("a call took {slowest:?}"));
}

/// F10.
pub(crate) async fn killed(context: Context) -> Played {
    let away = context.length(Duration::from_secs(2), Duration::from_secs(10));
    let rabbit = own_rabbit().await?;
    let mut stage = Stage::on(&context, Some(rabbit.vhost())).await;
    stage.start().await;
    stage.load().await;
    sleep(REGISTERED_AFTER).await;
    stage.accepted_more(50).await;
    let begun = Instant::now();
    with_rabbit(&rabbit, |it| it.kill()).await;
    stage.findings.kills += 1;
    let down = Instant::now();
    sleep(away).await;
    let up = with_rabbit(&rabbit, |it| {
        it.begin();
        let up = Instant::now();
        it.wait_until_up();
        (up, Instant::now())
    })
    .await;
    stage.goes_on("fresh after the port opened", up.1, BACK_MAX).await;
    refused_quickly(&mut stage, down..up.0, ANSWER_MAX);
    stage.rest().await;
    none_hangs(&mut stage, begun);
    Ok(stage.judge(PREFETCH).await)
}

/// F11.
pub(crate) async fn stopped(context: Context) -> Played {
    let away = context.length(Duration::from_secs(30), Duration::from_mins(10));
    let rabbit = own_rabbit().await?;
    let mut stage = Stage::on(&context, Some(rabbit.vhost())).await;
    stage.start().await;
    stage.load().await;
    stage.accepted_more(100).await;
    let begun = Instant::now();
    with_rabbit(&rabbit, |it| it.control(&["stop_app"])).await;
    let down = Instant::now();
    sleep(away).await;
    let before = Instant::now();
    with_rabbit(&rabbit, |it| it.control(&["start_app"])).await;
    stage.goes_on("fresh after the start", Instant::now(), BACK_MAX).await;
    refused_quickly(&mut stage, down..before, ANSWER_MAX);
    stage.rest().await;
    none_hangs(&mut stage, begun);
    Ok(stage.judge(PREFETCH).await)
}

/// One gateway, whose connections to RabbitMQ go over a cable.
async fn over_cable(context: &Context, heartbeat: u64) -> Result<(Stage, Proxy), String> {
    let rabbit = crate::stage::shared_rabbit().await?;
    let (direct, proxy) = (rabbit.vhost(), Proxy::start(rabbit.port()).await);
    let through = format!("{}?heartbeat={heartbeat}", proxy.through(&direct));
    let mut stage = Stage::empty(context, Some(direct)).await;
    stage.add("satu", |it| it.rabbitmq = Some(through));
    stage.cut = true;
    stage.start().await;
    stage.load().await;
    stage.accepted_more(100).await;
    Ok((stage, proxy))
}

/// F16.
pub(crate) async fn half_open(context: Context) -> Played {
    let (mut stage, proxy) = over_cable(&context, HEARTBEAT).await?;
    for _ in 0..context.length(1, 3) {
        proxy.set(Weather::Hole);
        let begun = Instant::now();
        // Long enough for every connection to fall into it.
        sleep(Duration::from_millis(300)).await;
        proxy.set(Weather::Clear);
        stage.goes_on("fresh after half-open", begun, NOTICED_MAX).await;
    }
    Ok(stage.judge(IN_FLIGHT_MAX).await)
}

/// F17: what is published arrives, and its confirmation does not.
pub(crate) async fn one_way(context: Context) -> Played {
    let silence = context.length(Duration::from_secs(4), Duration::from_secs(15));
    let (mut stage, proxy) = over_cable(&context, 10).await?;
    proxy.set(Weather::NoAnswers);
    let begun = Instant::now();
    sleep(silence).await;
    proxy.set(Weather::Clear);
    proxy.cut();
    stage.goes_on("fresh after one-way", Instant::now(), BACK_MAX).await;
    let refused = stage.log.answers(begun..begun + silence);
    let refused = refused.iter().filter(|it| it.status == Some(503)).count();
    stage.wants_in_time(0 < refused, || "nobody was refused".to_owned());
    stage.rest().await;
    none_hangs(&mut stage, begun);
    // The copies that the senders made are known by their ids; what was sent is known to be.
    Ok(stage.judge(0).await)
}

/// F18.
pub(crate) async fn channel_closed(context: Context) -> Played {
    let rabbit = own_rabbit().await?;
    let mut stage = Stage::on(&context, Some(rabbit.vhost())).await;
    // RabbitMQ's own are 30 minutes, looked at once a minute.
    let timeout = context.length(2_000, 10_000);
    let set = format!(
        "application:set_env(rabbit, consumer_timeout, {timeout}), \
         application:set_env(rabbit, channel_tick_interval, 500)."
    );
    with_rabbit(&rabbit, move |it| it.control(&["eval", &set])).await;
    let held = Duration::from_millis(timeout * 2);
    let begun = Instant::now();
    stage.receiver.answer(move |it| {
        let after = held.saturating_sub(begun.elapsed());
        if it.target == "arsip.simpan" { Reply { after, ..200.into() } } else { 200.into() }
    });
    stage.start().await;
    stage.load().await;
    until("the channel to be closed", &stage, async || stage.logs().contains("not consuming"))
        .await;
    stage.goes_on("fresh after the channel closed", Instant::now(), held + BACK_MAX).await;
    let logs = stage.logs();
    let hurt = logs.lines().filter(|it| it.contains("not consuming"));
    let elsewhere: Vec<_> = hurt.filter(|it| !it.contains("simpul.deliver.bebas")).collect();
    stage.wants(elsewhere.is_empty(), || format!("other channels were hurt: {elsewhere:?}"));
    Ok(stage.judge(IN_FLIGHT_MAX * 3).await)
}

/// F19.
pub(crate) async fn memory_alarm(context: Context) -> Played {
    let alarmed = context.length(Duration::from_secs(4), Duration::from_secs(60));
    let rabbit = own_rabbit().await?;
    let mut stage = Stage::on(&context, Some(rabbit.vhost())).await;
    // Something waits when the alarm comes.
    stage.receiver.answer(|it| {
        let slow = Reply { after: Duration::from_secs(1), ..200.into() };
        if it.target == "arsip.simpan" { slow } else { 200.into() }
    });
    stage.start().await;
    stage.load().await;
    stage.accepted_more(200).await;
    with_rabbit(&rabbit, |it| it.control(&["set_vm_memory_high_watermark", "0"])).await;
    // The refusal begins within the time in which silence is noticed.
    sleep(ANSWER_MAX).await;
    let (down, calls) = (Instant::now(), stage.receiver.calls());
    sleep(alarmed).await;
    let before = Instant::now();
    let moved = stage.receiver.calls() - calls;
    // What waits at a slow target takes a second, thirty at a time.
    let enough = moved >= IN_FLIGHT_MAX || http_waiting(&stage) == 0;
    stage
        .wants_in_time(enough, || format!("{moved} deliveries under the alarm, while others wait"));
    // From here on it is about the bus: what piled up at the slow target would be measured with it.
    stage.receiver.answer(|_| 200);
    with_rabbit(&rabbit, |it| it.control(&["set_vm_memory_high_watermark", "absolute", "4GB"]))
        .await;
    stage.goes_on("fresh after the alarm", Instant::now(), Duration::from_secs(3)).await;
    refused_quickly(&mut stage, down..before, ANSWER_MAX);
    // What could not be confirmed in time is published again, and one of the two may be in flight.
    Ok(stage.judge(IN_FLIGHT_MAX).await)
}

/// Deliveries of what came over HTTP that have not arrived.
fn http_waiting(stage: &Stage) -> usize {
    let lost = stage.verdict(&[].into()).lost;
    lost.iter().filter(|it| !it.ends_with("agenda.catat")).count()
}

/// F20.
pub(crate) async fn queue_full(context: Context) -> Played {
    let rabbit = own_rabbit().await?;
    let vhost = rabbit.vhost();
    let name = vhost.rsplit('/').next().unwrap_or_default().to_owned();
    let mut stage = Stage::on(&context, Some(vhost)).await;
    stage.start().await;
    let full = name.clone();
    with_rabbit(&rabbit, move |it| {
        let (queues, limit) = (r"^simpul\.(route|deliver)\.bebas", r#"{"max-length":100}"#);
        it.control(&["set_policy", "-p", &full, "penuh", queues, limit, "--apply-to", "queues"])
    })
    .await;
    stage.receiver.answer(|it| if it.target == "arsip.simpan" { Reply::NEVER } else { 200.into() });
    stage.load().await;
    let begun = Instant::now();
    let refused = |stage: &Stage| {
        let answers = stage.log.answers(begun..Instant::now());
        answers.iter().filter(|it| it.status == Some(503)).count()
    };
    while refused(&stage) < 10 && begun.elapsed() < FULL_WITHIN {
        sleep(Duration::from_millis(50)).await;
    }
    let told = refused(&stage);
    stage.wants_in_time(0 < told, || "no sender was refused, with every queue full".to_owned());
    // Its neighbours have got all that was accepted.
    let end = Instant::now() + PATIENCE;
    let neighbours = |stage: &Stage| {
        let lost = stage.verdict(&[].into()).lost;
        lost.into_iter().filter(|it| !it.contains("arsip.simpan")).count()
    };
    // Asked once for each look: senders go on meanwhile.
    let held_up = loop {
        let held_up = neighbours(&stage);
        if held_up == 0 || end <= Instant::now() {
            break held_up;
        }
        sleep(Duration::from_millis(50)).await;
    };
    stage.wants(held_up == 0, || format!("{held_up} deliveries of other targets are held up"));
    stage.receiver.answer(|_| 200);
    with_rabbit(&rabbit, move |it| it.control(&["clear_policy", "-p", &name, "penuh"])).await;
    // What hangs at the target ends with its connections.
    stage.kill(0);
    stage.restart(0).await;
    stage.rest().await;
    let http = stage.owed.iter().filter(|it| it.door == Door::Http).count();
    Ok(stage.judge(PREFETCH * http).await)
}
