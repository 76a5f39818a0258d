// SHA-256 and SHA-512 (FIPS 180-4).
//
// The browser has both, but only as promises, and not on pages that came over plain http. Ours is a little slower and
// always there. For blocks of a few kilobytes it is even faster than to wait for a promise, so `hash256` asks the
// browser only for long ones.
//
// The constants are made here: the first bits behind the point of the square roots (where a hash begins) and of the
// cube roots (one for each round) of the first prime numbers.

const PRIMES = [];
for (let number = 2; PRIMES.length < 80; number++) {
  if (PRIMES.every((prime) => number % prime)) PRIMES.push(number);
}

// The first 64 bits behind the point of the root of `number`, by halving the interval in which it lies.
function rootBits(number, degree) {
  const wanted = BigInt(number) << (64n * degree);
  let [low, high] = [0n, 1n << 72n];
  while (high - low > 1n) {
    const middle = (low + high) >> 1n;
    if (middle ** degree <= wanted) low = middle;
    else high = middle;
  }
  return BigInt.asUintN(64, low);
}

const STARTS = PRIMES.slice(0, 8).map((prime) => rootBits(prime, 2n));
const ROUNDS = PRIMES.map((prime) => rootBits(prime, 3n));
const upper = (bits) => Number(BigInt.asIntN(32, bits >> 32n));
const lower = (bits) => Number(BigInt.asIntN(32, bits));

const STARTS_HIGH = Int32Array.from(STARTS, upper);
const STARTS_LOW = Int32Array.from(STARTS, lower);
const ROUNDS_HIGH = Int32Array.from(ROUNDS, upper);
const ROUNDS_LOW = Int32Array.from(ROUNDS, lower);

// The end of a message as both hashes want it: a one, zeros, and the length in bits at the end of a block.
function paddedEnd(data, block) {
  const rest = data.length % block;
  const end = new Uint8Array(rest + 1 + block / 8 > block ? 2 * block : block);
  end.set(data.subarray(data.length - rest));
  end[rest] = 0x80;
  const view = new DataView(end.buffer);
  view.setUint32(end.length - 8, Math.floor(data.length / 0x20000000));
  view.setUint32(end.length - 4, (data.length << 3) >>> 0);
  return end;
}

const WORDS = new Int32Array(64);

export function sha256(data) {
  const state = Int32Array.from(STARTS_HIGH);
  takeBlocks256(state, data, data.length - (data.length % 64));
  const end = paddedEnd(data, 64);
  takeBlocks256(state, end, end.length);
  const digest = new Uint8Array(32);
  const view = new DataView(digest.buffer);
  state.forEach((word, at) => view.setInt32(4 * at, word));
  return digest;
}

function takeBlocks256(state, data, end) {
  const w = WORDS;
  let [h0, h1, h2, h3, h4, h5, h6, h7] = state;
  for (let at = 0; at < end; at += 64) {
    for (let i = 0, p = at; i < 16; i++, p += 4) {
      w[i] = (data[p] << 24) | (data[p + 1] << 16) | (data[p + 2] << 8) | data[p + 3];
    }
    for (let i = 16; i < 64; i++) {
      const x = w[i - 15];
      const y = w[i - 2];
      const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
      const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
      w[i] = (w[i - 16] + s0 + w[i - 7] + s1) | 0;
    }
    let a = h0, b = h1, c = h2, d = h3, e = h4, f = h5, g = h6, h = h7;
    for (let i = 0; i < 64; i++) {
      const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
      const one = (h + s1 + ((e & f) ^ (~e & g)) + ROUNDS_HIGH[i] + w[i]) | 0;
      const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
      const two = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g; g = f; f = e; e = (d + one) | 0;
      d = c; c = b; b = a; a = (one + two) | 0;
    }
    h0 = (h0 + a) | 0; h1 = (h1 + b) | 0; h2 = (h2 + c) | 0; h3 = (h3 + d) | 0;
    h4 = (h4 + e) | 0; h5 = (h5 + f) | 0; h6 = (h6 + g) | 0; h7 = (h7 + h) | 0;
  }
  state.set([h0, h1, h2, h3, h4, h5, h6, h7]);
}

// SHA-512 counts in words of 64 bits. Each is two of 32 here: `H` the upper half, `L` the lower.

const WORDS_HIGH = new Int32Array(80);
const WORDS_LOW = new Int32Array(80);

