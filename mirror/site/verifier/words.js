// What the page says, in the language that a reader chose. Sentences come from `site/words/<tag>.toml`; `{name}` in
// them stands for a value. What codes of `codes.js` have no sentence in a language is said in English, and marked so.

import { SAYINGS } from "./codes.js";
import { WORDS } from "./data.js";

const PLACEHOLDER = /\{([a-z_]+)\}/;

let spoken = "en";

/** Every language, as [tag, its own name]. */
export function allLanguages() {
  return Object.keys(WORDS).map((tag) => [tag, WORDS[tag].name]);
}

/** The first of `wanted` (BCP 47, most wanted first) that the page speaks, or English. */
export function nearestLanguage(wanted) {
  for (const tag of wanted) {
    const subtags = tag.split("-");
    const first = subtags[0].toLowerCase();
    const traditional = subtags.some((each) => ["hant", "tw", "hk", "mo"].includes(each.toLowerCase()));
    const found = first === "zh" ? (traditional ? "zh-Hant" : "zh-Hans") : first;
    if (WORDS[found]) return found;
  }
  return "en";
}

/** From now on, speak this language. */
export function speak(tag) {
  spoken = tag;
  document.documentElement.lang = tag;
  document.documentElement.dir = WORDS[tag].direction;
}

/** A sentence as plain text, for what takes no more: titles of windows, names of files. */
export function say(key, params = {}) {
  return sentenceOf(key).text.split(/(\{[a-z_]+\})/).map((part) => {
    const name = PLACEHOLDER.exec(part)?.[1];
    return name === undefined ? part : String(params[name] ?? "");
  }).join("");
}

/**
 * Put a sentence into an element. Values are outside text: each becomes a text node in a `<bdi>` of its own, so that
 * neither markup nor a direction in it reaches anything around it.
 */
export function fill(element, key, params = {}) {
  const sentence = sentenceOf(key);
  element.replaceChildren(...sentence.text.split(/(\{[a-z_]+\})/).map((part) => {
    const name = PLACEHOLDER.exec(part)?.[1];
    return name === undefined ? document.createTextNode(part) : isolated(params[name] ?? "");
  }));
  if (sentence.isEnglish) {
    element.lang = "en";
    element.dir = "ltr";
  } else {
    element.removeAttribute("lang");
    element.removeAttribute("dir");
  }
  return element;
}

/** A value as a text node in a `<bdi>`. */
export function isolated(value) {
  const element = document.createElement("bdi");
  element.textContent = Array.isArray(value) ? value.join(", ") : String(value);
  return element;
}

function sentenceOf(key) {
  const own = WORDS[spoken].words[key];
  if (own !== undefined) return { text: own, isEnglish: false };
  const english = WORDS.en.words[key] ?? SAYINGS[key.replace(/^code_/, "")] ?? key;
  return { text: english, isEnglish: spoken !== "en" };
}
