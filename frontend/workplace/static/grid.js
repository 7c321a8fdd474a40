/* The grid of fields, what needs eyes first on top. The browser draws what is seen of it, and no more. */

import { h, say } from "./dom.js";
import { sign } from "./signs.js";

const STEPS = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity };

export class Grid {
  /** Keys of the fields that are shown, in their order. */
  order = [];
  #desk;
  #open;
  #tiles = new Map();
  #drawn = new Map();

  constructor(desk, open) {
    this.#desk = desk;
    this.#open = open;
    this.element = h("ul", { class: "lk-grid", "aria-label": say("grid"), onkeydown: this.#step });
  }

  /** Draw what the filter lets through; byDoubt puts first what a label would tell the most about. */
  draw(answered, filter, byDoubt) {
    const shown = answered.filter((one) => filter === "" || one.finding.group === filter);
    const first = byDoubt ? ({ finding }) => -finding.doubt : ({ finding }) => finding.rank;
    shown.sort((one, other) => first(one) - first(other) || one.number - other.number);
    const order = shown.map((one) => one.key);
    for (const one of shown) {
      const seen = JSON.stringify([one.finding, one.label, one.note !== "", one.leftOut, one.number, one.sent]);
      if (this.#drawn.get(one.key) !== seen) {
        this.#drawn.set(one.key, seen);
        this.#tile(one);
      }
    }
    for (const key of [...this.#tiles.keys()]) {
      if (!this.#desk.fields.has(key)) {
        this.#tiles.delete(key);
        this.#drawn.delete(key);
      }
    }
    if (order.join() !== this.order.join()) {
      const focused = this.element.contains(document.activeElement) ? document.activeElement : null;
      this.order = order;
      this.element.replaceChildren(...order.map((key) => this.#tiles.get(key)));
      if (focused !== null) {
        focused.focus();
      } else if (order.length > 0) {
        this.#rove(this.element.querySelector(".lk-tile")); // the Tab key comes to what needs eyes first
      }
    }
    if (order.length > 0 && this.element.querySelector('.lk-tile[tabindex="0"]') === null) {
      this.#rove(this.element.querySelector(".lk-tile"));
    }
  }

  focus(key) {
    this.#tiles.get(key)?.querySelector("button")?.focus();
  }

  #tile(one) {
    const { finding } = one;
    const item = this.#tiles.get(one.key) ?? h("li", {});
    const reader = one.label === null ? null : h("span", { class: "lk-reader" }, say("you_said", { label: this.#name(one.label) }));
    const old = item.querySelector("button");
    const picture = h(
      "span",
      { class: "lk-picture" },
      h("img", { src: this.#desk.picture(one.key, "thumbnail"), alt: "", loading: "lazy", decoding: "async" }),
    );
    const button = h(
      "button",
      {
        class: `lk-tile lk-kind-${finding.kind}${one.leftOut ? " lk-out" : ""}`,
        title: one.name,
        onclick: () => this.#open(one.key),
        onpointerenter: () => this.#heat(picture, one),
        onfocus: () => {
          this.#rove(button);
          this.#heat(picture, one);
        },
      },
      h("span", { class: "lk-unseen" }, say("tile", { number: one.number })),
      picture,
      h(
        "span",
        { class: "lk-caption" },
        h("span", { class: "lk-finding" }, sign(finding.kind), finding.title),
        h("span", { class: "lk-quiet" }, [finding.certainty, finding.pattern].filter(Boolean).join(" · ") || "\u00a0"),
        h(
          "span",
          { class: "lk-quiet lk-name" },
          `${one.number} · ${one.name}`,
          one.synthetic ? ` · ${say("synthetic")}` : "",
          one.note ? " ✎" : "",
          one.leftOut ? ` · ${say("left_out")}` : "",
        ),
        reader,
      ),
    );
    button.tabIndex = old?.tabIndex ?? -1;
    const focused = old !== null && old === document.activeElement;
    item.replaceChildren(button);
    this.#tiles.set(one.key, item);
    if (focused) {
      button.focus();
    }
  }

  /** The heat map comes when a tile is pointed at or reached by key; a grid of hundreds would fetch too many. */
  #heat(picture, one) {
    if (one.heat && picture.childElementCount === 1) {
      picture.append(h("img", { class: "lk-heat", src: this.#desk.picture(one.key, "heat"), alt: "" }));
    }
  }

  #name(label) {
    return this.#desk.state.classes.find((one) => one.label === label)?.name ?? label;
  }

  #rove(button) {
    for (const other of this.element.querySelectorAll('.lk-tile[tabindex="0"]')) {
      other.tabIndex = -1;
    }
    button.tabIndex = 0;
  }

  #step = (event) => {
    const tiles = [...this.element.querySelectorAll(".lk-tile")];
    const here = tiles.indexOf(document.activeElement);
    if (here < 0) {
      return;
    }
    const columns = getComputedStyle(this.element).gridTemplateColumns.split(" ").length;
    const step = STEPS[event.key] ?? { ArrowUp: -columns, ArrowDown: columns }[event.key];
    if (step !== undefined) {
      event.preventDefault();
      tiles[Math.min(tiles.length - 1, Math.max(0, here + step))].focus();
    }
  };
}
