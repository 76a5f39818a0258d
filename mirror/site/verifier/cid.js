// Content identifiers: the name that follows from the bytes. formats.md, section 0.
//
// Everywhere here a CID is its text (`bafkrei…`): one CID has one spelling, so texts are compared. Those of our trees
// are of version 1 with SHA-256 and one of the codecs raw and dag-pb; the others are read and printed, and no more.

import { concat, decodeBase32, decodeBase36, decodeBase58, decodeHex, decodeVarint } from "./bytes.js";
import { encodeBase32, encodeBase36, encodeBase58, equalBytes } from "./bytes.js";
import { Fault, malformed, quoted } from "./fault.js";
import { hash256, sha256 } from "./sha2.js";

export const RAW = 0x55;
export const DAG_PB = 0x70;

const LIBP2P_KEY = 0x72n;
const SHA2_256 = 0x12n;
const IDENTITY_AT_MOST = 128n;
const TEXT_AT_MOST = 256;

// The CID of a block whose SHA-256 is `digest`.
export function cidOfDigest(codec, digest) {
  return `b${encodeBase32(concat([1, codec, 0x12, 32], digest))}`;
}

export function cidOfRaw(data) {
  return cidOfDigest(RAW, sha256(data));
}

// As above, by whichever SHA-256 is faster.
export async function cidOfBlock(codec, data) {
  return cidOfDigest(codec, await hash256(data));
}

// Whether a CID can name a block of our trees.
export function isOurs(cid) {
  return isRaw(cid) || isDagPb(cid);
}

// The first bytes, 01 55 12 20 and 01 70 12 20, fill six letters and two bits of the seventh, which is a to h.
export function isRaw(cid) {
  return /^bafkrei[a-h][a-z2-7]{51}$/.test(cid);
}

export function isDagPb(cid) {
  return /^bafybei[a-h][a-z2-7]{51}$/.test(cid);
}

// The binary CID in `data` at `offset`, as its text, and the offset behind it.
export function readCid(data, offset = 0) {
  if (data[offset] === 0x12 && data[offset + 1] === 0x20) {
    return [encodeBase58(takeBytes(data, offset, 34)), offset + 34];
  }
  let [version, codec, hash, length, at] = [0n, 0n, 0n, 0n, offset];
  [version, at] = decodeVarint(data, at);
  if (version !== 1n) throw malformed(`CID of version ${version} at byte ${offset}, neither 0 nor 1`);
  [codec, at] = decodeVarint(data, at);
  [hash, at] = decodeVarint(data, at);
  [length, at] = decodeVarint(data, at);
  if (!(hash === SHA2_256 && length === 32n) && !(hash === 0n && length <= IDENTITY_AT_MOST)) {
    throw malformed(`CID with hash function 0x${hash.toString(16)} over ${length} bytes, which we do not read`);
  }
  const end = at + Number(length);
  const bytes = takeBytes(data, offset, end - offset);
  return [codec === LIBP2P_KEY ? `k${encodeBase36(bytes)}` : `b${encodeBase32(bytes)}`, end];
}

function takeBytes(data, offset, length) {
  if (offset + length > data.length) throw malformed(`CID cut off at byte ${data.length}`);
  return data.subarray(offset, offset + length);
}

// The CID that is the whole of `data`.
export function cidFromBytes(data) {
  const [cid, end] = readCid(data);
  if (end !== data.length) throw malformed(`${data.length - end} bytes behind a CID`);
  return cid;
}

// The bytes that the text of any CID spells.
export function bytesOfCid(text) {
  if (text.length > TEXT_AT_MOST) throw malformed(`a CID of more than ${TEXT_AT_MOST} letters`);
  if (text.startsWith("Qm") && text.length === 46) return decodeBase58(text);
  if (text.startsWith("b")) return decodeBase32(text.slice(1));
  if (text.startsWith("k")) return decodeBase36(text.slice(1));
  throw malformed(`not a CID in base32, base36 or base58: ${quoted(text)}`);
}

// A CID in its one spelling.
export function parseCid(text) {
  const cid = cidFromBytes(bytesOfCid(text));
  if (cid !== text) throw malformed(`not the usual spelling of a CID: ${quoted(text)}, but ${cid}`);
  return cid;
}

// A CID as our notes and entries print it.
export function parseOurCid(text, isAllowed = isOurs) {
  const cid = parseCid(text);
  if (!isAllowed(cid)) throw malformed(`a CID of another kind than is allowed here: ${cid}`);
  return cid;
}

// Where a CID is of the identity hash, the block is in the name itself; otherwise null.
export function blockInName(cid) {
  const bytes = bytesOfCid(cid);
  if (bytes[0] !== 1) return null;
  const [, at] = decodeVarint(bytes, 1);
  return bytes[at] === 0 ? bytes.subarray(decodeVarint(bytes, at + 1)[1]) : null;
}

// Whether a CID is the name of these bytes.
export async function isNameOf(cid, data) {
  if (isOurs(cid)) return (await cidOfBlock(isRaw(cid) ? RAW : DAG_PB, data)) === cid;
  const whole = blockInName(cid);
  return equalBytes(whole ?? bytesOfCid(cid).subarray(-32), whole === null ? await hash256(data) : data);
}

// `data`, if this is its name.
export async function checkBlock(cid, data) {
  if (await isNameOf(cid, data)) return data;
  throw new Fault("badblock", `block ${cid} holds other bytes: their CID is ${cidOfRaw(data)} as a raw block`);
}

export const KEY_PREFIX = decodeHex("0172002408011220");
