// A log's tiles and bundles: where they lie, what they hold, what follows from the entries. formats.md, section 3.
//
//   tile/<level>/<n>[.p/<width>]      width × 32 bytes: hashes of one level of the tree, 256 in a full tile
//   tile/entries/<n>[.p/<width>]      for each entry its length in two bytes, and its bytes

import { concat } from "./bytes.js";
import { malformed } from "./fault.js";
import { joinHashes, leafHash, nodeHash } from "./merkle.js";

const WIDTH = 256;
const ENTRIES = "entries";

function tilePath(level, n, width) {
  const groups = String(n).padStart(3, "0").padStart(Math.ceil(String(n).length / 3) * 3, "0").match(/.../g);
  const names = groups.map((group, at) => (at < groups.length - 1 ? `x${group}` : group));
  if (width < WIDTH) names[names.length - 1] += ".p";
  return ["tile", String(level), ...names, ...(width < WIDTH ? [String(width)] : [])];
}

// How many hashes a level of a log of `size` entries has; sizes are below 2^53 here.
function hashesAt(level, size) {
  return Math.floor(size / WIDTH ** level);
}

function widthOf(n, hashes) {
  return Math.min(WIDTH, hashes - n * WIDTH);
}

// Reading

// Reads a log out of its tiles; `read(path)` gives their bytes. Each is checked for its form, and not for its hashes.
export class TiledLog {
  constructor(size, read) {
    this.size = size;
    this.read = read;
    this.held = new Map();
  }

  // The entries bundle by bundle: [index of the first, list of entries]
  async *bundles() {
    for (let n = 0; n * WIDTH < this.size; n++) yield [n * WIDTH, await this.readBundle(n)];
  }

  async readBundle(n) {
    const width = widthOf(n, this.size);
    return parseBundle(await this.read(tilePath(ENTRIES, n, width)), width);
  }

  async entry(index) {
    return (await this.readBundle(Math.floor(index / WIDTH)))[index % WIDTH];
  }

  async tile(level, n) {
    const name = `${level} ${n}`;
    if (!this.held.has(name)) {
      const width = widthOf(n, hashesAt(level, this.size));
      const data = await this.read(tilePath(level, n, width));
      if (data.length !== width * 32) throw malformed(`a tile of ${data.length} bytes, not ${width} hashes of 32`);
      this.held.set(name, data);
    }
    return this.held.get(name);
  }

  // The hash of the complete subtree `n` of 2^level entries.
  async hash(level, n) {
    const [row, inside] = [Math.floor(level / 8), level % 8];
    const first = n * 2 ** inside;
    const tile = await this.tile(row, Math.floor(first / WIDTH));
    const begin = first % WIDTH;
    const hashAt = (at) => tile.subarray(at * 32, (at + 1) * 32);
    let hashes = Array.from({ length: 2 ** inside }, (_, at) => hashAt(begin + at));
    while (hashes.length > 1) hashes = pairUp(hashes);
    return hashes[0];
  }

  // The hash over the entries from `start` to before `end`, where the tree has a node for them.
  async rangeHash(start, end) {
    const hashes = [];
    for (let at = start; at < end; ) {
      const level = Math.floor(Math.log2(end - at));
      hashes.push(await this.hash(level, at / 2 ** level));
      at += 2 ** level;
    }
    return joinHashes(hashes);
  }

  // The inclusion proof of an entry, its sibling first: RFC 6962, section 2.1.1.
  async inclusion(index) {
    const proof = [];
    let [start, end] = [0, this.size];
    while (end - start > 1) {
      const middle = start + splitAt(end - start);
      if (index < middle) {
        proof.unshift(await this.rangeHash(middle, end));
        end = middle;
      } else {
        proof.unshift(await this.rangeHash(start, middle));
        start = middle;
      }
    }
    return proof;
  }

  // The proof that this log begins with the log of `oldSize` entries that it says it does: RFC 6962, section 2.1.2.
  async consistency(oldSize) {
    const proof = [];
    let [start, end] = [0, this.size];
    while (end !== oldSize) {
      const middle = start + splitAt(end - start);
      if (oldSize <= middle) {
        proof.unshift(await this.rangeHash(middle, end));
        end = middle;
      } else {
        proof.unshift(await this.rangeHash(start, middle));
        start = middle;
      }
    }
    if (start) proof.unshift(await this.rangeHash(start, end));
    return proof;
  }
}

// The largest power of two below a length.
function splitAt(length) {
  return 2 ** Math.floor(Math.log2(length - 1));
}

function pairUp(hashes) {
  return Array.from({ length: hashes.length / 2 }, (_, at) => nodeHash(hashes[2 * at], hashes[2 * at + 1]));
}

function parseBundle(data, width) {
  const entries = [];
  let offset = 0;
  for (let number = 0; number < width; number++) {
    const start = offset + 2;
    const end = start <= data.length ? start + data[offset] * 256 + data[offset + 1] : Infinity;
    if (end > data.length) throw malformed(`a bundle of ${width} entries is cut off in its entry ${number}`);
    entries.push(data.subarray(start, end));
    offset = end;
  }
  if (offset !== data.length) {
    throw malformed(`${data.length - offset} bytes behind the ${width} entries of a bundle`);
  }
  return entries;
}

// Computing anew

// A log that grows by its entries: `write(path, bytes)` is told every tile and bundle that it consists of.
export class Growth {
  constructor(write) {
    this.write = write;
    this.size = 0;
    this.bundle = [];
    this.rows = [];
    this.peaks = [];
  }

  add(entry) {
    this.bundle.push(Uint8Array.of(entry.length >> 8, entry.length & 255), entry);
    const leaf = leafHash(entry);
    this.push(0, leaf);
    this.climb(leaf);
    this.size++;
    if (this.size % WIDTH === 0) this.writeBundle();
  }

  // Writes the partial tiles and bundle; the root hash.
  close() {
    if (this.bundle.length) this.writeBundle();
    for (const [level, row] of this.rows.entries()) {
      if (row.hashes.length) this.write(tilePath(level, row.n, row.hashes.length), concat(...row.hashes));
    }
    return joinHashes(this.peaks);
  }

  writeBundle() {
    const width = this.bundle.length / 2;
    this.write(tilePath(ENTRIES, Math.floor((this.size - 1) / WIDTH), width), concat(...this.bundle));
    this.bundle = [];
  }

  // The hashes of a full tile have one hash together, which stands in the level above.
  push(level, hash) {
    const row = (this.rows[level] ??= { n: 0, hashes: [] });
    row.hashes.push(hash);
    if (row.hashes.length < WIDTH) return;
    this.write(tilePath(level, row.n, WIDTH), concat(...row.hashes));
    let hashes = row.hashes;
    while (hashes.length > 1) hashes = pairUp(hashes);
    this.rows[level] = { n: row.n + 1, hashes: [] };
    this.push(level + 1, hashes[0]);
  }

  // `peaks` are the hashes of the complete subtrees that cover all entries, the largest first.
  climb(leaf) {
    let hash = leaf;
    for (let level = this.size; level & 1; level = Math.floor(level / 2)) hash = nodeHash(this.peaks.pop(), hash);
    this.peaks.push(hash);
  }
}
