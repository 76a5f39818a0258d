// The five kinds of note: charter, testimony, withdrawal, edition, announcement. formats.md, section 2.
//
// A parsed note is { word, text, mirror, … }, with a name for each header as its table gives it; what may be absent is
// null, what may stand more than once is a list.

import { compareText, decodeDecimal, partition, splitLines } from "./bytes.js";
import { Fault, malformed, quoted } from "./fault.js";
import { attachment, coarseDate, digest, foldCase, folderCid, fromOne, item, languageTag } from "./fields.js";
import { rawCid, rootHash, secret16, tag, title, wholeDay } from "./fields.js";
import { checkSignature, parseName, parseVkey } from "./key.js";
import { isLineOf, splitNote } from "./note.js";

const ONCE = "once";
const MAYBE = "maybe";
const MANY = "many";
const TAGS_AT_MOST = 16;
const ATTACHMENTS_AT_MOST = 64;
const TRANSLATORS = ["human", "machine", "machine-reviewed"];
const REASONS = ["safety", "consent", "legal", "error"];

// Tables of headers: key, name of the value, how it is read, how often it stands, how often at most

const asItIs = (value) => value;
const oneOf = (words) => (value) => {
  if (!words.includes(value)) throw malformed(`${quoted(value, 40)} is none of ${words.join(", ")}`);
  return value;
};

const MIRROR = ["Mirror", "mirror", parseName, ONCE];
const CHARTER = ["Charter", "charter", rawCid, ONCE];
const SPOKEN = ["Language", "language", languageTag, ONCE];
const NUMBERS = [
  ["Edition", "edition", fromOne, ONCE],
  ["Size", "size", fromOne, ONCE],
  ["Root-Hash", "rootHash", rootHash, ONCE],
];

const KINDS = {
  charter: {
    hasBody: true,
    headers: [
      MIRROR,
      ["Key", "key", parseVkey, ONCE],
      ["Recovery", "recovery", digest, ONCE],
      SPOKEN,
      ["Title", "title", title, ONCE],
    ],
    check(note) {
      if (note.key.name !== note.mirror) {
        throw malformed(`the charter of ${note.mirror} gives a key named ${note.key.name}`);
      }
    },
  },
  testimony: {
    hasBody: true,
    headers: [
      MIRROR,
      CHARTER,
      ["Author", "author", parseVkey, MAYBE],
      SPOKEN,
      ["Title", "title", title, MAYBE],
      ["Date", "date", coarseDate, MAYBE],
      ["Tag", "tags", tag, MANY, TAGS_AT_MOST],
      ["Warning", "warning", asItIs, MAYBE],
      ["Translation-Of", "translationOf", rawCid, MAYBE],
      ["Translator", "translator", oneOf(TRANSLATORS), MAYBE],
      ["Replaces", "replaces", rawCid, MAYBE],
      ["Attachment", "attachments", attachment, MANY, ATTACHMENTS_AT_MOST],
      ["Withdrawal", "withdrawal", digest, ONCE],
      ["Salt", "salt", secret16, ONCE],
    ],
    check: checkTestimony,
  },
  withdrawal: {
    hasBody: false,
    headers: [
      MIRROR,
      CHARTER,
      ["Index", "indexes", decodeDecimal, MANY],
      ["Reason", "reason", oneOf(REASONS), MAYBE],
      ["Token", "token", secret16, MAYBE],
    ],
    check(note) {
      if (!note.indexes.length) throw malformed("the withdrawal has no Index");
      if (note.indexes.some((each, at) => at && each <= note.indexes[at - 1])) {
        throw malformed("the withdrawal's indexes do not ascend");
      }
    },
  },
  edition: {
    hasBody: false,
    headers: [MIRROR, CHARTER, ...NUMBERS, ["Day", "day", wholeDay, MAYBE], ["Item", "items", item, MANY]],
    check(note) {
      if (note.items.some((each, at) => at && compareText(each.name, note.items[at - 1].name) <= 0)) {
        throw malformed("the edition's items are not sorted by name, or one is given twice");
      }
    },
  },
  announcement: {
    hasBody: false,
    headers: [MIRROR, CHARTER, ...NUMBERS, ["Index-Hash", "rootCid", folderCid, ONCE]],
    check() {},
  },
};

