// verify.html: what a reader does, and what the page does then. The judging is in `judge.js` and below it; nothing here
// decides what is true.

import { encodeHex } from "./bytes.js";
import { FILES_AT_MOST, NoFolder, TooMany, gatherChosen, gatherDropped, gatherPasted } from "./gather.js";
import { ownBytes } from "./self.js";
import { sha256 } from "./sha2.js";
import { summaryOf, viewHash, viewReport } from "./view.js";
import { allLanguages, fill, inGroups, isolated, nearestLanguage, say, speak } from "./words.js";
import { Stopped, runCheck, serveChecks } from "./worker.js";

/** Names of given files that are listed one by one. */
const LISTED = 20;

/** Bytes of a file that may be a saved copy of this page: it has far fewer. */
const PAGE_AT_MOST = 8 << 20;

/** What the page holds: files given so far, what is shown again in another language, the check that runs. */
const state = { files: [], shown: null, running: null, ownHash: "" };

const byId = (id) => document.getElementById(id);

// language

function openLanguages(wanted) {
  const select = byId("language");
  for (const [tag, name] of allLanguages()) {
    const option = new Option(name, tag);
    option.lang = tag;
    select.append(option);
  }
  select.value = nearestLanguage(wanted);
  select.onchange = () => translate(select.value);
  translate(select.value);
}

function translate(tag) {
  speak(tag);
  document.title = say("title");
  fill(byId("title"), "title");
  for (const element of document.querySelectorAll("[data-say]")) fill(element, element.dataset.say);
  fill(byId("origin-words"), location.protocol === "file:" ? "origin_file" : "origin_web");
  listGiven();
  if (state.shown) state.shown();
}

// what is given

function listGiven() {
  const items = state.files.slice(0, LISTED).map(({ path }) => listed(path));
  const more = state.files.length - items.length;
  if (more > 0) items.push(fill(document.createElement("li"), "given_more", { count: more }));
  byId("given-list").replaceChildren(...items);
  byId("given").hidden = items.length === 0;
}

function listed(path) {
  const item = document.createElement("li");
  item.append(isolated(path));
  return item;
}

function give(files) {
  if (state.files.length + files.length > FILES_AT_MOST) {
    tell("too_many", { count: FILES_AT_MOST });
    return;
  }
  state.files = state.files.concat(files);
  tell(null);
  listGiven();
}

function openGiving() {
  for (const [button, input] of [["choose-files", "files"], ["choose-folder", "folder"]]) {
    byId(button).onclick = () => byId(input).click();
    byId(input).onchange = () => {
      give(gatherChosen(byId(input)));
      byId(input).value = "";
    };
  }
  byId("clear").onclick = () => {
    state.files = [];
    listGiven();
    byId("choose-files").focus();
  };
  document.ondragover = (event) => {
    event.preventDefault();
    byId("page").classList.add("over");
  };
  document.ondragleave = () => byId("page").classList.remove("over");
  document.ondrop = async (event) => {
    event.preventDefault();
    byId("page").classList.remove("over");
    try {
      give(await gatherDropped(event.dataTransfer));
    } catch (error) {
      if (error instanceof TooMany) tell("too_many", { count: FILES_AT_MOST });
      else if (error instanceof NoFolder) tell("no_folder");
      else tell("failed", { detail: String(error?.message ?? error) });
    }
  };
}

// the key

/** The address's own fragment: `#<vkey>`, `#lang=<tag>`, or both with & between them. */
function readFragment() {
  const parts = location.hash.slice(1).split("&").filter(Boolean);
  const languages = parts.filter((part) => part.startsWith("lang=")).map((part) => part.slice(5));
  const key = parts.filter((part) => !part.startsWith("lang=")).join("&");
  return { languages, key: unescaped(key) };
}

/** Another key than before was compared by nobody, whoever ticked it. */
function nameKey(key) {
  byId("compared").checked &&= byId("key").value === key;
  byId("key").value = key;
}

