// Starts the chat: connects the composer and the buttons with the conversation.
import { Conversation } from "./conversation.js";
import { connectToHost } from "./frame.js";
import { Screen } from "./screen.js";
import { words } from "./words.js";

const byId = (id) => document.getElementById(id);
const field = byId("message");
const limit = Number(document.body.dataset.maxChars);
const screen = new Screen();
let host = null;
const conversation = new Conversation(screen, () => host?.renew());
let busy = false;

function fit() {
  field.style.height = "auto";
  field.style.height = `${field.scrollHeight}px`;
  const left = limit - [...field.value].length;
  byId("counter").textContent = left < limit * 0.1 ? words.charactersLeft(left) : "";
  byId("counter").classList.toggle("over", left < 0);
}

// Only one message at a time is on its way, so that answers stand below their questions. What is typed meanwhile stays in the field.
async function send(text) {
  busy = true;
  byId("send").disabled = true;
  byId("person").disabled = true;
  const accepted = await conversation.send(text);
  if (!accepted && field.value === "") field.value = text;
  busy = false;
  byId("send").disabled = false;
  byId("person").disabled = false;
  fit();
}

function submit(event) {
  event.preventDefault();
  const text = field.value.trim();
  const over = [...text].length - limit;
  screen.problem(over > 0 ? words.tooLong(over) : "");
  if (busy || text === "" || over > 0) return;
  field.value = "";
  fit();
  field.focus();
  send(text);
}

function onKey(event) {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) submit(event);
}

byId("composer").addEventListener("submit", submit);
field.addEventListener("keydown", onKey);
field.addEventListener("input", fit);
byId("person").hidden = false;
byId("person").addEventListener("click", () => {
  if (busy) return;
  field.focus(); // the button is about to be disabled, which would drop the focus to nowhere
  send(words.personWish);
});
byId("restart").addEventListener("click", () => conversation.restart());

if (document.body.dataset.mode === "embed") {
  host = connectToHost({ onShown: () => field.focus(), onIdentity: (identity) => conversation.identify(identity) });
  if (host) {
    byId("close").hidden = false;
    byId("close").addEventListener("click", host.close);
    document.addEventListener("keydown", (event) => { if (event.key === "Escape") host.close(); });
  }
} else field.focus();

if (!host) conversation.identify(null); // within a page, that page says first who the visitor is