export function sha512(data) {
  const high = Int32Array.from(STARTS_HIGH);
  const low = Int32Array.from(STARTS_LOW);
  takeBlocks512(high, low, data, data.length - (data.length % 128));
  const end = paddedEnd(data, 128);
  takeBlocks512(high, low, end, end.length);
  const digest = new Uint8Array(64);
  const view = new DataView(digest.buffer);
  high.forEach((word, at) => view.setInt32(8 * at, word));
  low.forEach((word, at) => view.setInt32(8 * at + 4, word));
  return digest;
}

function takeBlocks512(high, low, data, end) {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const [h, l] = [new Int32Array(8), new Int32Array(8)];
  for (let at = 0; at < end; at += 128) {
    spreadWords(view, at);
    h.set(high);
    l.set(low);
    for (let i = 0; i < 80; i++) mixRound(h, l, i);
    for (let i = 0; i < 8; i++) {
      const sum = (low[i] >>> 0) + (l[i] >>> 0);
      high[i] = (high[i] + h[i] + carry(sum)) | 0;
      low[i] = sum | 0;
    }
  }
}

// What a sum of lower halves leaves for the upper one.
function carry(sum) {
  return (sum / 0x100000000) | 0;
}

function spreadWords(view, at) {
  const [H, L] = [WORDS_HIGH, WORDS_LOW];
  for (let i = 0; i < 16; i++) {
    H[i] = view.getInt32(at + 8 * i);
    L[i] = view.getInt32(at + 8 * i + 4);
  }
  for (let i = 16; i < 80; i++) {
    const xh = H[i - 15], xl = L[i - 15], yh = H[i - 2], yl = L[i - 2];
    const s0h = ((xh >>> 1) | (xl << 31)) ^ ((xh >>> 8) | (xl << 24)) ^ (xh >>> 7);
    const s0l = ((xl >>> 1) | (xh << 31)) ^ ((xl >>> 8) | (xh << 24)) ^ ((xl >>> 7) | (xh << 25));
    const s1h = ((yh >>> 19) | (yl << 13)) ^ ((yl >>> 29) | (yh << 3)) ^ (yh >>> 6);
    const s1l = ((yl >>> 19) | (yh << 13)) ^ ((yh >>> 29) | (yl << 3)) ^ ((yl >>> 6) | (yh << 26));
    const sum = (L[i - 16] >>> 0) + (s0l >>> 0) + (L[i - 7] >>> 0) + (s1l >>> 0);
    H[i] = (H[i - 16] + s0h + H[i - 7] + s1h + carry(sum)) | 0;
    L[i] = sum | 0;
  }
}

function mixRound(h, l, i) {
  const eh = h[4], el = l[4], ah = h[0], al = l[0];
  const s1h = ((eh >>> 14) | (el << 18)) ^ ((eh >>> 18) | (el << 14)) ^ ((el >>> 9) | (eh << 23));
  const s1l = ((el >>> 14) | (eh << 18)) ^ ((el >>> 18) | (eh << 14)) ^ ((eh >>> 9) | (el << 23));
  const s0h = ((ah >>> 28) | (al << 4)) ^ ((al >>> 2) | (ah << 30)) ^ ((al >>> 7) | (ah << 25));
  const s0l = ((al >>> 28) | (ah << 4)) ^ ((ah >>> 2) | (al << 30)) ^ ((ah >>> 7) | (al << 25));
  const chl = (el & l[5]) ^ (~el & l[6]);
  const majl = (al & l[1]) ^ (al & l[2]) ^ (l[1] & l[2]);
  const one = (l[7] >>> 0) + (s1l >>> 0) + (chl >>> 0) + (ROUNDS_LOW[i] >>> 0) + (WORDS_LOW[i] >>> 0);
  const oneh = (h[7] + s1h + ((eh & h[5]) ^ (~eh & h[6])) + ROUNDS_HIGH[i] + WORDS_HIGH[i] + carry(one)) | 0;
  const two = (s0l >>> 0) + (majl >>> 0);
  const twoh = (s0h + ((ah & h[1]) ^ (ah & h[2]) ^ (h[1] & h[2])) + carry(two)) | 0;
  const fifth = (l[3] >>> 0) + (one >>> 0);
  const first = (one >>> 0) + (two >>> 0);
  const h3 = h[3];
  h.copyWithin(1, 0, 7);
  l.copyWithin(1, 0, 7);
  h[4] = (h3 + oneh + carry(fifth)) | 0;
  l[4] = fifth | 0;
  h[0] = (oneh + twoh + carry(first)) | 0;
  l[0] = first | 0;
}

const LONG = 8 * 1024;

// SHA-256 of any block: by the browser where it is long and the browser can.
export async function hash256(data, subtle = globalThis.crypto?.subtle) {
  return data.length >= LONG && subtle ? new Uint8Array(await subtle.digest("SHA-256", data)) : sha256(data);
}
