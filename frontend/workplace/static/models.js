/* Which model answers: its name, and where the service has several, a choice among them. In every view. */

import { h, say } from "./dom.js";

export class Models {
  #desk;
  #shown = "";
  #choice = null;
  #telling = false;

  constructor(desk) {
    this.#desk = desk;
    this.element = h("div", { class: "lk-row lk-models", hidden: true });
  }

  draw() {
    const { state } = this.#desk;
    const models = state?.models ?? [];
    this.element.hidden = models.length < 2 && !state?.model;
    const shown = JSON.stringify([models, models.length < 2 && state?.model]);
    if (this.#shown !== shown) {
      this.#shown = shown;
      this.#build(models, state?.model);
    }
    if (this.#choice !== null && !this.#telling) {
      this.#choice.value = state.asked;
    }
  }

  #build(models, answered) {
    if (models.length < 2) {
      this.#choice = null;
      this.element.replaceChildren(h("span", { class: "lk-quiet" }, say("model", { model: answered ?? "" })));
      return;
    }
    const options = models.map(({ name, title }) => h("option", { value: name }, title));
    this.#choice = h("select", { class: "lk-input", id: "lk-model", onchange: () => this.#choose() }, options);
    this.element.replaceChildren(h("label", { class: "lk-label", for: "lk-model" }, say("models")), this.#choice);
  }

  async #choose() {
    this.#telling = true; // what was known before the choice must not put it back
    await this.#desk.tell("/model", "POST", { name: this.#choice.value });
    this.#telling = false;
    this.draw();
  }
}
