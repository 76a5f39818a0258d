// What can be wrong, and how it is said.
//
// A Fault is thrown where something is not as it has to be. Its kind says whose fault it is:
//
//   malformed      bytes that do not follow their format
//   newer          well formed, but of a version later than this page
//   unverified     well formed, and not true; more closely: badblock, badsignature, badproof, forked
//   missing        a block that a complete copy would hold; notheld: its keeper says that it was left out
//   refused        nothing is wrong with what was given, but this page will not go on
//
// The message is English, as the command `mirror` words it: lower case, without a full stop, the thing first.

export class Fault extends Error {
  constructor(kind, message) {
    super(message);
    this.kind = kind;
  }
}

export function malformed(message) {
  return new Fault("malformed", message);
}

export function unverified(message) {
  return new Fault("unverified", message);
}

export function missing(message) {
  return new Fault("missing", message);
}

// Whether an error says that the evidence is wrong. Any other is not about the evidence, and goes on its way.
export function isFault(error) {
  return error instanceof Fault && error.kind !== "refused";
}

// The reader asked to stop.
export class Cancelled extends Error {}

const UNSEEN = /[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/u;

// Whether a text has nothing in it that cannot be seen, or that moves what stands around it.
export function isPrintable(text) {
  return !UNSEEN.test(text);
}

// A text from outside, for a message: in quotes, cut off after a while, and with escapes for what cannot be seen.
export function quoted(text, atMost = 80) {
  return `'${[...text].slice(0, atMost).map((each) => (isPrintable(each) ? each : escaped(each))).join("")}'`;
}

// A name as it stands in the names of items: as it is, or in ASCII with escapes and quotes.
export function nameInWords(name) {
  return isPrintable(name) ? name : inAscii(name);
}

// A text in ASCII, with quotes and escapes.
export function inAscii(name) {
  const quote = name.includes("'") && !name.includes('"') ? '"' : "'";
  return quote + [...name].map((each) => (each === quote ? `\\${each}` : asciiOf(each))).join("") + quote;
}

function asciiOf(letter) {
  if (letter === "\\") return "\\\\";
  return letter >= " " && letter <= "~" ? letter : escaped(letter);
}

function escaped(letter) {
  const plain = { "\n": "\\n", "\r": "\\r", "\t": "\\t" }[letter];
  if (plain) return plain;
  const code = letter.codePointAt(0);
  const [mark, width] = code < 0x100 ? ["x", 2] : code < 0x10000 ? ["u", 4] : ["U", 8];
  return `\\${mark}${code.toString(16).padStart(width, "0")}`;
}