function unescaped(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function whatIsAsked() {
  const text = byId("key").value.trim();
  const isLink = /^[a-z][a-z0-9.-]*:\/\/|^\/ip[fn]s\//i.test(text);
  const seen = byId("seen").value.trim();
  const isCompared = byId("compared").checked;
  return {
    key: isLink ? "" : text,
    link: isLink ? text : "",
    isGiven: isCompared,
    seen: seen ? new TextEncoder().encode(`${seen}\n`) : null,
    webcrypto: hasCryptography(),
  };
}

function hasCryptography() {
  return globalThis.crypto?.subtle !== undefined;
}

// checking

function tell(key, params) {
  if (key) fill(byId("status"), key, params);
  else byId("status").replaceChildren();
}

async function start() {
  const given = [...gatherPasted(byId("pasted").value), ...state.files];
  byId("result").hidden = true;
  state.shown = null;
  if (given.length === 0) {
    tell("nothing_given");
    return;
  }
  const stopping = new AbortController();
  state.running = stopping;
  working(true);
  try {
    const [pages, rest] = await splitPages(given);
    const report = rest.length ? await runCheck(rest, whatIsAsked(), showProgress, stopping.signal) : null;
    show(report, pages);
  } catch (error) {
    if (error instanceof Stopped) tell("cancelled");
    else tell("failed", { detail: String(error?.message ?? error) });
  } finally {
    working(false);
  }
}

function working(isOn) {
  byId("check").disabled = isOn;
  byId("cancel").hidden = !isOn;
  byId("working").hidden = !isOn;
  byId("progress").removeAttribute("value");
  if (isOn) tell(hasCryptography() ? "working" : "slowly");
  else state.running = null;
}

function showProgress(done, total) {
  const bar = byId("progress");
  if (!(total > 0)) return;
  bar.max = total;
  bar.value = done;
  bar.setAttribute("aria-valuetext", say("progress", { done, total }));
}

/** Saved copies of this page among what was given, with their hashes; and everything else. */
async function splitPages(given) {
  const pages = [];
  const rest = [];
  for (const each of given) {
    const isPage = !each.path.includes("/") && /\.html?$/i.test(each.path) && each.blob.size <= PAGE_AT_MOST;
    if (!isPage) rest.push(each);
    else pages.push({ name: each.path, hash: encodeHex(sha256(new Uint8Array(await each.blob.arrayBuffer()))) });
  }
  return [pages, rest];
}

function show(report, pages) {
  const view = () => {
    const copies = pages.flatMap(({ name, hash }) => {
      const sentence = document.createElement("p");
      return [fill(sentence, hash === state.ownHash ? "saved_same" : "saved_other", { name }), viewHash(hash)];
    });
    byId("report").replaceChildren(...copies, ...(report ? viewReport(report, state.ownHash) : []));
    byId("report").dataset.exit = report?.exitCode ?? "";
    if (report) tell(summaryOf(report)[0]);
    else tell(null);
  };
  view();
  state.shown = view;
  byId("result").hidden = false;
  byId("result-heading").focus();
}

// the page itself

function openSelf() {
  const bytes = ownBytes();
  state.ownHash = encodeHex(sha256(bytes));
  byId("own-hash").textContent = inGroups(state.ownHash);
  byId("save").onclick = () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([bytes], { type: "text/html" }));
    link.download = "verify.html";
    link.click();
  };
}

function open() {
  const { languages, key } = readFragment();
  openSelf();
  openLanguages([...languages, ...navigator.languages]);
  byId("key").value = key;
  openGiving();
  byId("check").onclick = start;
  byId("cancel").onclick = () => state.running?.abort();
  byId("compared").checked = false;
  globalThis.onhashchange = () => {
    const named = readFragment();
    if (named.key) nameKey(named.key);
  };
  byId("still").hidden = true;
  byId("speaking").hidden = false;
  byId("page").hidden = false;
}

if (typeof document === "undefined") serveChecks();
else open();
