// Files and folders of the profile unixfs-v1-2025, byte for byte: formats.md, section 4.
//
// `get(cid)` promises the bytes of a block that hash to its CID, or throws a missing or a badblock Fault.

import { compareText, equalBytes } from "./bytes.js";
import { cidOfBlock, DAG_PB, isDagPb, isOurs, isRaw, RAW } from "./cid.js";
import { FILE, FOLDER, kindInWords, parseNode, printFileNode, printFolder } from "./dagpb.js";
import { malformed, quoted } from "./fault.js";

const CHUNK = 1 << 20;
const LINKS_AT_MOST = 1024;
const FOLDER_AT_MOST = 256 * 1024;

// Folders

// The entries of a folder's block: a list of { name, cid, size }. Null for the block of a file.
export function openFolderOrFile(block) {
  const node = parseNode(block);
  return node.kind === FILE ? null : openParsed(node, block);
}

export function openFolder(block) {
  return openParsed(parseNode(block), block);
}

function openParsed(node, block) {
  if (node.kind !== FOLDER) throw malformed(`a folder should be here, and it is ${kindInWords(node.kind)}`);
  if (node.isTimed) throw malformed("a folder with a mode or a time, which the profile does not write");
  for (const [at, link] of node.links.entries()) {
    if (link.name === null || link.size === null) {
      throw malformed(`a folder with an entry that lacks its name or its size: ${link.cid}`);
    }
    if (!isOurs(link.cid)) {
      const words = "is of a kind that the profile does not make";
      throw malformed(`a folder whose entry ${quoted(link.name)} ${words}: ${link.cid}`);
    }
    if (at && compareText(node.links[at - 1].name, link.name) >= 0) {
      throw malformed(`a folder with a name twice or out of order: ${quoted(link.name)}`);
    }
  }
  if (block.length > FOLDER_AT_MOST) {
    throw malformed(`a folder of ${block.length} bytes, which the profile would shard above ${FOLDER_AT_MOST}`);
  }
  // Links print as they were read, so only the node's own data can be other than 08 01.
  if (node.others || node.data !== null || node.fileSize !== null || node.blockSizes.length) {
    throw malformed("a folder with fields that the profile does not write");
  }
  return node.links;
}

// What the Tsize of a link to this folder should say, if those of its entries are true.
export function folderSize(block, links) {
  return links.reduce((sum, link) => sum + link.size, BigInt(block.length));
}

// Put the block of a folder; the entry `name` that leads to it. For folders that were fetched as files.
export async function putFolder(name, links, put) {
  const sorted = [...links].sort((one, other) => compareText(one.name, other.name));
  const block = printFolder(sorted);
  if (block.length > FOLDER_AT_MOST) {
    throw malformed(`a folder of ${links.length} entries takes ${block.length} bytes, more than ${FOLDER_AT_MOST}`);
  }
  const cid = await cidOfBlock(DAG_PB, block);
  put(cid, block);
  return { name, cid, size: folderSize(block, sorted) };
}

// Files

// A file, judged whole: { size, length }, the bytes of its blocks (Tsize) and of its content. Each block is read once
// however often it is linked: the work grows with the blocks that there are, not with the length that they claim.
export async function measureFile(cid, get) {
  checkCodec(cid, isOurs);
  const part = await readPart(cid, get);
  const size = await measure(part, part.length, heightOf(part), get, new Map());
  return { size, length: part.length };
}

async function measure(part, length, height, get, known) {
  let size = BigInt(part.block.length);
  if (height === 0) {
    checkLeaf(part, length);
    return size;
  }
  for (const [link, span] of checkFileNode(part, length, height)) {
    checkCodec(link.cid, height === 1 ? isRaw : isDagPb);
    const name = `${link.cid} ${span}`;
    if (!known.has(name)) known.set(name, await measure(await readPart(link.cid, get), span, height - 1, get, known));
    const below = known.get(name);
    if (below !== link.size) {
      throw malformed(`block ${part.cid} claims that ${link.size} bytes lie below ${link.cid}: ${below} do`);
    }
    size += below;
  }
  return size;
}

function checkCodec(cid, isAllowed) {
  if (!isAllowed(cid)) throw malformed(`${cid} is not a name that the profile gives a block here`);
}

