// From what a reader has to what can be judged.
//
//   a CAR                        an export, or any other CAR with one root; perhaps with an announcement
//   a folder with editions/      an archive, or a workspace around one
//   any other folder             a tree as `ipfs get` writes it
//   a note                       a testimony, an announcement, …; a .tlog-proof and attachments may lie beside it
//   the evidence of a fork

import { decodeUtf8, splitLines } from "./bytes.js";
import { Blocks, readHeader, Windows } from "./car.js";
import { isRaw, parseCid } from "./cid.js";
import { Fault, isFault, malformed, missing } from "./fault.js";
import { folderCid } from "./fields.js";
import { NOTE_AT_MOST, splitNote } from "./note.js";
import { peek } from "./notes.js";
import { isEvidence, PROOF_AT_MOST } from "./proof.js";
import { nameFile, putFolder } from "./unixfs.js";

const LIST_AT_MOST = 64 << 20;
const FOLDERS_AT_MOST = 64;
const EDITION = /^editions\/(?:[0-9]{6}|[1-9][0-9]{6,17})\.car$/;

// { what, copy } of a tree, perhaps with { note } (an announcement); or { what, evidence }; or { what, note, proof,
// beside }, where `beside` gives a Blob by name. A copy is { what, root, get, announcement, damage, unreached }.
export async function openGiven(given, run) {
  if (!given.length) throw new Fault("refused", "nothing is given");
  const files = new Map(withoutCommonFolder(given).map(({ path, blob }) => [path, blob]));
  if (files.size < given.length) throw new Fault("refused", `two of the ${given.length} files given have one name`);
  const folder = inside(files, "archive/");
  if ([...folder.keys()].some((path) => path.startsWith("editions/"))) return { copy: await openArchive(folder, run) };
  if ([...files.keys()].some((path) => path.startsWith("editions/"))) return { copy: await openArchive(files, run) };
  if (isTree(files)) return { copy: await openFolderOfFiles(files, run) };
  return openFiles(files, run);
}

