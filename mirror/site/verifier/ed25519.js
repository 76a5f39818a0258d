// Ed25519, verifying only. No secret ever enters a page.
//
// A signature (R, S) by the key A over M is valid exactly where A and R are spelled canonically and not of small
// order, S < L, and encode(S·B - k·A) = R byte for byte, with k = SHA-512(R ‖ A ‖ M) mod L: formats.md, section 1.
// There is no cofactor. Programs that multiply by it accept more, and so two readers would disagree on what somebody
// signed who holds a key and makes a signature on purpose that is half right.
//
// Two paths lead to the same verdict.
//
//   ours       all of it as written, in BigInt. It is always there.
//   browser    what stands before the equation is checked by us, since browsers accept more (some take the identity
//              for a key, under which one signature fits every text). The equation is left to the browser's WebCrypto,
//              and only where these two things hold:
//              - the browser passed `PROBES`: signatures on which the equations that programs are known to compute
//                differ, in both directions. A program computes one equation and not another each time, so one that
//                gives the verdicts of ours on them computes ours.
//              - it says "valid". That it is not, is only ever concluded by our own path.
//              Where WebCrypto is absent (pages over plain http, older browsers), fails, or does not pass, all is ours.

import { concat, decodeHex, encodeHex, encodeUtf8, equalBytes } from "./bytes.js";
import { combine, decodePoint, hashToNumber, littleNumber, Multiples, negated, ORDER, P, yOf } from "./curve.js";

const Y8 = 0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7n;

// The y coordinates of the eight points whose order divides the cofactor (orders 1, 2, 4 and 8).
const SMALL_ORDER = new Set([0n, 1n, P - 1n, Y8, P - Y8]);

// Why 32 bytes cannot be a key, or the R of a signature; empty where they may be.
export function flawOfPoint(bytes) {
  if (bytes.length !== 32) return "length";
  const y = yOf(bytes);
  if (y >= P) return "spelling";
  return SMALL_ORDER.has(y) ? "small order" : "";
}

const KEYS_AT_MOST = 256; // whose multiples or imported keys are held: an archive has one mirror and its authors
const multiplesOf = new Map();
const importedOf = new Map();

// What was made for a key before, or is made now; the oldest is dropped where there are too many.
function remembered(held, name, make) {
  let found = held.get(name);
  if (found === undefined) {
    found = make();
    held.set(name, found);
    if (held.size > KEYS_AT_MOST) held.delete(held.keys().next().value);
  }
  return found;
}

function mayBeValid(key, signature) {
  if (signature.length !== 64 || flawOfPoint(key) || flawOfPoint(signature.subarray(0, 32))) return false;
  return littleNumber(signature.subarray(32)) < ORDER;
}

// The verdict by our own arithmetic.
export function verifyOurs(key, message, signature) {
  if (!mayBeValid(key, signature)) return false;
  const ofMinusA = remembered(multiplesOf, encodeHex(key), () => {
    const point = decodePoint(key);
    return point && new Multiples(negated(point));
  });
  if (ofMinusA === null) return false;
  const r = signature.subarray(0, 32);
  const k = hashToNumber(concat(r, key, message));
  return equalBytes(combine(littleNumber(signature.subarray(32)), k, ofMinusA), r);
}

// Whether the browser says that the equation holds; false also where it cannot say.
async function browserAccepts(subtle, key, message, signature) {
  try {
    const imported = await remembered(importedOf, encodeHex(key), () =>
      subtle.importKey("raw", key, { name: "Ed25519" }, false, ["verify"]),
    );
    return (await subtle.verify({ name: "Ed25519" }, imported, signature, message)) === true;
  } catch {
    return false;
  }
}

const PROBE = encodeUtf8("which equation is this?");

