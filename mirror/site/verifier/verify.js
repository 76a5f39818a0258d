// A whole tree, judged in the order of formats.md, section 9.
//
//    1   the key, and who says that it is the mirror's
//    2   every block by its CID (by whoever `get`s it); every folder block as the profile makes it
//    3   /edition.txt   4  /charter.txt   5  /checkpoint
//    6 to 9   the log and what it lists (audit.js)
//   10   the announcement        11   what the reader saw before (seen.js)
//   12   outside clocks: this page checks none, and says so

import { Audit } from "./audit.js";
import { compareText } from "./bytes.js";
import { cidOfRaw, isDagPb } from "./cid.js";
import { openCheckpoint } from "./checkpoint.js";
import { Fault, isFault, malformed, unverified } from "./fault.js";
import { asKey } from "./key.js";
import { openNote } from "./note.js";
import { openAs, openCharter } from "./notes.js";
import { claimOfBytes, COMPLETE, EXISTED_BY, HOLDS, KEY, line, NOT_CHECKED, Report } from "./report.js";
import { SIGNED, UNCHANGED } from "./report.js";
import { judgeSeen } from "./seen.js";
import { settleClaims } from "./settle.js";
import { checkFile, INDEX_AT_MOST, inWords, isAnchor, READING_ROOM, TOP_LEVEL, Tree, walk } from "./tree.js";

const PAGES = ["edition.txt", "charter.txt", "checkpoint"];

// Step 1, for whoever knows the key: that it was given for once, or that nobody has confirmed it.
export function judgeKey(report, key, isGiven) {
  if (isGiven) report.say(KEY, HOLDS, line("key-given", { key: key.k51 }));
  else report.say(KEY, NOT_CHECKED, line("key-unconfirmed", { key: key.k51, name: key.name }), line("key-compare"));
}

// Judge a tree. `evidence` is { what, root, get, announcement, expectedRoot }, `trust` is { named (a key or null),
// isGiven, seen (an announcement's bytes or null) }, `run` is { useBrowser, progress(done, total, what), check() }.
export async function verifyTree(evidence, trust, run) {
  const verification = new Verification(evidence, trust, run);
  try {
    await verification.judge();
  } catch (error) {
    if (!verification.report.isFull || error.kind !== "refused") throw error;
    settleClaims(verification.report, null, false);
  }
  return verification.report;
}

class Verification {
  constructor(evidence, trust, run) {
    this.report = new Report(evidence.what);
    this.report.rootCid = evidence.root;
    this.evidence = evidence;
    this.trust = trust;
    this.run = run;
    this.tree = new Tree(evidence.root, evidence.get);
    this.passed = new Set();
    this.once = new Set();
  }

  async judge() {
    const top = await this.openTop();
    const key = top && (await this.findKey());
    this.report.verifier = top?.get("verify.html")?.cid ?? null;
    if (!top || !key) {
      await this.walkOthers(top ?? new Map(), null);
      settleClaims(this.report, null, false);
      return;
    }
    [this.report.key, this.report.mirror] = [key, key.name];
    judgeKey(this.report, key, this.trust.isGiven);
    const edition = await this.judgeEdition(key, top);
    const charter = await this.judgeCharter(key, edition);
    const checkpoint = await this.judgeCheckpoint(key, edition);
    const pages = edition && charter && checkpoint ? { edition, charter, checkpoint } : null;
    const isWhole = await this.judgeLog(key, charter, checkpoint, top);
    await this.walkOthers(top, checkpoint);
    this.judgeItems(edition, top);
    await this.judgeAnnouncement(key, edition, checkpoint);
    const here = edition && checkpoint && isWhole ? { checkpoint, tree: this.tree, isAsListed: this.isAsListed } : null;
    await judgeSeen(this.report, key, this.trust.seen, here, this.run.useBrowser);
    this.report.say(EXISTED_BY, NOT_CHECKED, line("no-clocks"));
    settleClaims(this.report, pages, isWhole);
  }

