// One check, beside the page where the browser lets it: in a worker that runs this same script, so that the page stays
// awake and can be told to stop. Where workers are refused, on the page itself, in slices.

import { judge } from "./judge.js";
import { ownScript } from "./self.js";

/** Milliseconds between two signs of progress, and between two pauses where there is no worker. */
const PAUSE = 60;

/** Only this script itself is ever started as a worker. */
const STARTS_WORKERS = typeof document === "undefined"
  ? undefined
  : globalThis.trustedTypes?.createPolicy("worker", { createScriptURL: (address) => address });

export class Stopped extends Error {}

class NoWorker extends Error {}

/** The report of `judge`, which is asked with the plain values in `asked`; `Stopped` when `signal` says so. */
export async function runCheck(given, asked, onProgress, signal) {
  try {
    return await inWorker(given, asked, onProgress, signal);
  } catch (error) {
    if (!(error instanceof NoWorker)) throw error;
    return onPage(given, asked, onProgress, signal);
  }
}

async function inWorker(given, asked, onProgress, signal) {
  const worker = openWorker();
  try {
    return await new Promise((resolve, reject) => {
      let lives = false;
      signal.addEventListener("abort", () => reject(new Stopped()));
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
    worker.terminate();
  }
}

function openWorker() {
  try {
    const address = URL.createObjectURL(new Blob([ownScript()], { type: "text/javascript" }));
    return new Worker(STARTS_WORKERS ? STARTS_WORKERS.createScriptURL(address) : address);
  } catch {
    throw new NoWorker();
  }
}

async function onPage(given, asked, onProgress, signal) {
  const progress = nowAndThen(async (done, total) => {
    onProgress(done, total);
    await new Promise((resolve) => setTimeout(resolve));
  });
  try {
    return await judge(given, { ...asked, signal, progress });
  } catch (error) {
    throw signal.aborted ? new Stopped() : error;
  }
}

function nowAndThen(action) {
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
    const progress = nowAndThen(async (done, total) => globalThis.postMessage({ done, total }));
    try {
      globalThis.postMessage({ report: await judge(given, { ...asked, signal: { aborted: false }, progress }) });
    } catch (error) {
      globalThis.postMessage({ failed: String(error?.message ?? error) });
    }
  };
}
