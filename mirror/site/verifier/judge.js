// The door: what a reader has, and a report on it.
//
//   report = await judge(given, options)
//
//   given     [{ path, blob }]: files that were dropped, picked or pasted, with the paths that they had
//   options   key        a vkey or k51…, or ""
//             isGiven    whether the reader says that she compared it, wherever she has it from
//             link       what a link says, or "": the tree that it names, and the key in it
//             seen       bytes of an announcement that the reader kept from before, or null
//             webcrypto  false keeps to our own arithmetic
//             progress   async (done, total, what): `what` is "reading" (bytes) or "notes" (entries)
//             signal     { aborted }: true makes it throw Cancelled
//
// The report is plain values: see Report.toJson. Nothing is connected to, and nothing is kept.

import { verifyEvidence, verifyNote } from "./alone.js";
import { parseCid } from "./cid.js";
import { Cancelled, Fault } from "./fault.js";
import { parseTypedKey } from "./key.js";
import { parseLink } from "./link.js";
import { peek } from "./notes.js";
import { verifyOne } from "./one.js";
import { line, Report, UNCHANGED } from "./report.js";
import { openGiven } from "./sources.js";
import { nameFile } from "./unixfs.js";
import { verifyTree } from "./verify.js";

// What comes of a fault before anything could be judged, as the command exits.
const EXIT_CODES = { refused: 4, missing: 3, notheld: 3, newer: 3 };

export async function judge(given, options = {}) {
  const { key = "", link = "", isGiven = false, seen = null, webcrypto = true, signal = {} } = options;
  const { progress = async () => {} } = options;
  const check = () => {
    if (signal.aborted) throw new Cancelled();
  };
  const run = { useBrowser: webcrypto, progress, check };
  const what = given.map(({ path }) => path).join(", ");
  try {
    const parsed = link ? parseLink(link) : null;
    const named = key ? parseTypedKey(key) : claimOf(parsed);
    const trust = { named, isGiven: Boolean(named) && isGiven, seen };
    return (await judgeOpen(await openGiven(given, run), parsed, trust, run)).toJson();
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return unopened(what, error);
  }
}

// The key that a link claims: its vkey, or its IPNS name.
function claimOf(link) {
  if (!link || link.key) return link?.key ?? null;
  return link.scheme === "ipns" ? parseTypedKey(link.cid) : null;
}

async function judgeOpen(open, link, trust, run) {
  const { copy, note, evidence, proof, beside } = open;
  if (evidence) return verifyEvidence(open.what, evidence, trust, run.useBrowser);
  if (!copy) return verifyNote(open.what, note, trust, proof, (name) => measured(beside, name), run.useBrowser);
  const found = await evidenceOf(copy, link, note);
  if (link?.path) return verifyOne(found, link.path.split("/"), trust, run);
  const report = await verifyTree(found, trust, run);
  for (const [item, words] of copy.damage) report.fault(UNCHANGED, item, "file-damaged", { detail: words });
  const count = report.faults.length ? 0 : copy.unreached();
  if (count) report.fault(UNCHANGED, copy.what, "unused-blocks", { count });
  return report;
}

async function measured(beside, name) {
  return beside.has(name) ? nameFile(beside.get(name)) : null;
}

// The tree that a link or announcement names, where the copy has it; otherwise the copy's own, which is another.
async function evidenceOf(copy, link, announcement) {
  const { what, root } = copy;
  const get = (cid) => copy.get(cid);
  if (announcement) checkAnnouncement(announcement);
  const wanted = wantedRoot(link, announcement);
  if (wanted === null || wanted === root) {
    return { what, root, get, announcement: announcement ?? copy.announcement };
  }
  try {
    await get(wanted);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return { what, root, get, announcement: null, expectedRoot: wanted };
  }
  return { what, root: wanted, get, announcement };
}

function wantedRoot(link, announcement) {
  if (link) return link.scheme === "ipfs" ? parseCid(link.cid) : null;
  return announcement ? peek(announcement).rootCid : null;
}

function checkAnnouncement(note) {
  const { word } = peek(note);
  if (word !== "announcement") {
    throw new Fault("refused", `with an archive goes an announcement, and this is a ${word}`);
  }
}

function unopened(what, error) {
  const report = new Report(what).toJson();
  report.error = line("refused", { detail: error.message });
  report.exitCode = EXIT_CODES[error.kind] ?? 1;
  return report;
}
