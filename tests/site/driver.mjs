// Runs the modules of verify.html in node, for the tests: a line of JSON in, a line of JSON out.
//
//   {"do": "judge", "given": [["voices.car", "/path/on/disk"], ["note.txt", {"base64": "…"}]], "options": {…}}
//   {"do": "parse", "what": "note", "data": "<base64>"}
//
// What it answers: {"value": …}, or {"fault": [kind, message]} where the modules threw one of their Faults.

import { webcrypto } from "node:crypto";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

// What a browser may be: `process.argv[3]` says which. "whole" is node itself.
const BROWSERS = {
  whole: () => webcrypto,
  "without webcrypto": () => undefined, // as on pages over plain http
  "accepts everything": () => ({ subtle: { importKey: async () => ({}), verify: async () => true } }),
  "accepts nothing": () => ({ subtle: { importKey: async () => ({}), verify: async () => false } }),
  "knows no Ed25519": () => ({ subtle: { importKey: () => Promise.reject(new Error("no such algorithm")) } }),
};
const [, , folder, browser] = process.argv;
Object.defineProperty(globalThis, "crypto", { value: BROWSERS[browser]() });
const load = (name) => import(pathToFileURL(`${folder}/${name}.js`).href);
const [{ judge }, { Fault }, bytes, cids, keys, notes, fields] = await Promise.all(
  ["judge", "fault", "bytes", "cid", "key", "notes", "fields"].map(load),
);
const [note, entry, proof, unixfs, tree, ed25519, car, link] = await Promise.all(
  ["note", "entry", "proof", "unixfs", "tree", "ed25519", "car", "link"].map(load),
);
const text = (data) => bytes.decodeUtf8(data);

// What each format is read to; numbers beyond 2^53 and bytes become text on the way out.
const PARSERS = {
  note: (data) => ((found) => ({ text: found.text, lines: found.signatures.length }))(note.splitNote(data)),
  kind: (data) => notes.parseText(text(data)),
  cid: (data) => cids.parseCid(text(data)),
  "binary cid": (data) => cids.cidFromBytes(data),
  vkey: (data) => keys.parseVkey(text(data)).k51,
  name: (data) => keys.parseName(text(data)),
  "note name": (data) => keys.parseNoteName(text(data)),
  entry: (data) => entry.parseEntry(data),
  proof: (data) => proof.parseProof(data),
  evidence: (data) => proof.parseEvidence(data),
  folder: (data) => unixfs.openFolder(data),
  link: (data) => link.parseLink(text(data)),
  decimal: (data) => bytes.decodeDecimal(text(data)),
  hex: (data) => bytes.decodeHex(text(data)),
  base64: (data) => bytes.decodeBase64(text(data)),
  base32: (data) => bytes.decodeBase32(text(data)),
  base36: (data) => bytes.decodeBase36(text(data)),
  base58: (data) => bytes.decodeBase58(text(data)),
  varint: (data) => bytes.decodeVarint(data),
  language: (data) => fields.languageTag(text(data)),
  date: (data) => fields.coarseDate(text(data)),
  tag: (data) => fields.tag(text(data)),
  attachment: (data) => fields.attachment(text(data)),
  fold: (data) => fields.foldCase(text(data)),
  car: async (data) => {
    const blocks = new car.Blocks();
    const file = new car.Windows(new Blob([data]));
    await blocks.takeCar("it", file);
    const found = [...blocks.places].map(([cid, { start, length }]) => [cid, start, length]);
    return { found, damage: blocks.damage.get("it") ?? null, roots: (await car.readHeader(file)).roots };
  },
  "path of a note": (data) => tree.indexOfNote(text(data).split("/")),
};

const DEEDS = {
  async judge({ given, options }) {
    const files = await Promise.all(given.map(async ([path, where]) => ({ path, blob: await blobOf(where) })));
    const seen = options.seen ? Buffer.from(options.seen, "base64") : null;
    return judge(files, { ...options, seen: seen && new Uint8Array(seen) });
  },
  parse: ({ what, data }) => PARSERS[what](new Uint8Array(Buffer.from(data, "base64"))),
  async verify({ key, message, signature }) {
    const asked = [key, message, signature].map((each) => new Uint8Array(Buffer.from(each, "base64")));
    return { ours: ed25519.verifyOurs(...asked), both: await ed25519.verifySignature(...asked) };
  },
  trusted: () => ed25519.isBrowserTrusted(),
};

async function blobOf(where) {
  return new Blob([typeof where === "string" ? readFileSync(where) : Buffer.from(where.base64, "base64")]);
}

function plain(_, value) {
  if (typeof value === "bigint") return String(value);
  return value instanceof Uint8Array ? Buffer.from(value).toString("base64") : value;
}

async function answer(asked) {
  try {
    return { value: (await DEEDS[asked.do](asked)) ?? null };
  } catch (error) {
    if (!(error instanceof Fault)) return { broken: String(error.stack) };
    return { fault: [error.kind, error.message] };
  }
}

for await (const each of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await answer(JSON.parse(each)), plain)}\n`);
}
