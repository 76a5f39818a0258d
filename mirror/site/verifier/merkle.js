// Merkle trees of RFC 6962 over SHA-256: leaves, nodes, inclusion, consistency. formats.md, section 3.
//
// Hashes are 32 bytes; sizes and indexes BigInt, since a proof may be about a log of any size.

import { concat, equalBytes } from "./bytes.js";
import { Fault } from "./fault.js";
import { sha256 } from "./sha2.js";

export const HASHES_AT_MOST = 64;

export function leafHash(entry) {
  return sha256(concat([0], entry));
}

export function nodeHash(left, right) {
  return sha256(concat([1], left, right));
}

// The hash over hashes that lie side by side, of subtrees from left to right that are ever smaller.
export function joinHashes(hashes) {
  return hashes.reduceRight((right, left) => nodeHash(left, right));
}

function checkLengths(...hashes) {
  const wrong = hashes.find((each) => each.length !== 32);
  if (wrong) throw badProof(`a hash of ${wrong.length} bytes in a Merkle proof, not 32`);
}

function badProof(words) {
  return new Fault("badproof", words);
}

// Throw unless `proof` (the leaf's sibling first) shows `leaf` at `index` among `size` leaves: RFC 9162, 2.1.3.2.
export function checkInclusion(index, size, leaf, proof, root) {
  checkLengths(leaf, root, ...proof);
  const what = `inclusion proof of entry ${index} in a log of ${size}`;
  if (index >= size) throw badProof(what);
  let [here, last, found] = [index, size - 1n, leaf];
  for (const sibling of proof) {
    if (last === 0n) throw badProof(`${what} is too long`);
    if (here & 1n || here === last) {
      found = nodeHash(sibling, found);
      [here, last] = climb(here, last);
    } else {
      found = nodeHash(found, sibling);
    }
    [here, last] = [here >> 1n, last >> 1n];
  }
  if (last !== 0n || !equalBytes(found, root)) throw badProof(`${what} does not lead to its root hash`);
}

// Throw unless `proof` shows the tree of `oldSize` and `oldRoot` to begin the new one: RFC 9162, 2.1.4.2.
// Sizes are from 1, and the old one is the smaller.
export function checkConsistency(oldSize, oldRoot, newSize, newRoot, proof) {
  checkLengths(oldRoot, newRoot, ...proof);
  const what = `consistency proof from ${oldSize} to ${newSize} entries`;
  if (!proof.length) throw badProof(`${what} is empty`);
  const hashes = oldSize & (oldSize - 1n) ? [...proof] : [oldRoot, ...proof];
  let [here, last] = [oldSize - 1n, newSize - 1n];
  while (here & 1n) [here, last] = [here >> 1n, last >> 1n];
  let [one, other] = [hashes[0], hashes[0]];
  for (const sibling of hashes.slice(1)) {
    if (last === 0n) throw badProof(`${what} is too long`);
    if (here & 1n || here === last) {
      [one, other] = [nodeHash(sibling, one), nodeHash(sibling, other)];
      [here, last] = climb(here, last);
    } else {
      other = nodeHash(other, sibling);
    }
    [here, last] = [here >> 1n, last >> 1n];
  }
  if (last !== 0n) throw badProof(`${what} is too short`);
  if (!equalBytes(one, oldRoot) || !equalBytes(other, newRoot)) {
    throw badProof(`${what} does not lead to both root hashes`);
  }
}

// Pass the levels on which a right edge has no sibling.
function climb(here, last) {
  let [low, high] = [here, last];
  while (low && !(low & 1n)) [low, high] = [low >> 1n, high >> 1n];
  return [low, high];
}
