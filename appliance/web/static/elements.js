// Builds elements. Text goes in as text nodes only, so nothing that anybody wrote can become markup.

export function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === undefined || value === null) continue;
    if (name === "onclick") node.addEventListener("click", value);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

// The address when a browser may follow it, else null: no javascript:, data: or file:.
export function webLink(address) {
  if (typeof address !== "string" || address === "") return null;
  const own = document.body.dataset.ownUrl; // where the appliance believes to be found; this visitor may know it by another name
  let url;
  try {
    url = new URL(address.startsWith(`${own}/`) ? address.slice(own.length) : address, location.origin);
  } catch {
    return null;
  }
  return url.protocol === "https:" || url.protocol === "http:" ? url.href : null;
}

export function outsideLink(address, text) {
  const href = webLink(address);
  return href
    ? element("a", { href, target: "_blank", rel: "noopener noreferrer", dir: "auto" }, text)
    : element("span", { dir: "auto" }, text);
}
