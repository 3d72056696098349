//! Traces: from the sender through the bus to its targets, without a hole, and never in the way.

pub(crate) mod receiver;

use std::sync::Arc;

use opentelemetry_proto::tonic::trace::v1::{Span, span::SpanKind};
use serde_json::{Value, json};
use simpul::{connector::Class, journal::Wanted, message::MessageId};

use self::receiver::{Receiver, hex, text, traceparent};
use crate::{
    command_line::simpul_on,
    support::{
        bus::{Bus, Project},
        scripted::{Reply, Scripted},
    },
};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const STATE: &str = "vendor=t61rcWkgMzE";
const NIP: &str = "199001012015031001";

const ROUTE: &str = "\
steps:
  - filter: $.status == 'TERBIT'
to:
  - target: arsip.terima
    retry: { first: 10ms, factor: 1 }
";

fn letter(status: &str) -> Value {
    json!({ "nip": NIP, "status": status })
}

async fn start(arsip: &Arc<Scripted>, receiver: &Receiver) -> Bus {
    let project = Project::of(ROUTE, &[("arsip", Arc::clone(arsip))]);
    project.tracing_to(&receiver.exporter).start().await
}

/// A line for each span, in the order of its time and kind: what it is within, and what is said of it.
fn told(spans: &[Span]) -> Vec<String> {
    let name_of = |id: &[u8]| {
        let found = spans.iter().find(|it| it.span_id == id);
        found.map_or_else(|| hex(id), |it| it.name.clone())
    };
    let one = |span: &Span| {
        let said = |name: &str| text(&span.attributes, name);
        let error = span.status.as_ref().map_or("", |it| &it.message);
        let words = [said("simpul.fate"), said("simpul.attempt"), said("simpul.class")].concat();
        format!("{} in {}: {words} {error}", span.name, name_of(&span.parent_span_id))
    };
    let mut lines: Vec<_> = spans.iter().map(one).collect();
    lines.sort();
    lines
}

