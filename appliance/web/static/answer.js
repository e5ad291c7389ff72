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

  addSentence({ text, citations }) {
    if (this.sentences.length > 0) this.text.append(" ");
    const node = element("span", {}, text);
    this.text.append(node);
    this.sentences.push({ text, citations: citations ?? [], node });
  }

  // The final text begins with the sentences that were streamed; what follows them is appended.
  finish(whole, citations, language = "") {
    if (language) this.text.lang = language; // perhaps another language than the page's, as a screen reader must know
    const text = withoutPointer(whole, citations);
    const rest = this.#after(text);
    if (rest === null || this.sentences.length === 0) this.text.replaceChildren(...linked(text, citations));
    else if (rest) this.bubble.append(element("p", { dir: "auto", lang: language || null }, ...linked(rest, citations)));
    if (citations.length === 0) return;
    const articles = byArticle(citations);
    this.bubble.append(this.#sources(articles));
    for (const sentence of rest === null ? [] : this.sentences) {
      const cited = articles.filter((article) => article.passages.some(({ n }) => sentence.citations.includes(n)));
      sentence.node.append(...cited.map((article) => this.#mark(article.number)));
    }
  }

  #after(text) {
    let rest = text;
    for (const sentence of this.sentences) {
      if (!rest.startsWith(sentence.text)) return null;
      rest = rest.slice(sentence.text.length).trimStart();
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

  #sources(articles) {
    const items = articles.map(({ number, title, url, passages }) => {
      const quotes = passages.filter(({ quote }) => quote).map(({ quote }) => element("blockquote", { dir: "auto" }, quote));
      const shown = quotes.length > 0 ? element("details", {}, element("summary", {}, words.showPassage), ...quotes) : null;
      return element("li", { id: `${this.key}-${number}`, value: number, tabindex: "-1" }, outsideLink(url, title), shown);
    });
    const heading = element("p", { class: "sources-title" }, items.length > 1 ? words.sources : words.source);
    return element("div", { class: "sources" }, heading, element("ol", {}, ...items));
  }
}

// Citations name passages; a reader cares for articles. Numbered in the order in which they are first cited.
function byArticle(citations) {
  const articles = [];
  for (const citation of citations) {
    let article = articles.find(({ id }) => id === citation.article_id);
    if (!article) {
      article = { id: citation.article_id, number: articles.length + 1, title: citation.title, url: citation.url, passages: [] };
      articles.push(article);
    }
    article.passages.push(citation);
  }
  return articles;
}

// A reply for every channel ends with the address of its article; here the sources below the answer say that better.
function withoutPointer(text, citations) {
  const at = text.lastIndexOf("\n\n");
  const last = at < 0 ? "" : text.slice(at);
  return citations.some(({ title, url }) => url && last.includes(title) && last.includes(url)) ? text.slice(0, at) : text;
}

// Text in which the addresses of cited articles, and no others, can be followed.
function linked(text, citations) {
  const known = citations.map((citation) => citation.url).filter((url) => url && webLink(url) && text.includes(url));
  if (known.length === 0) return [text];
  const [url] = known.sort((a, b) => b.length - a.length);
  const [before, ...after] = text.split(url);
  return after.reduce((parts, piece) => [...parts, outsideLink(url, url), piece], [before]);
}
