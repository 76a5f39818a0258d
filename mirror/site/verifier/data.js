// What `mirror/site/verifier.py` writes into the page beside its modules: here as small as it may be, so that the
// modules also run as they lie in this folder.

/** Tag → { name, direction, words: { key: sentence }, sayings: { code: sentence } }, out of `site/words`. */
export const SPEECH = { en: { name: "English", direction: "ltr", words: {}, sayings: {} } };

/** The page's bytes around its policy's hashes, its style and its script: see `self.js`. */
export const AROUND = [];