async fn found(bus: &Bus, text: &str) -> Vec<MessageId> {
    let wanted = Wanted { text: text.to_owned(), begins: false, below: None };
    bus.engine.find(&wanted).await.unwrap().messages.iter().map(|it| it.id).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_leads_from_the_sender_to_the_target_across_a_crash() {
    let receiver = Receiver::start().await;
    // The first call is that of the bus that dies.
    let down = || Reply::Failed(Class::Unavailable, 503);
    let arsip = Scripted::new([down(), down(), Reply::Taken]);
    arsip.hold();
    let bus = start(&arsip, &receiver).await;
    let headers = [("traceparent", SENT), ("tracestate", STATE)];
    bus.offer_with(&headers, letter("TERBIT")).await;
    bus.until("the delivery", |it| it.targets[0].waiting == 1).await;
    receiver.spans(2).await;
    let bus = bus.crash().await.start().await;
    arsip.release();
    bus.settled().await;
    let spans = receiver.spans(4).await;
    assert_eq!(
        told(&spans),
        [
            "accept asal.data in 00f067aa0ba902b7:  ",
            "deliver arsip.terima in route uji: 1unavailable unavailable",
            "deliver arsip.terima in route uji: 2delivered ",
            "route uji in accept asal.data: routed ",
        ]
    );
    assert!(spans.iter().all(|it| hex(&it.trace_id) == TRACE && it.trace_state == STATE));
    assert!(spans.iter().all(|it| it.start_time_unix_nano <= it.end_time_unix_nano));
    // Each call says in which attempt it was made; that of the bus that died was never told.
    let attempts: Vec<_> = spans.iter().filter(|it| it.name.starts_with("deliver")).collect();
    let calls = arsip.header("traceparent");
    assert_eq!(calls[1..], [traceparent(attempts[0]), traceparent(attempts[1])]);
    assert_eq!(arsip.header("tracestate"), [STATE; 3]);
    let accepted = spans.iter().find(|it| it.name.starts_with("accept")).unwrap();
    assert_eq!(accepted.kind(), SpanKind::Server);
    assert_eq!(text(&accepted.attributes, "http.route"), "/v1/asal/data");
    assert_eq!(receiver.resource("service.name"), "simpul");
    // Nothing of a body is told.
    assert!(!receiver.was_told(NIP) && receiver.was_told("arsip.terima"));
    bus.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_without_a_trace_gets_one_by_which_the_message_is_found() {
    let receiver = Receiver::start().await;
    let arsip = Scripted::new([]);
    let bus = start(&arsip, &receiver).await;
    let sent = bus.offer_with(&[("traceparent", "00-rusak")], letter("TERBIT")).await.id;
    let dropped = bus.publish(letter("DRAF")).await.id;
    bus.settled().await;
    let spans = receiver.spans(5).await;
    let first = spans.iter().find(|it| text(&it.attributes, "simpul.attempt") == "1").unwrap();
    let trace = hex(&first.trace_id);
    assert_eq!(arsip.header("traceparent"), [traceparent(first)]);
    let beginning = |it: &&Span| it.parent_span_id.is_empty();
    assert_eq!(spans.iter().filter(beginning).count(), 2);
    assert_eq!(found(&bus, &trace).await, [sent]);
    let others: Vec<_> = spans.iter().filter(|it| it.trace_id != first.trace_id).collect();
    assert_eq!(found(&bus, &hex(&others[0].trace_id)).await, [dropped]);
    assert_eq!(others.len(), 2);

    let project = bus.stop().await.0;
    let said = simpul_on(project.path(), &["trace", &trace]).out;
    assert!(said.contains(&format!("accepted from asal.data/uji, trace {trace}\n")), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_sender_does_not_record_is_passed_on_and_not_recorded() {
    let receiver = Receiver::start().await;
    let arsip = Scripted::new([]);
    let bus = start(&arsip, &receiver).await;
    let unsampled = SENT.replace("-01", "-00");
    bus.offer_with(&[("traceparent", &unsampled)], letter("TERBIT")).await;
    bus.settled().await;
    bus.stop().await;
    let call = arsip.header("traceparent").remove(0);
    assert!(call.starts_with(&format!("00-{TRACE}-")) && call.ends_with("-00"), "{call}");
    assert_eq!(receiver.stop().await.0, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_stays_in_the_trace_of_its_message() {
    let receiver = Receiver::start().await;
    let arsip = Scripted::new([Reply::Failed(Class::Refused, 422)]);
    let bus = start(&arsip, &receiver).await;
    bus.offer_with(&[("traceparent", SENT)], letter("TERBIT")).await;
    bus.until("the dead letter", |it| it.targets[0].tally.dead == 1).await;
    let filter = simpul::ledger::DeadFilter::default();
    assert_eq!(bus.engine.replay(&filter, "siti: coba").await.unwrap().count, 1);
    bus.settled().await;
    let spans = receiver.spans(4).await;
    assert!(spans.iter().all(|it| hex(&it.trace_id) == TRACE));
    let lines = told(&spans);
    assert_eq!(lines[1], "deliver arsip.terima in accept asal.data: 2delivered ", "{lines:?}");
    bus.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_takes_nothing_is_in_nobodys_way_and_what_it_misses_is_counted() {
    let receiver = Receiver::start().await;
    receiver.answer(400);
    let arsip = Scripted::new([]);
    let bus = start(&arsip, &receiver).await;
    for _ in 0..20 {
        bus.publish(letter("TERBIT")).await;
    }
    bus.settled().await;
    assert_eq!(arsip.calls().len(), 20);
    bus.stop().await;
    let (spans, metrics) = receiver.stop().await;
    assert_eq!(spans, []);
    let counts = metrics.encode();
    assert!(counts.contains("simpul_trace_spans_total{outcome=\"dropped\"} 60\n"), "{counts}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_receiver_costs_bounded_memory() {
    let receiver = Receiver::start().await;
    let arsip = Scripted::new([]);
    let bus = start(&arsip, &receiver).await;
    bus.offer_with(&[("traceparent", SENT)], letter("TERBIT")).await;
    bus.settled().await;
    receiver.spans(3).await;
    // Not now: it is tried again, and meanwhile what finds no room is dropped.
    receiver.answer(503);
    let span = simpul::spans::Span {
        context: simpul::spans::Context::parse(SENT).unwrap(),
        parent: None,
        state: None,
        name: "uji".to_owned(),
        kind: simpul::spans::Kind::Internal,
        start: simpul::message::Timestamp::from_millis(1),
        end: simpul::message::Timestamp::from_millis(2),
        attributes: vec![],
        error: None,
    };
    receiver.exporter.take(std::iter::repeat_n(span, 20_000));
    let counts = receiver.metrics.encode();
    let dropped = "simpul_trace_spans_total{outcome=\"dropped\"} 11808\n";
    assert!(counts.contains(dropped), "{counts}");
    bus.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nothing_is_traced_nothing_is_said_of_traces() {
    let arsip = Scripted::new([]);
    let bus = Bus::start(ROUTE, &[("arsip", Arc::clone(&arsip))]).await;
    let id = bus.offer_with(&[("traceparent", SENT)], letter("TERBIT")).await.id;
    bus.settled().await;
    assert_eq!(arsip.header("traceparent"), ["-"]);
    assert_eq!(found(&bus, TRACE).await, []);
    let lines = bus.engine.trace(id).await.unwrap().unwrap().lines;
    assert!(lines.iter().all(|it| !it.event.told().1.contains("trace")));
    bus.stop().await;
}

#[test]
fn a_receiver_is_an_address_of_http() {
    let project = Project::of(ROUTE, &[("arsip", Scripted::new([]))]);
    project.write("simpul.yaml", "traces: grpc://127.0.0.1:4317\n");
    let said = simpul_on(project.path(), &["check"]).out;
    let start = said.find("error[").unwrap_or_default();
    insta::assert_snapshot!(said[start..].lines().take(6).collect::<Vec<_>>().join("\n"), @r"
    error[S005]: not an address of a receiver of traces
     --> simpul.yaml:1:9
      |
    1 | traces: grpc://127.0.0.1:4317
      |         ^^^^^^^^^^^^^^^^^^^^^
      = help: write `http://host:4318`, where OTLP is taken over HTTP
    ");
    project.write("simpul.yaml", "traces: http://127.0.0.1:4318\n");
    assert_eq!(simpul_on(project.path(), &["check"]).code, 0);
}
