// The panel's side of the talk with the page that embeds it: exact origins, known words in a known form, nothing else.

const CLOSE = "support-chat:close";
const SHOWN = "support-chat:shown";
const IDENTITY = "support-chat:identity";
const RENEW = "support-chat:renew";
const SIGNED = /^[\w.-]{1,8192}$/; // base64url and dots: both forms of a signed identity

const isPlain = (data) => typeof data === "object" && data !== null && Object.getPrototypeOf(data) === Object.prototype;
const hasOnly = (data, ...names) => Object.keys(data).length === names.length && names.every((name) => Object.hasOwn(data, name));

// onIdentity hears a signed identity, or null for nobody's; onShown that the panel can be seen.
export function connectToHost({ onShown, onIdentity }) {
  const allowed = new Set([location.origin, ...JSON.parse(document.body.dataset.embedOrigins)]);
  const said = new URLSearchParams(location.hash.slice(1));
  const [claimed, says] = [said.get("host"), said.get("says")];
  const host = allowed.has(claimed) ? claimed : null;
  if (window.parent === window || host === null) return null;
  window.addEventListener("message", ({ source, origin, data }) => {
    if (source !== window.parent || origin !== host || !isPlain(data)) return;
    if (data.type === SHOWN && hasOnly(data, "type")) onShown();
    else if (data.type === IDENTITY && hasOnly(data, "type", "identity")) onIdentity(identityOf(data.identity));
  });
  if (says !== "identity") onIdentity(null); // a widget that was loaded before the appliance was upgraded names nobody
  const tell = (type) => window.parent.postMessage({ type }, host);
  return { close: () => tell(CLOSE), renew: () => tell(RENEW) };
}

// What has not the form of an identity becomes one that is refused: nobody is anonymous because their page made a mistake.
function identityOf(value) {
  if (value === null) return null;
  return typeof value === "string" && SIGNED.test(value) ? value : "malformed";
}
