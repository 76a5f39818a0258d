// What the page says, in the language that a reader chose. Sentences come from `site/words/<tag>.toml`; `{name}` in
// them stands for a value. A line of a report whose code (`codes.js`) has no saying in a language is said in English,
// and marked so.

import { SPEECH } from "./data.js";

const PLACEHOLDER = /\{([a-z_]+)\}/;

let spoken = "en";

/** Every language, as [tag, its own name]. */
export function allLanguages() {
  return Object.keys(SPEECH).map((tag) => [tag, SPEECH[tag].name]);
}

/** The first of `wanted` (BCP 47, most wanted first) that the page speaks, or English. */
export function nearestLanguage(wanted) {
  for (const tag of wanted) {
    const subtags = tag.split("-");
    const first = subtags[0].toLowerCase();
    const traditional = subtags.some((each) => ["hant", "tw", "hk", "mo"].includes(each.toLowerCase()));
    const found = first === "zh" ? (traditional ? "zh-Hant" : "zh-Hans") : first;
    if (Object.hasOwn(SPEECH, found)) return found;
  }
  return "en";
}

/** From now on, speak this language. */
export function speak(tag) {
  spoken = tag;
  document.documentElement.lang = tag;
  document.documentElement.dir = SPEECH[tag].direction;
}

/** A sentence as plain text, for what takes no more: a window's title. */
export function say(key, params = {}) {
  return partsOf(sentenceOf(key), params).map((part) => part.textContent).join("");
}

/** Put a sentence into an element. */
export function fill(element, key, params = {}) {
  return put(element, partsOf(sentenceOf(key), params), false);
}

/** A value as a text node in a `<bdi>`; keys in it in groups of four, as people compare them. */
export function isolated(value) {
  const element = document.createElement("bdi");
  const text = Array.isArray(value) ? value.join(", ") : String(value);
  element.textContent = text.replace(/\bk51[0-9a-z]{50,70}\b/g, inGroups);
  return element;
}

export function inGroups(text) {
  return text.match(/.{1,4}/gs)?.join(" ") ?? "";
}

/** A line of a report: in the reader's language where its code has a saying there, else in English. */
export function fillLine(element, line) {
  const saying = SPEECH[spoken].sayings[line.code];
  if (saying === undefined) return put(element, [isolated(line.words)], spoken !== "en");
  return put(element, partsOf(saying, line.params), false);
}

/** The parts of a sentence as nodes. Values are outside text: each stands in a `<bdi>` of its own. */
function partsOf(sentence, params) {
  return sentence.split(/(\{[a-z_]+\})/).map((part) => {
    const name = PLACEHOLDER.exec(part)?.[1];
    return name === undefined ? document.createTextNode(part) : isolated(params[name] ?? "");
  });
}

function put(element, parts, isEnglish) {
  element.replaceChildren(...parts);
  if (isEnglish) {
    element.lang = "en";
    element.dir = "ltr";
  } else {
    element.removeAttribute("lang");
    element.removeAttribute("dir");
  }
  return element;
}

function sentenceOf(key) {
  return SPEECH[spoken].words[key] ?? SPEECH.en.words[key] ?? key;
}
