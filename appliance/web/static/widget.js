// <support-chat>: a button in the corner of any page, and the chat in a frame of the appliance's own origin.
//   <script src="https://support.example.com/widget.js" defer></script>
//   <support-chat label="Help" side="end" data-identity="what your server has signed"></support-chat>
// In a page that signs people in by script: element.identify(signed), with null for nobody, or with a function that fetches it.
(() => {
  const server = new URL(document.currentScript.src).origin;
  const CLOSE = "support-chat:close";
  const SHOWN = "support-chat:shown";
  const IDENTITY = "support-chat:identity";
  const RENEW = "support-chat:renew";

  const style = `
    :host { --accent: var(--support-chat-accent, #2b4fc4); all: initial; }
    .launcher, .panel { position: fixed; z-index: 2147483000; inset-block-end: 20px; inset-inline-end: 20px; }
    :host([side="start"]) .launcher, :host([side="start"]) .panel { inset-inline: 20px auto; }
    .launcher {
      display: inline-flex; align-items: center; gap: 9px; min-height: 48px; padding: 0 20px 0 16px; border: 0; border-radius: 999px;
      background: var(--accent); color: #fff; font: 600 16px/1 system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif;
      box-shadow: 0 2px 6px rgb(15 23 42 / 22%), 0 10px 28px rgb(15 23 42 / 18%); cursor: pointer; transition: transform 120ms ease;
    }
    .launcher:hover { transform: translateY(-1px); filter: brightness(1.08); }
    .launcher:focus-visible { outline: 3px solid #fff; outline-offset: -5px; box-shadow: 0 0 0 3px var(--accent), 0 10px 28px rgb(15 23 42 / 25%); }
    .launcher svg { width: 22px; height: 22px; fill: none; stroke: currentcolor; stroke-width: 1.8; stroke-linejoin: round; stroke-linecap: round; }
    .panel { inset-block-end: 84px; width: min(408px, calc(100vw - 40px)); height: min(660px, calc(100vh - 108px)); border-radius: 18px; overflow: hidden;
      background: Canvas; box-shadow: 0 4px 12px rgb(15 23 42 / 14%), 0 18px 60px rgb(15 23 42 / 26%); }
    .panel iframe { display: block; width: 100%; height: 100%; border: 0; color-scheme: light dark; }
    [hidden] { display: none; }
    @media (max-width: 480px), (max-height: 480px) {
      .panel { inset: 0 !important; width: 100vw; height: 100vh; height: 100dvh; border-radius: 0; }
      :host([open]) .launcher { display: none; }
    }
    @media (prefers-reduced-motion: reduce) { .launcher { transition: none; } }
    @media print { :host { display: none; } }
  `;

  function bubbleIcon() {
    const make = (tag, attributes) => {
      const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
      for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
      return node;
    };
    const icon = make("svg", { viewBox: "0 0 24 24", "aria-hidden": "true" });
    icon.append(make("path", { d: "M5 5h14a2 2 0 0 1 2 2v8a2 2 0 0 1-2 2h-7l-5 4v-4H5a2 2 0 0 1-2-2V7a2 2 0 0 1 2-2z" }));
    return icon;
  }

  class SupportChat extends HTMLElement {
    #launcher;
    #panel;
    #frame = null;
    #ready = false;
    #identity = null;

    static observedAttributes = ["data-identity"];

    attributeChangedCallback(_name, _before, value) {
      this.identify(value);
    }

    // A signed identity (docs/identity.md), null for nobody, or a function that gives or fetches either.
    identify(identity) {
      this.#identity = identity || null;
      this.#tellIdentity();
    }

    connectedCallback() {
      if (this.#launcher) return;
      const sheet = new CSSStyleSheet(); // not a <style>: the embedding page's own policy may forbid that
      sheet.replaceSync(style);
      const root = this.attachShadow({ mode: "open" });
      root.adoptedStyleSheets = [sheet];
      const label = this.getAttribute("label") || "Help";
      this.#panel = Object.assign(document.createElement("div"), { className: "panel", id: "panel", hidden: true });
      this.#launcher = Object.assign(document.createElement("button"), { type: "button", className: "launcher" });
      this.#launcher.setAttribute("aria-expanded", "false");
      this.#launcher.setAttribute("aria-controls", "panel");
      this.#launcher.append(bubbleIcon(), label);
      this.#launcher.addEventListener("click", () => (this.#panel.hidden ? this.open() : this.close()));
      root.append(this.#launcher, this.#panel);
      this.addEventListener("keydown", (event) => { if (event.key === "Escape") this.close(); });
      window.addEventListener("message", (event) => this.#hear(event));
    }

    open() {
      this.#show(true);
      if (this.#frame) this.#tellShown();
      else this.#load();
    }

    close() {
      if (this.#panel.hidden) return;
      this.#show(false);
      this.#launcher.focus();
    }

    #show(on) {
      this.#panel.hidden = !on;
      this.toggleAttribute("open", on);
      this.#launcher.setAttribute("aria-expanded", String(on));
    }

    // The frame is made when it is first wanted: a page that is only read asks the appliance for nothing but this script.
    #load() {
      this.#frame = document.createElement("iframe");
      this.#frame.title = "Support chat";
      this.#frame.setAttribute("sandbox", "allow-scripts allow-same-origin allow-forms allow-popups allow-popups-to-escape-sandbox");
      this.#frame.addEventListener("load", () => this.#loaded());
      this.#frame.src = `${server}/embed#host=${encodeURIComponent(location.origin)}&says=identity`;
      this.#panel.append(this.#frame);
    }

    async #loaded() {
      this.#ready = true;
      this.#tellShown();
      await this.#tellIdentity();
    }

    #tellShown() {
      this.#frame.focus();
      this.#tell({ type: SHOWN });
    }

    // To the chat's own frame and origin, and to nobody else.
    async #tellIdentity() {
      if (!this.#ready) return;
      const asked = this.#identity;
      let identity = null;
      try {
        identity = (typeof asked === "function" ? await asked() : asked) || null;
      } catch {
        identity = "unavailable"; // whoever should be signed in is not taken for somebody anonymous
      }
      if (asked === this.#identity) this.#tell({ type: IDENTITY, identity: identity === null ? null : String(identity) });
    }

    #tell(message) {
      this.#frame.contentWindow?.postMessage(message, server);
    }

    #hear(event) {
      if (event.origin !== server || !this.#frame || event.source !== this.#frame.contentWindow) return;
      if (event.data?.type === CLOSE) this.close();
      else if (event.data?.type === RENEW && typeof this.#identity === "function") this.#tellIdentity();
    }
  }

  if (!customElements.get("support-chat")) customElements.define("support-chat", SupportChat);
})();
