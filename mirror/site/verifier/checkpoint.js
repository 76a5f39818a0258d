// C2SP checkpoints: a log's size and root hash, in a signed note. formats.md, section 3.
//
//   origin "\n" size "\n" base64(root hash) "\n"

import { decodeDecimal, splitLines } from "./bytes.js";
import { Fault, malformed } from "./fault.js";
import { rootHash } from "./fields.js";
import { parseName } from "./key.js";
import { isLineOf, openNote } from "./note.js";

export const CHECKPOINT_AT_MOST = 256 * 1024;

function parseLines(text) {
  const lines = splitLines(text, "the checkpoint");
  if (lines.length !== 3) throw malformed(`a checkpoint of ${lines.length} lines, not 3`);
  return { origin: parseName(lines[0]), size: decodeDecimal(lines[1]), rootHash: rootHash(lines[2]) };
}

// The checkpoint { origin, size, rootHash (base64) } in a signed note, once it is found to be the key's.
export async function openCheckpoint(data, key, useBrowser) {
  if (data.length > CHECKPOINT_AT_MOST) throw malformed(`a checkpoint of more than ${CHECKPOINT_AT_MOST} bytes`);
  const note = await openNote(data, key, useBrowser);
  const checkpoint = parseLines(note.text);
  const [first] = note.signatures;
  if (!isLineOf(first, key)) {
    throw malformed(`the checkpoint's first signature line is by ${first.name}, not by ${key.name}`);
  }
  if (checkpoint.origin !== key.name) {
    throw new Fault("badsignature", `the checkpoint of ${checkpoint.origin} is signed by a key named ${key.name}`);
  }
  if (checkpoint.size === 0n) {
    throw malformed(`the checkpoint of ${checkpoint.origin} lists no entry, not even a charter`);
  }
  return checkpoint;
}