  // Steps 1 and 2: the root, the key

  async openTop() {
    const { root, expectedRoot = null } = this.evidence;
    if (expectedRoot !== null && expectedRoot !== root) {
      this.report.fault(UNCHANGED, "/", "root-other", { found: root, listed: expectedRoot });
    }
    return this.orFault(["/"], async () => {
      if (!isDagPb(root)) throw malformed(`${root} is no index hash: it does not name a folder of ours`);
      return this.tree.entries(root);
    }).then((top) => {
      if (!top) this.report.say(KEY, NOT_CHECKED, line("key-no-tree"));
      return top;
    });
  }

  // What a step gives that reads bytes at a path; null, and a fault noted, where they are not as they have to be.
  async orFault(path, step) {
    try {
      return await step();
    } catch (error) {
      if (!isFault(error)) throw error;
      this.faultBytes(path, error);
      return null;
    }
  }

  // What a step gives that judges a signed page; null, and its fault noted, where it fails.
  async attempt(item, step) {
    try {
      return await step();
    } catch (error) {
      if (!isFault(error)) throw error;
      if (error.kind === "newer") this.report.newer.push(item);
      else this.report.faultFrom(SIGNED, item, error);
      return null;
    }
  }

  readPage(name) {
    return this.orFault([name], () => this.tree.read([name]));
  }

  faultBytes(path, error) {
    this.report.faultFrom(claimOfBytes(error), inWords(path), error);
  }

  async findKey() {
    const { named } = this.trust;
    if (named?.vkey) return named;
    const data = await this.readPage("charter.txt");
    const charter = data && (await this.attempt("charter.txt", () => openCharter(data, this.run.useBrowser)));
    if (charter) return named ? this.attempt("key", async () => asKey(named, charter.mirror)) : charter.key;
    this.report.say(KEY, NOT_CHECKED, line("key-none"));
    return null;
  }

  // Steps 3 to 5: the three signed pages

  async judgeEdition(key, top) {
    this.passed.add("edition.txt");
    const data = await this.readPage("edition.txt");
    const edition = data && (await this.attempt("edition.txt", () => this.openPage("edition", data, key)));
    if (!edition) return null;
    this.report.edition = edition.edition;
    const listed = new Set(edition.items.map((item) => item.name));
    for (const name of listed) {
      if (!top.has(name)) this.report.fault(COMPLETE, name, "listed-not-here");
    }
    const names = [...new Set([...top.keys(), ...listed])].sort(compareText);
    for (const name of names) {
      const item = inWords([name]);
      if (name !== "edition.txt" && !listed.has(name)) this.report.fault(UNCHANGED, item, "not-listed");
      if (!TOP_LEVEL.has(name)) this.report.fault(UNCHANGED, item, "no-place-top");
    }
    return edition;
  }

  // A signed page, which also has to name the mirror of its key. That it is newer only the key's holder can say.
  async openPage(word, data, key) {
    let page = null;
    try {
      page = await openAs(word, data, key, this.run.useBrowser);
    } catch (error) {
      if (error.kind === "newer") await openNote(data, key, this.run.useBrowser);
      throw error;
    }
    if (page.mirror !== key.name) throw unverified(`it is of the mirror ${page.mirror}, not ${key.name}`);
    return page;
  }

  async judgeCharter(key, edition) {
    this.passed.add("charter.txt");
    const data = await this.readPage("charter.txt");
    if (!data) return null;
    return this.attempt("charter.txt", async () => {
      const charter = await openCharter(data, this.run.useBrowser);
      if (charter.key.vkey !== key.vkey) {
        throw new Fault("badsignature", `it is the charter of another key, ${charter.key.k51}`);
      }
      charter.cid = cidOfRaw(data);
      if (edition && edition.charter !== charter.cid) {
        throw unverified(`edition.txt was signed for another charter, ${edition.charter}`);
      }
      return charter;
    });
  }

