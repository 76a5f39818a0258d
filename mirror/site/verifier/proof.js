// Two files that travel alone: an inclusion proof (C2SP tlog-proof), and the evidence of a fork. formats.md, section 8.

import { decodeBase64, decodeDecimal, decodeUtf8, encodeUtf8, splitLines } from "./bytes.js";
import { CHECKPOINT_AT_MOST, openCheckpoint } from "./checkpoint.js";
import { Fault, malformed } from "./fault.js";
import { checkConsistency, checkInclusion, HASHES_AT_MOST, leafHash } from "./merkle.js";

export const PROOF_AT_MOST = CHECKPOINT_AT_MOST + 70 * 1024;

const EXTRA_AT_MOST = 48000;
const PROOF_HEADER = "c2sp.org/tlog-proof@v1";
const FORK_HEADER = "mirror fork evidence v1";
const FORK_AT_MOST = 2 * (Math.floor((CHECKPOINT_AT_MOST + 2) / 3) * 4) + 4 * 1024;

// The proof in a file, nothing in it checked yet: { index, hashes, checkpoint }.
export function parseProof(data) {
  if (data.length > PROOF_AT_MOST) throw malformed(`a proof of more than ${PROOF_AT_MOST} bytes`);
  const end = data.findIndex((byte, at) => byte === 0x0a && data[at + 1] === 0x0a);
  if (end < 0) throw malformed("the proof has no empty line before its checkpoint");
  const lines = decodeUtf8(data.subarray(0, end), "the proof").split("\n");
  if (lines.shift() !== PROOF_HEADER) throw malformed(`not a proof: it does not begin with ${PROOF_HEADER}`);
  const extra = takeLine(lines, "extra ");
  const index = takeLine(lines, "index ");
  if (index === null) throw malformed("the proof has no index line where it has to be");
  const hashes = lines.map(decodeBase64);
  const proof = { index: decodeDecimal(index), hashes, checkpoint: data.subarray(end + 2) };
  if (extra === "") throw malformed("the proof has an extra line with nothing on it");
  if (decodeBase64(extra ?? "").length > EXTRA_AT_MOST) {
    throw malformed(`a proof with more than ${EXTRA_AT_MOST} bytes of extra data`);
  }
  checkHashes(hashes, "a proof");
  if (proof.checkpoint.length > CHECKPOINT_AT_MOST) {
    throw malformed(`a proof with a checkpoint of more than ${CHECKPOINT_AT_MOST} bytes`);
  }
  if (proof.checkpoint.at(-1) !== 0x0a) throw malformed("a proof whose checkpoint does not end in a newline");
  return proof;
}

function takeLine(lines, key) {
  return lines[0]?.startsWith(key) ? lines.shift().slice(key.length) : null;
}

function checkHashes(hashes, what) {
  if (hashes.length > HASHES_AT_MOST) {
    throw malformed(`${what} of ${hashes.length} hashes, more than ${HASHES_AT_MOST}`);
  }
  if (hashes.some((each) => each.length !== 32)) throw malformed(`${what} with a hash that is not 32 bytes`);
}

// The checkpoint that lists `entry` (its line), signed by `key`.
export async function checkProof(proof, entry, key, useBrowser) {
  const checkpoint = await openCheckpoint(proof.checkpoint, key, useBrowser);
  const root = decodeBase64(checkpoint.rootHash);
  checkInclusion(proof.index, checkpoint.size, leafHash(encodeUtf8(entry)), proof.hashes, root);
  return checkpoint;
}

// The evidence of a fork

export function isEvidence(data) {
  const start = encodeUtf8(`${FORK_HEADER}\n`);
  return start.every((byte, at) => data[at] === byte);
}

// The evidence in a file, nothing in it checked yet: { first, second, otherRoot, hashes }.
export function parseEvidence(data) {
  if (data.length > FORK_AT_MOST) throw malformed(`fork evidence of more than ${FORK_AT_MOST} bytes`);
  const lines = splitLines(decodeUtf8(data, "the fork evidence"), "the fork evidence");
  if (lines[0] !== FORK_HEADER) throw malformed(`not fork evidence: it does not begin with ${FORK_HEADER}`);
  if (lines.length < 3) throw malformed("fork evidence without two checkpoints");
  const [first, second] = lines.slice(1, 3).map(decodeBase64);
  if (!first.length || !second.length) throw malformed("fork evidence without two checkpoints");
  if (Math.max(first.length, second.length) > CHECKPOINT_AT_MOST) {
    throw malformed(`fork evidence with a checkpoint of more than ${CHECKPOINT_AT_MOST} bytes`);
  }
  if (lines.length === 3) return { first, second, otherRoot: null, hashes: [] };
  if (!lines[3].startsWith("root ") || lines.length < 5) {
    throw malformed("fork evidence whose fourth line is not a root hash with a proof behind it");
  }
  const [otherRoot, hashes] = [decodeBase64(lines[3].slice("root ".length)), lines.slice(4).map(decodeBase64)];
  checkHashes([otherRoot], "fork evidence");
  checkHashes(hashes, "fork evidence");
  return { first, second, otherRoot, hashes };
}

// Both checkpoints, once they are found to be the key's and not both true.
export async function checkEvidence(evidence, key, useBrowser) {
  const first = await openCheckpoint(evidence.first, key, useBrowser);
  const second = await openCheckpoint(evidence.second, key, useBrowser);
  const isProven = evidence.hashes.length > 0;
  if (first.size > second.size) throw disproven("the fork evidence names the larger checkpoint first");
  if (first.size === second.size) {
    if (isProven) throw disproven("the fork evidence holds a consistency proof between checkpoints of one size");
    if (first.rootHash === second.rootHash) {
      throw disproven("the fork evidence shows no fork: both checkpoints have one size and one root hash");
    }
    return [first, second];
  }
  if (!isProven) throw disproven("the fork evidence holds no consistency proof between checkpoints of two sizes");
  const [firstRoot, secondRoot] = [first, second].map((each) => decodeBase64(each.rootHash));
  if (evidence.otherRoot.every((byte, at) => byte === firstRoot[at])) {
    throw disproven("the fork evidence shows no fork: the larger log begins with the smaller one");
  }
  checkConsistency(first.size, evidence.otherRoot, second.size, secondRoot, evidence.hashes);
  return [first, second];
}

function disproven(words) {
  return new Fault("badproof", words);
}