// Each is a key A, a signature R ‖ S over PROBE, and whether S·B - k·A = R. All A, R and S are canonical and not of
// small order. T are points of order 8, 4 and 2; "more" is what multiplying by the cofactor would accept.
const PROBES = [
  // an honest signature
  [
    "60a618e319e08ad36ece0f5660fa11d600453089363462bbff80237f68751e16",
    "37285765143dc0515fa280e6edc1609c9c22f5b74c353c0c3344f257463a16f9" +
      "bbcb381a7717686421408a030e2f0d83357b76c3f75d310251a792d59485ee0e",
    true,
  ],
  // a wrong one
  [
    "60a618e319e08ad36ece0f5660fa11d600453089363462bbff80237f68751e16",
    "37285765143dc0515fa280e6edc1609c9c22f5b74c353c0c3344f257463a16f9" +
      "bbcb381a7717686420408a030e2f0d83357b76c3f75d310251a792d59485ee0e",
    false,
  ],
  // more: R + T of order 8
  [
    "60a618e319e08ad36ece0f5660fa11d600453089363462bbff80237f68751e16",
    "9dbab365f606a56d63145465b5162742375b191de80ca1e7f686b9b5a260fc85" +
      "28f15b0b6a0c3ba3002890f6bcaa7e1db4159aa647b67f8c5f4d25c4ee611e07",
    false,
  ],
  // more: R + T of order 4
  [
    "60a618e319e08ad36ece0f5660fa11d600453089363462bbff80237f68751e16",
    "24d7659a735737a353808bc4a28fa0d7de159e799eb29afa6e34e6426522f2d6" +
      "cd10749478dd84dba54d78cd0ea98f44054817d6a70a9b0dfef447b48991750a",
    false,
  ],
  // more: R + T of order 2
  [
    "60a618e319e08ad36ece0f5660fa11d600453089363462bbff80237f68751e16",
    "b6d7a89aebc23faea05d7f19123e9f6363dd0a48b3cac3f3ccbb0da8b9c5e906" +
      "2b046eca8b9c8ff62c7af3dfbaac86df2476d56a232d33e419ab5ac0d67cba07",
    false,
  ],
  // more: A + T of order 8
  [
    "35cfb157c6dc8c444294de084184a5b93349005604666acc3af926c4a7cd60ed",
    "37285765143dc0515fa280e6edc1609c9c22f5b74c353c0c3344f257463a16f9" +
      "7efb19e9b2efc820c24930d49cdcbf48e423f4baf755ee26e8432f5730b19c0a",
    false,
  ],
  // more: A + T of order 4
  [
    "e4f20afbcab9c4fa35e722632d5639beac59dd394f83488b4f3e07b7bf88d53a",
    "37285765143dc0515fa280e6edc1609c9c22f5b74c353c0c3344f257463a16f9" +
      "9916861b2de0fd111c9046173dde0c9a04bac363a30f6429f42e83e83dd3f300",
    false,
  ],
  // more: A + T of order 2
  [
    "8d59e71ce61f752c9131f0a99f05ee29ffbacf76c9cb9d44007fdc80978ae1e9",
    "37285765143dc0515fa280e6edc1609c9c22f5b74c353c0c3344f257463a16f9" +
      "6d838bcf66a7408d8d47e3cad46e221da6aff834504a4b59f7dd45b4c9835301",
    false,
  ],
  // A + T of order 8, where k·T is zero
  [
    "35cfb157c6dc8c444294de084184a5b93349005604666acc3af926c4a7cd60ed",
    "fd5f3bfbf7d9af384600b91617b255d7496899d79bdaacc7e095eb48f7e638ea" +
      "1f34cd62b9a62024e6cf795e00192841b59736163b9b826336fe006035929509",
    true,
  ],
  // A + T of order 8, and R + the T that makes up for k·T
  [
    "35cfb157c6dc8c444294de084184a5b93349005604666acc3af926c4a7cd60ed",
    "cad11f2ce98002afee5d65a934ddac4b595f4ebf0e2768b216ca724b997bdcde" +
      "d93eaacd440a310c18e507bbd7267979b50ed7bf7ec6fde3a3d4a65da8d30c0e",
    true,
  ],
];

let passed = null;

// Whether this browser computes our equation; asked once.
export function isBrowserTrusted(subtle = globalThis.crypto?.subtle) {
  passed ??= subtle ? passes(subtle) : Promise.resolve(false);
  return passed;
}

async function passes(subtle) {
  for (const [key, signature, isValid] of PROBES) {
    if ((await browserAccepts(subtle, decodeHex(key), PROBE, decodeHex(signature))) !== isValid) return false;
  }
  return true;
}

// The verdict; `useBrowser` false keeps to our own arithmetic.
export async function verifySignature(key, message, signature, useBrowser = true) {
  if (!mayBeValid(key, signature)) return false;
  if (useBrowser && (await isBrowserTrusted())) {
    if (await browserAccepts(globalThis.crypto.subtle, key, message, signature)) return true;
  }
  return verifyOurs(key, message, signature);
}
