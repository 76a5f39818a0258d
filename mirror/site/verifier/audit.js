// A log and all that it lists: steps 6 to 9 of formats.md, section 9.
//
// Entries are read once, in order; every tile is computed anew from them and compared with the one that is there; then
// the notes are read in the order of the log, in step with a walk of /note and of /file, so that what is missing, what
// is other and what is too much is found in one pass. A fault in entries or root hash ends the audit: what rests on
// them is not checked, rather than false.

import { decodeBase64, encodeHex, equalBytes } from "./bytes.js";
import { cidOfRaw } from "./cid.js";
import { checkBelongs } from "./entry.js";
import { isFault } from "./fault.js";
import { Listing } from "./listing.js";
import { Growth, TiledLog } from "./log.js";
import { leafHash } from "./merkle.js";
import { openSigned, peek } from "./notes.js";
import { claimOfBytes, COMPLETE, SIGNED, UNCHANGED } from "./report.js";
import { sha256 } from "./sha2.js";
import { checkFile, comparePaths, filePath, indexOfFile, indexOfNote, inWords, Lockstep, notePath } from "./tree.js";
import { walk } from "./tree.js";

const BATCH = 128; // notes whose signatures are verified at a time

export class Audit {
  // `rules` are { key, charter (its CID), useBrowser }, `run` is { progress(done, total, what), check() }.
  constructor(rules, checkpoint, tree, top, report, run) {
    Object.assign(this, { rules, checkpoint, tree, top, report, run });
    this.size = Number(checkpoint.size);
    this.get = (cid) => tree.get(cid);
    this.reading = ["tile"];
    this.log = new TiledLog(this.size, (path) => this.tree.read((this.reading = path)));
    this.listing = new Listing();
    this.withdrawals = [];
    this.unread = new Set();
  }

  // Read the log and everything it lists; whether it could be read whole.
  async judge() {
    if (!(await this.judgeTiles())) return false;
    await this.applyWithdrawals();
    await this.judgeNotes();
    return true;
  }

  // Steps 6 and 7: entries, tiles, root hash, the rules of entries

  async judgeTiles() {
    const expected = [];
    const growth = new Growth((path, data) => expected.push([path, cidOfRaw(data)]));
    try {
      for await (const [first, entries] of this.log.bundles()) {
        this.run.check();
        for (const [at, data] of entries.entries()) {
          this.takeEntry(first + at, data);
          growth.add(data);
        }
      }
    } catch (error) {
      if (!isFault(error)) throw error;
      this.faultPath(this.reading, error);
      return false;
    }
    const root = growth.close();
    await this.compareTiles(expected.sort(([one], [other]) => comparePaths(one, other)));
    if (equalBytes(root, decodeBase64(this.checkpoint.rootHash))) return true;
    await this.blame();
    return false;
  }

  takeEntry(index, data) {
    const item = `entry #${index}`;
    try {
      const entry = this.listing.add(data);
      if (entry.kind === "withdrawal") this.withdrawals.push(index);
      const isOther = entry.kind === "charter" && entry.cid !== this.rules.charter;
      if (isOther) this.report.fault(COMPLETE, item, "entry-charter");
    } catch (error) {
      if (!isFault(error)) throw error;
      this.unread.add(index);
      if (error.kind === "newer") this.report.newer.push(`#${index}`);
      else this.report.fault(COMPLETE, item, "entry-false", { detail: error.message });
    }
  }

  async compareTiles(expected) {
    const lockstep = this.lockstep("tile");
    for (const [path, listed] of expected) {
      const link = await lockstep.expect(path);
      const item = inWords(path);
      if (link === null) this.report.fault(COMPLETE, item, "tile-missing");
      else if (link.cid !== listed) this.report.fault(COMPLETE, item, "tile-other", { found: link.cid, listed });
      else await this.checkFile(path, link);
    }
    await lockstep.finish();
  }

  async blame() {
    this.report.fault(COMPLETE, "checkpoint", "root-hash-other");
    for await (const [first, entries] of this.log.bundles()) {
      for (const [at, data] of entries.entries()) {
        const item = `entry #${first + at}`;
        if (!(await this.isHashed(first + at, data))) this.report.fault(COMPLETE, item, "entry-other");
      }
    }
  }

  // Whether a tile holds an entry's hash; a tile that cannot be read was named already, and says nothing.
  async isHashed(index, data) {
    try {
      return equalBytes(await this.log.hash(0, index), leafHash(data));
    } catch (error) {
      if (!isFault(error)) throw error;
      return true;
    }
  }

  async applyWithdrawals() {
    for (const index of this.withdrawals) {
      const entry = this.listing.entries[index];
      try {
        const note = await openSigned(await this.get(entry.cid), this.rules.key, this.rules.useBrowser);
        checkBelongs(this.rules.key, this.rules.charter, entry, note);
        for (const [code, params] of this.listing.withdraw(index, note)) this.faultAt(index, code, params);
      } catch (error) {
        if (!isFault(error)) throw error; // named with the other notes; what rests on it is not withdrawn
      }
    }
    this.report.withdrawn = this.listing.withdrawn;
    for (const { withToken } of this.listing.withdrawn.values()) {
      this.report.counts[withToken ? "withToken" : "byPublisher"]++;
    }
  }

  // Steps 8 and 9: notes and attachments

  async judgeNotes() {
    const files = this.lockstep("file");
    for await (const batch of this.batches()) {
      const found = await Promise.all(batch.map(({ index, data }) => this.judgeNote(index, data)));
      for (const [at, { index }] of batch.entries()) {
        if (found[at].error) this.faultNote(index, found[at].error);
        else await this.take(index, found[at], files);
      }
      await this.run.progress(batch[batch.length - 1].index + 1, this.size, "notes");
    }
    await files.finish();
  }

