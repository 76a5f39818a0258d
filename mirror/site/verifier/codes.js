// What a report can say, by its code, in English: the words of the command `mirror verify`, wherever it has them too.
//
// Every line of a report has a code and parameters, so that it can be said in any language; `words` are these. {item}
// is the item that is false; {detail} is a technical line, which stays English in every language.

export const SAYINGS = {
  // key
  "key-given": "{key}, given for this once",
  "key-unconfirmed": "you have not confirmed {key}; anyone can make a key named {name}",
  "key-compare": "compare all of it with a leaflet or a person you know",
  "key-no-tree": "the tree cannot be opened",
  "key-none": "no key was given, and the charter that should name it cannot be read",
  "key-none-for": "no key is known for {mirror}; give one",
  "key-signed-nothing": "the key of {mirror} has signed nothing here yet",

  // unchanged, signed, complete: what holds, and what was not checked
  "unchanged-counts": "testimonies: {testimonies}, attachments: {attachments}, pages: {pages}",
  "unchanged-cid": "its CID is {cid}",
  "unchanged-cid-files": "its CID is {cid}, {attachments} attachments",
  "unchanged-by-author": "what its author signed",
  "attachment-not-beside": "not checked: its attachment {name}, which is not beside it",
  "signed-counts": "{testimonies} by the mirror",
  "signed-counts-authors": "{testimonies} by the mirror, {authors} also by their authors' keys",
  "signed-mirror": "by the mirror",
  "signed-mirror-author": "by the mirror, and by its author's key",
  "signed-kind": "a note of the kind {kind}, by the mirror",
  "signed-kind-author": "a note of the kind {kind}, by the mirror, and by its author's key",
  "signed-author-only": "by its author {key} alone; the mirror has not signed it yet",
  "signed-unknown-key": "by a key that is not known here",
  "complete-all": "everything this log lists is here",
  "complete-withdrawn": "here: {testimonies}, withdrawn: {withdrawn}",
  "complete-one": "listed as #{index} of {size} entries",
  "complete-one-only": "not checked: whether it was withdrawn since, and what else is listed",
  "complete-one-later": "not checked: whether it was withdrawn later, or what else is listed",
  "complete-no-log": "a note alone does not show that the log lists it",
  "complete-no-list": "no log lists it yet",
  "not-held": "not held by this keeper: {list}",
  "not-here": "#{index} is listed and not here: withdrawn, or missing; the whole archive tells which",
  newer: "newer than this page, so not checked: {list}",
  "newer-note": "{detail}",
  "rests-on-page": "it rests on a page that is not what it should be",
  "log-unread": "the log could not be read whole",
  "notes-unread": "the notes were not all read",
  "nothing-said": "nothing here speaks of it",

  // append-only, existed by
  "not-seen": "you have not seen this mirror before, or keep no memory of it",
  "seen-not-announced": "what was given as seen before is no announcement by this key: {detail}",
  "seen-unproven": "{detail}",
  "older-edition": "older edition",
  "older-numbers": "this is edition {edition}, you have seen edition {seen}",
  "contains-seen": "contains the {size} entries you saw before",
  "no-fork": "this file does not show a fork: {detail}",
  "no-clocks": "this page does not check outside clocks",

  // false: a file or page of the tree that is not as it has to be
  "item-malformed": "{item}: {detail}",
  "item-badblock": "{item}: {detail}",
  "item-missing": "{item}: {detail}",
  "item-badsignature": "{item}: {detail}",
  "item-unverified": "{item}: {detail}",
  "file-damaged": "{item}: {detail}",
  "unused-blocks": "{item} holds {count} blocks that its tree does not use",
  "root-other": "the index hash of what is here is {found}, the link names {listed}",
  "listed-not-here": "{item} is listed by edition.txt and is not here",
  "not-listed": "{item} is not listed by edition.txt",
  "no-place-top": "{item} has no place in a mirror's tree",
  "not-as-listed": "{item} is not what edition.txt lists: its CID is {found}, listed {listed}",
  "checkpoint-other": "checkpoint is not the one that edition.txt states",
  "announcement-other": "announcement.txt announces edition {edition} with the index hash {root}, not this one",
  "anchor-no-place": "{item} has no place here: it is no proof for a checkpoint of this log",

  // false: the log, its notes, their attachments
  "entry-false": "{item}: {detail}",
  "entry-charter": "{item}: it lists another charter than charter.txt",
  "entry-other": "{item} is not the one whose hash is in tile",
  "tile-missing": "{item} is not here",
  "tile-other": "{item} does not follow from the entries: its CID is {found}, not {listed}",
  "root-hash-other": "checkpoint: the entries do not add up to the root hash of the checkpoint",
  "note-missing": "the listed #{index} is not here",
  "note-missing-block": "{item}: the listed #{index} is not here: {detail}",
  "note-other": "{item} is not what the log lists: its CID is {found}, listed {listed}",
  "note-damaged": "{item} is not what the log lists: {detail}",
  "note-length": "{item} has {length} bytes, its folder says {size}",
  "note-badsignature": "{item}: {detail}",
  "note-malformed": "{item}: {detail}",
  "note-unverified": "{item}: {detail}",
  "text-twice": "{item}: its text is listed before",
  "translates-none": "{item}: it translates {cid}, which is no earlier testimony here",
  "replaces-none": "{item}: it replaces {cid}, which is no earlier testimony here",
  "replaces-other": "{item}: it replaces #{before}, whose author did not sign it",
  "withdraws-none": "{item}: it withdraws #{which}, which is no earlier testimony",
  "withdraws-again": "{item}: it withdraws #{which}, which #{before} withdrew already",
  "withdraws-token": "{item}: it shows a token that is not that of #{which}",
  "attachment-missing": "{item} is not here",
  "attachment-other": "{item} is not what #{index} lists: its CID is {found}, listed {listed}",
  "attachment-length": "{item} has {length} bytes, #{index} lists {listed}",
  "attachment-beside": "{item} is not what the note lists: its CID is {found}, listed {listed}",
  "still-here": "{item} is still here, and #{index} was withdrawn",
  "no-place": "{item} has no place here: nothing in the log leads to it",
  "proof-false": "the proof: {detail}",

  // false: what the reader saw before
  "fork-edition": "edition {edition} had the index hash {root} when you saw it",
  "fork-logs": "two logs signed by this key cannot both be true",
  "fork-numbers": "edition {edition} had {size} entries when you saw it, this is edition {here} with {entries}",
  "fork-signed": "signed: {size} entries, root hash {root}",

  // nothing could be judged
  refused: "{detail}",
};

// A saying with its parameters in their places.
export function inEnglish(code, params) {
  return SAYINGS[code].replace(/\{([a-z]+)\}/g, (whole, name) => (name in params ? params[name] : whole));
}
