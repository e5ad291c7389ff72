// Which conversation this tab has. Only this origin can read it; it ends with the tab.

const KEY = "support-chat";

// A browser that forbids storage in frames throws; the conversation then lasts as long as the page.
let memory = null;

export function load() {
  try {
    const found = JSON.parse(sessionStorage.getItem(KEY) ?? "null");
    return found && typeof found.id === "string" && typeof found.token === "string" ? found : null;
  } catch {
    return memory;
  }
}

export function save(session) {
  memory = session;
  try {
    sessionStorage.setItem(KEY, JSON.stringify(session));
  } catch {
    // kept in memory
  }
}

export function clear() {
  memory = null;
  try {
    sessionStorage.removeItem(KEY);
  } catch {
    // nothing was stored
  }
}
