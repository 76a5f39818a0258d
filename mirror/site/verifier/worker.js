// One check, beside the page where the browser lets it: in a worker that runs this same script, so that the page stays
// awake and can be told to stop. Where workers are refused, on the page itself, in slices.

import { judge } from "./judge.js";
import { ownScript } from "./self.js";

/** Milliseconds between two signs of progress, and between two pauses where there is no worker. */
const PAUSE = 60;

export class Stopped extends Error {}

/** A check that runs: `report` is a promise, `stop` ends it with `Stopped`. `asked` is what `judge` takes, plain. */
export function startCheck(given, asked, onProgress) {
  const signal = { aborted: false };
  let stopNow = () => {};
  const stopped = new Promise((_, reject) => {
    stopNow = () => {
      signal.aborted = true;
      reject(new Stopped());
    };
  });
  const report = inWorker(given, asked, onProgress, signal).catch((error) => {
    if (error instanceof NoWorker) return onPage(given, asked, onProgress, signal);
    throw error;
  });
  return { report: Promise.race([report, stopped]), stop: stopNow };
}

class NoWorker extends Error {}

async function inWorker(given, asked, onProgress, signal) {
  const worker = openWorker();
  const stopping = setInterval(() => signal.aborted && worker.terminate(), PAUSE);
  try {
    return await new Promise((resolve, reject) => {
      let lives = false;
      worker.onerror = (event) => reject(lives ? new Error(event.message) : new NoWorker());
      worker.onmessage = ({ data }) => {
        lives = true;
        if (data.report) resolve(data.report);
        else if (data.failed) reject(new Error(data.failed));
        else if (data.total !== undefined) onProgress(data.done, data.total);
      };
      worker.postMessage({ given, asked });
    });
  } finally {
    clearInterval(stopping);
    worker.terminate();
  }
}

function openWorker() {
  try {
    const address = URL.createObjectURL(new Blob([ownScript()], { type: "text/javascript" }));
    const policy = globalThis.trustedTypes?.createPolicy("worker", { createScriptURL: (given) => given });
    return new Worker(policy ? policy.createScriptURL(address) : address);
  } catch {
    throw new NoWorker();
  }
}

async function onPage(given, asked, onProgress, signal) {
  const pause = pauses(async (done, total) => {
    onProgress(done, total);
    await new Promise((resolve) => setTimeout(resolve));
  });
  return judge(given, { ...asked, signal, progress: pause });
}

/** Only now and then. */
function pauses(action) {
  let last = performance.now();
  return async (done, total) => {
    if (performance.now() - last < PAUSE) return;
    await action(done, total);
    last = performance.now();
  };
}

/** What the script does where it finds itself in a worker. */
export function serveChecks() {
  globalThis.onmessage = async ({ data: { given, asked } }) => {
    globalThis.postMessage({ alive: true });
    const progress = pauses(async (done, total) => globalThis.postMessage({ done, total }));
    try {
      globalThis.postMessage({ report: await judge(given, { ...asked, signal: { aborted: false }, progress }) });
    } catch (error) {
      globalThis.postMessage({ failed: String(error?.message ?? error) });
    }
  };
}
