// One thing judged by itself: a note, a note beside its proof, the evidence of a fork. formats.md, section 9.
//
// What a proof leaves open is whether the testimony was withdrawn later, and everything else in the log; it is said
// each time.

import { decodeUtf8 } from "./bytes.js";
import { cidOfRaw } from "./cid.js";
import { checkBelongs, entryOf, printEntry } from "./entry.js";
import { isFault, malformed } from "./fault.js";
import { asKey } from "./key.js";
import { openNote } from "./note.js";
import { isHandedIn, mirrorName, openHandedIn, openSigned, peek, readable } from "./notes.js";
import { checkEvidence, checkProof, parseEvidence, parseProof } from "./proof.js";
import { APPEND_ONLY, COMPLETE, HOLDS, KEY, line, NOT_CHECKED, Report, SIGNED } from "./report.js";
import { UNCHANGED } from "./report.js";
import { judgeKey } from "./verify.js";

// `trust` as in verify.js; `proof` are bytes or null; `beside(name)` promises { cid, length } of the attachment of that
// name as it lies beside the note, or null.
export async function verifyNote(what, data, trust, proof, beside, useBrowser) {
  const report = new Report(what);
  try {
    report.mirror = mirrorName(data);
    if (isHandedIn(data)) return await judgeHandedIn(report, data, useBrowser);
    report.key = keyForNote(data, report.mirror, trust);
    const note = report.key ? await openSigned(data, report.key, useBrowser) : peek(data);
    await judgeOpened(report, note, data, trust, proof, beside, useBrowser);
  } catch (error) {
    if (!isFault(error)) throw error;
    if (error.kind === "newer") await judgeNewer(report, data, trust, error, useBrowser);
    else report.faultFrom(SIGNED, what, error);
  }
  return report;
}

async function judgeOpened(report, note, data, trust, proof, beside, useBrowser) {
  const { key } = report;
  if (key) {
    judgeKey(report, key, trust.isGiven);
    report.say(SIGNED, HOLDS, bySigners(note));
  } else {
    report.say(KEY, NOT_CHECKED, line("key-none-for", { mirror: report.mirror }));
    report.say(SIGNED, NOT_CHECKED, line("signed-unknown-key"));
  }
  const absent = await judgeBeside(report, note, beside);
  report.say(UNCHANGED, HOLDS, line("unchanged-cid", { cid: cidOfRaw(data) }), ...absent);
  report.note = readable(note);
  if (proof && key) await judgeProof(report, note, data, proof, useBrowser);
  else report.say(COMPLETE, NOT_CHECKED, line(proof ? "signed-unknown-key" : "complete-no-log"));
}

function bySigners(note) {
  const isByAuthor = note.word === "testimony" && note.author !== null;
  const article = "aeiou".includes(note.word[0]) ? "an" : "a";
  const words = `${article} ${note.word}, by the mirror${isByAuthor ? ", and by its author's key" : ""}`;
  return line(isByAuthor ? "signed-kind-author" : "signed-kind", { kind: note.word }, words);
}

// Attachments that lie beside the note are compared with what it lists; what is not there is said, in lines.
async function judgeBeside(report, note, beside) {
  const absent = [];
  for (const { name, cid, length } of note.attachments ?? []) {
    const found = await beside(name);
    if (!found) absent.push(line("attachment-not-beside", { name }));
    else if (found.cid !== cid || found.length !== length) {
      report.fault(UNCHANGED, name, "attachment-beside", { found: found.cid, listed: cid });
    } else report.counts.attachments++;
  }
  return absent;
}

async function judgeProof(report, note, data, proof, useBrowser) {
  try {
    const parsed = parseProof(proof);
    const entry = entryOf(note, cidOfRaw(data));
    const listed = await checkProof(parsed, printEntry(entry), report.key, useBrowser);
    checkBelongs(report.key, note.charter ?? entry.cid, entry, note);
    report.checkpoint = listed;
    const place = line("complete-one", { index: parsed.index, size: listed.size });
    report.say(COMPLETE, HOLDS, place, line("complete-one-only"));
  } catch (error) {
    if (!isFault(error)) throw error;
    report.fault(COMPLETE, "the proof", "proof-false", { detail: error.message });
  }
}

// A testimony on its way to the publisher: its author's signature is verified, the mirror's is still to come.
async function judgeHandedIn(report, data, useBrowser) {
  const testimony = await openHandedIn(data, useBrowser);
  report.say(KEY, NOT_CHECKED, line("key-signed-nothing", { mirror: testimony.mirror }));
  report.say(UNCHANGED, HOLDS, line("unchanged-by-author"));
  report.say(SIGNED, NOT_CHECKED, line("signed-author-only", { key: testimony.author.k51 }));
  report.say(COMPLETE, NOT_CHECKED, line("complete-no-list"));
  return report;
}

// Anybody can write that a note is newer; where the key is known, its holder must have.
async function judgeNewer(report, data, trust, newer, useBrowser) {
  try {
    if (trust.named?.vkey) await openNote(data, trust.named, useBrowser);
    report.say(SIGNED, NOT_CHECKED, line("newer-note", { detail: newer.message }));
  } catch (error) {
    if (!isFault(error)) throw error;
    report.faultFrom(SIGNED, report.what, error);
  }
}

function keyForNote(data, name, trust) {
  if (trust.named) return asKey(trust.named, name);
  const note = peek(data);
  return note.word === "charter" ? note.key : null;
}

// The evidence of a fork: where it convinces, `append-only` is false for that key's log.
export async function verifyEvidence(what, data, trust, useBrowser) {
  const report = new Report(what);
  try {
    const evidence = parseEvidence(data);
    const key = keyForLog(evidence.first, trust);
    const both = await checkEvidence(evidence, key, useBrowser);
    [report.mirror, report.key, report.checkpoint] = [key.name, key, both[1]];
    judgeKey(report, key, trust.isGiven);
    report.fault(APPEND_ONLY, "fork", "fork-logs", {});
    for (const { size, rootHash } of both) report.fault(APPEND_ONLY, "fork", "fork-signed", { size, root: rootHash });
  } catch (error) {
    if (!isFault(error)) throw error;
    report.say(APPEND_ONLY, NOT_CHECKED, line("no-fork", { detail: error.message }));
  }
  return report;
}

function keyForLog(signed, trust) {
  const name = decodeUtf8(signed, "the checkpoint").split("\n", 1)[0];
  if (!trust.named) throw malformed(`which key of ${name} it is about has to be said`);
  return asKey(trust.named, name);
}