// One page of a tree may also lie there as a note, beside its proof.
function isTree(files) {
  const pages = ["edition.txt", "charter.txt", "checkpoint"].filter((name) => files.has(name)).length;
  return pages > 1 || (pages === 1 && [...files.keys()].some((path) => /^(?:tile|note)\//.test(path)));
}

// Paths below the one folder that everything lies in, if there is one.
function withoutCommonFolder(given) {
  const first = given[0].path.split("/")[0];
  const isCommon = given.every(({ path }) => path.startsWith(`${first}/`));
  if (!isCommon || first === "archive" || first === "editions" || first === "file") return given;
  return given.map(({ path, blob }) => ({ path: path.slice(first.length + 1), blob }));
}

function inside(files, prefix) {
  const found = [...files].filter(([path]) => path.startsWith(prefix));
  return new Map(found.map(([path, blob]) => [path.slice(prefix.length), blob]));
}

async function bytesOf(blob, atMost, what) {
  if (blob.size > atMost) throw new Fault("refused", `${what} has ${blob.size} bytes, more than ${atMost}`);
  return new Uint8Array(await blob.arrayBuffer());
}

// Loose files

async function openFiles(files, run) {
  const open = { what: [...files.keys()][0], beside: new Map(), proof: null };
  for (const [path, blob] of files) {
    const name = path.split("/").at(-1);
    if (await isCar(name, blob, run)) {
      if (open.copy) throw new Fault("refused", "more than one CAR is given");
      open.copy = await openCar(path, blob, run);
    } else if (name.endsWith(".tlog-proof")) {
      if (open.proof) throw new Fault("refused", "more than one proof is given");
      open.proof = await bytesOf(blob, PROOF_AT_MOST, "the proof");
    } else if (path.startsWith("file/") || !(await takeNote(open, path, blob))) {
      open.beside.set(name, blob);
    }
  }
  if (!open.copy && !open.note && !open.evidence) {
    const [other] = open.beside.keys();
    if (other === undefined) throw new Fault("refused", "a proof says nothing without its note");
    throw malformed(`${other} is neither a CAR nor a note`);
  }
  checkNoneLeft(open, [...files.keys()]);
  return open;
}

// A reader takes for judged what she gave. So what nothing would look at is refused, but for what desktops leave.
function checkNoneLeft({ copy, evidence, note, proof, beside }, paths) {
  if (evidence && (copy || proof)) throw new Fault("refused", "the evidence of a fork is judged alone");
  if (copy && proof) throw new Fault("refused", "a proof is judged with its note, and without a CAR");
  const listed = copy || evidence ? [] : attachmentsOf(note);
  const isLeft = (name) => beside.has(name) && !name.startsWith(".") && !listed?.includes(name);
  const left = listed && paths.find((path) => !path.startsWith("file/") && isLeft(path.split("/").at(-1)));
  if (left) throw malformed(`${left} is neither a CAR nor a note, and no attachment that the note lists`);
}

// The names of a note's attachments; null where it cannot be read, which is said later.
function attachmentsOf(note) {
  try {
    return (peek(note).attachments ?? []).map(({ name }) => name);
  } catch (error) {
    if (!isFault(error)) throw error;
    return null;
  }
}

// Whether a file is a note or fork evidence, of which only one is judged at a time.
async function takeNote(open, path, blob) {
  if (blob.size > NOTE_AT_MOST) return false;
  const before = open.note ?? open.evidence;
  const data = new Uint8Array(await blob.arrayBuffer());
  try {
    if (isEvidence(data)) open.evidence = data;
    else if (splitNote(data)) open.note = data;
  } catch (error) {
    if (!isFault(error)) throw error;
    return false;
  }
  if (before) throw new Fault("refused", `${open.what} and ${path} are given; give one of them at a time`);
  open.what = path;
  return true;
}

async function isCar(name, blob, run) {
  if (name.toLowerCase().endsWith(".car")) return true;
  try {
    await readHeader(new Windows(blob, run.check));
    return true;
  } catch (error) {
    if (!isFault(error)) throw error;
    return false;
  }
}

// CARs

async function openCar(path, blob, run) {
  const file = new Windows(blob, run.check);
  const name = path.split("/").at(-1);
  const blocks = new Blocks();
  await blocks.takeCar(name, file, (done, total) => run.progress(done, total, "reading"));
  const wrong = await blocks.falseCopy();
  if (wrong && !blocks.damage.has(name)) blocks.damage.set(name, wrong.message);
  const root = await rootOf(name, file);
  return {
    what: `the CAR ${path}`,
    root,
    get: (cid) => blocks.get(cid),
    announcement: null,
    damage: blocks.damage,
    unreached: () => blocks.unreached(),
  };
}

// The one root that a CAR's header names.
async function rootOf(name, file) {
  try {
    const { roots } = await readHeader(file);
    if (roots.length === 1) return roots[0];
    throw malformed(`it names ${roots.length} roots, not one`);
  } catch (error) {
    throw isFault(error) ? malformed(`${name}: ${error.message}`) : error;
  }
}

// Archives

async function openArchive(files, run) {
  const blocks = new Blocks();
  const names = [...files.keys()].filter((path) => EDITION.test(path)).sort();
  const editions = names.map((path) => [path, new Windows(files.get(path), run.check)]);
  const total = editions.reduce((sum, [, file]) => sum + file.blob.size, 0);
  let before = 0;
  for (const [path, file] of editions) {
    const start = before;
    await blocks.takeCar(path, file, (done) => run.progress(start + done, total, "reading"));
    before += file.blob.size;
  }
  await judgeHeaders(blocks, editions);
  const leftOut = await readLeftOut(files.get("left-out"));
  const announcement = files.get("announcement.txt");
  return {
    what: "the archive",
    root: await readHead(files.get("head")),
    get: (cid) => getHeld(blocks, leftOut, cid),
    announcement: announcement ? await bytesOf(announcement, NOTE_AT_MOST, "the announcement") : null,
    damage: blocks.damage,
    unreached: () => 0,
  };
}

// What only the headers of editions' files say is judged too: the root of an edition stays in its archive.
async function judgeHeaders(blocks, editions) {
  for (const [path, file] of editions) {
    if (blocks.damage.has(path)) continue;
    try {
      const root = await rootOf(path.split("/").at(-1), file);
      if (!blocks.has(root)) blocks.damage.set(path, `its header names the index hash ${root}, which is not here`);
    } catch (error) {
      if (!isFault(error)) throw error;
      blocks.damage.set(path, error.message);
    }
  }
}

async function readHead(blob) {
  if (!blob) throw missing("the head is not here");
  try {
    const lines = splitLines(decodeUtf8(await bytesOf(blob, 256, "the head")));
    if (lines.length === 1) return folderCid(lines[0]);
  } catch (error) {
    if (!isFault(error)) throw error;
  }
  throw malformed("head does not hold one line with an index hash");
}

// By CID, whether its author took it back: the raw blocks that the keeper of this copy says not to hold.
async function readLeftOut(blob) {
  if (!blob) return new Map();
  const lines = splitLines(decodeUtf8(await bytesOf(blob, LIST_AT_MOST, "left-out"), "left-out"), "left-out");
  const found = lines.map((each) => [parseCid(each.replace(/ withdrawn$/, "")), each.endsWith(" withdrawn")]);
  return new Map(found.filter(([cid]) => isRaw(cid)));
}

async function getHeld(blocks, leftOut, cid) {
  try {
    return await blocks.get(cid);
  } catch (error) {
    if (error.kind !== "missing" || !leftOut.has(cid)) throw error;
    const why = leftOut.get(cid) ? "is withdrawn, not yet in the log" : "is not held by this keeper";
    throw new Fault("notheld", `block ${cid} ${why}`);
  }
}

// A plain folder as other tools fetch a tree: the blocks are made again

async function openFolderOfFiles(files, run) {
  const blocks = new Blocks();
  const top = { folders: new Map(), files: new Map() };
  for (const [path, blob] of files) place(top, path.split("/"), blob);
  const count = { done: 0, total: files.size };
  const root = await nameFolder(top, "", blocks, count, run);
  return {
    what: "the folder",
    root: root.cid,
    get: (cid) => blocks.get(cid),
    announcement: null,
    damage: blocks.damage,
    unreached: () => 0,
  };
}

function place(top, names, blob) {
  if (names.length > FOLDERS_AT_MOST + 1) throw malformed(`${names[0]} lies more than ${FOLDERS_AT_MOST} folders deep`);
  let here = top;
  for (const name of names.slice(0, -1)) {
    if (!here.folders.has(name)) here.folders.set(name, { folders: new Map(), files: new Map() });
    here = here.folders.get(name);
  }
  here.files.set(names.at(-1), blob);
}

// The entry that leads to a folder, whose blocks and whose files' blocks are added.
async function nameFolder(folder, name, blocks, count, run) {
  const links = [];
  for (const [below, inner] of folder.folders) links.push(await nameFolder(inner, below, blocks, count, run));
  for (const [below, blob] of folder.files) {
    run.check();
    const keep = (cid, start, length, data) => {
      blocks.add(cid, { name: below, blob: data ? null : blob, start, length, data });
    };
    const made = await nameFile(blob, keep);
    links.push({ name: below, cid: made.cid, size: made.size });
    await run.progress(++count.done, count.total, "files");
  }
  return putFolder(name, links, (cid, data) => blocks.add(cid, { name, start: 0, length: data.length, data }));
}
