//! What goes wrong in an agency, and how an operator puts it right.

use super::{
    CouldNot, decrees, orders,
    project::shipped,
    random::Random,
    senders::Senders,
    stage::{Stage, View},
    table,
    work::{Post, Source, posts},
};
use crate::ops::wire::TargetView;

/// Calls that the system in trouble refuses before it works again: enough to open its breaker.
const REFUSED_CALLS: u64 = 6;

/// Orders that are sent while a password is wrong.
const ORDERS_WHILE_LOCKED_OUT: usize = 12;

/// Orders that the wrong map makes dead letters of.
const ORDERS_WRONGLY_MAPPED: usize = 20;

/// What is sent for each of the troubles.
pub(super) struct TroubleWork {
    locked_out: Vec<Post>,
    malformed: Vec<Post>,
    wrongly_mapped: Vec<Post>,
}

impl TroubleWork {
    /// Makes it up.
    pub(super) fn new(random: &mut Random) -> Self {
        let locked_out = orders::issued("B", ORDERS_WHILE_LOCKED_OUT, random);
        let wrongly_mapped = orders::issued("C", ORDERS_WRONGLY_MAPPED, random);
        Self {
            locked_out: posts(Source::Orders, "sppd-b", locked_out),
            malformed: posts(Source::Decrees, "sk-malformed", vec![decrees::malformed(random)]),
            wrongly_mapped: posts(Source::Orders, "sppd-c", wrongly_mapped),
        }
    }

    /// All of it.
    pub(super) fn posts(&self) -> impl Iterator<Item = &Post> {
        self.locked_out.iter().chain(&self.malformed).chain(&self.wrongly_mapped)
    }
}

/// A target of a route, as the bus tells it.
fn target<'a>(view: &'a View, route: &str, name: &str) -> Option<&'a TargetView> {
    let route = view.routes.iter().find(|it| it.route == route)?;
    route.targets.iter().find(|it| it.target == name)
}

/// In the middle of the day's work one system answers 503 to everything, for a while.
pub(super) async fn outage(stage: &mut Stage<'_>, senders: &mut Senders) -> Result<(), CouldNot> {
    stage.display.heading("`tabulasi` answers 503 to everything");
    stage.stand_ins.of("tabulasi")?.set_down(true);
    let tried = stage.stand_ins.of("tabulasi")?.attempts();
    let view = stage
        .watch("the breaker of `tabulasi` to open", |view| {
            senders.done()?;
            let place = ("hasil-tps".to_owned(), "tabulasi.hitung".to_owned());
            let calls = view.counted.targets.get(&place).map_or(0, |it| it.attempts);
            let found = target(view, "hasil-tps", "tabulasi.hitung");
            let opened = found.is_some_and(|it| it.breaker != "closed");
            Ok(opened && REFUSED_CALLS <= calls.saturating_sub(tried))
        })
        .await?;
    if let Some(found) = target(&view, "hasil-tps", "tabulasi.hitung") {
        stage.display.line(&format!("  tabulasi.hitung:{}", table::trouble(found)));
    }
    let told = stage.bus.metrics(&["breaker", "tabulasi.hitung"]).await?;
    stage.display.command(&format!("curl http://{}/metrics", stage.project.ops), &told);
    stage.display.line("  Its deliveries wait; everybody else gets theirs. Nothing to be done but");
    stage.display.line("  to mend it: the bus tries again by itself, and slowly.");
    stage.stand_ins.of("tabulasi")?.set_down(false);
    Ok(())
}

/// One system has changed its password.
pub(super) async fn lockout(stage: &mut Stage<'_>, work: &mut TroubleWork) -> Result<(), CouldNot> {
    const SECRET: &str = "kata-sandi-baru";
    stage.display.heading("`e-agenda` has changed its password");
    stage.stand_ins.of("e-agenda")?.change_secret(SECRET);
    let senders = stage.send(std::mem::take(&mut work.locked_out));
    let view = stage
        .watch("`e-agenda` to be paused", |view| {
            let found = target(view, "sppd-terbit", "e-agenda.catat");
            Ok(found.is_some_and(|it| it.pause.is_some()))
        })
        .await?;
    if let Some(found) = target(&view, "sppd-terbit", "e-agenda.catat") {
        stage.display.line(&format!("  e-agenda.catat:{}", table::trouble(found)));
    }
    stage.display.line("  The target is paused and keeps everything: a wrong password must not");
    stage.display.line("  empty a queue. The operator writes the new one and has it read.");
    stage.project.write("secrets/e-agenda-token", SECRET)?;
    operate(stage, &["reload"]).await?;
    stage.watch_settled(senders).await?;
    stage.display.line("  Every entry has arrived.");
    Ok(())
}

