//! What is wrong between files that are right each for itself: circles, and what nobody uses.

use simpul::diagnostic::{Code, Language};

use super::{ROUTE, load, snapshot, sound, system, write};

/// Everything that is said about a project, warnings too.
fn said(files: &[(&str, &str)]) -> String {
    let folder = sound();
    for (path, text) in files {
        write(&folder, path, text);
    }
    match load(folder.path(), &[]) {
        Ok((_, loaded)) => loaded.texts.render(&loaded.found, Language::English),
        Err(broken) => broken.to_string(),
    }
}

/// A system whose target publishes to where its source reads.
fn rabbit(target: &str, source: &str) -> String {
    let amqp = format!(
        "amqp:\n  url: amqps://rabbit.example\n  sources:\n    masuk: {source}\n  targets:\n    keluar: {target}\n"
    );
    system("antrean", &amqp)
}

fn route(name: &str, from: &str, rest: &str) -> String {
    format!("route: {name}\nsummary: x\nowner: x\nfrom: {from}\n{rest}")
}

const BACK: &str = "to:\n  - target: antrean.keluar\n";

#[test]
fn a_route_that_feeds_itself_is_told_unless_something_may_end_it() {
    let queue = rabbit("{ queue: a }", "{ queue: a }");
    let system = ("connectors/antrean.yaml", queue.as_str());
    let endless = said(&[system, ("routes/putar.yaml", &route("putar", "antrean.masuk", BACK))]);
    let when = format!("{BACK}    when: $.putaran != true\n");
    let when = said(&[system, ("routes/putar.yaml", &route("putar", "antrean.masuk", &when))]);
    let filter = format!("steps:\n  - filter: $.putaran != true\n{BACK}");
    let filter = said(&[system, ("routes/putar.yaml", &route("putar", "antrean.masuk", &filter))]);
    assert!(filter.starts_with("warning[S030]") && when.starts_with("warning[S030]"), "{filter}");
    snapshot("circle_of_one", &format!("{endless}\n{when}"));
}

#[test]
fn routes_that_feed_each_other_are_told_once() {
    let queue = rabbit(
        "{ exchange: naskah, routing_key: surat.masuk.padang }",
        "{ queue: q, bind: [{ exchange: naskah, routing_key: surat.# }] }",
    );
    let http =
        "http:\n  url: http://127.0.0.1:8080\n  targets:\n    serah: { post: /v1/e-sppd/status }\n";
    let bus = system("bus", http);
    let said = said(&[
        ("connectors/antrean.yaml", &queue),
        ("connectors/bus.yaml", &bus),
        ("routes/pergi.yaml", &route("pergi", "e-sppd.status", BACK)),
        ("routes/pulang.yaml", &route("pulang", "antrean.masuk", "to:\n  - target: bus.serah\n")),
    ]);
    assert_eq!(said.matches("S030").count(), 1, "{said}");
    snapshot("circle_of_two", &said);
}

#[test]
fn a_system_that_sends_and_receives_is_no_circle() {
    for (target, source) in [
        ("{ queue: a }", "{ queue: b }"),
        (
            "{ exchange: x, routing_key: a.b }",
            "{ queue: b, bind: [{ exchange: x, routing_key: a }] }",
        ),
        (
            "{ exchange: x, routing_key: a }",
            "{ queue: b, bind: [{ exchange: y, routing_key: a }] }",
        ),
        (
            "{ exchange: x, routing_key: \"a.${$.b}\" }",
            "{ queue: b, bind: [{ exchange: x, routing_key: '#' }] }",
        ),
    ] {
        let queue = rabbit(target, source);
        let said = said(&[
            ("connectors/antrean.yaml", &queue),
            ("routes/putar.yaml", &route("putar", "antrean.masuk", BACK)),
        ]);
        assert_eq!(said, "", "{target} {source}");
    }
}

#[test]
fn what_no_route_uses_is_told_where_nothing_else_is_wrong() {
    let queue = rabbit("{ queue: a }", "{ queue: b }");
    let unused = [("connectors/antrean.yaml", queue.as_str())];
    snapshot("unused", &said(&unused));
    let broken = ROUTE.replace("e-sppd.status", "e-sppd.statsu");
    let said = said(&[unused[0], ("routes/sppd-terbit.yaml", &broken)]);
    assert!(!said.contains("S031") && !said.contains("S032"), "{said}");
}

/// The oracle is a walk from each route on: there is a circle where one comes back to itself.
#[test]
fn circles_are_told_exactly_where_there_are_some() {
    const ROUTES: usize = 3;
    /// Each route reads its own queue and publishes to any, or to one that nobody reads.
    const CHOICES: usize = ROUTES + 1;
    for case in 0..CHOICES.pow(3) {
        let next = [case % CHOICES, case / CHOICES % CHOICES, case / CHOICES / CHOICES];
        let folder = sound();
        for (it, to) in next.iter().enumerate() {
            let (name, from) = (format!("s{it}"), format!("s{it}.masuk"));
            let amqp = format!(
                "amqp:\n  url: amqps://rabbit.example\n  sources:\n    masuk: {{ queue: q{it} }}\n  \
                 targets:\n    keluar: {{ queue: q{to} }}\n"
            );
            write(&folder, &format!("connectors/{name}.yaml"), &system(&name, &amqp));
            let to = format!("to:\n  - target: {name}.keluar\n");
            write(&folder, &format!("routes/r{it}.yaml"), &route(&format!("r{it}"), &from, &to));
        }
        let comes_back = |start: usize| {
            let on = std::iter::successors(next.get(start), |at| next.get(**at));
            on.take(ROUTES).any(|at| *at == start)
        };
        let found = match load(folder.path(), &[]) {
            Ok(_) => false,
            Err(broken) => broken.found.iter().any(|it| it.code == Code::Circle),
        };
        assert_eq!(found, (0..ROUTES).any(comes_back), "{next:?}");
    }
}

#[test]
fn two_files_with_one_name_are_told_with_both_files() {
    // The file that is called so has the name; of others the first, which is told as ever.
    let rest = "to:\n  - target: e-absensi.catat\n";
    let ours = route("surat", "e-sppd.status", rest);
    let of_file = said(&[("routes/surat.yaml", &ours), ("routes/lain.yaml", &ours)]);
    let of_none =
        said(&[("routes/b.yaml", &ours), ("routes/c.yaml", &ours), ("routes/a.yaml", &ours)]);
    let system =
        system("kembar", "http:\n  url: https://x.example\n  targets: { a: { post: /a } }\n");
    let systems = said(&[("connectors/kembar.yaml", &system), ("connectors/lain.yaml", &system)]);
    snapshot("name_twice", &format!("{of_file}\n{of_none}\n{systems}"));
}
