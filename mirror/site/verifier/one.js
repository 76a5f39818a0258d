// One testimony out of a tree, by its path: formats.md, section 9, "One testimony by its path".
//
// Only the blocks that its proof needs are read. Left out, and said: every other entry and note, whether a later entry
// withdraws this one, and what the reader saw of the log before.

import { decodeBase64 } from "./bytes.js";
import { checkBlock, cidOfRaw } from "./cid.js";
import { openCheckpoint } from "./checkpoint.js";
import { checkBelongs, parseEntry } from "./entry.js";
import { Fault, isFault, unverified } from "./fault.js";
import { asKey } from "./key.js";
import { TiledLog } from "./log.js";
import { checkInclusion, leafHash } from "./merkle.js";
import { openAs, openCharter, readable } from "./notes.js";
import { claimOfBytes, COMPLETE, HOLDS, line, NOT_CHECKED, Report, SIGNED, UNCHANGED } from "./report.js";
import { checkFile, filePath, INDEX_AT_MOST, indexOfNote, inWords, notePath, Tree } from "./tree.js";
import { judgeKey } from "./verify.js";

// Judge the testimony whose note lies at `path`; `evidence`, `trust` and `run` as in verify.js.
export async function verifyOne(evidence, path, trust, run) {
  const index = indexOfNote(path);
  if (index === null) throw new Fault("refused", `${inWords(path)} is not where a note lies`);
  const report = new Report(evidence.what);
  report.rootCid = evidence.root;
  if ((evidence.expectedRoot ?? evidence.root) !== evidence.root) {
    report.fault(UNCHANGED, "/", "root-other", { found: evidence.root, listed: evidence.expectedRoot });
  }
  const at = { item: "edition.txt" };
  try {
    const edition = await openEdition(evidence, trust, run);
    [report.key, report.mirror, report.edition] = [edition.key, edition.key.name, edition.page.edition];
    report.checkpoint = edition.checkpoint;
    judgeKey(report, edition.key, trust.isGiven);
    await checkItems(edition);
    at.item = "tile";
    const entry = await provenEntry(edition, index);
    at.item = inWords(path);
    await judgeListed(report, edition, index, entry, run);
  } catch (error) {
    if (!isFault(error)) throw error;
    const claim = { badsignature: SIGNED, badproof: COMPLETE }[error.kind] ?? claimOfBytes(error);
    report.faultFrom(claim, at.item, error, "item", index);
  }
  return report;
}

// The signed pages of a tree, checked against the key and against each other: steps 3 to 5.
async function openEdition({ root, get }, { named }, { useBrowser }) {
  const tree = new Tree(root, get);
  const data = await tree.read(["charter.txt"]);
  const charter = await openCharter(data, useBrowser);
  const key = named ? asKey(named, charter.mirror) : charter.key;
  if (named && !named.vkey && named.k51 !== charter.key.k51) {
    throw new Fault("badsignature", `the charter's key is ${charter.key.k51}, not ${named.k51}`);
  }
  const checkpoint = await openCheckpoint(await tree.read(["checkpoint"]), key, useBrowser);
  const page = await openAs("edition", await tree.read(["edition.txt"]), key, useBrowser);
  const charterCid = cidOfRaw(data);
  if (charter.key.vkey !== key.vkey) throw unverified(`the charter gives another key, ${charter.key.vkey}`);
  if (page.mirror !== key.name) throw unverified(`edition.txt is of the mirror ${page.mirror}, not ${key.name}`);
  if (page.charter !== charterCid) throw unverified("edition.txt was signed for another charter");
  if (page.size !== checkpoint.size || page.rootHash !== checkpoint.rootHash) {
    throw unverified("checkpoint is not the one that edition.txt states");
  }
  return { tree, key, charterCid, checkpoint, page };
}

// The signed table of contents is that of this very tree, so whatever hangs below it is signed too.
async function checkItems({ tree, page }) {
  const top = await tree.entries(tree.root);
  const isSame = page.items.length === top.size - 1 && page.items.every(({ name, cid }) => top.get(name)?.cid === cid);
  if (!isSame) throw unverified("edition.txt lists other items than are here");
}

// The entry at an index, once its inclusion is proven by the tiles.
async function provenEntry({ tree, checkpoint }, index) {
  const { size } = checkpoint;
  if (size > BigInt(INDEX_AT_MOST) + 1n) {
    throw new Fault("refused", `a log of ${size} entries, which this page cannot read`);
  }
  if (BigInt(index) >= size) throw new Fault("refused", `#${index} is not in this log, which has ${size} entries`);
  const log = new TiledLog(Number(size), (path) => tree.read(path));
  const data = await log.entry(index);
  const root = decodeBase64(checkpoint.rootHash);
  checkInclusion(BigInt(index), size, leafHash(data), await log.inclusion(index), root);
  const entry = parseEntry(data);
  if (entry.kind !== "testimony") throw new Fault("refused", `#${index} is a ${entry.kind}, not a testimony`);
  return entry;
}

async function judgeListed(report, edition, index, entry, { useBrowser }) {
  const { tree, key, charterCid, checkpoint } = edition;
  if (!(await tree.find(notePath(index)))) {
    for (const claim of [UNCHANGED, SIGNED, COMPLETE]) report.say(claim, NOT_CHECKED, line("not-here", { index }));
    return;
  }
  const data = await checkBlock(entry.cid, await tree.read(notePath(index)));
  const note = await openAs("testimony", data, key, useBrowser);
  checkBelongs(key, charterCid, entry, note);
  for (const { name, cid, length } of note.attachments) {
    const link = await tree.link(filePath(index, name));
    if (link.cid !== cid) throw unverified(`${name} is not what the testimony lists: its CID is ${link.cid}`);
    if ((await checkFile(link, tree.get)) !== length) {
      throw unverified(`${name} has not the ${length} bytes that the testimony lists`);
    }
  }
  const attachments = note.attachments.length;
  [report.counts.testimonies, report.counts.attachments] = [1, attachments];
  const params = { cid: entry.cid, attachments };
  report.say(UNCHANGED, HOLDS, line(attachments ? "unchanged-cid-files" : "unchanged-cid", params));
  report.say(SIGNED, HOLDS, line(note.author ? "signed-mirror-author" : "signed-mirror"));
  const place = line("complete-one", { index, size: checkpoint.size });
  report.say(COMPLETE, HOLDS, place, line("complete-one-later"));
  report.note = readable(note);
}