// A block of a file: { cid, block, node (null for a raw one), length }, with the length of content that it claims.
async function readPart(cid, get) {
  const block = await get(cid);
  if (isRaw(cid)) return { cid, block, node: null, length: BigInt(block.length) };
  const node = parseNamed(cid, block);
  if (node.kind !== FILE && node.kind !== 0n) {
    throw malformed(`block ${cid} is ${kindInWords(node.kind)}, where a file should be`);
  }
  return { cid, block, node, length: lengthOf(cid, node) };
}

function parseNamed(cid, block) {
  try {
    return parseNode(block);
  } catch (error) {
    throw malformed(`block ${cid}: ${error.message}`);
  }
}

function lengthOf(cid, node) {
  if (node.links.length !== node.blockSizes.length) {
    throw malformed(`block ${cid} has ${node.links.length} links and ${node.blockSizes.length} block sizes`);
  }
  if (node.blockSizes.includes(0n)) throw malformed(`block ${cid} links to a part of no bytes`);
  if (node.links.some((link) => link.name)) throw malformed(`block ${cid} is a file's, and has a link with a name`);
  const length = node.blockSizes.reduce((sum, size) => sum + size, BigInt(node.data?.length ?? 0));
  if ((node.fileSize ?? 0n) !== length) {
    throw malformed(`block ${cid} claims ${node.fileSize ?? 0n} bytes of content and lists ${length}`);
  }
  return length;
}

// Levels of nodes over the leaves, as the length decides them.
function heightOf(part) {
  if (part.node === null) return 0;
  if (part.length <= BigInt(CHUNK)) {
    throw malformed(`block ${part.cid} is a node for ${part.length} bytes, which the profile keeps in one raw block`);
  }
  let height = 1;
  while (spanOf(height) < part.length) height++;
  return height;
}

// The content that a whole node of a height holds; that of height 0 is a leaf.
function spanOf(height) {
  return BigInt(CHUNK) * BigInt(LINKS_AT_MOST) ** BigInt(height);
}

function checkLeaf({ cid, block }, length) {
  if (block.length > CHUNK) {
    throw malformed(`block ${cid} is a leaf of ${block.length} bytes, more than the profile's ${CHUNK}`);
  }
  if (BigInt(block.length) !== length) {
    throw malformed(`block ${cid} is a leaf of ${block.length} bytes, where ${length} should be`);
  }
}

// The links of a node over `length` bytes of content, with the content below each.
function checkFileNode({ cid, block, node }, length, height) {
  const span = spanOf(height - 1);
  const links = node?.links ?? [];
  const count = (length + span - 1n) / span;
  if (BigInt(links.length) !== count) {
    throw malformed(`block ${cid} has ${links.length} links, where the profile has ${count}`);
  }
  const spans = links.map((_, at) => (at < links.length - 1 ? span : length - span * BigInt(at)));
  const parts = links.map((link, at) => ({ cid: link.cid, size: link.size ?? 0n, length: spans[at] }));
  if (!equalBytes(block, printFileNode(parts))) {
    throw malformed(`block ${cid} is not the node that the profile makes of its ${links.length} parts`);
  }
  return links.map((link, at) => [link, spans[at]]);
}

// Building, for files that were fetched or that lie beside a note

// Name a file as the profile does: { cid, size, length }. `keep(cid, start, length, block)` is told of each block; the
// block itself is given only where it is a node, which is in no file.
export async function nameFile(blob, keep = () => {}) {
  let level = [];
  for (let start = 0; start === 0 || start < blob.size; start += CHUNK) {
    const leaf = new Uint8Array(await blob.slice(start, start + CHUNK).arrayBuffer());
    const cid = await cidOfBlock(RAW, leaf);
    keep(cid, start, leaf.length, null);
    level.push({ cid, size: BigInt(leaf.length), length: BigInt(leaf.length) });
  }
  while (level.length > 1) level = await linkParts(level, keep);
  return level[0];
}

async function linkParts(parts, keep) {
  const nodes = [];
  for (let at = 0; at < parts.length; at += LINKS_AT_MOST) {
    const some = parts.slice(at, at + LINKS_AT_MOST);
    const block = printFileNode(some);
    const cid = await cidOfBlock(DAG_PB, block);
    keep(cid, 0, block.length, block);
    const sum = (name) => some.reduce((total, part) => total + part[name], 0n);
    nodes.push({ cid, size: BigInt(block.length) + sum("size"), length: sum("length") });
  }
  return nodes;
}
