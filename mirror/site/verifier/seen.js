// What a reader saw of a mirror before, against what is shown now: formats.md, section 9, step 11. A page remembers
// nothing, so what was seen is an older announcement that the reader kept.

import { decodeBase64, equalBytes } from "./bytes.js";
import { Fault, isFault } from "./fault.js";
import { TiledLog } from "./log.js";
import { checkConsistency } from "./merkle.js";
import { openAs } from "./notes.js";
import { APPEND_ONLY, HOLDS, line, NOT_CHECKED, SIGNED, UNCHANGED } from "./report.js";

// `here` is { checkpoint, tree, isAsListed } of a log that could be read whole; null where it could not.
export async function judgeSeen(report, key, announcement, here, useBrowser) {
  const leaveOpen = (...lines) => report.say(APPEND_ONLY, NOT_CHECKED, ...lines);
  if (!announcement) return leaveOpen(line("not-seen"));
  try {
    const seen = await openAs("announcement", announcement, key, useBrowser);
    return here ? compareWithSeen(report, seen, here) : leaveOpen(line("log-unread"));
  } catch (error) {
    if (!isFault(error)) throw error;
    return leaveOpen(line("seen-not-announced", { detail: error.message }));
  }
}

async function compareWithSeen(report, seen, { checkpoint, tree, isAsListed }) {
  const { edition } = report;
  const isAsSigned = isAsListed && report.faults.every(({ claim }) => claim !== UNCHANGED && claim !== SIGNED);
  const fork = (code, params) => report.fault(APPEND_ONLY, "fork", code, params);
  if (isAsSigned && edition === seen.edition && report.rootCid !== seen.rootCid) {
    return fork("fork-edition", { edition, root: seen.rootCid });
  }
  let isOlder = false;
  try {
    isOlder = await isOlderLog(seen, checkpoint, tree);
  } catch (error) {
    if (!isFault(error)) throw error;
    if (error.kind === "forked") return fork("fork-logs", {});
    return report.say(APPEND_ONLY, NOT_CHECKED, line("seen-unproven", { detail: error.message }));
  }
  if (isAsSigned && checkpoint.size !== seen.size && edition < seen.edition !== isOlder) {
    return fork("fork-numbers", { edition: seen.edition, size: seen.size, here: edition, entries: checkpoint.size });
  }
  if (edition < seen.edition || isOlder) {
    const numbers = line("older-numbers", { edition, seen: seen.edition });
    return report.say(APPEND_ONLY, NOT_CHECKED, line("older-edition"), numbers);
  }
  return report.say(APPEND_ONLY, HOLDS, line("contains-seen", { size: seen.size }));
}

// Whether the log shown is shorter than the one seen. A forked Fault where both cannot be true, and a badproof Fault
// where the tiles do not show what lies between them.
async function isOlderLog(seen, shown, tree) {
  if (seen.size > shown.size) return true;
  let root = decodeBase64(shown.rootHash);
  if (seen.size < shown.size) {
    const log = new TiledLog(Number(shown.size), (path) => tree.read(path));
    const before = await log.rangeHash(0, Number(seen.size));
    checkConsistency(seen.size, before, shown.size, root, await log.consistency(Number(seen.size)));
    root = before;
  }
  if (!equalBytes(root, decodeBase64(seen.rootHash))) throw new Fault("forked", "two logs cannot both be true");
  return false;
}
