// C2SP signed notes: a text, an empty line, signature lines. formats.md, section 2.
//
//   — voices.example/archive Gg/oTHLsZL8bhJZY…        "— " name " " base64(key ID ‖ signature)

import { decodeBase64, decodeUtf8, encodeHex, splitLines } from "./bytes.js";
import { Fault, malformed, quoted } from "./fault.js";
import { checkSignature, parseNoteName } from "./key.js";

export const NOTE_AT_MOST = 1 << 20;

const SIGNATURES_AT_MOST = 100;

// The text of a note, its bytes (which are what is signed), and its signature lines, none of them verified.
export function splitNote(data) {
  if (data.length > NOTE_AT_MOST) throw malformed(`a note of more than ${NOTE_AT_MOST} bytes`);
  const whole = decodeUtf8(data, "the note");
  const at = whole.lastIndexOf("\n\n");
  if (at < 0) throw malformed("the note has no empty line before its signatures");
  if (/[\0-\x09\x0b-\x1f]/.test(whole)) throw malformed("the note holds a control character");
  const lines = splitLines(whole.slice(at + 2), "the note's last line");
  if (lines.length > SIGNATURES_AT_MOST) {
    throw malformed(`the note has more than ${SIGNATURES_AT_MOST} signature lines`);
  }
  const signatures = lines.map(parseSignature);
  if (new Set(signatures.map((each) => `${each.id} ${each.name}`)).size !== signatures.length) {
    throw malformed("the note has two signature lines of one key");
  }
  return { text: whole.slice(0, at + 1), signed: data.subarray(0, endOfText(data)), signatures };
}

// Where the last empty line stands, behind the newline that ends the text.
function endOfText(data) {
  let at = data.length - 1;
  while (data[at] !== 0x0a || data[at - 1] !== 0x0a) at--;
  return at;
}

function parseSignature(line) {
  const [, name, blob] = /^— ([^ ]*) ([^ ]*)$/.exec(line) ?? [];
  if (blob === undefined) throw malformed(`not a signature line: ${quoted(line)}`);
  parseNoteName(name);
  const data = decodeBase64(blob);
  if (data.length < 5) throw malformed(`the signature line of ${name} has no signature behind its key ID`);
  return { name, id: encodeHex(data.subarray(0, 4)), raw: data.subarray(4) };
}

export function isLineOf(line, key) {
  return line.name === key.name && line.id === key.id;
}

// The note, once its line by `key` is verified. Lines by others are passed over.
export async function openNote(data, key, useBrowser) {
  const note = splitNote(data);
  const line = note.signatures.find((each) => isLineOf(each, key));
  if (!line) throw new Fault("badsignature", "the note carries no signature by a known key");
  await checkSignature(key, note.signed, line.raw, useBrowser);
  return note;
}
