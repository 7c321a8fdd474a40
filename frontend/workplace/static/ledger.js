/* The ledger: of every file that was dropped, what came of it; and what can be done about it. */

import { h, say } from "./dom.js";

const PARTS = ["read", "waiting", "coming", "unanswered", "refused", "too_large", "not_sent", "same", "removed"];
const PROBLEMS = ["unanswered", "refused", "too_large", "not_sent"];

export class Ledger {
  #desk;
  #line = h("p", { class: "lk-ledger-line", role: "status" });
  #bar = h("progress", { class: "lk-progress", "aria-label": "" });
  #trouble = h("p", { class: "lk-trouble", role: "status" });
  #actions = h("div", { class: "lk-row" });
  #summary = h("summary", {});
  #reasons = h("ul", {});
  #details = h("details", { class: "lk-unread" }, this.#summary, this.#reasons);
  #shown = "";

  constructor(desk) {
    this.#desk = desk;
    this.element = h(
      "section",
      { class: "lk-ledger", "aria-label": say("ledger"), hidden: true },
      h("div", { class: "lk-row" }, this.#line, this.#actions),
      this.#bar,
      this.#trouble,
      this.#details,
    );
  }

  draw() {
    const { state, offline, pending } = this.#desk;
    const ledger = state?.ledger;
    this.element.hidden = !offline && pending === 0 && (ledger?.dropped ?? 0) === 0;
    this.#trouble.textContent = offline ? say("offline") : (state?.trouble && ledger.unsettled > 0 ? say("trouble") : "");
    this.#trouble.hidden = this.#trouble.textContent === "";
    if (ledger === undefined) {
      return;
    }
    const parts = PARTS.filter((name) => ledger[name] > 0 || name === "read");
    const line = say("dropped", { count: ledger.dropped }) + " " + parts.map((name) => say(`n_${name}`, { count: ledger[name] })).join(", ");
    if (this.#line.textContent !== line) {
      this.#line.textContent = line;
    }
    const unsettled = ledger.unsettled > 0;
    this.#bar.hidden = !unsettled;
    this.#bar.max = Math.max(1, ledger.dropped);
    this.#bar.value = ledger.dropped - ledger.unsettled;
    this.#bar.setAttribute("aria-label", line);
    this.#act(state, ledger, unsettled);
    this.#explain(state, PROBLEMS.reduce((sum, name) => sum + ledger[name], 0));
  }

  #act(state, ledger, unsettled) {
    const wanted = [
      unsettled && !state.stopped && state.busy && ["stop", "/stop"],
      state.stopped && ["go_on", "/go"],
      ledger.unanswered > 0 && ["again", "/retry"],
    ].filter(Boolean);
    const shown = wanted.map(([name]) => name).join();
    if (this.#shown !== shown) {
      this.#shown = shown;
      this.#actions.replaceChildren(
        ...wanted.map(([name, path]) => h("button", { class: "lk-button", onclick: () => this.#desk.tell(path) }, say(name))),
      );
    }
  }

  #explain(state, count) {
    this.#details.hidden = count === 0;
    this.#summary.textContent = say("unread", { count });
    const lines = state.unread.map(({ name, reason }) => `${name}: ${reason}`);
    if (this.#reasons.dataset.lines !== lines.join("\n")) {
      this.#reasons.dataset.lines = lines.join("\n");
      this.#reasons.replaceChildren(
        ...state.unread.map(({ name, reason }) => h("li", {}, h("strong", {}, name), `: ${reason}`)),
      );
      this.#details.open = this.#details.open || lines.length <= 5;
    }
  }
}
