// The folder that an index hash names: paths, reading, walking. formats.md, section 4.
//
// Paths are lists of names here, and text with slashes where people read them. An entry is { name, cid, size }.

import { compareText } from "./bytes.js";
import { isRaw } from "./cid.js";
import { inAscii, isFault, malformed, missing, nameInWords } from "./fault.js";
import { folderSize, measureFile, openFolder, openFolderOrFile } from "./unixfs.js";

export const READING_ROOM = ["index.html", "page", "language", "tag", "verify.html", "style.css", "feed.xml"];
export const TOP_LEVEL = new Set([
  ...["edition.txt", "charter.txt", "checkpoint", "tile", "note", "file", "anchor"],
  ...READING_ROOM,
]);
export const INDEX_AT_MOST = 10 ** 8 - 1;

const DEPTH_AT_MOST = 16;
const FOLDERS_HELD = 64;
const ANCHOR = /^(?:checkpoint\.txt(?:\.ots)?|ethereum-[1-9][0-9]{0,17}\.json)$/;

// Paths

function numberPath(number) {
  return String(number).padStart(8, "0").match(/../g);
}

export function notePath(index) {
  const [one, two, three, last] = numberPath(index);
  return ["note", one, two, three, `${last}.txt`];
}

export function filePath(index, name) {
  return ["file", ...numberPath(index), name];
}

// The index whose note lies at a path; null for a path where none does.
export function indexOfNote(path) {
  const found = /^note\/([0-9]{2})\/([0-9]{2})\/([0-9]{2})\/([0-9]{2})\.txt$/.exec(path.join("/"));
  return found && path.length === 5 ? Number(found.slice(1).join("")) : null;
}

// The index of the testimony whose attachment lies at a path; null for a path where none does.
export function indexOfFile(path) {
  return numberIn("file", path);
}

function numberIn(top, path) {
  const inside = path.length === 6 && path[0] === top && path.slice(1, 5).every((each) => /^[0-9]{2}$/.test(each));
  return inside ? Number(path.slice(1, 5).join("")) : null;
}

// Whether a proof for a checkpoint of `size` entries or fewer may lie at a path.
export function isAnchor(path, size) {
  const number = numberIn("anchor", path) ?? 0;
  return number > 0 && number <= size && ANCHOR.test(path[5]);
}

export function inWords(path) {
  return path.map(nameInWords).join("/");
}

// The order in which a walk meets paths: by the bytes of each name in turn.
export function comparePaths(one, other) {
  for (let at = 0; at < Math.min(one.length, other.length); at++) {
    const order = compareText(one[at], other[at]);
    if (order) return order;
  }
  return one.length - other.length;
}

// Reading by path

export class Tree {
  constructor(root, get) {
    this.root = root;
    this.get = get;
    this.folders = new Map();
  }

  // What a folder of ours holds, by name.
  async entries(cid) {
    const found = this.folders.get(cid) ?? new Map(openFolder(await this.get(cid)).map((link) => [link.name, link]));
    this.folders.delete(cid);
    this.folders.set(cid, found);
    if (this.folders.size > FOLDERS_HELD) this.folders.delete(this.folders.keys().next().value);
    return found;
  }

  // The entry that a path leads to; null where a name on the way is absent.
  async find(path) {
    let [found, cid] = [null, this.root];
    for (const name of path) {
      found = isRaw(cid) ? undefined : (await this.entries(cid)).get(name);
      if (!found) return null;
      cid = found.cid;
    }
    return found;
  }

  async link(path) {
    const found = await this.find(path);
    if (!found) throw missing(`${inWords(path)} is not in this tree`);
    return found;
  }

  // The bytes of a file that is one block, as notes, tiles and bundles are.
  async read(path) {
    const link = await this.link(path);
    if (!isRaw(link.cid)) throw malformed(`${inWords(path)} is not one raw block`);
    const data = await this.get(link.cid);
    if (link.size !== BigInt(data.length)) {
      throw malformed(`${inWords(path)} has ${data.length} bytes, its folder says ${link.size}`);
    }
    return data;
  }
}

// Walking

// Every file at and below `link` in the order of paths, as { path, link }, every folder's block checked on the way.
// What is missing or not ours is told to `report(path, fault)` and passed over. With `once`, a Set, so is what was met
// before: folders that link to one another in great numbers make more paths than anyone could walk.
export async function* walk(link, get, report, path = [], once = null) {
  const waiting = [{ link, path }];
  while (waiting.length) {
    const here = waiting.pop();
    if (once) {
      const name = `${here.link.cid} ${here.link.size}`;
      if (once.has(name)) continue;
      once.add(name);
    }
    let links = null;
    try {
      links = isRaw(here.link.cid) ? null : await openWalked(here.link, get, here.path.length);
    } catch (error) {
      if (!isFault(error)) throw error;
      report(here.path, error);
      continue;
    }
    if (links === null) yield here;
    else for (const below of [...links].reverse()) waiting.push({ link: below, path: [...here.path, below.name] });
  }
}

async function openWalked(link, get, depth) {
  const block = await get(link.cid);
  const links = openFolderOrFile(block);
  if (links === null) return null;
  if (depth > DEPTH_AT_MOST) throw malformed(`it lies more than ${DEPTH_AT_MOST} folders deep`);
  if (!links.length) throw malformed("it is an empty folder, which has no place here");
  const wrong = links.find(({ name }) => ["", ".", ".."].includes(name) || /[/\0]/.test(name));
  if (wrong) throw malformed(`it holds an entry with a name that cannot be one: ${inAscii(wrong.name)}`);
  const size = folderSize(block, links);
  if (size !== link.size) throw malformed(`its folder says that ${link.size} bytes lie below it, and ${size} do`);
  return links;
}

// Judge a whole file; its length. Throws where a block or a claim of size is not as it has to be.
export async function checkFile(link, get) {
  const { size, length } = await measureFile(link.cid, get);
  if (size !== link.size) {
    throw malformed(`its folder says that its blocks have ${link.size} bytes, and they have ${size}`);
  }
  return length;
}

// Compares a walk with what should be there, both in the order of paths, neither held in memory. `extra` takes each
// file that is there and was not expected; `found` is null where there is nothing to walk.
export class Lockstep {
  constructor(found, extra) {
    this.found = found;
    this.extra = extra;
    this.next = undefined;
  }

  // The entry at `path`, which should be there; null where it is not. Everything before it is extra.
  async expect(path) {
    await this.pass(path);
    if (!this.next || comparePaths(this.next.path, path) !== 0) return null;
    const { link } = this.next;
    await this.move();
    return link;
  }

  // Nothing more is expected: what is left is extra.
  finish() {
    return this.pass(null);
  }

  async pass(path) {
    if (this.next === undefined) await this.move();
    while (this.next && (path === null || comparePaths(this.next.path, path) < 0)) {
      await this.extra(this.next);
      await this.move();
    }
  }

  async move() {
    const { value, done } = this.found ? await this.found.next() : { done: true };
    this.next = done ? null : value;
  }
}