/// A decree that nobody can use: its source takes it, its route cannot.
pub(super) async fn malformed(
    stage: &mut Stage<'_>,
    work: &mut TroubleWork,
) -> Result<(), CouldNot> {
    stage.display.heading("A decree is dated `01-01-0001`");
    let senders = stage.send(std::mem::take(&mut work.malformed));
    stage.watch_settled(senders).await?;
    let number = first_dead(stage, &["--route", "sk-mutasi"]).await?;
    operate(stage, &["dead", "list", "--route", "sk-mutasi"]).await?;
    operate(stage, &["dead", "show", &number]).await?;
    stage.display.line("  It passed the door, for the personnel system signs what it signs, and");
    stage.display.line("  died in its route, where it stays until somebody has looked at it.");
    Ok(())
}

/// The file of the route, the field that is spelt wrong in it, and how.
const ROUTE_FILE: &str = "routes/sppd-terbit.yaml";
const RIGHT: &str = "tempat: $.tujuan.tempat\n";
const WRONG: &str = "tempat: $.tujuan.nama_tempat | required\n";

/// A route is changed for the worse, and for the better again.
pub(super) async fn wrong_map(
    stage: &mut Stage<'_>,
    work: &mut TroubleWork,
) -> Result<(), CouldNot> {
    stage.display.heading("Somebody changes a route, and the map is wrong");
    let good = shipped(ROUTE_FILE).unwrap_or_default();
    let bad = good.replace(RIGHT, WRONG);
    if bad == good {
        return Err(CouldNot(format!("bug: `{}` is not in {ROUTE_FILE}", RIGHT.trim())));
    }
    stage.project.write(ROUTE_FILE, &bad)?;
    stage.display.line(&format!("  {ROUTE_FILE}: {}", WRONG.trim()));
    operate(stage, &["reload"]).await?;
    let senders = stage.send(std::mem::take(&mut work.wrongly_mapped));
    let view = stage.watch_settled(senders).await?;
    let dead = target(&view, "sppd-terbit", "e-agenda.catat").map_or(0, |it| it.dead);
    if dead != ORDERS_WRONGLY_MAPPED as u64 {
        return Err(CouldNot(format!("the wrong map made {dead} dead letters")));
    }
    let selection = ["--route", "sppd-terbit", "--target", "e-agenda.catat"];
    let number = first_dead(stage, &selection).await?;
    let few = ["--limit", "3"];
    operate(stage, &[["dead", "list"].as_slice(), &selection, &few].concat()).await?;
    operate(stage, &["dead", "show", &number]).await?;

    stage.display.line(&format!("  Put right: {}", RIGHT.trim()));
    stage.project.write(ROUTE_FILE, good)?;
    operate(stage, &["reload"]).await?;
    operate(stage, &["dead", "replay", &number, "--preview"]).await?;
    let count = dead.to_string();
    let how = ["--count", &count, "--reason", "map corrected"];
    operate(stage, &[["dead", "replay"].as_slice(), &selection, &how].concat()).await?;
    stage
        .watch("the replayed orders to arrive", |view| {
            let found = target(view, "sppd-terbit", "e-agenda.catat");
            Ok(found.is_some_and(|it| it.dead == 0 && it.delivered == it.created))
        })
        .await?;
    stage.display.line(&format!("  All {ORDERS_WRONGLY_MAPPED} have arrived."));
    Ok(())
}

/// The number of the first of the dead letters that are meant.
async fn first_dead(stage: &Stage<'_>, selection: &[&str]) -> Result<String, CouldNot> {
    let list = ["dead", "list", "--limit", "1", "--format", "json"];
    let told = stage.bus.operate(&[list.as_slice(), selection].concat()).await?;
    let list: serde_json::Value = serde_json::from_str(&told).unwrap_or_default();
    let number = list["letters"][0]["id"].as_i64();
    number.map(|it| it.to_string()).ok_or_else(|| CouldNot(format!("no dead letters: {told}")))
}

/// Runs a command of an operator and shows it with what it answered.
async fn operate(stage: &Stage<'_>, arguments: &[&str]) -> Result<(), CouldNot> {
    let told = stage.bus.operate(arguments).await?;
    let quoted = |it: &&str| if it.contains(' ') { format!("'{it}'") } else { (*it).to_owned() };
    let typed = arguments.iter().map(quoted).collect::<Vec<_>>().join(" ");
    stage.display.command(&format!("simpul {typed}"), &told);
    Ok(())
}
