// A report, as a reader sees it. Everything in it that came from outside becomes text nodes, each isolated.

import { encodeHex } from "./bytes.js";
import { bytesOfCid, isRaw } from "./cid.js";
import { FALSE, HOLDS } from "./report.js";
import { fill, fillLine, inGroups, isolated, say } from "./words.js";

/** Lines of one list that are shown; what is beyond is counted. More than a report can name of what is false. */
const LINES_AT_MOST = 10_000;

/** Paragraphs of a text that are elements of their own; a browser stands still for many more. The rest is one. */
const PARAGRAPHS_AT_MOST = 2000;

/** How each state of a claim is marked: class, sign, word. */
const STATES = {
  holds: ["is-holds", "✓", "holds"],
  false: ["is-false", "✗", "false"],
  "not checked": ["is-open", "–", "not_checked"],
};

/** What sums up a report: the key of a sentence, and its class. */
export function summaryOf(report) {
  if (report.error) return ["not_judged", "is-open"];
  if (report.exitCode === 0) return ["all_hold", "is-holds"];
  return report.exitCode === 1 ? ["some_false", "is-false"] : ["some_open", "is-open"];
}

/** The whole report as elements. */
export function viewReport(report, ownHash) {
  const [summary, tone] = summaryOf(report);
  const parts = [fill(make("p", `summary ${tone}`), summary)];
  if (report.error) return [...parts, viewLine("p", report.error), notShown()];
  return [
    ...parts,
    viewClaims(report),
    ...viewFaults(report),
    ...viewWithdrawn(report),
    ...viewList("newer_heading", report.newer ?? [], (item) => make("li", "", isolated(item))),
    viewFacts(report),
    ...viewVerifier(report, ownHash),
    notShown(),
    ...viewText(report),
  ];
}

function make(name, className = "", ...children) {
  const element = document.createElement(name);
  if (className) element.className = className;
  element.append(...children);
  return element;
}

function said(name, key, params) {
  return fill(make(name), key, params);
}

/** A line of a report in an element of its own, so that a list keeps its direction where the line is English. */
function viewLine(name, line) {
  return make(name, "", fillLine(make("span"), line));
}

function notShown() {
  return fill(make("p", "not-shown"), "not_shown");
}

function viewClaims(report) {
  return make("ul", "claims", ...report.claims.map(viewClaim));
}

function viewClaim({ claim, state, lines }) {
  const key = claim.replace(/[- ]/, "_");
  const [tone, sign, word] = STATES[state];
  const mark = make("span", "", sign);
  mark.setAttribute("aria-hidden", "true");
  const heading = make("h3", "", said("span", `claim_${key}`), make("span", "state", mark, " ", said("span", word)));
  const about = fill(make("p", "about"), `about_${key}`);
  const below = state === FALSE
    ? said("p", "false_below", { count: lines.length })
    : make("ul", "", ...lines.map((line) => viewLine("li", line)));
  const item = make("li", tone, heading, about, below);
  Object.assign(item.dataset, { claim, state });
  return item;
}

/** A heading and a list of everything in `items`, or nothing where there is none. */
function viewList(heading, items, viewItem, ...rest) {
  if (items.length === 0) return [];
  const list = make("ul", "long", ...items.slice(0, LINES_AT_MOST).map(viewItem));
  const beyond = items.length - LINES_AT_MOST;
  return [said("h3", heading), list, ...(beyond > 0 ? [said("p", "more", { count: beyond })] : []), ...rest];
}

function viewFaults(report) {
  const quoted = (report.badIndexes ?? []).map((index) => `#${index}`);
  const warning = quoted.length ? [make("p", "", said("strong", "do_not_quote"), " ", isolated(quoted))] : [];
  const view = (fault) => {
    const item = viewLine("li", fault);
    Object.assign(item.dataset, { claim: fault.claim, item: fault.item, index: fault.index ?? "" });
    return item;
  };
  return viewList("false_heading", report.faults, view, ...warning);
}

function viewWithdrawn(report) {
  const view = ({ index, by, withToken, reason }) => {
    const key = withToken ? "withdrawn_token" : "withdrawn_publisher";
    const item = make("li", "", said("span", key, { index: `#${index}`, by: `#${by}` }));
    if (reason) item.append(" ", said("span", "withdrawn_reason", { reason: say(`reason_${reason}`) }));
    return item;
  };
  return viewList("withdrawn_heading", report.withdrawn ?? [], view, said("p", "withdrawn_please"));
}

function viewFacts(report) {
  const counts = report.counts ?? {};
  const isWhole = Boolean(report.indexHash);
  const facts = [
    ["mirror", report.mirror],
    ["key", report.key],
    ["edition", report.edition],
    ["entries", report.size],
    ["index_hash", report.indexHash],
    ["testimonies", isWhole ? counts.testimonies : 0],
    ["attachments", isWhole ? counts.attachments : 0],
    ["by_authors", isWhole ? counts.byAuthors : 0],
  ];
  const list = make("dl", "facts");
  for (const [key, value] of facts) {
    if (value) list.append(said("dt", key), make("dd", "", isolated(value)));
  }
  return list;
}

function viewVerifier(report, ownHash) {
  const isBad = report.badItems.some((item) => item === "verify.html");
  if (!report.verifier || isBad || !isRaw(report.verifier)) return [];
  const hash = encodeHex(bytesOfCid(report.verifier).subarray(-32));
  return hash === ownHash ? [said("p", "page_same")] : [said("p", "page_other"), viewHash(hash)];
}

/** A hash in groups, left to right wherever it stands. */
export function viewHash(hash) {
  const code = make("code", "hash", inGroups(hash));
  code.dir = "ltr";
  return make("p", "", code);
}

/** A note's text, only where nothing false was found and it is unchanged and signed. */
function viewText(report) {
  const { note } = report;
  const holds = (name) => report.claims.some((each) => each.claim === name && each.state === HOLDS);
  if (!note || report.faults.length > 0 || !holds("signed")) return [];
  const parts = [said("h3", "read")];
  if (!holds("key")) parts.push(said("p", "read_unconfirmed"));
  const text = make("div", "text", ...titleOf(note), ...paragraphsOf(note.body ?? ""));
  if (note.language) text.lang = note.language;
  text.dir = "auto";
  parts.push(factsOf(note));
  if (!note.warning) return [...parts, text];
  return [...parts, make("details", "", said("summary", "warning", { warning: note.warning }), text)];
}

function titleOf(note) {
  return note.title ? [make("h4", "", isolated(note.title))] : [];
}

function paragraphsOf(body) {
  const paragraphs = body.split(/\n\n+/);
  const last = paragraphs.splice(PARAGRAPHS_AT_MOST).join("\n\n");
  return [...paragraphs, ...(last ? [last] : [])].map((paragraph) => {
    const element = make("p", "", paragraph);
    element.dir = "auto";
    return element;
  });
}

function factsOf(note) {
  const list = make("dl", "facts");
  const facts = [
    ["read_author", note.author ? [note.author.name, note.author.key] : ""],
    ["read_language", note.language],
    ["read_date", note.date],
    ["read_tags", note.tags?.length ? note.tags.map((tag) => `#${tag}`) : ""],
  ];
  for (const [key, value] of facts) {
    if (value) list.append(said("dt", key), make("dd", "", isolated(value)));
  }
  if (note.translator) list.append(said("dt", `translated_${note.translator.replace("-", "_")}`), make("dd"));
  return list;
}
