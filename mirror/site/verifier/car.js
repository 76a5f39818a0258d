// CAR files, read by slices: many blocks in one file, each with its name in front of it. formats.md, section 8.
//
//   version 1   header { varint(length of CID and data) ‖ CID ‖ data }
//   header      varint(length) ‖ DAG-CBOR {"roots": [link, …], "version": 1}
//   version 2   a whole version 1 inside, behind 51 bytes that say where

import { concat, decodeVarint, equalBytes } from "./bytes.js";
import { blockInName, cidFromBytes, cidOfBlock, DAG_PB, isNameOf, isOurs, isRaw, RAW, readCid } from "./cid.js";
import { Fault, isFault, malformed, missing } from "./fault.js";

const HEADER_AT_MOST = 64 * 1024;
const BLOCK_AT_MOST = 2 * 1024 * 1024;
const VARINT_AT_MOST_HERE = 9;
const CID_AT_MOST = 141;
const PRAGMA = Uint8Array.of(0x0a, 0xa1, 0x67, 0x76, 0x65, 0x72, 0x73, 0x69, 0x6f, 0x6e, 0x02);
const HEADER_2 = PRAGMA.length + 40;

// Reads a Blob through a few windows, so that what lies side by side is fetched once, and memory does not grow with
// the file. `check` is called before each fetch: it throws where the reader asked to stop.
const WINDOW = 1 << 20;
const WINDOWS_HELD = 24; // of all files together, the last used ones
const windows = new Map();
let filesOpened = 0;

export class Windows {
  constructor(blob, check = () => {}) {
    this.blob = blob;
    this.check = check;
    this.number = filesOpened++;
  }

  // The bytes from `start`, `length` of them or as many as there are.
  async read(start, length) {
    const end = Math.min(start + length, this.blob.size);
    const parts = [];
    for (let at = start; at < end; ) {
      const number = Math.floor(at / WINDOW);
      const window = windows.get(`${this.number} ${number}`) ?? (await this.fetch(number));
      const from = at - number * WINDOW;
      parts.push(window.subarray(from, Math.min(end - number * WINDOW, WINDOW)));
      at = (number + 1) * WINDOW;
    }
    return parts.length === 1 ? parts[0] : concat(...parts);
  }

  async fetch(number) {
    this.check();
    const window = new Uint8Array(await this.blob.slice(number * WINDOW, (number + 1) * WINDOW).arrayBuffer());
    windows.set(`${this.number} ${number}`, window);
    if (windows.size > WINDOWS_HELD) windows.delete(windows.keys().next().value);
    return window;
  }
}

// { roots, start, end } of a CAR of either version: the CIDs that it names, where its blocks start and where they end.
export async function readHeader(file) {
  const size = file.blob.size;
  if (!equalBytes(await file.read(0, PRAGMA.length), PRAGMA)) {
    return { ...(await readHeader1(file, 0, size)), end: size };
  }
  const [offset, end] = parseHeader2(await file.read(PRAGMA.length, 40), size);
  return { ...(await readHeader1(file, offset, end)), end };
}

async function readHeader1(file, offset, end) {
  const head = await file.read(offset, Math.min(VARINT_AT_MOST_HERE + HEADER_AT_MOST, end - offset));
  try {
    const [length, start] = decodeVarint(head);
    if (length > BigInt(HEADER_AT_MOST)) throw malformed(`it claims ${length} bytes, more than ${HEADER_AT_MOST}`);
    const stop = start + Number(length);
    if (stop > head.length) {
      throw malformed(`it claims ${length} bytes, and the data end after ${head.length - start}`);
    }
    return { roots: parseRoots(head.subarray(start, stop)), start: offset + stop };
  } catch (error) {
    throw isFault(error) ? malformed(`CAR header at byte ${offset}: ${error.message}`) : error;
  }
}

// DAG-CBOR has one spelling for each value, so a header is exactly: a map of two; "roots", a list; "version", 1.
const CBOR_ROOTS = Uint8Array.of(0xa2, 0x65, 0x72, 0x6f, 0x6f, 0x74, 0x73);
const CBOR_VERSION = Uint8Array.of(0x67, 0x76, 0x65, 0x72, 0x73, 0x69, 0x6f, 0x6e, 0x01);
const CBOR_LINK = Uint8Array.of(0xd8, 0x2a);

function parseRoots(data) {
  let at = 0;
  const take = (wanted) => {
    if (!equalBytes(data.subarray(at, at + wanted.length), wanted)) {
      throw malformed("it does not hold just roots and a version");
    }
    at += wanted.length;
  };
  const head = (major) => {
    const [number, behind] = cborHead(data, at, major);
    at = behind;
    return number;
  };
  take(CBOR_ROOTS);
  const roots = [];
  for (let count = head(4); count > 0; count--) {
    take(CBOR_LINK);
    const length = head(2);
    take([0]);
    if (length < 1 || at + length - 1 > data.length) throw malformed(`CBOR cut off at byte ${data.length}`);
    roots.push(cidFromBytes(data.subarray(at, at + length - 1)));
    at += length - 1;
  }
  take(CBOR_VERSION);
  if (at !== data.length) throw malformed(`CBOR with ${data.length - at} bytes behind its value`);
  return roots;
}

