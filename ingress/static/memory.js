// Settings that outlive the page. Storage can be forbidden, full or filled with something else: then nothing is remembered.

const KEY = "dragoman";

export function recall() {
  try {
    const found = JSON.parse(localStorage.getItem(KEY) ?? "{}");
    return found !== null && typeof found === "object" ? found : {};
  } catch {
    return {};
  }
}

export function remember(changes) {
  try {
    localStorage.setItem(KEY, JSON.stringify({ ...recall(), ...changes }));
  } catch {
    // it is a convenience only
  }
}
