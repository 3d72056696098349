//! Files that say everything that a file of their kind can say.

/// A route that says everything that a route can say.
pub(super) const ROUTE: &str = r#"
route: sppd-terbit
summary: An issued travel order.
owner: Subbagian Umum
from: e-sppd.status
identity: { key: [$.nomor, $.status], body: ignore, window: 7d }
order_by: $.nomor
search: { nomor: $.nomor }
bodies: digest
retention: 30d
steps:
  - filter: $.status == 'TERBIT'
  - map: { a: $.b, list: [1, true, null], items: { $each: $.c, $map: { d: "@.e" } } }
  - set: { $.a.b: $.c }
  - remove: [$.nik]
  - validate: schemas/sppd.schema.json
  - check: { into: $.gagal, rules: { ada: $.a } }
  - lookup: { table: wilayah, key: $.kode, into: $.wilayah, columns: [nama], on_missing: skip }
  - split: $.items
to:
  - target: arsip.simpan
    when: $.total > 0
    each: $.items
    map: { nomor: $.nomor }
    retry: { first: 5s, factor: 2.5, max: 30m, give_up: 3d }
    ttl: 1d
    deliver_within: 5m
    takes_out: [$.rahasia]
    on_exhausted: block
    answers: { 409: delivered }
retry: sabar
ttl: 2d
deliver_within: 15m
on_exhausted: park_key
unmatched: filter
"#;

/// Tests that say everything that tests can say.
pub(super) const TESTS: &str = r#"
now: 2026-01-15T08:00:00+07:00
messages: { terbit: { nomor: 1/A } }
tables: { wilayah: "kode,nama" }
unreachable: { "steps[0] filter: fails": the schema asks for a status }
cases:
  all:
    given:
      - { body: { a: [1, null] }, headers: { x-a: b }, key: k, after: 5s, times: 2 }
      - { message: terbit, set: { $.a: $.b }, remove: [$.c] }
      - { file: samples/a.json }
    targets:
      arsip.simpan: [503, timeout, { status: 429, retry_after: 10s }, { is: unavailable, after: 1s }]
    tables: { wilayah: "kode,nama" }
    expect:
      outcome: [routed, filtered, dead]
      step: filter
      reason: is nothing
      to:
        arsip.simpan:
          - { outcome: delivered, attempts: 2, body: { a: 1 }, request: POST /a, headers: { x: y } }
          - { has: { a: 1 }, attempts: [0s, 5s], reason: refused }
        papan.umumkan: skipped
      journal: [accepted]
"#;

/// A system that says everything that a system can say, but for the other ways to prove oneself.
pub(super) const SYSTEM: &str = r#"
system: arsip
name: Arsip
owner: { unit: TU, contact: arsip@kpu.example }
classification: terbatas
retry: { first: 5s, factor: 3, max: 30m, give_up: 3d }
http:
  url: https://arsip.kpu.example
  auth: { header: { name: X-Kunci, value: "${env:KUNCI}" } }
  ca: ${file:ca.pem}
  timeout: 10s
  headers: { X-Asal: simpul }
  allow_private_networks: false
  targets:
    simpan:
      post: /api/naskah
      headers: { X-Jenis: naskah }
      body: json
      schema: schemas/naskah.schema.json
      answers: { 404: refused }
      timeout: 5s
      classification: biasa
    ambil: { get: "/a/${$.a}" }
    ganti: { put: /a }
    ubah: { patch: /a }
    hapus: { delete: /a }
  sources:
    masuk: { schema: schemas/naskah.schema.json, classification: biasa, expect_every: 1h, api_keys: { a: "sha256:0000000000000000000000000000000000000000000000000000000000000000" } }
amqp:
  url: amqps://u:p@host:5671
  ca: ${file:ca.pem}
  targets:
    terbit: { exchange: e, routing_key: k, headers: { a: b }, type: t, schema: schemas/a.json, classification: biasa }
    antre: { queue: q }
  sources:
    koreksi:
      queue: q
      schema: schemas/a.json
      declare: quorum
      expect_every: 1h
      classification: biasa
      bind: [{ exchange: e, routing_key: "mutasi.#" }]
      prefetch: 10
      trust: [message-id]
files:
  path: agenda
  targets:
    catat: { file: surat.ndjson, lines: body, schema: schemas/a.json, classification: biasa }
"#;

/// Settings that say everything, and nothing that is not usual.
pub(super) const SETTINGS: &str = "
listen: 127.0.0.1:8080
ops: 127.0.0.1:9464
broker: embedded
broker_ca: ${file:ca.pem}
store: ./data
limits: { body: 1MiB, depth: 64, rate: 200/s, prefetch: 500, disk_low: 1GiB }
retry: { standard: { first: 5s, factor: 3, max: 30m, give_up: 3d } }
hash_key: ${env:HASH_KEY}
users: ./users.yaml
second_person: true
body_keys:
  k2026: ${file:k2026}
retention: { bodies: 7d, journal: 28d }
traces: http://127.0.0.1:4318
log: info
";