  async judgeCheckpoint(key, edition) {
    this.passed.add("checkpoint");
    const data = await this.readPage("checkpoint");
    if (!data) return null;
    const checkpoint = await this.attempt("checkpoint", async () => {
      const found = await openCheckpoint(data, key, this.run.useBrowser);
      if (found.size > BigInt(INDEX_AT_MOST) + 1n) {
        throw new Fault("newer", `a log of ${found.size} entries, which this version cannot read`);
      }
      return found;
    });
    if (!checkpoint) return null;
    this.report.checkpoint = checkpoint;
    if (edition && (edition.size !== checkpoint.size || edition.rootHash !== checkpoint.rootHash)) {
      this.report.fault(SIGNED, "checkpoint", "checkpoint-other");
    }
    return checkpoint;
  }

  // Steps 6 to 9, and whatever else lies in the tree

  // Whether the whole log could be read; only then is anything said about what it lists.
  async judgeLog(key, charter, checkpoint, top) {
    if (!charter || !checkpoint) return false;
    const rules = { key, charter: charter.cid, useBrowser: this.run.useBrowser };
    if (!(await new Audit(rules, checkpoint, this.tree, top, this.report, this.run).judge())) return false;
    for (const name of ["tile", "note", "file"]) this.passed.add(name);
    return true;
  }

  async walkOthers(top, checkpoint) {
    for (const name of [...top.keys()].filter((each) => !this.passed.has(each)).sort(compareText)) {
      if (PAGES.includes(name)) {
        await this.readPage(name);
      } else {
        await this.readAll(name, top.get(name), checkpoint);
        if (READING_ROOM.includes(name)) this.report.counts.pages++;
      }
    }
  }

  async readAll(name, link, checkpoint) {
    const report = (path, error) => this.faultBytes(path, error);
    for await (const found of walk(link, this.evidence.get, report, [name], this.once)) {
      this.run.check();
      await this.checkOther(found, name);
      if (name === "anchor" && checkpoint && !isAnchor(found.path, Number(checkpoint.size))) {
        this.report.fault(UNCHANGED, inWords(found.path), "anchor-no-place");
      }
    }
  }

  async checkOther({ path, link }, name) {
    try {
      await checkFile(link, this.evidence.get);
    } catch (error) {
      if (!isFault(error)) throw error;
      if (error.kind === "notheld" && READING_ROOM.includes(name)) this.report.pagesNotHeld++;
      else this.faultBytes(path, error);
    }
  }

  // Whatever differs from the signed table of contents and was not found to differ below is named here.
  judgeItems(edition, top) {
    const named = new Set(this.report.faults.map((fault) => fault.item.split("/")[0]));
    const items = edition?.items ?? [];
    const others = items.filter((item) => top.get(item.name)?.cid !== item.cid);
    this.isAsListed = edition !== null && !others.length && items.length === top.size - 1;
    for (const { name, cid } of others) {
      if (top.has(name) && !named.has(name)) {
        this.report.fault(UNCHANGED, name, "not-as-listed", { found: top.get(name).cid, listed: cid });
      }
    }
  }

  // Step 10

  async judgeAnnouncement(key, edition, checkpoint) {
    const data = this.evidence.announcement;
    if (!data) return;
    const note = await this.attempt("announcement.txt", () => this.openPage("announcement", data, key));
    if (!note || !edition || !checkpoint) return;
    const isThis =
      note.charter === edition.charter &&
      note.rootCid === this.report.rootCid &&
      note.edition === edition.edition &&
      note.size === checkpoint.size &&
      note.rootHash === checkpoint.rootHash;
    if (isThis) return;
    const params = { edition: note.edition, root: note.rootCid };
    this.report.fault(SIGNED, "announcement.txt", "announcement-other", params);
  }
}