  // The notes that are here, in the order of the log, a batch at a time: { index, data }.
  async *batches() {
    const lockstep = this.lockstep("note");
    let batch = [];
    for (const [index, entry] of this.listing.entries.entries()) {
      if (entry === null || this.listing.withdrawn.has(index)) continue;
      const data = await this.readNote(index, entry.cid, await lockstep.expect(notePath(index)));
      if (data === null) this.unread.add(index);
      else batch.push({ index, data });
      if (batch.length === BATCH) {
        this.run.check();
        yield batch;
        batch = [];
      }
    }
    if (batch.length) yield batch;
    await lockstep.finish();
  }

  async readNote(index, cid, link) {
    const item = inWords(notePath(index));
    if (link === null) {
      this.faultAt(index, "note-missing");
      return null;
    }
    if (link.cid !== cid) {
      this.report.fault(UNCHANGED, item, "note-other", { found: link.cid, listed: cid }, index);
      this.faultAt(index, "note-missing");
      return null;
    }
    try {
      const data = await this.get(cid);
      if (link.size !== BigInt(data.length)) {
        this.report.fault(UNCHANGED, item, "note-length", { length: data.length, size: link.size }, index);
      }
      return data;
    } catch (error) {
      if (!isFault(error)) throw error;
      this.faultNote(index, error);
      return null;
    }
  }

  // Whether a note is what its entry says: what the rules need of it, or the fault.
  async judgeNote(index, data) {
    try {
      const note = await openSigned(data, this.rules.key, this.rules.useBrowser);
      checkBelongs(this.rules.key, this.rules.charter, this.listing.entries[index], note);
      return { error: null, textHash: encodeHex(sha256(note.signed)), note };
    } catch (error) {
      if (!isFault(error)) throw error;
      return { error };
    }
  }

  async take(index, { textHash, note }, files) {
    const { translationOf = null, replaces = null, attachments = [] } = note;
    const authorKey = note.author?.k51 ?? null;
    const found = { textHash, authorKey, translationOf, replaces };
    const problems = await this.listing.take(index, found, (before) => this.authorAt(before));
    for (const [code, params] of problems) this.faultAt(index, code, params);
    const listed = attachments.map((each) => ({ ...each, path: filePath(index, each.name) }));
    for (const each of listed.sort((one, other) => comparePaths(one.path, other.path))) {
      await this.judgeAttachment(index, each, files);
    }
    if (!this.listing.isTestimony(index) || problems.length) return;
    this.report.counts.testimonies++;
    if (authorKey) this.report.counts.byAuthors++;
  }

  async judgeAttachment(index, { path, cid, length }, files) {
    const link = await files.expect(path);
    const item = inWords(path);
    if (link === null) {
      this.report.fault(COMPLETE, item, "attachment-missing", {}, index);
    } else if (link.cid !== cid) {
      this.report.fault(UNCHANGED, item, "attachment-other", { found: link.cid, listed: cid }, index);
    } else {
      const found = await this.checkFile(path, link);
      if (found !== null && found !== length) {
        this.report.fault(UNCHANGED, item, "attachment-length", { length: found, listed: length }, index);
      } else if (!this.report.notHeld.has(index)) {
        this.report.counts.attachments++;
      }
    }
  }

  async authorAt(index) {
    try {
      return peek(await this.tree.read(notePath(index))).author?.k51 ?? null;
    } catch (error) {
      if (!isFault(error)) throw error;
      return null;
    }
  }

  // Faults

  lockstep(name) {
    const link = this.top.get(name);
    const found = link ? walk(link, this.get, (path, error) => this.faultPath(path, error), [name]) : null;
    return new Lockstep(found, (each) => this.extra(each));
  }

  // A file that nothing expects. Of what could not be read nobody knows what belongs to it.
  async extra({ path, link }) {
    const index = path[0] === "note" ? indexOfNote(path) : indexOfFile(path);
    if (index !== null && this.unread.has(index)) await this.checkFile(path, link);
    else if (index !== null && this.listing.withdrawn.has(index)) {
      this.report.fault(UNCHANGED, inWords(path), "still-here", { index });
    } else this.report.fault(UNCHANGED, inWords(path), "no-place");
  }

  // The length of a file's content; null where it is not as it has to be, and that was noted.
  async checkFile(path, link) {
    try {
      return await checkFile(link, this.get);
    } catch (error) {
      if (!isFault(error)) throw error;
      const index = indexOfFile(path);
      if (error.kind === "notheld" && index !== null) this.report.notHeld.add(index);
      else this.faultPath(path, error);
      return null;
    }
  }

  faultPath(path, error) {
    this.report.faultFrom(claimOfBytes(error), inWords(path), error);
  }

  faultAt(index, code, params = {}) {
    this.report.fault(COMPLETE, inWords(notePath(index)), code, params, index);
  }

  faultNote(index, error) {
    const item = inWords(notePath(index));
    this.unread.add(index);
    if (error.kind === "notheld" && this.listing.isTestimony(index)) this.report.notHeld.add(index);
    else if (error.kind === "newer") this.report.newer.push(`#${index}`);
    else if (claimOfBytes(error) === COMPLETE) this.faultAt(index, "note-missing-block", { detail: error.message });
    else if (error.kind === "badblock") {
      this.report.fault(UNCHANGED, item, "note-damaged", { detail: error.message }, index);
      this.faultAt(index, "note-missing");
    } else {
      const claim = error.kind === "malformed" || error.kind === "badsignature" ? SIGNED : COMPLETE;
      this.report.faultFrom(claim, item, error, "note", index);
    }
  }
}
