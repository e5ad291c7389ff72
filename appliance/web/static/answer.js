// One answer of the assistant, built while it arrives. Sentences are only ever appended, so a screen reader reads each of them once.
import { element, outsideLink, webLink } from "./elements.js";
import { words } from "./words.js";

let made = 0;

export class Answer {
  constructor(author, who) {
    this.key = `a${++made}`;
    this.text = element("p", { dir: "auto" });
    this.bubble = element("div", { class: "bubble" }, this.text);
    this.node = element("article", { class: `turn turn-${author}` }, element("h3", { class: "turn-who" }, who), this.bubble);
    this.sentences = [];
  }

  addSentence(sentence) {
    if (this.sentences.length > 0) this.text.append(" ");
    this.text.append(sentence.text, ...(sentence.citations ?? []).map((n) => this.#mark(n)));
    this.sentences.push(sentence.text);
  }

  // The final text begins with the sentences that were streamed; what follows them is appended.
  finish(whole, citations) {
    const text = withoutPointer(whole, citations);
    const rest = this.#after(text);
    if (rest === null || this.sentences.length === 0) this.text.replaceChildren(...linked(text, citations));
    else if (rest) this.bubble.append(element("p", { dir: "auto" }, ...linked(rest, citations)));
    if (citations.length > 0) this.bubble.append(this.#sources(citations));
  }

  #after(text) {
    let rest = text;
    for (const sentence of this.sentences) {
      if (!rest.startsWith(sentence)) return null;
      rest = rest.slice(sentence.length).trimStart();
    }
    return rest;
  }

  #mark(n) {
    const show = (event) => {
      event.preventDefault();
      this.#show(n);
    };
    return element("sup", { class: "cite" }, element("a", { href: `#${this.key}-${n}`, "aria-label": words.sourceNumber(n), onclick: show }, String(n)));
  }

  #show(n) {
    const item = document.getElementById(`${this.key}-${n}`);
    if (!item) return;
    for (const other of this.bubble.querySelectorAll(".shown")) other.classList.remove("shown");
    item.classList.add("shown");
    const passage = item.querySelector("details");
    if (passage) passage.open = true;
    (item.querySelector("a, summary") ?? item).focus();
    item.scrollIntoView({ block: "nearest" });
  }

  #sources(citations) {
    const items = citations.map((citation) =>
      element("li", { id: `${this.key}-${citation.n}`, value: citation.n, tabindex: "-1" },
        outsideLink(citation.url, citation.title),
        citation.quote
          ? element("details", {}, element("summary", {}, words.showPassage), element("blockquote", { dir: "auto" }, citation.quote))
          : null));
    const title = element("p", { class: "sources-title" }, citations.length > 1 ? words.sources : words.source);
    return element("div", { class: "sources" }, title, element("ol", {}, ...items));
  }
}

// A reply for every channel ends with the address of its article; here the sources below the answer say that better.
function withoutPointer(text, citations) {
  const at = text.lastIndexOf("\n\n");
  const last = at < 0 ? "" : text.slice(at);
  return citations.some(({ title, url }) => webLink(url) && last.includes(title) && last.includes(url)) ? text.slice(0, at) : text;
}

// Text in which the addresses of cited articles, and no others, can be followed.
function linked(text, citations) {
  const known = citations.map((citation) => citation.url).filter((url) => url && webLink(url) && text.includes(url));
  if (known.length === 0) return [text];
  const [url] = known.sort((a, b) => b.length - a.length);
  const [before, ...after] = text.split(url);
  return after.reduce((parts, piece) => [...parts, outsideLink(url, url), piece], [before]);
}
