// What holds, once everything was looked at: formats.md, section 9.

import { COMPLETE, HOLDS, line, many, NOT_CHECKED, SIGNED, UNCHANGED } from "./report.js";

// `pages` are the three signed pages, or null where one of them is bad; `isWhole`: the whole log could be read.
export function settleClaims(report, pages, isWhole) {
  const newer = report.newer.length ? newerLine(report.newer) : null;
  if (!pages) {
    const why = newer ?? line("rests-on-page");
    for (const claim of [UNCHANGED, SIGNED, COMPLETE]) report.say(claim, NOT_CHECKED, why);
  } else if (!isWhole) {
    report.say(UNCHANGED, NOT_CHECKED, line("log-unread"));
    report.say(SIGNED, NOT_CHECKED, line("notes-unread"));
    report.say(COMPLETE, NOT_CHECKED, line("log-unread"));
  } else {
    report.say(UNCHANGED, HOLDS, line("unchanged-counts", report.counts, countsInWords(report.counts)));
    if (newer) report.say(SIGNED, NOT_CHECKED, newer);
    else report.say(SIGNED, HOLDS, signedLine(report.counts));
    settleComplete(report, newer);
  }
}

function settleComplete(report, newer) {
  const { testimonies } = report.counts;
  const withdrawn = report.withdrawn.size;
  if (newer) {
    report.say(COMPLETE, NOT_CHECKED, newer);
  } else if (report.notHeld.size || report.pagesNotHeld) {
    const list = [...report.notHeld].sort((one, other) => one - other).map((index) => `#${index}`);
    if (report.pagesNotHeld) list.push(many(report.pagesNotHeld, "page", "pages"));
    report.say(COMPLETE, NOT_CHECKED, line("not-held", { list: list.join(", ") }));
  } else if (withdrawn) {
    const words = `${many(testimonies, "testimony", "testimonies")} here, ${withdrawn} withdrawn`;
    report.say(COMPLETE, HOLDS, line("complete-withdrawn", { testimonies, withdrawn }, words));
  } else {
    report.say(COMPLETE, HOLDS, line("complete-all"));
  }
}

function newerLine(items) {
  const list = items.join(", ");
  return line("newer", { list }, `${many(items.length, "item needs", "items need")} a newer mirror: ${list}`);
}

function signedLine({ testimonies, byAuthors }) {
  const params = { testimonies, authors: byAuthors };
  return line(byAuthors ? "signed-counts-authors" : "signed-counts", params);
}

function countsInWords({ testimonies, attachments, pages }) {
  const parts = [many(testimonies, "testimony", "testimonies")];
  if (attachments) parts.push(many(attachments, "attachment", "attachments"));
  if (pages) parts.push("pages");
  return parts.join(", ");
}
