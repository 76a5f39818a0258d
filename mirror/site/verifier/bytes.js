// The alphabet: text, decimals, hexadecimal, base64, base32, base36, base58, varints. One spelling each.
//
// Every decoder takes exactly what its encoder prints and throws a malformed Fault for anything else: formats.md,
// section 0. Numbers are BigInt wherever they may pass 2^53.

import { malformed, quoted } from "./fault.js";

const SIZE_AT_MOST = 2n ** 63n - 1n;

const VARINT_AT_MOST = 9;
const NUMBER_AT_MOST = 128;
const DIGITS_16 = "0123456789abcdef";
const DIGITS_32 = "abcdefghijklmnopqrstuvwxyz234567";
const DIGITS_36 = "0123456789abcdefghijklmnopqrstuvwxyz";
const DIGITS_58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
const DIGITS_64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const STRICT = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const PLAIN = new TextEncoder();

// Bytes

export function concat(...parts) {
  return concatAll(parts);
}

// As above, for more parts than a call takes at once.
export function concatAll(parts) {
  const joined = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

export function equalBytes(one, other) {
  if (one.length !== other.length) return false;
  for (let at = 0; at < one.length; at++) if (one[at] !== other[at]) return false;
  return true;
}

// Text

export function encodeUtf8(text) {
  return PLAIN.encode(text);
}

export function decodeUtf8(data, what = "text") {
  try {
    return STRICT.decode(data);
  } catch {
    throw malformed(`${what} is not UTF-8`);
  }
}

// Lines, each of which ends in a newline, also the last.
export function splitLines(text, what = "text") {
  if (!text.endsWith("\n")) throw malformed(`${what} does not end in a newline`);
  return text.slice(0, -1).split("\n");
}

// What stands before and behind the first `mark`, and whether it is there.
export function partition(text, mark) {
  const at = text.indexOf(mark);
  return at < 0 ? [text, false, ""] : [text.slice(0, at), true, text.slice(at + mark.length)];
}

// The order of two texts by their code points, which is that of their bytes in UTF-8 (and not that of `<`).
export function compareText(one, other) {
  const end = Math.min(one.length, other.length);
  for (let at = 0; at < end; at++) {
    const [a, b] = [one.charCodeAt(at), other.charCodeAt(at)];
    if (a !== b) return rank(a) - rank(b);
  }
  return one.length - other.length;
}

// Surrogates stand for code points beyond all others, and lie before some of them.
function rank(unit) {
  return unit >= 0xd800 && unit < 0xe000 ? unit + 0x10000 : unit;
}

// Numbers

export function decodeDecimal(text, atMost = SIZE_AT_MOST) {
  const value = /^(?:0|[1-9][0-9]{0,18})$/.test(text) ? BigInt(text) : atMost + 1n;
  if (value > atMost) throw malformed(`not a decimal number from 0 to ${atMost}: ${quoted(text, 40)}`);
  return value;
}

export function encodeVarint(value) {
  const bytes = [];
  let rest = BigInt(value);
  while (rest > 0x7fn) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return Uint8Array.from(bytes);
}

// The varint in `data` at `offset`, as a BigInt, and the offset behind it.
export function decodeVarint(data, offset = 0) {
  let value = 0n;
  for (let count = 0; count < VARINT_AT_MOST; count++) {
    if (offset + count >= data.length) throw malformed(`varint cut off at byte ${offset + count}`);
    const byte = data[offset + count];
    if (byte < 0x80 && count === 0) return [BigInt(byte), offset + 1];
    value |= BigInt(byte & 0x7f) << BigInt(7 * count);
    if (byte < 0x80) {
      if (byte === 0) throw malformed(`varint with a needless byte at byte ${offset + count}`);
      return [value, offset + count + 1];
    }
  }
  throw malformed(`varint of more than ${VARINT_AT_MOST} bytes at byte ${offset}`);
}

// Hexadecimal, base64, base32

export function encodeHex(data) {
  let text = "";
  for (const byte of data) text += DIGITS_16[byte >> 4] + DIGITS_16[byte & 15];
  return text;
}

export function decodeHex(text) {
  if (text.length % 2 || /[^0-9a-f]/.test(text)) throw malformed(`not lower-case hexadecimal: ${quoted(text)}`);
  return Uint8Array.from({ length: text.length / 2 }, (_, at) => parseInt(text.slice(2 * at, 2 * at + 2), 16));
}

export function encodeBase64(data) {
  return encodeBits(data, 6, DIGITS_64) + "=".repeat((3 - (data.length % 3)) % 3);
}

export function decodeBase64(text) {
  const found = text.length % 4 === 0 ? /^([A-Za-z0-9+/]*)={0,2}$/.exec(text) : null;
  const data = found ? decodeBits(found[1], 6, VALUES_64) : null;
  if (data === null || encodeBase64(data) !== text) throw malformed(`not canonical base64: ${quoted(text)}`);
  return data;
}

export function encodeBase32(data) {
  return encodeBits(data, 5, DIGITS_32);
}

export function decodeBase32(text) {
  if (/[^a-z2-7]/.test(text) || [1, 3, 6].includes(text.length % 8)) {
    throw malformed(`not lower-case base32: ${quoted(text)}`);
  }
  const data = decodeBits(text, 5, VALUES_32);
  if (data === null) throw malformed(`base32 with loose bits at its end: ${quoted(text)}`);
  return data;
}

const VALUES_32 = valuesOf(DIGITS_32);
const VALUES_64 = valuesOf(DIGITS_64);

function valuesOf(digits) {
  const values = new Uint8Array(128);
  for (let value = 0; value < digits.length; value++) values[digits.charCodeAt(value)] = value;
  return values;
}

// Each letter stands for `width` bits, the last one filled up with zeros.
function encodeBits(data, width, digits) {
  const mask = (1 << width) - 1;
  let [text, held, bits] = ["", 0, 0];
  for (const byte of data) {
    held = ((held << 8) | byte) & 0xffff;
    bits += 8;
    while (bits >= width) {
      bits -= width;
      text += digits[(held >> bits) & mask];
    }
  }
  return bits ? text + digits[(held << (width - bits)) & mask] : text;
}

// The bytes that letters of the alphabet spell; null where bits are left over that are not zero.
function decodeBits(text, width, values) {
  const data = new Uint8Array(Math.floor((text.length * width) / 8));
  let [at, held, bits] = [0, 0, 0];
  for (let letter = 0; letter < text.length; letter++) {
    held = ((held << width) | values[text.charCodeAt(letter)]) & 0xffff;
    bits += width;
    if (bits >= 8) {
      bits -= 8;
      data[at++] = held >> bits;
    }
  }
  return held & ((1 << bits) - 1) ? null : data;
}

// Base36 and base58: the whole as one number, with a zero digit for each leading zero byte

export function encodeBase36(data) {
  return encodeNumber(data, DIGITS_36);
}

export function decodeBase36(text) {
  return decodeNumber(text, DIGITS_36, "base36");
}

export function encodeBase58(data) {
  return encodeNumber(data, DIGITS_58);
}

export function decodeBase58(text) {
  return decodeNumber(text, DIGITS_58, "base58");
}

function encodeNumber(data, digits) {
  const base = BigInt(digits.length);
  let [value, text] = [data.length ? BigInt(`0x${encodeHex(data)}`) : 0n, ""];
  for (; value; value /= base) text = digits[Number(value % base)] + text;
  const first = data.findIndex((byte) => byte !== 0);
  return digits[0].repeat(first < 0 ? data.length : first) + text;
}

function decodeNumber(text, digits, what) {
  if (text.length > NUMBER_AT_MOST) throw malformed(`${what} of more than ${NUMBER_AT_MOST} letters`);
  let [value, zeros] = [0n, 0];
  for (const letter of text) {
    const digit = digits.indexOf(letter);
    if (digit < 0) throw malformed(`not ${what}: ${quoted(text)}`);
    if (digit === 0 && value === 0n) zeros++;
    value = value * BigInt(digits.length) + BigInt(digit);
  }
  const hex = value ? value.toString(16) : "";
  return concat(new Uint8Array(zeros), decodeHex(hex.length % 2 ? `0${hex}` : hex));
}
