// The entries of a log as they come, and the rules that they keep among themselves: formats.md, section 3, rules 1 to 4
// and 6. Nothing here reads anything.

import { encodeHex } from "./bytes.js";
import { parseEntry } from "./entry.js";
import { unverified } from "./fault.js";
import { sha256 } from "./sha2.js";

export class Listing {
  constructor() {
    this.entries = []; // what each entry says; null for one that is false, or of a newer version
    this.indexes = new Map(); // where each CID is listed
    this.texts = new Set(); // the hash of each note's signed text
    this.withdrawn = new Map(); // by index: { by, withToken, reason }
  }

  isTestimony(index) {
    return this.entries[index]?.kind === "testimony";
  }

  // The next entry. Throws for a false one, and a newer Fault for one of a newer version; both keep their index.
  add(data) {
    const index = this.entries.push(null) - 1;
    const entry = this.parse(data, index);
    if ((entry.kind === "charter") !== (index === 0)) {
      throw unverified(index ? "a second charter" : "the first entry is no charter");
    }
    if (this.indexes.has(entry.cid)) throw unverified(`the note ${entry.cid} is listed twice`);
    this.indexes.set(entry.cid, index);
    this.entries[index] = entry;
    return entry;
  }

  parse(data, index) {
    try {
      return parseEntry(data);
    } catch (error) {
      throw index === 0 && error.kind === "newer" ? unverified("the first entry is no charter") : error;
    }
  }

  // Apply a withdrawal that is listed at `by`. What is wrong with it, as [code, params]; a withdrawal that is false in
  // one index is applied to none.
  withdraw(by, note) {
    const problems = note.indexes.map((index) => this.flawOfWithdrawal(by, index, note)).filter((each) => each);
    if (!problems.length) {
      const how = { by, withToken: note.token !== null, reason: note.reason };
      for (const index of note.indexes) this.withdrawn.set(Number(index), how);
    }
    return problems;
  }

  flawOfWithdrawal(by, which, note) {
    const index = which < BigInt(by) ? Number(which) : -1;
    if (!this.isTestimony(index)) return ["withdraws-none", { which }];
    if (this.withdrawn.has(index)) return ["withdraws-again", { which, before: this.withdrawn.get(index).by }];
    if (note.token !== null && encodeHex(sha256(note.token)) !== this.entries[index].withdrawal) {
      return ["withdraws-token", { which }];
    }
    return null;
  }

  // Take a note in the order of the log: { textHash, authorKey, translationOf, replaces }. What is wrong with it among
  // those before it, as [code, params]. `authorAt(index)` promises the author's k51 of an earlier one, or null.
  async take(index, note, authorAt) {
    const problems = [];
    if (this.texts.has(note.textHash)) problems.push(["text-twice", {}]);
    this.texts.add(note.textHash);
    if (note.translationOf && this.earlier(note.translationOf, index) === null) {
      problems.push(["translates-none", { cid: note.translationOf }]);
    }
    if (!note.replaces) return problems;
    const before = this.earlier(note.replaces, index);
    if (before === null) return [...problems, ["replaces-none", { cid: note.replaces }]];
    const author = await authorAt(before);
    if (author !== null && author !== note.authorKey) problems.push(["replaces-other", { before }]);
    return problems;
  }

  // Where a testimony is listed that stands before another; null where it is not.
  earlier(cid, index) {
    const found = this.indexes.get(cid);
    return found !== undefined && found < index && this.isTestimony(found) ? found : null;
  }
}
