// Keeps the screen on while somebody reads captions, where the browser can. The lock falls with each change to
// another tab, so it is taken again on the way back.

let wanted = false;
let lock = null;

async function take() {
  if (!wanted || lock !== null || document.visibilityState !== "visible" || navigator.wakeLock === undefined) return;
  try {
    lock = await navigator.wakeLock.request("screen");
    lock.addEventListener("release", () => (lock = null));
    if (!wanted) await lock.release();
  } catch {
    lock = null; // a low battery, say: the screen goes dark as it always does
  }
}

document.addEventListener("visibilitychange", take);

export function keepAwake() {
  wanted = true;
  void take();
}

export function letSleep() {
  wanted = false;
  void lock?.release();
}
