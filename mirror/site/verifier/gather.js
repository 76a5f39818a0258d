// What a reader gives: files that were chosen, files and folders that were dropped, a text that was pasted. Each
// becomes { path, blob }; nothing is read yet.

/** Files that one check takes: four times what the largest archives have that anybody would keep as loose files. */
export const FILES_AT_MOST = 500_000;

export class TooMany extends Error {}

/** The browser does not let the page look into a folder that was dropped. */
export class NoFolder extends Error {}

/** What a field for files holds. */
export function gatherChosen(input) {
  return [...input.files].map((file) => ({ path: file.webkitRelativePath || file.name, blob: file }));
}

/**
 * What was dropped; folders are walked. Everything has to be taken out of the event before the first `await`. There are
 * two ways into a folder. Entries are everywhere, but Chromium opens none on a page from a file. There it opens
 * handles; a sandboxed page, such as one from `mirror serve`, it ends for asking for one.
 */
export async function gatherDropped(transfer) {
  const isFile = location.protocol === "file:";
  const items = [...transfer.items].filter((item) => item.kind === "file").map((item) => {
    const entry = item.webkitGetAsEntry?.();
    if (!entry?.isDirectory) return { file: item.getAsFile() };
    return { entry, handle: isFile && item.getAsFileSystemHandle?.().catch(() => null) };
  });
  const found = [];
  for (const { file, entry, handle } of items) {
    if (file) found.push({ path: file.name, blob: file });
    else if (entry) await walkFolder(entry, await handle, found);
  }
  return found;
}

async function walkFolder(entry, handle, found) {
  try {
    if (handle) await walkHandle(handle, "", found);
    else await walkEntry(entry, "", found);
  } catch (error) {
    throw error instanceof TooMany ? error : new NoFolder();
  }
}

async function walkHandle(handle, above, found) {
  if (found.length >= FILES_AT_MOST) throw new TooMany();
  const path = above + handle.name;
  if (handle.kind === "file") found.push({ path, blob: await handle.getFile() });
  else for await (const child of handle.values()) await walkHandle(child, `${path}/`, found);
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
