// The curve of Ed25519, as far as verifying needs it: RFC 8032, section 5.1.
//
// Points lie on -x^2 + y^2 = 1 + d x^2 y^2 modulo P, and are held as [X, Y, Z, T] with x = X/Z, y = Y/Z, xy = T/Z.
// Nothing secret is ever computed on here, so no care is taken that all numbers take the same time.
//
// A key signs many notes. So `Multiples` holds, for each of the 64 hexadecimal digits of a number, the first eight
// multiples of the point at that place; any multiple is then a sum of at most 64 of them.

import { sha512 } from "./sha2.js";

export const P = 2n ** 255n - 19n;
export const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;

const D = quotient(P - 121665n, 121666n);
const ROOT_OF_MINUS_ONE = power(2n, (P - 1n) / 4n);
const ZERO = [0n, 1n, 1n, 0n];
const LOW_255 = 2n ** 255n - 1n;

const BASE = decodePoint(littleBytes(quotient(4n, 5n)));

// Arithmetic modulo P

function modulo(number, by = P) {
  const rest = number % by;
  return rest < 0n ? rest + by : rest;
}

function power(base, exponent) {
  let result = 1n;
  for (let [factor, rest] = [base, exponent]; rest; rest >>= 1n, factor = (factor * factor) % P) {
    if (rest & 1n) result = (result * factor) % P;
  }
  return result;
}

function squares(number, times) {
  let result = number;
  for (let count = 0; count < times; count++) result = (result * result) % P;
  return result;
}

// number^(2^250 - 1) and number^11, from which both exponents that are needed are a few steps away.
function towers(number) {
  const two = squares(number, 1);
  const nine = (squares(two, 2) * number) % P;
  const eleven = (nine * two) % P;
  const to5 = (squares(eleven, 1) * nine) % P;
  const to10 = (squares(to5, 5) * to5) % P;
  const to20 = (squares(to10, 10) * to10) % P;
  const to40 = (squares(to20, 20) * to20) % P;
  const to50 = (squares(to40, 10) * to10) % P;
  const to100 = (squares(to50, 50) * to50) % P;
  const to200 = (squares(to100, 100) * to100) % P;
  return [(squares(to200, 50) * to50) % P, eleven];
}

// number^(P - 2), which is 1/number
function inverse(number) {
  const [to250, eleven] = towers(number);
  return modulo(squares(to250, 5) * eleven);
}

function quotient(number, by) {
  return modulo(number * inverse(by));
}

// Numbers as bytes, the lowest first

export function littleNumber(bytes) {
  let text = "0x";
  for (let at = bytes.length - 1; at >= 0; at--) text += bytes[at].toString(16).padStart(2, "0");
  return BigInt(text);
}

function littleBytes(number) {
  const bytes = new Uint8Array(32);
  for (let [at, rest] = [0, number]; rest; at++, rest >>= 8n) bytes[at] = Number(rest & 0xffn);
  return bytes;
}

// Points

// The y coordinate that 32 bytes spell, whether or not it is less than P.
export function yOf(bytes) {
  return littleNumber(bytes) & LOW_255;
}

// The point that 32 bytes spell canonically; null where no point of the curve has this y.
export function decodePoint(bytes) {
  const y = yOf(bytes);
  const [u, v] = [modulo(y * y - 1n), modulo(D * y * y + 1n)];
  const [to250] = towers((u * v ** 7n) % P);
  let x = modulo(u * v ** 3n * ((squares(to250, 2) * ((u * v ** 7n) % P)) % P));
  const square = modulo(v * x * x);
  if (square !== u && square !== modulo(-u)) return null;
  if (square !== u) x = (x * ROOT_OF_MINUS_ONE) % P;
  if ((x & 1n) !== BigInt(bytes[31] >> 7)) x = modulo(-x);
  return [x, y, 1n, (x * y) % P];
}

function encodePoint([x, y, z]) {
  const one = inverse(z);
  const bytes = littleBytes(modulo(y * one));
  if (modulo(x * one) & 1n) bytes[31] |= 0x80;
  return bytes;
}

export function negated([x, y, z, t]) {
  return [-x, y, z, -t];
}

// RFC 8032, section 5.1.4: complete, so also right where both are the same point.
function addPoints([x1, y1, z1, t1], [x2, y2, z2, t2]) {
  const a = ((y1 - x1) * (y2 - x2)) % P;
  const b = ((y1 + x1) * (y2 + x2)) % P;
  const c = (((2n * t1 * t2) % P) * D) % P;
  const d = (2n * z1 * z2) % P;
  const [e, f, g, h] = [b - a, d - c, d + c, b + a];
  return [(e * f) % P, (g * h) % P, (f * g) % P, (e * h) % P];
}

// The same for a point that was made ready: [y - x, y + x, 2dxy], with z = 1.
function addReady([x1, y1, z1, t1], [minus, plus, both]) {
  const a = ((y1 - x1) * minus) % P;
  const b = ((y1 + x1) * plus) % P;
  const c = (t1 * both) % P;
  const d = 2n * z1;
  const [e, f, g, h] = [b - a, d - c, d + c, b + a];
  return [(e * f) % P, (g * h) % P, (f * g) % P, (e * h) % P];
}

const DIGITS = 64;
const EIGHT = 8;

export class Multiples {
  constructor(point) {
    const points = [];
    for (let [digit, here] = [0, point]; digit < DIGITS; digit++) {
      for (let [count, sum] = [0, ZERO]; count < EIGHT; count++) points.push((sum = addPoints(sum, here)));
      const eighth = points[points.length - 1];
      here = addPoints(eighth, eighth);
    }
    this.ready = makeReady(points);
  }

  // `sum` + `number` times the point; the number is less than 2^253.
  addTo(sum, number) {
    let [result, borrowed] = [sum, 0];
    for (let [digit, rest] = [0, number]; digit < DIGITS; digit++, rest >>= 4n) {
      let value = Number(rest & 15n) + borrowed; // 0 to 16, written as -7 to 8 and what it borrows from the next digit
      borrowed = value > EIGHT ? 1 : 0;
      value -= 16 * borrowed;
      if (value > 0) result = addReady(result, this.ready[digit * EIGHT + value - 1]);
      if (value < 0) {
        const [minus, plus, both] = this.ready[digit * EIGHT - value - 1];
        result = addReady(result, [plus, minus, -both]);
      }
    }
    return result;
  }
}

// All of them with z = 1, for the price of one inverse: that of the product of all z, taken apart from its end.
function makeReady(points) {
  const products = [1n];
  for (const [, , z] of points) products.push((products[products.length - 1] * z) % P);
  let rest = inverse(products[points.length]);
  const ready = new Array(points.length);
  for (let at = points.length - 1; at >= 0; at--) {
    const [x, y, z] = points[at];
    const one = (rest * products[at]) % P;
    rest = (rest * z) % P;
    const [ax, ay] = [(x * one) % P, (y * one) % P];
    ready[at] = [modulo(ay - ax), modulo(ay + ax), modulo(2n * D * ((ax * ay) % P))];
  }
  return ready;
}

let ofBase = null;

// encode(S·B - k·A), where `ofMinusA` are the multiples of -A.
export function combine(s, k, ofMinusA) {
  ofBase ??= new Multiples(BASE);
  return encodePoint(ofMinusA.addTo(ofBase.addTo(ZERO, s), k));
}

// SHA-512 of some bytes as a number modulo the order of the base point.
export function hashToNumber(bytes) {
  return littleNumber(sha512(bytes)) % ORDER;
}
