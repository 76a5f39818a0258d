// Log entries: one line each, the only thing that the log ever says. formats.md, section 3.
//
//   charter <raw CID>
//   testimony <raw CID> <Withdrawal, in hex>
//   withdrawal <raw CID>

import { decodeUtf8 } from "./bytes.js";
import { Fault, malformed, quoted, unverified } from "./fault.js";
import { digest, rawCid } from "./fields.js";

const ENTRY_AT_MOST = 256;
const ENTRY_KINDS = ["charter", "testimony", "withdrawal"];

// The entry that a line spells: { kind, cid, withdrawal } (hex, null but for a testimony).
export function parseEntry(data) {
  if (data.length > ENTRY_AT_MOST) throw malformed(`an entry of ${data.length} bytes, more than ${ENTRY_AT_MOST}`);
  const line = decodeUtf8(data, "the entry");
  const [kind, ...rest] = line.split(" ");
  if (kind === "testimony" && rest.length === 2) return { kind, cid: rawCid(rest[0]), withdrawal: digest(rest[1]) };
  if ((kind === "charter" || kind === "withdrawal") && rest.length === 1) {
    return { kind, cid: rawCid(rest[0]), withdrawal: null };
  }
  if (!ENTRY_KINDS.includes(kind) && /^[a-z][a-z0-9-]{0,31}(?: [^\0-\x1f\x7f-\x9f]*)?$/.test(line)) {
    throw new Fault("newer", `an entry of kind ${quoted(kind)}, which this version does not know`);
  }
  throw malformed(`not an entry: ${quoted(line)}`);
}

// The line by which a log lists a note that has this CID.
export function entryOf(note, cid) {
  if (note.word === "testimony") return { kind: note.word, cid, withdrawal: note.withdrawal };
  if (!ENTRY_KINDS.includes(note.word)) throw malformed(`a note of kind ${note.word} has no place in the log`);
  return { kind: note.word, cid, withdrawal: null };
}

export function printEntry({ kind, cid, withdrawal }) {
  return withdrawal === null ? `${kind} ${cid}` : `${kind} ${cid} ${withdrawal}`;
}

// Throw unless a note is of the kind, the mirror and the charter that its entry implies.
export function checkBelongs(key, charterCid, entry, note) {
  if (note.word !== entry.kind) throw unverified(`its kind is ${note.word}, and the log lists it as ${entry.kind}`);
  if (note.mirror !== key.name) throw unverified(`it is of the mirror ${note.mirror}, not ${key.name}`);
  if (note.word !== "charter" && note.charter !== charterCid) {
    throw unverified(`it was signed for another log of that name, whose charter is ${note.charter}`);
  }
  if (note.word === "testimony" && note.withdrawal !== entry.withdrawal) {
    throw unverified("its Withdrawal is not the one that the log lists");
  }
}
