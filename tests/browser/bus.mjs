// A bus of an agency as it is installed: its files, its process, and the systems behind it.

import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";

const KEY = "kunci";
const PATIENCE_MS = 60_000;

// Tries until something holds, and gives it.
export async function until(what, holds, everyMs = 200) {
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    const found = await holds();
    if (found) return found;
    if (end < Date.now()) throw new Error(`never happened: ${what}`);
    await new Promise((go) => setTimeout(go, everyMs));
  }
}

const SOURCE = {
  type: "object",
  required: ["nomor", "perihal", "penerima"],
  properties: {
    nomor: { type: "string" },
    perihal: { type: "string" },
    penerima: {
      type: "object",
      properties: {
        nama: { type: "string", "x-data-pribadi": "umum" },
        nip: { type: "string", "x-data-pribadi": "umum" },
      },
    },
  },
};

const system = (name, title, rest) =>
  `system: ${name}\nname: ${title}\nowner: { unit: Bagian Umum, contact: umum@kpu.example }\nclassification: terbatas\nhttp:\n${rest}`;

const ROUTE = `\
route: surat-keluar
summary: Each letter that is signed is registered in the archive and noted in the agenda.
owner: Subbagian Umum
from: naskah.surat
search: { nomor: $.nomor }
to:
  - target: arsip.daftarkan
    map:
      nomor: $.nomor
      perihal: $.perihal
      penerima: $.penerima.nama
  - target: agenda.catat
    map: { nomor: $.nomor, perihal: $.perihal }
`;

// The line that the archive wants since last night.
export const FIX = "      klasifikasi: KU.02\n";

export class Bus {
  static async start(project, program) {
    const bus = new Bus();
    bus.project = project;
    bus.archived = new Set();
    bus.target = await bus.systems();
    await bus.files();
    bus.child = spawn(program, ["--project", project, "run"], { stdio: ["ignore", "pipe", "pipe"] });
    bus.said = [];
    for (const stream of [bus.child.stdout, bus.child.stderr]) {
      createInterface({ input: stream }).on("line", (line) => bus.said.push(line));
    }
    const told = (pattern) => () => bus.said.map((line) => line.match(pattern)).find(Boolean);
    const listens = await until("the bus listens", told(/http:\/\/([\d.:]+\d),.*http:\/\/([\d.:]+\d)/));
    [bus.listen, bus.ops] = [`http://${listens[1]}`, `http://${listens[2]}`];
    // Printed once, for whoever is there first.
    bus.token = (await until("the token", told(/^\s+(\S{20,})$/)))[1];
    return bus;
  }

  // The archive has refused letters without a class since last night; the agenda takes all.
  systems() {
    const server = createServer((request, response) => {
      let body = "";
      request.on("data", (part) => { body += part; });
      request.on("end", () => {
        const letter = JSON.parse(body);
        const refuses = request.url === "/daftarkan" && !letter.klasifikasi;
        if (request.url === "/daftarkan" && !refuses) this.archived.add(letter.nomor);
        response.writeHead(refuses ? 422 : 200, { "content-type": "application/json" });
        response.end(refuses ? '{"title":"klasifikasi wajib diisi"}' : "{}");
      });
    });
    return new Promise((go) => server.listen(0, "127.0.0.1", () => go(server)));
  }

  async write(path, text) {
    const file = join(this.project, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
  }

  async files() {
    const port = this.target.address().port;
    const hash = createHash("sha256").update(KEY).digest("hex");
    const url = `  url: http://127.0.0.1:${port}\n`;
    await this.write("simpul.yaml", "listen: 127.0.0.1:0\nops: 127.0.0.1:0\nstore: ./data\n"
      // Whatever disk the story is played on.
      + "limits: { disk_low: 1MiB }\n");
    await this.write("schemas/surat.schema.json", JSON.stringify(SOURCE));
    await this.write("connectors/naskah.yaml", system("naskah", "Tata naskah",
      `  sources:\n    surat:\n      schema: schemas/surat.schema.json\n      api_keys: { naskah: "sha256:${hash}" }\n`));
    await this.write("connectors/arsip.yaml", system("arsip", "Arsip",
      `${url}  targets:\n    daftarkan: { post: /daftarkan }\n`));
    await this.write("connectors/agenda.yaml", system("agenda", "Agenda",
      `${url}  targets:\n    catat: { post: /catat }\n`));
    await this.write("routes/surat-keluar.yaml", ROUTE);
  }

  fix() {
    return this.write("routes/surat-keluar.yaml", ROUTE.replace("      perihal:", `${FIX}      perihal:`));
  }

  async send(letters) {
    const lines = letters.map((letter) => `${JSON.stringify(letter)}\n`).join("");
    const answer = await fetch(`${this.listen}/v1/naskah/surat`, {
      method: "POST",
      headers: { authorization: `Bearer ${KEY}`, "content-type": "application/x-ndjson" },
      body: lines,
    });
    if (answer.status !== 202) throw new Error(`${answer.status}: ${await answer.text()}`);
  }

  stop() {
    this.child?.kill("SIGKILL");
    this.target?.close();
    this.target?.closeAllConnections();
  }
}

export const nomor = (number) => `${String(number).padStart(4, "0")}/TU.01/13/2026`;

export const letters = (from, to) =>
  Array.from({ length: to - from }, (_, index) => ({
    nomor: nomor(from + index),
    perihal: "Undangan rapat pleno",
    penerima: { nama: `Siti Nurhalizah ${from + index}`, nip: "199001012015032001" },
  }));
