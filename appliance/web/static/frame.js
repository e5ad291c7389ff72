// The panel's side of the talk with the page that embeds it: exact origins, known words, nothing else.

const CLOSE = "support-chat:close";
const SHOWN = "support-chat:shown";

export function connectToHost(onShown) {
  const allowed = new Set([location.origin, ...JSON.parse(document.body.dataset.embedOrigins)]);
  const claimed = new URLSearchParams(location.hash.slice(1)).get("host");
  const host = allowed.has(claimed) ? claimed : null;
  if (window.parent === window || host === null) return null;
  window.addEventListener("message", (event) => {
    if (event.source !== window.parent || event.origin !== host) return;
    if (event.data?.type === SHOWN) onShown();
  });
  return { close: () => window.parent.postMessage({ type: CLOSE }, host) };
}
