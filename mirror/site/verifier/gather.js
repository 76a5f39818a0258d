// What a reader gives: files that were chosen, files and folders that were dropped, a text that was pasted. Each
// becomes { path, blob }; nothing is read yet.

/** Files that one check takes: four times what the largest archives have that anybody would keep as loose files. */
export const FILES_AT_MOST = 500_000;

export class TooMany extends Error {}

/** What a field for files holds. */
export function gatherChosen(input) {
  return [...input.files].map((file) => ({ path: file.webkitRelativePath || file.name, blob: file }));
}

/** What was dropped; folders are walked. The entries have to be taken before the first `await`. */
export async function gatherDropped(transfer) {
  const items = [...transfer.items].filter((item) => item.kind === "file");
  const entries = items.map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (entries.length === 0) return [...transfer.files].map((file) => ({ path: file.name, blob: file }));
  const found = [];
  for (const entry of entries) await walkEntry(entry, "", found);
  return found;
}

async function walkEntry(entry, above, found) {
  if (found.length >= FILES_AT_MOST) throw new TooMany();
  const path = above + entry.name;
  if (entry.isFile) {
    found.push({ path, blob: await new Promise((resolve, reject) => entry.file(resolve, reject)) });
    return;
  }
  const reader = entry.createReader();
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject)); // a hundred at a time
    if (some.length === 0) return;
    for (const each of some) await walkEntry(each, `${path}/`, found);
  }
}

/**
 * A pasted text as the bytes that were signed: a note, an announcement and a proof begin with their first letter and
 * end with one newline, whatever the program that it was copied from put around them.
 */
export function gatherPasted(text) {
  const trimmed = text.replace(/^[\s\uFEFF]+|\s+$/g, "");
  return trimmed === "" ? [] : [{ path: "pasted.txt", blob: new Blob([`${trimmed}\n`]) }];
}
