// The page's own bytes, and their SHA-256.
//
// A page cannot read the file it came from. But this one is made of known parts: what stands around its policy's
// hashes, its style and its script (AROUND, written in by verifier.py), and style and script as the browser holds
// them. Put together they are the file's bytes, if the page is what it says. A page that lies can show any hash, which
// is why the page asks for its saved file to be hashed by something else.

import { encodeBase64 } from "./bytes.js";
import { sha256 } from "./sha2.js";
import { AROUND } from "./data.js";

const OWN_SCRIPT = typeof document === "undefined" ? "" : document.currentScript.textContent;

/** The text of the one script: what a worker runs too. */
export function ownScript() {
  return OWN_SCRIPT;
}

/** The bytes of the file that this page is. */
export function ownBytes() {
  const encoder = new TextEncoder();
  const style = document.querySelector("style").textContent;
  const [first, second, third, fourth, last] = AROUND;
  const hashes = [OWN_SCRIPT, style].map((text) => encodeBase64(sha256(encoder.encode(text))));
  return encoder.encode([first, hashes[0], second, hashes[1], third, style, fourth, OWN_SCRIPT, last].join(""));
}
