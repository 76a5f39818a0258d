// Names and Ed25519 keys: formats.md, section 1.
//
//   vkey = name "+" key ID "+" base64(0x01 ‖ public key)
//
// A key is { name, raw (32 bytes), id (hex of the key ID), vkey, k51 (its IPNS name) }. The key ID is only a hint:
// keys are compared by their vkeys, which hold everything.

import { concat, decodeBase64, encodeBase36, encodeBase64, encodeHex, encodeUtf8, equalBytes } from "./bytes.js";
import { bytesOfCid, KEY_PREFIX, parseCid } from "./cid.js";
import { flawOfPoint, verifySignature } from "./ed25519.js";
import { Fault, malformed, quoted } from "./fault.js";
import { sha256 } from "./sha2.js";

const VKEY_AT_MOST = 1024;
const RESERVED = ["mirror/v1", "cosignature/v1"];
const SECRET = "PRIVATE+KEY+";
const TYPED = Uint8Array.of(1);

const FLAWS = {
  length: "a public key that has not 32 bytes",
  spelling: "a public key that is not spelled canonically",
  "small order": "a public key of small order: anyone could sign with it",
};

// A mirror's or an author's name.
export function parseName(text) {
  if (!/^[a-z0-9._~/-]{1,255}$/.test(text)) {
    throw malformed(`not a name of 1 to 255 letters of a-z 0-9 . _ ~ / -: ${quoted(text)}`);
  }
  if (RESERVED.includes(text)) throw malformed(`the name ${text} is reserved`);
  return text;
}

// A key's name as any signed note may have it: not empty, no white space of any script, no plus sign.
export function parseNoteName(text) {
  if (!text || /[+\p{White_Space}\x1c-\x1f]/u.test(text)) throw malformed(`not a key name: ${quoted(text)}`);
  return text;
}

export function makeKey(name, raw) {
  parseNoteName(name);
  const flaw = flawOfPoint(raw);
  if (flaw) throw malformed(FLAWS[flaw]);
  const typed = concat(TYPED, raw);
  const id = encodeHex(sha256(concat(encodeUtf8(`${name}\n`), typed)).subarray(0, 4));
  const vkey = `${name}+${id}+${encodeBase64(typed)}`;
  return { name, raw, id, vkey, k51: `k${encodeBase36(concat(KEY_PREFIX, raw))}` };
}

export function parseVkey(text) {
  if (text.includes(SECRET)) throw malformed("a secret key stands where a vkey is wanted; keep it to yourself");
  const found = /^([^+]*)\+([0-9a-f]{8})\+([^]*)$/.exec(text);
  const words = "not a vkey: name, key ID and base64, joined by plus signs, are not what stands there";
  if (!found || [...text].length > VKEY_AT_MOST) throw malformed(words);
  const [name, typed] = [parseNoteName(found[1]), decodeBase64(found[3])];
  if (typed.length !== 33 || typed[0] !== 1) {
    throw malformed(`the vkey of ${quoted(name)} is not an Ed25519 key of 32 bytes`);
  }
  const key = makeKey(name, typed.subarray(1));
  if (key.id !== found[2]) {
    throw malformed(`the vkey of ${quoted(name)} carries a key ID that does not follow from its key`);
  }
  return key;
}

// A key as people have it, in groups of letters or not: a vkey, or `k51…`, which has no name: { k51, raw }.
export function parseTypedKey(text) {
  const joined = text.replace(/\s/g, "");
  if (joined.includes("+")) return parseVkey(joined);
  const k51 = parseCid(joined);
  const bytes = bytesOfCid(k51);
  if (bytes.length !== 40 || !equalBytes(bytes.subarray(0, 8), KEY_PREFIX)) {
    throw malformed(`${k51} is not the name of an Ed25519 key`);
  }
  return { k51, raw: bytes.subarray(8) };
}

// The key that was named, or `k51…` under a name that somebody gave it.
export function asKey(named, name) {
  return named.vkey ? named : makeKey(name, named.raw);
}

// Throw a badsignature Fault unless `signature` is the key's over `message`.
export async function checkSignature(key, message, signature, useBrowser) {
  if (signature.length !== 64) {
    throw new Fault("badsignature", `a signature by ${key.name} of ${signature.length} bytes, not 64`);
  }
  if (!(await verifySignature(key.raw, message, signature, useBrowser))) {
    throw new Fault("badsignature", `the signature by ${key.name} is not valid`);
  }
}