// The number in the head of a value of a major type, in the fewest bytes; a header is too short for more than two.
function cborHead(data, at, major) {
  const [first, one, two] = [data[at] - (major << 5), data[at + 1], data[at + 2]];
  if (first >= 0 && first < 24) return [first, at + 1];
  if (first === 24 && one >= 24) return [one, at + 2];
  if (first === 25 && one > 0 && two !== undefined) return [one * 256 + two, at + 3];
  throw malformed(`CBOR with a form that is not allowed at byte ${at}`);
}

// Where the version 1 inside begins and ends, in a file of `size` bytes.
function parseHeader2(head, size) {
  if (head.length !== HEADER_2 - PRAGMA.length) throw malformed(`CAR header of version 2 is cut off at byte ${size}`);
  if (head[0] & 0x7f || head.subarray(1, 16).some((byte) => byte)) {
    throw malformed("CAR header of version 2 at byte 11: characteristics that we do not know");
  }
  const view = new DataView(head.buffer, head.byteOffset, head.length);
  const [offset, length, index] = [16, 24, 32].map((at) => view.getBigUint64(at, true));
  const whole = BigInt(size);
  if (offset < BigInt(HEADER_2) || offset + length > whole) {
    throw malformed(`CAR header of version 2: its data are ${length} bytes from ${offset}, the file has ${size}`);
  }
  if (index && !(offset + length <= index && index <= whole)) {
    throw malformed(`CAR header of version 2: its index at byte ${index} is not between data and end`);
  }
  return [Number(offset), Number(offset + length)];
}

// Each block's name and place, in the order of the file: { cid, start, length }. Data are passed over.
async function* readSections(file) {
  const header = await readHeader(file);
  for (let at = header.start; at < header.end; ) {
    const head = await file.read(at, Math.min(VARINT_AT_MOST_HERE + CID_AT_MOST, header.end - at));
    const section = parseSection(head, at, header.end);
    yield section;
    at = section.start + section.length;
  }
}

function parseSection(head, start, end) {
  const at = `CAR section at byte ${start}`;
  try {
    const [claimed, offset] = decodeVarint(head);
    const length = Number(claimed);
    if (length === 0) throw malformed("it is empty");
    if (length > CID_AT_MOST + BLOCK_AT_MOST) throw malformed(`it claims ${length} bytes, more than a block may have`);
    if (start + offset + length > end) {
      throw malformed(`it is cut off: it claims ${length} bytes, ${end - start - offset} are there`);
    }
    const [cid, behind] = readCid(head.subarray(0, offset + length), offset);
    const size = offset + length - behind;
    if (size > BLOCK_AT_MOST) throw malformed(`its block has ${size} bytes, more than ${BLOCK_AT_MOST}`);
    return { cid, start: start + behind, length: size };
  } catch (error) {
    throw isFault(error) ? malformed(`${at}: ${error.message}`) : error;
  }
}

// The blocks of some files, by CID. What comes out of `get` is what the name says.
export class Blocks {
  constructor() {
    this.places = new Map();
    this.others = new Map(); // the places of blocks that lie here more than once
    this.damage = new Map(); // by the name of a file, what is wrong with it
    this.asked = new Set();
  }

  // Take what one CAR holds, as far as it can be read. `told(done, total)` hears how far it is.
  async takeCar(name, file, told = async () => {}) {
    try {
      for await (const { cid, start, length } of readSections(file)) {
        this.add(cid, { name, file, start, length });
        await told(start + length, file.blob.size);
      }
    } catch (error) {
      if (!isFault(error)) throw error;
      this.damage.set(name, error.message);
    }
  }

  add(cid, place) {
    if (!this.places.has(cid)) this.places.set(cid, place);
    else if (this.others.has(cid)) this.others.get(cid).push(place);
    else this.others.set(cid, [place]);
  }

  has(cid) {
    return this.places.has(cid);
  }

  placesOf(cid) {
    const first = this.places.get(cid);
    return first ? [first, ...(this.others.get(cid) ?? [])] : [];
  }

  async get(cid) {
    this.asked.add(cid);
    const places = this.placesOf(cid);
    for (const place of places) {
      const data = await readPlace(place);
      if (await isNameOf(cid, data)) return data;
    }
    if (places.length) throw await damaged(places[0], cid);
    const inName = blockInName(cid);
    if (inName !== null) return inName;
    throw missing(`block ${cid} is not here`);
  }

  // The first block that lies here more than once and is damaged in one of the places: `get` is content with one.
  async falseCopy() {
    for (const cid of this.others.keys()) {
      for (const place of this.placesOf(cid)) {
        if (!(await isNameOf(cid, await readPlace(place)))) return await damaged(place, cid);
      }
    }
    return null;
  }

  // How many blocks nobody asked for.
  unreached() {
    return [...this.places.keys()].filter((cid) => !this.asked.has(cid)).length;
  }
}

async function readPlace({ file, blob, start, length, data }) {
  if (blob) return new Uint8Array(await blob.slice(start, start + length).arrayBuffer());
  return data ?? file.read(start, length);
}

async function damaged(place, cid) {
  const found = isOurs(cid) ? await cidOfBlock(isRaw(cid) ? RAW : DAG_PB, await readPlace(place)) : "";
  const other = found ? `: its CID is ${found}` : "";
  return new Fault("badblock", `the block at byte ${place.start} of ${place.name} is not ${cid}${other}`);
}
