/* Says that the reader's sign-in has expired, and offers the next one. In every view. */

import { h, say } from "./dom.js";

export class Account {
  #desk;
  #text = h("p", {});

  constructor(desk, signIn) {
    this.#desk = desk;
    this.element = h(
      "div",
      { class: "lk-notice", role: "alert", hidden: true },
      this.#text,
      h("button", { class: "lk-button lk-primary", onclick: signIn }, say("sign_in_again")),
    );
  }

  draw() {
    const { state, pending } = this.#desk;
    this.element.hidden = !state?.expired;
    const coming = pending > 0 ? ` ${say("expired_coming", { count: pending })}` : "";
    const told = this.element.hidden ? "" : say("expired") + coming;
    if (this.#text.textContent !== told) {
      this.#text.textContent = told;
    }
  }
}
