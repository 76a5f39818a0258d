// What a verification establishes: claims, each with its state and its lines, and every item that is bad.
//
//   key          this is the key that the reader goes by
//   unchanged    every byte hashes to the CID it was asked by, and every folder is as it has to be
//   signed       by that key, and by the author's own where there is one
//   complete     everything this log lists is here, except what was withdrawn (not: that everything was listed)
//   append-only  this log contains the one that the reader saw before
//   existed by   a day, from an outside clock
//
// A claim holds only where its check was made and no fault was found. What rests on a failed step is not checked,
// rather than false.

import { compareText } from "./bytes.js";
import { inEnglish } from "./codes.js";
import { Fault } from "./fault.js";

export const KEY = "key";
export const UNCHANGED = "unchanged";
export const SIGNED = "signed";
export const COMPLETE = "complete";
export const APPEND_ONLY = "append-only";
export const EXISTED_BY = "existed by";
const CLAIMS = [KEY, UNCHANGED, SIGNED, COMPLETE, APPEND_ONLY, EXISTED_BY];
export const HOLDS = "holds";
export const FALSE = "false";
export const NOT_CHECKED = "not checked";

const ALWAYS_ASKED = [KEY, UNCHANGED, SIGNED, COMPLETE];
const UNTOLD = ["older-edition", "seen-not-announced"]; // of `append-only`, where the reader asked for it
const FAULTS_AT_MOST = 10000;

// A line of a report; `words` only where English needs more than its parameters in their places.
export function line(code, params = {}, words = null) {
  const plain = {};
  for (const [name, value] of Object.entries(params)) {
    plain[name] = typeof value === "bigint" ? String(value) : value;
  }
  return { code, params: plain, words: words ?? inEnglish(code, plain) };
}

export function many(count, one, more) {
  return `${count} ${count === 1 ? one : more}`;
}

export class Report {
  constructor(what) {
    this.what = what;
    this.mirror = "";
    this.key = null;
    this.edition = 0n;
    this.rootCid = null;
    this.checkpoint = null;
    this.said = new Map();
    this.faults = [];
    this.withdrawn = new Map();
    this.newer = [];
    this.notHeld = new Set(); // indexes; and how many files of the reading room
    this.pagesNotHeld = 0;
    this.note = null;
    this.verifier = null; // the CID of the tree's own verify.html
    this.counts = { testimonies: 0, attachments: 0, byAuthors: 0, pages: 0, withToken: 0, byPublisher: 0 };
  }

  // Settle a claim. A fault that was found outweighs whatever is said.
  say(claim, state, ...lines) {
    this.said.set(claim, { claim, state, lines });
  }

  // Note something false; refused where so much is false already that looking further helps nobody.
  fault(claim, item, code, params = {}, index = null) {
    if (this.isFull) throw new Fault("refused", `more than ${FAULTS_AT_MOST} things are false`);
    const about = index === null ? { item, ...params } : { item, index, ...params };
    this.faults.push({ claim, item, index, ...line(code, about) });
  }

  // Note that bytes or a page are not as they have to be, in the words of what was thrown.
  faultFrom(claim, item, error, prefix = "item", index = null) {
    const kind = { notheld: "missing", badproof: "unverified", forked: "unverified" }[error.kind] ?? error.kind;
    this.fault(claim, item, `${prefix}-${kind}`, { detail: error.message }, index);
  }

  get isFull() {
    return this.faults.length >= FAULTS_AT_MOST;
  }

  verdict(claim) {
    const found = this.faults.filter((fault) => fault.claim === claim);
    if (found.length) {
      const lines = found.map(({ code, params, words }) => ({ code, params, words }));
      const isFirst = ({ words }, at) => lines.findIndex((each) => each.words === words) === at;
      return { claim, state: FALSE, lines: lines.length > 1000 ? lines : lines.filter(isFirst) };
    }
    return this.said.get(claim) ?? { claim, state: NOT_CHECKED, lines: [line("nothing-said")] };
  }

  holds(claim) {
    return this.verdict(claim).state === HOLDS;
  }

  // 0 where every claim asked for holds, 1 where one is false, 3 where one could not be told.
  exitCode() {
    const verdicts = CLAIMS.map((claim) => this.verdict(claim));
    if (verdicts.some(({ state }) => state === FALSE)) return 1;
    const isOpen = verdicts.some(({ claim, state }) => ALWAYS_ASKED.includes(claim) && state !== HOLDS);
    const isUntold = UNTOLD.includes(this.said.get(APPEND_ONLY)?.lines[0]?.code);
    return isOpen || isUntold ? 3 : 0;
  }

  // The report as plain values. A note is in it only where what was asked of it holds, and nothing at all is false.
  toJson() {
    const isShown = !this.faults.length && this.holds(UNCHANGED) && this.holds(SIGNED);
    const bad = (name) => [...new Set(this.faults.map((fault) => fault[name]))].filter((each) => each !== null);
    return {
      what: this.what,
      mirror: this.mirror || null,
      key: this.key?.k51 ?? null,
      vkey: this.key?.vkey ?? null,
      edition: this.edition ? asNumber(this.edition) : null,
      size: this.checkpoint ? asNumber(this.checkpoint.size) : null,
      indexHash: this.rootCid,
      claims: CLAIMS.map((claim) => this.verdict(claim)),
      faults: this.faults,
      withdrawn: [...this.withdrawn].map(([index, each]) => ({ index, ...each })).sort((a, b) => a.index - b.index),
      newer: this.newer,
      verifier: this.verifier,
      notHeld: [...this.notHeld].sort((a, b) => a - b),
      counts: this.counts,
      badItems: bad("item").sort(compareText),
      badIndexes: bad("index").sort((a, b) => a - b),
      note: isShown ? this.note : null,
      exitCode: this.exitCode(),
      error: null,
    };
  }
}

// A number as JSON has it; as text where it is larger than a page counts.
function asNumber(value) {
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : String(value);
}

// Which claim a block, file or folder breaks that is not as it has to be: an absent one `complete`.
export function claimOfBytes(error) {
  return error.kind === "missing" || error.kind === "notheld" ? COMPLETE : UNCHANGED;
}
