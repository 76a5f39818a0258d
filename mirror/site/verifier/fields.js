// What may stand behind a header's colon: formats.md, section 2, "What values are".
//
// Each function takes the text and gives its value, or throws a malformed Fault.

import { decodeBase32, decodeBase64, decodeDecimal, decodeHex, encodeUtf8 } from "./bytes.js";
import { isDagPb, isRaw, parseOurCid } from "./cid.js";
import { malformed, quoted } from "./fault.js";

const TITLE_AT_MOST = 200;
const TAG_AT_MOST = 64;
const FILE_NAME_AT_MOST = 100;
const LANGUAGE_AT_MOST = 35;

const DATE = /^([0-9]{4})(?:-([0-9]{2}))?(?:-([0-9]{2}))?$/;
const MEDIA_TYPE = /^[a-z0-9][a-z0-9!#$&^_.+-]{0,126}\/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}$/;
const TAG = /^[\p{Ll}\p{Lm}\p{Lo}\p{M}\p{Nd}\p{Cn}-]+$/u;
const ITEM_NAME = /^[a-z0-9][a-z0-9._-]{0,99}$/;
const FORBIDDEN = /[/\\:*?"<>|]/;
const DEVICE = /^(?:con|prn|aux|nul|con[iıİ]n\$|conout\$|clock\$|(?:com|lpt)[0-9¹²³])(?: *\.[^]*)?$/iu;

export function title(text) {
  const length = [...text].length;
  if (length > TITLE_AT_MOST) throw malformed(`a title of ${length} characters, more than ${TITLE_AT_MOST}`);
  return text;
}

// A year from 1, a month or a day of the Gregorian calendar.
export function coarseDate(text) {
  const [, year, month, day] = DATE.exec(text) ?? [];
  const numbers = [year, month ?? "01", day ?? "01"].map(Number);
  if (!year || numbers[0] < 1 || numbers[1] < 1 || numbers[1] > 12 || !isDay(...numbers)) {
    throw malformed(`not a date of the form YYYY, YYYY-MM or YYYY-MM-DD: ${quoted(text, 40)}`);
  }
  return text;
}

function isDay(year, month, day) {
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return day >= 1 && day <= [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1];
}

export function wholeDay(text) {
  if (text.length !== 10) throw malformed(`not a day of the form YYYY-MM-DD: ${quoted(text, 40)}`);
  return coarseDate(text);
}

// Lower-case letters, letters without case, marks, digits, hyphens; code points that this browser does not know pass.
export function tag(text) {
  if (!TAG.test(text)) {
    throw malformed(`a tag with what is no lower-case letter, mark, digit or hyphen: ${quoted(text, 40)}`);
  }
  const length = encodeUtf8(text).length;
  if (length > TAG_AT_MOST) throw malformed(`a tag of ${length} bytes, not 1 to ${TAG_AT_MOST}: ${quoted(text, 40)}`);
  return text;
}

function fileName(text) {
  const length = encodeUtf8(text).length;
  if (!length || length > FILE_NAME_AT_MOST) {
    throw malformed(`a file name of ${length} bytes, not 1 to ${FILE_NAME_AT_MOST}`);
  }
  if (text.normalize("NFC") !== text) throw malformed(`a file name that is not in normal form C: ${quoted(text)}`);
  if (/^[. ]|[. ]$/.test(text)) {
    throw malformed(`a file name that begins or ends with a dot or a space: ${quoted(text)}`);
  }
  if (FORBIDDEN.test(text)) {
    throw malformed(`a file name with a character that names must not hold: ${quoted(text)}`);
  }
  if (DEVICE.test(text)) throw malformed(`a file name that is a device on some systems: ${quoted(text)}`);
  return text;
}

// <CID> <length> <media type> <file name>; the name may hold spaces.
export function attachment(text) {
  const [, cid, length, mediaType, name] = /^([^ ]*) ([^ ]*) ([^ ]*) ([^]*)$/.exec(text) ?? [];
  if (name === undefined) {
    throw malformed(`not an attachment of the form <cid> <bytes> <media type> <file name>: ${quoted(text)}`);
  }
  if (!MEDIA_TYPE.test(mediaType)) {
    throw malformed(`not a media type in lower case without parameters: ${quoted(mediaType)}`);
  }
  return { cid: parseOurCid(cid), length: decodeDecimal(length), mediaType, name: fileName(name) };
}

export function item(text) {
  const parts = text.split(" ");
  if (parts.length !== 2) throw malformed(`not an item of the form <name> <cid>: ${quoted(text)}`);
  if (!ITEM_NAME.test(parts[0])) throw malformed(`not the name of an item: ${quoted(parts[0])}`);
  return { name: parts[0], cid: parseOurCid(parts[1]) };
}

export function rawCid(text) {
  return parseOurCid(text, isRaw);
}

export function folderCid(text) {
  return parseOurCid(text, isDagPb);
}

// A SHA-256 in hexadecimal. It stays text: it is only ever compared.
export function digest(text) {
  const length = decodeHex(text).length;
  if (length !== 32) throw malformed(`a SHA-256 of ${length} bytes, not 32`);
  return text;
}

export function secret16(text) {
  const data = decodeBase32(text);
  if (data.length !== 16) throw malformed(`a salt or token of ${data.length} bytes, not 16`);
  return data;
}

// A root hash in base64, as text.
export function rootHash(text) {
  const length = decodeBase64(text).length;
  if (length !== 32) throw malformed(`a root hash of ${length} bytes, not 32`);
  return text;
}

export function fromOne(text) {
  const value = decodeDecimal(text);
  if (value < 1n) throw malformed("a number that has to be at least 1 is 0");
  return value;
}

// BCP 47 (RFC 5646, section 2.1), well-formed, in the case of section 2.1.1; no variant or singleton twice.
const LANGUAGE = new RegExp(
  "^(?<language>[a-z]{2,3}(?:-[a-z]{3}){0,3}|[a-z]{4,8})" +
    "(?<script>(?:-[a-z]{4})?)" +
    "(?<region>(?:-(?:[a-z]{2}|[0-9]{3}))?)" +
    "(?<variants>(?:-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*)" +
    "(?<extensions>(?:-[a-wyz0-9](?:-[a-z0-9]{2,8})+)*)" +
    "(?<rest>(?:-x(?:-[a-z0-9]{1,8})+)?)$",
);

export function languageTag(text) {
  const isPlain = text.length <= LANGUAGE_AT_MOST && /^[\x21-\x7e]+$/.test(text);
  const found = isPlain ? LANGUAGE.exec(text.toLowerCase()) : null;
  if (!found) {
    throw malformed(`language tag ${quoted(text)} is not well-formed BCP 47, such as ar, zh-Hans or pt-BR`);
  }
  const { language, script, region, variants, extensions, rest } = found.groups;
  checkOnce(variants.split("-").slice(1), text);
  checkOnce(Array.from(extensions.matchAll(/-([a-z0-9])(?=-)/g), (each) => each[1]), text);
  const head = language + script.replace(/^-./, (first) => first.toUpperCase()) + region.toUpperCase();
  const spelled = head + variants + extensions + rest;
  if (spelled !== text) throw malformed(`language tag ${quoted(text)} is spelled ${quoted(spelled)}`);
  return text;
}

function checkOnce(subtags, text) {
  const twice = subtags.find((each, at) => subtags.indexOf(each) !== at);
  if (twice !== undefined) throw malformed(`language tag ${quoted(text)} holds ${quoted(twice)} twice`);
}

// A name as it is where upper and lower case do not count: Unicode's full case folding, letter by letter. Lower, upper
// and lower again is the same but for the dotless i, which has no upper case of its own.
export function foldCase(text) {
  return [...text]
    .map((each) => (each === "ı" ? each : each.toLowerCase().toUpperCase().toLowerCase()))
    .join("");
}
