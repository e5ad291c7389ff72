// What the visitor sees: turns, progress, hand-over, problems. Knows nothing of the network.
import { Answer } from "./answer.js";
import { element } from "./elements.js";
import { words } from "./words.js";

const byId = (id) => document.getElementById(id);

export class Screen {
  constructor() {
    this.log = byId("log");
    this.company = document.title.split(" · ").pop();
  }

  customer(text) {
    const node = element("article", { class: "turn turn-customer" },
      element("h3", { class: "turn-who unseen" }, words.you),
      element("div", { class: "bubble" }, element("p", { dir: "auto" }, text)));
    this.#append(node);
    return node;
  }

  sending(node, on) {
    node.classList.toggle("turn-sending", on);
  }

  failed(node, reason, again) {
    this.sending(node, false);
    node.classList.add("turn-failed");
    const retry = element("button", { type: "button", class: "quiet", onclick: () => { this.mended(node); again(); } }, words.tryAgain);
    node.append(element("div", { class: "failure", role: "alert" }, element("span", {}, `${words.notSent} ${reason}`), retry));
    this.toEnd();
  }

  // A message that is tried again moves below what was said meanwhile, so that its answer stands under it.
  mended(node) {
    node.classList.remove("turn-failed");
    node.querySelector(".failure")?.remove();
    this.#append(node);
    byId("message").focus();
  }

  answer(author = "assistant") {
    const answer = new Answer(author, author === "agent" ? this.company : words.assistant);
    this.#append(answer.node);
    return answer;
  }

  note(text) {
    this.#append(element("p", { class: "note" }, text));
  }

  // Offers to go on with an earlier conversation; gone as soon as anything is said.
  offer({ updated_at: at }, go) {
    const when = new Date(at).toLocaleString(document.documentElement.lang || "en", { dateStyle: "medium", timeStyle: "short" });
    const button = element("button", { type: "button", class: "chip", id: "go-on", onclick: () => { button.remove(); go(); } }, words.goOn(when));
    this.log.querySelector(".welcome")?.append(button);
  }

  progress(text) {
    if (byId("progress").textContent !== text) byId("progress").textContent = text;
  }

  stage(name) {
    this.progress(words.stages[name] ?? words.working);
  }

  // The progress line is a polite live region: a screen reader says it when it has nothing else to say.
  queued(place) {
    this.progress(words.queued(place));
  }

  problem(text) {
    byId("problem").textContent = text;
  }

  // Asks whether the answer helped; ``judge`` tells the server and resolves when it knows.
  ask(answer, { judge, rate, wantPerson }) {
    this.stopAsking();
    const label = element("p", { id: `${answer.key}-ask` }, words.solved);
    const row = element("div", { class: "ask", role: "group", "aria-labelledby": label.id }, label);
    const choice = (text, then) => element("button", { type: "button", class: "chip", onclick: then }, text);
    row.append(
      choice(words.yes, () => judge(true).then(() => this.#rate(row, rate))),
      choice(words.no, () => judge(false).then(() => this.#sorry(row, wantPerson))));
    answer.node.append(row);
    this.toEnd();
  }

  stopAsking() {
    for (const row of this.log.querySelectorAll(".ask")) row.remove();
  }

  #rate(row, rate) {
    const chips = words.ratings.map((label, index) =>
      element("button", { type: "button", class: "chip", "aria-label": label, title: label, onclick: () => rate(index + 1).then(() => this.#thank(row)) }, String(index + 1)));
    this.#refill(row, words.glad, element("div", { class: "rating" }, ...chips));
  }

  #sorry(row, wantPerson) {
    this.#refill(row, words.sorry, element("button", { type: "button", class: "chip", onclick: wantPerson }, words.person));
  }

  #thank(row) {
    this.#refill(row, words.thanks);
    byId("message").focus();
  }

  #refill(row, text, ...controls) {
    const label = element("p", { tabindex: "-1" }, text);
    row.replaceChildren(label, ...controls);
    label.focus();
    this.toEnd();
  }

  handedOver() {
    this.stopAsking();
    byId("handover").replaceChildren(element("strong", {}, words.handoverTitle), words.handoverText);
    byId("handover").hidden = false;
    byId("person").hidden = true;
    byId("presence").textContent = words.presencePerson;
    byId("message").placeholder = words.placeholderPerson;
    this.toEnd();
  }

  begun() {
    byId("go-on")?.remove();
    byId("restart").hidden = false;
  }

  #append(node) {
    this.log.append(node);
    this.toEnd();
  }

  toEnd() {
    this.log.scrollTop = this.log.scrollHeight;
  }
}
