// Links: which tree or whose newest, what in it, and the key that the link claims. formats.md, section 5.

import { parseCid } from "./cid.js";
import { malformed, quoted } from "./fault.js";
import { parseName, parseVkey } from "./key.js";

const LINK_AT_MOST = 8192;

// { scheme ("ipfs" or "ipns"), cid, path, key (or null) }
export function parseLink(text) {
  if (text.length > LINK_AT_MOST) throw malformed(`a link of ${text.length} letters, more than ${LINK_AT_MOST}`);
  const whole = text.trim();
  const at = whole.indexOf("#");
  const [address, fragment] = at < 0 ? [whole, ""] : [whole.slice(0, at), whole.slice(at + 1)];
  const key = fragment ? parseVkey(decoded(fragment)) : null;
  if (key) parseName(key.name);
  const [scheme, name, rest] = locate(address);
  const path = decoded(rest);
  if (/[\0-\x1f\x7f-\x9f]/.test(path)) throw malformed("the link's path has a control character");
  const cid = parseCid(name);
  if (cid.startsWith("k") !== (scheme === "ipns")) {
    throw malformed(`an ${scheme} link with ${cid}, which is no ${scheme === "ipns" ? "key" : "tree"}`);
  }
  if (scheme === "ipns" && key && key.k51 !== cid) throw malformed("the link's name is not that of its key");
  return { scheme, cid, path: path.replace(/^\/+|\/+$/g, ""), key };
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    throw malformed(`not percent-encoded as it has to be: ${quoted(text)}`);
  }
}

const PATH_FORM = /^\/?(ipfs|ipns)\/([^/?#]+)(\/[^?#]*)?$/;
const HOST_FORM = /^([a-z0-9]+)\.(ipfs|ipns)\..+$/;

function locate(address) {
  const [, scheme, rest] = /^([a-z]+):\/\/([^]*)$/.exec(address) ?? [];
  if (scheme === "ipfs" || scheme === "ipns") return [scheme, ...cut(rest)];
  if (scheme === "http" || scheme === "https") {
    const [host, path] = cut(rest.split("?")[0]);
    const found = HOST_FORM.exec(host.slice(host.lastIndexOf("@") + 1).toLowerCase());
    return found ? [found[2], found[1], path] : pathForm(path, address);
  }
  if (PATH_FORM.test(address)) return pathForm(address, address);
  return [address.startsWith("k") ? "ipns" : "ipfs", ...cut(address)];
}

function pathForm(path, address) {
  const found = PATH_FORM.exec(path);
  if (!found) throw malformed(`not a link to a mirror: ${quoted(address)}`);
  return [found[1], found[2], found[3] ?? ""];
}

// What stands before the first slash, and the rest with it.
function cut(text) {
  const at = text.indexOf("/");
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at)];
}
