// One conversation: sends, follows its run, survives a broken connection, and comes back after a reload.
import * as api from "./api.js";
import * as session from "./session.js";
import { Interrupted } from "./sse.js";
import { words } from "./words.js";

const LAST = 99_999; // no run has as many events: "after everything of that message"
const PAUSES_MS = [500, 1000, 2000, 4000, 8000];

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const lost = (fault) => fault instanceof api.Unreachable || fault instanceof Interrupted;

export class Conversation {
  #session = session.load();
  #identity = null;
  #listening = null;
  #shown = false;
  #identified;
  #known = new Promise((resolve) => { this.#identified = resolve; });
  #turn = Promise.resolve();

  // ``renew`` asks the page around us for a new identity, when the one it gave no longer holds.
  constructor(screen, renew = () => {}) {
    this.screen = screen;
    this.renew = renew;
  }

  // Whom the page around us vouches for: a signed text, or null. What was said as somebody else is put away before anything is shown.
  async identify(identity) {
    this.#identity = identity;
    this.screen.problem("");
    const told = identity ? await this.#mine() : [];
    if (identity !== this.#identity) return; // the page said something else meanwhile
    if (told === null && this.#shown) return; // the network is gone: what is shown stays
    const own = told ?? [];
    const kept = identity ? this.#session?.customer && own.some(({ id }) => id === this.#session.id) : !this.#session?.customer;
    if (this.#session && !kept) {
      this.#listening?.abort();
      this.#forget();
      if (this.#shown) location.reload();
    }
    if (!this.#shown) {
      this.#shown = true;
      if (!this.#session) this.#offer(own.find(({ channel, status }) => channel === "chat" && status !== "closed"));
      await this.resume();
    }
    this.#identified();
  }

  // The customer's own conversations; none when the identity is refused, null when the server cannot be reached.
  async #mine() {
    try {
      return await api.mine(this.#identity);
    } catch (fault) {
      this.screen.problem(this.#reason(fault));
      return lost(fault) ? null : [];
    }
  }

  #offer(last) {
    if (last) this.screen.offer(last, () => this.#continue(last.id));
  }

  async #continue(id) {
    try {
      const { token } = await api.goOn(this.#identity, id);
      this.#keep({ id, token, customer: true });
      await this.resume();
    } catch (fault) {
      this.screen.problem(this.#reason(fault));
    }
  }

  // Shows what was said before, and goes on with a run that was under way.
  async resume() {
    if (!this.#session) return;
    let view;
    try {
      view = await api.view(this.#session);
    } catch (fault) {
      if (!lost(fault)) this.#forget();
      else this.screen.problem(words.offline);
      return;
    }
    this.screen.begun();
    const last = this.#showAll(view);
    if (view.status === "handed_over") this.#silent();
    if (last?.author === "customer" && !last.reply && view.status === "open") await this.#watch(`${last.seq}.0`);
    else if (view.status === "handed_over") this.#listen(`${view.messages.at(-1)?.seq ?? 0}.${LAST}`);
  }

  // Says something; resolves to false when the text goes back to its author because it can never be accepted as it is.
  async send(text) {
    this.screen.problem("");
    this.screen.stopAsking();
    return this.#attempt({ text, key: crypto.randomUUID?.() ?? randomKey(), bubble: this.screen.customer(text) });
  }

  restart() {
    this.#listening?.abort();
    this.#forget();
    location.reload();
  }

  // Messages go out one after the other, so that each answer stands below its question.
  #attempt(message) {
    this.#turn = this.#turn.then(() => this.#deliver(message));
    return this.#turn;
  }

  async #deliver(message) {
    this.screen.sending(message.bubble, true);
    this.screen.progress(words.sending);
    try {
      await this.#open();
      await this.#run(message);
      return true;
    } catch (fault) {
      return this.#refused(message, fault);
    } finally {
      this.screen.progress("");
    }
  }

  async #open() {
    await this.#known; // whoever is signed in must not become anonymous by being quick
    if (this.#session) return;
    const { id, token } = await api.open(this.#identity);
    this.#keep({ id, token, customer: this.#identity !== null });
    this.screen.begun();
  }

  #keep(made) {
    this.#session = made;
    session.save(made);
  }

  // The first connection says it; later ones say it again with the same key (nothing is known yet) or follow from the last event.
  async #run({ text, key, bubble }) {
    const run = { after: "", answer: null, bubble };
    const begin = () => (run.after ? api.follow(this.#session, run.after) : api.say(this.#session, text, key));
    await this.#untilDone(run, begin);
  }

  async #watch(after) {
    const run = { after, answer: null, bubble: null };
    try {
      await this.#untilDone(run, () => api.follow(this.#session, run.after));
    } catch (fault) {
      this.screen.problem(this.#reason(fault));
    } finally {
      this.screen.progress("");
    }
  }

  async #untilDone(run, begin) {
    for (let broken = 0; ; broken += 1) {
      try {
        if (await this.#consume(begin(), run)) return;
      } catch (fault) {
        if (!lost(fault) || (broken >= PAUSES_MS.length && !run.after)) throw fault;
      }
      this.screen.progress(words.reconnecting);
      await pause(PAUSES_MS[Math.min(broken, PAUSES_MS.length - 1)]);
    }
  }

  async #consume(events, run) {
    for await (const event of events) {
      if (run.bubble) this.screen.sending(run.bubble, false);
      if (event.id) run.after = event.id;
      if (event.type === "stage") this.screen.stage(event.data.stage);
      else if (event.type === "queued") this.screen.queued(event.data.position);
      else if (event.type === "sentence") (run.answer ??= this.screen.answer()).addSentence(event.data);
      else if (event.type === "error") {
        run.answer?.node.remove(); // trying again tells the whole run once more
        throw new api.ApiProblem(event.data.status, event.data);
      }
      else if (event.type === "done") {
        this.#done(event, run);
        return true;
      }
    }
    return false;
  }

  #done(event, run) {
    const reply = event.data;
    if (reply.text) {
      const answer = run.answer ?? this.screen.answer();
      answer.finish(reply.text, reply.citations, reply.language);
      this.screen.toEnd();
      if (reply.outcome === "answered" && reply.citations.length > 0) this.#ask(answer);
    } else if (reply.outcome === "handed_over") this.screen.note(words.passedOn);
    if (reply.outcome === "handed_over") {
      this.#silent();
      this.#listen(`${event.id.split(".")[0]}.${LAST}`);
    }
  }

  #ask(answer) {
    this.screen.ask(answer, {
      judge: (resolved) => this.#tell({ resolved }),
      rate: (csat) => this.#tell({ csat }),
      wantPerson: () => this.send(words.personWish),
    });
  }

  async #tell(body) {
    try {
      await api.feedback(this.#session, body);
      this.screen.problem("");
    } catch (fault) {
      this.screen.problem(this.#reason(fault));
      throw fault;
    }
  }

  #silent() {
    this.screen.handedOver();
  }

  // While a person has the conversation, what they write arrives here.
  async #listen(after) {
    if (this.#listening) return;
    this.#listening = new AbortController();
    const { signal } = this.#listening;
    for (let broken = 0; !signal.aborted; broken += 1) {
      try {
        for await (const event of api.follow(this.#session, after, signal)) {
          broken = 0;
          if (event.id) after = event.id;
          if (event.type === "message" && event.data.author === "agent") this.screen.answer("agent").finish(event.data.text, []);
        }
      } catch (fault) {
        if (!lost(fault)) return;
      }
      await pause(PAUSES_MS[Math.min(broken, PAUSES_MS.length - 1)]);
    }
  }

  #showAll(view) {
    const replies = view.messages.map((message) => message.reply).filter((reply) => reply?.text);
    let shown = null;
    for (const message of view.messages) {
      if (message.author === "customer") {
        this.screen.customer(message.text);
        continue;
      }
      const at = replies.findIndex((reply) => reply.text === message.text);
      const [reply] = at < 0 ? [null] : replies.splice(at, 1);
      shown = this.screen.answer(message.author);
      shown.finish(message.text, reply?.citations ?? [], reply?.language);
      if (message === view.messages.at(-1) && view.status === "open" && reply?.citations.length) this.#ask(shown);
    }
    return view.messages.at(-1);
  }

  async #refused(message, fault) {
    if (fault instanceof api.ApiProblem && (fault.status === 404 || fault.status === 401)) {
      this.#forget(); // the server no longer knows this conversation; the next attempt opens a new one
    }
    if (fault instanceof api.ApiProblem && (fault.status === 400 || fault.status === 413)) {
      message.bubble.remove();
      this.screen.problem(this.#reason(fault));
      return false;
    }
    if (fault.code === "identity_invalid") this.renew();
    this.screen.failed(message.bubble, this.#reason(fault), () => this.#attempt(message));
    return true;
  }

  #reason(fault) {
    if (lost(fault)) return words.offline;
    if (!(fault instanceof api.ApiProblem)) return words.broken;
    if (fault.code === "identity_invalid") return words.notRecognised;
    if (fault.code === "overloaded" || fault.status === 429) return words.tryAgainIn(fault.retryAfter || 5);
    return fault.status < 500 ? `${fault.message} ${fault.remedy}`.trim() : words.broken;
  }

  #forget() {
    session.clear();
    this.#session = null;
  }
}

// crypto.randomUUID exists only over TLS and on localhost; inside a company the box may be reached by plain HTTP.
function randomKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