function checkTestimony(note) {
  if (note.author !== null) {
    parseName(note.author.name);
    if (note.author.name === note.mirror) throw malformed(`the author bears the mirror's name ${note.mirror}`);
  }
  if ((note.translationOf === null) !== (note.translator === null)) {
    throw malformed("Translation-Of and Translator stand only together");
  }
  const names = new Set(note.attachments.map((each) => foldCase(each.name)));
  if (names.size !== note.attachments.length) {
    throw malformed("two attachments share a name, or differ only in upper and lower case");
  }
}

// Parsing

// The text of a note that is of this version; a newer Fault where its first line says that it is of a later one.
function checkVersion(text) {
  const first = partition(text, "\n")[0];
  const [version, , word] = partition(first, " ");
  if (version === "mirror/v1" && word) return word;
  if (version.startsWith("mirror/v") && word && decodeDecimal(version.slice("mirror/v".length)) > 1n) {
    throw new Fault("newer", `a note of version ${version}, which this program does not know`);
  }
  throw malformed(`the first line names no kind of note: ${quoted(first)}`);
}

// The note that a text spells; no signature is looked at.
export function parseText(text) {
  const word = checkVersion(text);
  if (Object.hasOwn(KINDS, word)) return parseKind(word, text);
  if (!/^[a-z][a-z0-9-]{0,31}$/.test(word)) {
    throw malformed(`the first line names no kind of note: ${quoted(word)}`);
  }
  throw new Fault("newer", `a note of kind ${quoted(word)}, which this version does not know`);
}

function parseKind(word, text) {
  const kind = KINDS[word];
  const control = /[\x7f-\x9f]/.exec(text);
  if (control) throw malformed(`the ${word} has the control character ${quoted(control[0])}`);
  let [head, body] = [text, null];
  if (kind.hasBody) {
    const [before, isThere, behind] = partition(text, "\n\n");
    checkBody(word, isThere, behind);
    [head, body] = [`${before}\n`, behind.slice(0, -1)];
  }
  const note = { word, text, ...readHeaders(word, kind.headers, splitLines(head, `the ${word}`)), body };
  kind.check(note);
  return note;
}

function checkBody(word, isThere, body) {
  if (!isThere) throw malformed(`the ${word} has no empty line before its body`);
  if (!body.endsWith("\n")) throw malformed(`the ${word}'s body does not end in a newline`);
  if (body.startsWith("\n") || body.endsWith("\n\n")) {
    throw malformed(`the ${word}'s body is empty, or starts or ends with an empty line`);
  }
}

function readHeaders(word, headers, lines) {
  const values = {};
  let at = 1;
  for (const [key, name, read, times, atMost = Infinity] of headers) {
    const found = [];
    while (at < lines.length && lines[at].startsWith(`${key}: `) && (times === MANY || !found.length)) {
      found.push(read(valueOf(lines[at++], key)));
    }
    if (times === ONCE && !found.length) {
      throw malformed(`the ${word} has no ${key} where it has to stand, in line ${at + 1}`);
    }
    if (found.length > atMost) throw malformed(`the ${word} has more than ${atMost} ${key} lines`);
    values[name] = times === MANY ? found : (found[0] ?? null);
  }
  if (at < lines.length) {
    throw malformed(`line ${at + 1} of the ${word} is unknown, given twice or out of order: ${quoted(lines[at])}`);
  }
  return values;
}

function valueOf(line, key) {
  const value = line.slice(key.length + 2);
  if (!value || value.startsWith(" ") || value.endsWith(" ")) {
    throw malformed(`the value of ${key} is empty or has a space at its end`);
  }
  return value;
}

