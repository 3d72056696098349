//! What `simpul check` says about the block `amqp:`.

use simpul::route::check_system;

fn said(block: &str) -> String {
    let text = format!(
        "system: absensi\nname: Absensi\nowner: {{ unit: SDM, contact: a }}\n\
         classification: biasa\namqp:\n{block}"
    );
    let found = check_system(&text);
    let one = |it: &simpul::diagnostic::Diagnostic| {
        it.render(&text, simpul::diagnostic::Language::English)
    };
    found.iter().map(one).collect::<Vec<_>>().join("\n")
}

#[test]
fn every_mistake_of_a_system_that_speaks_amqp_is_shown_where_it_stands() {
    insta::assert_snapshot!(said(
        "  url: amqps://mq.kpu.example\n  ca: bukan\n  targets:\n    a: {}\n    \
         b: { exchange: x, queue: y }\n    c: { routing_key: x }\n    \
         d: { exchange: x, routing_key: 'mutasi.${$.}' }\n    \
         e: { queue: 'x${$.a}' }\n    f: { queue: x, headers: { CC: x, a: x, A: y } }\n  \
         sources:\n    g: { queue: '', prefetch: 0 }\n    h: { queue: simpul.route.x }\n    \
         i: { queue: x, trust: [priority], declare: stream }\n    j: {}\n",
    ));
}

#[test]
fn an_address_is_never_shown() {
    let wrong = said("  url: http://simpul:rahasia@mq.kpu.example\n");
    assert!(wrong.contains("not the address of a RabbitMQ"), "{wrong}");
    let plain = said("  url: amqp://simpul:rahasia@mq.kpu.example\n");
    assert!(plain.contains("travel unencrypted"), "{plain}");
    assert_eq!(said("  url: amqp://127.0.0.1\n"), "");
    assert_eq!(said("  url: amqps://mq.kpu.example\n"), "");
}
