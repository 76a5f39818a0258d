// dag-pb and UnixFS: what one linked block says. formats.md, section 4.
//
//   block = { 12 varint(length) link } [ 0a varint(length) data ]
//   link  = 0a varint(length) CID, perhaps 12 varint(length) name, perhaps 18 varint(Tsize)
//   data  = protobuf again: 1 kind, 2 bytes, 3 file size, 4 block size (of each link), 5 to 8 other things
//
// Read is exactly what such blocks print: canonical varints, the fields in that order, nothing unknown.

import { concat, concatAll, decodeUtf8, decodeVarint, encodeUtf8, encodeVarint } from "./bytes.js";
import { bytesOfCid, cidFromBytes } from "./cid.js";
import { malformed } from "./fault.js";

export const FOLDER = 1n;
export const FILE = 2n;

const KINDS_IN_WORDS = [
  "a piece of a file of the oldest kind",
  "a folder",
  "a file",
  "a metadata node",
  "a symlink",
  "a sharded folder",
];

export function kindInWords(kind) {
  return KINDS_IN_WORDS[Number(kind)];
}

// Number and value (BigInt, or bytes) of each field in a message.
function* readFields(data, what) {
  let offset = 0;
  while (offset < data.length) {
    let [key, value] = [0n, 0n];
    [key, offset] = decodeVarint(data, offset);
    const type = key & 7n;
    if (type !== 0n && type !== 2n) throw malformed(`${what} has a field of wire type ${type} before byte ${offset}`);
    [value, offset] = decodeVarint(data, offset);
    if (type === 2n) {
      const end = offset + Number(value);
      if (end > data.length) throw malformed(`${what} is cut off: its field at byte ${offset} has ${value} bytes`);
      value = data.subarray(offset, end);
      offset = end;
    }
    yield [key >> 3n, value];
  }
}

// { cid, name, size }; name and size (BigInt) are null where they are absent.
function parseBlockLink(data) {
  const link = { cid: null, name: null, size: null };
  let last = 0n;
  for (const [number, value] of readFields(data, "dag-pb link")) {
    const isBytes = typeof value !== "bigint";
    if (number <= last || number > 3n || isBytes !== number < 3n) {
      throw malformed(`dag-pb link with an unexpected field ${number}`);
    }
    if (number === 1n) link.cid = cidFromBytes(value);
    if (number === 2n) link.name = decodeUtf8(value, "dag-pb link name");
    if (number === 3n) link.size = value;
    last = number;
  }
  if (link.cid === null) throw malformed("dag-pb link without a CID");
  return link;
}

// The node of UnixFS that a block spells: { links, kind, data, fileSize, blockSizes, others (whether it has fields of
// other kinds than files and folders), isTimed (a mode or a time) }.
export function parseNode(block) {
  const links = [];
  let data = null;
  for (const [number, value] of readFields(block, "dag-pb node")) {
    if (data !== null) throw malformed(`dag-pb node with field ${number} behind its data`);
    const isBytes = typeof value !== "bigint";
    if (number === 2n && isBytes) links.push(parseBlockLink(value));
    else if (number === 1n && isBytes) data = value;
    else throw malformed(`dag-pb node with an unexpected field ${number}`);
  }
  if (data === null) throw malformed("a dag-pb node without data, so not UnixFS");
  return { links, ...parseMessage(data) };
}

function parseMessage(data) {
  const node = { kind: null, data: null, fileSize: null, blockSizes: [], others: false, isTimed: false };
  let last = 0n;
  for (const [number, value] of readFields(data, "UnixFS data")) {
    const isBytes = typeof value !== "bigint";
    if (number < last || (number === last && number !== 4n)) {
      throw malformed(`UnixFS data with field ${number} twice or out of order`);
    }
    if (number < 1n || number > 8n || isBytes !== (number === 2n || number === 8n)) {
      throw malformed(`UnixFS data with an unexpected field ${number}`);
    }
    if (number === 1n) node.kind = value;
    else if (number === 2n) node.data = value;
    else if (number === 3n) node.fileSize = value;
    else if (number === 4n) node.blockSizes.push(value);
    else if (number > 6n) node.isTimed = true;
    else node.others = true;
    last = number;
  }
  if (node.kind === null) throw malformed("UnixFS data without a kind");
  if (node.kind >= BigInt(KINDS_IN_WORDS.length)) throw malformed(`UnixFS data of an unknown kind ${node.kind}`);
  return node;
}

// Printing, for what is compared byte for byte and for folders that were fetched as files

function numberField(number, value) {
  return concat([number << 3], encodeVarint(value));
}

function bytesField(number, value) {
  return concat([(number << 3) | 2], encodeVarint(value.length), value);
}

function printLink({ cid, name, size }) {
  return bytesField(2, concat(bytesField(1, bytesOfCid(cid)), bytesField(2, encodeUtf8(name)), numberField(3, size)));
}

// The block of a folder whose entries are `links`, in their order.
export function printFolder(links) {
  return concatAll([...links.map(printLink), bytesField(1, numberField(1, FOLDER))]);
}

// The block of a file's node: parts are { cid, size, length }, of blocks and of content below each.
export function printFileNode(parts) {
  const whole = parts.reduce((sum, part) => sum + part.length, 0n);
  const message = [numberField(1, FILE), numberField(3, whole), ...parts.map((part) => numberField(4, part.length))];
  return concat(...parts.map((part) => printLink({ ...part, name: "" })), bytesField(1, concat(...message)));
}