// Opening, which is verifying

// The note in `data`, carrying exactly the signature lines that it must, each verified.
export async function openSigned(data, key, useBrowser) {
  const note = splitNote(data);
  const content = parseText(note.text);
  await checkLines(content, note, signersOf(content, key), useBrowser);
  content.signed = note.signed;
  return content;
}

export async function openAs(word, data, key, useBrowser) {
  const content = await openSigned(data, key, useBrowser);
  if (content.word !== word) throw malformed(`a note of kind ${content.word} where a ${word} has to be`);
  return content;
}

// The charter in `data`, signed by the very key that it gives. That shows unity, not whose key it is.
export async function openCharter(data, useBrowser) {
  const note = splitNote(data);
  const charter = parseOnly("charter", note.text);
  await checkLines(charter, note, [charter.key], useBrowser);
  return charter;
}

// A testimony that its author signed, alone: on its way to the publisher.
export async function openHandedIn(data, useBrowser) {
  const note = splitNote(data);
  const testimony = parseOnly("testimony", note.text);
  if (testimony.author === null) {
    throw malformed("the testimony handed in names no author, so nobody can have signed it");
  }
  await checkLines(testimony, note, [testimony.author], useBrowser);
  return testimony;
}

// Whether a testimony carries the line that bears its author's name alone.
export function isHandedIn(data) {
  const note = splitNote(data);
  const content = parseText(note.text);
  if (content.word !== "testimony" || content.author === null) return false;
  return note.signatures.length === 1 && note.signatures[0].name === content.author.name;
}

// The mirror that a note says it is of, for finding the key to open it with.
export function mirrorName(data) {
  const { text } = splitNote(data);
  checkVersion(text);
  const line = text.split("\n", 2)[1];
  if (!line?.startsWith("Mirror: ")) throw malformed("the note's second line does not name its mirror");
  return parseName(line.slice("Mirror: ".length));
}

// What a note says, no signature verified: for learning which key or tree to judge it by.
export function peek(data) {
  return parseText(splitNote(data).text);
}

function parseOnly(word, text) {
  const found = checkVersion(text);
  if (found !== word) throw malformed(`the first line is not mirror/v1 ${word}: ${quoted(found)}`);
  return parseKind(word, text);
}

function signersOf(content, key) {
  if (content.word !== "testimony" || content.author === null) return [key];
  if (content.author.k51 === key.k51) throw malformed("the author's key is the mirror's own");
  return [key, content.author];
}

async function checkLines(content, note, signers, useBrowser) {
  if (note.signatures.length > signers.length) {
    throw malformed(`the ${content.word} carries a signature line more than it may`);
  }
  for (const [at, line] of note.signatures.entries()) {
    const signer = signers[at];
    if (!isLineOf(line, signer)) {
      const words = `the ${content.word} has a line by ${line.name} where ${signer.name} has to sign`;
      throw new Fault("badsignature", words);
    }
    await checkSignature(signer, note.signed, line.raw, useBrowser);
  }
  if (note.signatures.length < signers.length) {
    throw new Fault("badsignature", `the ${content.word} is not signed by ${signers[note.signatures.length].name}`);
  }
}

// What a page may show of a note, once its claims were judged.
export function readable(note) {
  const shown = { kind: note.word, mirror: note.mirror, body: note.body };
  for (const name of ["language", "title", "date", "tags", "warning", "translator", "reason", "day"]) {
    shown[name] = note[name] ?? null;
  }
  shown.author = note.author ? { name: note.author.name, key: note.author.k51 } : null;
  shown.edition = note.edition === undefined ? null : String(note.edition);
  shown.indexHash = note.rootCid ?? null;
  shown.indexes = (note.indexes ?? []).map(String);
  shown.attachments = (note.attachments ?? []).map((each) => ({ ...each, length: String(each.length) }));
  return shown;
}
