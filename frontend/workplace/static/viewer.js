/* One field large, with pan, zoom and the heat map as a layer; a second one beside it; a reader's label by one key. */

import { confirm, h, say } from "./dom.js";
import { load } from "./load.js";
import { sign } from "./signs.js";

const SAVED_MS = 600;
const ZOOM = 1.4;
const HELP = ["keys_move", "keys_zoom", "keys_heat", "keys_label", "keys_undo", "keys_compare", "keys_note", "keys_close"];

/** A picture that can be moved and zoomed, with its heat map over it. */
class Picture {
  element = h("div", { class: "lk-look" });
  #desk;
  #seadragon = null;
  #heat = null;
  #key = "";
  #strength = 0.6;

  constructor(desk) {
    this.#desk = desk;
  }

  async show(field) {
    if (field.key === this.#key) {
      return;
    }
    this.#key = field.key;
    const seadragon = await load("openseadragon.min.js", "OpenSeadragon");
    if (this.#key !== field.key) {
      return;
    }
    this.#seadragon ??= seadragon({
      element: this.element,
      showNavigationControl: false,
      maxZoomPixelRatio: 6,
      minZoomImageRatio: 0.8,
      visibilityRatio: 0.6,
      animationTime: 0.35,
      gestureSettingsMouse: { clickToZoom: false, dblClickToZoom: true },
      drawer: "canvas",
    });
    // Keys are the dialog's: one place says what each of them does.
    this.#seadragon.removeAllHandlers("canvas-key");
    this.#seadragon.addHandler("canvas-key", (event) => { event.preventDefaultAction = true; });
    this.#seadragon.canvas.setAttribute("aria-label", say("picture", { name: field.name }));
    this.#seadragon.canvas.setAttribute("role", "img");
    this.#seadragon.canvas.tabIndex = -1;
    this.#heat = null;
    this.element.dataset.shown = "";
    this.#seadragon.addOnceHandler("open", () => {
      // Opened is not drawn yet: whoever waits for the picture waits for its first tile.
      this.#seadragon.addOnceHandler("tile-drawn", () => {
        if (this.#key === field.key) {
          this.element.dataset.shown = field.key;
        }
      });
      if (field.heat) {
        this.#layer(field);
      }
    });
    this.#seadragon.open({ type: "image", url: this.#desk.picture(field.key, field.whole ? "whole" : "preview"), buildPyramid: false });
  }

  #layer(field) {
    this.#seadragon.addTiledImage({
      tileSource: { type: "image", url: this.#desk.picture(field.key, "heat"), buildPyramid: false },
      width: 1,
      opacity: this.#strength,
      success: ({ item }) => {
        this.#heat = item;
        item.setOpacity(this.#strength);
      },
    });
  }

  strengthen(strength) {
    this.#strength = strength;
    this.#heat?.setOpacity(strength);
  }

  zoom(factor) {
    this.#seadragon?.viewport?.zoomBy(factor).applyConstraints();
  }

  home() {
    this.#seadragon?.viewport?.goHome();
  }

  close() {
    this.#seadragon?.destroy();
    this.#seadragon = this.#heat = null;
    this.#key = "";
  }
}

export class Viewer {
  #desk;
  #order;
  #key = "";
  #pinned = "";
  #pictures;
  #parts = {};
  #timer = 0;
  #unsaved = null;
  #strength = 60;
  #before = 60;
  #from = null;

  constructor(desk, _root, order) {
    this.#desk = desk;
    this.#order = order;
    this.#pictures = [new Picture(desk), new Picture(desk)];
    this.element = h("dialog", { class: "lk-viewer", "aria-labelledby": "lk-viewer-title", onkeydown: this.#press, onclose: this.#closed });
    this.#build();
  }

  open(key) {
    this.#from = document.activeElement;
    this.#key = key;
    if (!this.element.open) {
      this.element.showModal();
    }
    this.draw();
    this.#parts.next.focus();
  }

  close() {
    if (this.element.open) {
      this.element.close();
    }
  }

  // --- building -----------------------------------------------------------------------------------

  #build() {
    const button = (name, act, { text, ...rest } = {}) =>
      h("button", { class: "lk-button", type: "button", "aria-label": say(name), title: say(name), onclick: act, ...rest }, text ?? say(name));
    const parts = this.#parts;
    parts.title = h("h2", { id: "lk-viewer-title", class: "lk-viewer-title" });
    parts.place = h("p", { class: "lk-quiet", role: "status" });
    parts.previous = button("previous", () => this.#move(-1), { text: "‹" });
    parts.next = button("next", () => this.#move(1), { text: "›" });
    parts.beside = h("figure", { class: "lk-pane", hidden: true }, this.#pictures[1].element, h("figcaption", { class: "lk-quiet" }));
    parts.main = h("figure", { class: "lk-pane" }, this.#pictures[0].element, h("figcaption", { class: "lk-quiet" }));
    parts.heat = h("input", {
      type: "range", min: "0", max: "100", step: "5", id: "lk-heat", oninput: () => this.#strengthen(Number(parts.heat.value)),
    });
    parts.heat.value = String(this.#strength);
    parts.layer = h(
      "div",
      { class: "lk-row lk-layer" },
      h("label", { for: "lk-heat" }, say("heat")),
      parts.heat,
      h("span", { class: "lk-legend" }, h("span", {}, say("little")), h("span", { class: "lk-scale", "aria-hidden": "true" }), h("span", {}, say("much"))),
    );
    parts.compare = button("compare", () => this.#compare(), { "aria-pressed": "false" });
    parts.side = h("div", { class: "lk-side" });
    parts.help = h("ul", { class: "lk-help", hidden: true }, HELP.map((name) => h("li", {}, say(name))));
    this.element.append(
      h("header", { class: "lk-row lk-viewer-head" }, parts.previous, parts.next, h("div", { class: "lk-grow" }, parts.title, parts.place),
        button("help", () => this.#help(), { text: "?" }), button("close", () => this.close(), { text: "✕" })),
      h("div", { class: "lk-panes" }, parts.beside, parts.main),
      h("div", { class: "lk-row lk-tools" }, button("closer", () => this.#zoom(ZOOM), { text: "+" }), button("farther", () => this.#zoom(1 / ZOOM), { text: "−" }),
        button("whole", () => this.#pictures.forEach((one) => one.home())), parts.layer, parts.compare),
      parts.side,
      parts.help,
    );
  }

  // --- drawing ------------------------------------------------------------------------------------

  draw() {
    if (!this.element.open) {
      return;
    }
    const field = this.#desk.fields.get(this.#key);
    if (field === undefined) {
      this.close();
      return;
    }
    const parts = this.#parts;
    const { finding } = field;
    const order = this.#order();
    const place = order.indexOf(this.#key);
    parts.title.replaceChildren(sign(finding.kind, 26), finding.title, finding.certainty ? h("small", {}, finding.certainty) : "");
    parts.title.className = `lk-viewer-title lk-kind-${finding.kind}`;
    const where = say("place", { place: place + 1, all: order.length });
    const told = `${where} · ${say("field", { number: field.number })} · ${field.name}${field.synthetic ? ` · ${say("synthetic")}` : ""}`;
    if (parts.place.textContent !== told) {
      parts.place.textContent = told;
    }
    // Not "disabled": that would take the focus, and with it every key.
    parts.previous.setAttribute("aria-disabled", String(place <= 0));
    parts.next.setAttribute("aria-disabled", String(place < 0 || place >= order.length - 1));
    parts.layer.hidden = !field.heat;
    this.#pictures[0].show(field);
    const pinned = this.#desk.fields.get(this.#pinned);
    parts.beside.hidden = pinned === undefined;
    parts.compare.setAttribute("aria-pressed", String(pinned !== undefined));
    parts.main.lastChild.textContent = pinned ? this.#caption(field) : "";
    if (pinned !== undefined) {
      parts.beside.lastChild.textContent = this.#caption(pinned);
      this.#pictures[1].show(pinned);
    }
    const seen = JSON.stringify(field) + JSON.stringify(this.#desk.state.classes);
    if (parts.side.dataset.seen !== seen && this.#unsaved === null) {
      parts.side.dataset.seen = seen;
      this.#side(field);
    }
  }

  #caption(field) {
    return `${field.number} · ${field.name}: ${field.finding.title}`;
  }

  #side(field) {
    const { finding } = field;
    const focused = this.#parts.side.contains(document.activeElement) ? document.activeElement.dataset.name : undefined;
    const classes = this.#desk.state.classes;
    const labels = classes.map(({ label, name, colour }, index) => {
      const key = label === "Other" ? "0" : index < 9 ? String(index + 1) : "";
      const swatch = h("span", { class: "lk-swatch" });
      swatch.style.background = colour || "transparent";
      return h(
        "button",
        { class: "lk-button lk-pick", type: "button", "data-name": `label-${label}`, "aria-pressed": String(field.label === label), onclick: () => this.#judge(label) },
        h("kbd", {}, key),
        swatch,
        name,
      );
    });
    const own = h("input", { class: "lk-input", id: "lk-own", "data-name": "own", maxlength: "100", placeholder: say("own_class"), autocomplete: "off" });
    const note = h("textarea", { class: "lk-input", id: "lk-note", "data-name": "note", maxlength: "2000", rows: "2" });
    note.value = field.note;
    note.addEventListener("input", () => this.#note(field.key, note.value));
    const out = h("input", { type: "checkbox", "data-name": "out", onchange: () => this.#enter(field.key, { left_out: out.checked }) });
    out.checked = field.leftOut;
    this.#parts.side.replaceChildren(
      h(
        "div",
        { class: "lk-said" },
        finding.pattern && h("p", { class: "lk-pattern" }, say("pattern", { pattern: finding.pattern })),
        h("p", {}, finding.meaning),
        finding.reason && h("p", { class: "lk-quiet" }, finding.reason),
        h("p", {}, h("strong", {}, say("next_step")), ` ${finding.nextStep}`),
        h("details", { "data-name": "details" }, h("summary", {}, say("details")), h("dl", {}, field.details.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]))),
      ),
      h(
        "div",
        { class: "lk-enter" },
        h("p", { class: "lk-label", id: "lk-pick" }, field.label === null ? say("what_do_you_see") : say("you_said", { label: classes.find((one) => one.label === field.label)?.name ?? field.label })),
        h("div", { class: "lk-row", role: "group", "aria-labelledby": "lk-pick" }, labels,
          h("button", { class: "lk-button", type: "button", "data-name": "undo", onclick: () => this.#undo() }, h("kbd", {}, "U"), say("undo"))),
        h("form", { class: "lk-row", onsubmit: (event) => { event.preventDefault(); this.#addClass(own); } },
          h("label", { class: "lk-unseen", for: "lk-own" }, say("own_class")), own,
          h("button", { class: "lk-button", "data-name": "add-own" }, say("add_class"))),
        h("label", { class: "lk-label", for: "lk-note" }, say("note")),
        note,
        h("div", { class: "lk-row" },
          h("label", { class: "lk-check" }, out, say("leave_out")),
          h("button", { class: "lk-button", type: "button", "data-name": "remove", onclick: () => this.#remove(field) }, say("remove"))),
      ),
    );
    if (focused !== undefined) {
      this.#parts.side.querySelector(`[data-name="${CSS.escape(focused)}"]`)?.focus();
    }
  }

  // --- acting -------------------------------------------------------------------------------------

  #move(step) {
    const order = this.#order();
    const key = order[order.indexOf(this.#key) + step];
    if (key !== undefined) {
      this.#save();
      this.#key = key;
      this.draw();
    }
    return key !== undefined;
  }

  /** Label the field, and open the next one in the order that has no label; where none is left, the next. */
  async #judge(label) {
    const key = this.#key;
    const order = this.#order();
    const here = order.indexOf(key);
    const following = [...order.slice(here + 1), ...order.slice(0, Math.max(0, here))];
    const next = following.find((one) => this.#desk.fields.get(one)?.label === null);
    if (next !== undefined) {
      this.#save();
      this.#key = next;
      this.draw();
    } else {
      this.#move(1);
    }
    await this.#enter(key, { label });
  }

  async #addClass(input) {
    const name = input.value.trim();
    if (name !== "" && (await this.#desk.tell("/classes", "POST", { name })) !== null) {
      input.value = "";
    }
  }

  async #undo() {
    const answer = await this.#desk.tell("/undo");
    const { key } = (await answer?.json()) ?? {};
    if (key && this.#desk.fields.has(key)) {
      this.#key = key;
      this.draw();
    }
  }

  #enter(key, entry) {
    return this.#desk.tell(`/fields/${key}`, "POST", entry);
  }

  #note(key, note) {
    clearTimeout(this.#timer);
    this.#unsaved = { key, note };
    this.#timer = setTimeout(() => this.#save(), SAVED_MS);
  }

  #save() {
    clearTimeout(this.#timer);
    if (this.#unsaved !== null) {
      const { key, note } = this.#unsaved;
      this.#unsaved = null;
      this.#enter(key, { note });
    }
  }

  async #remove(field) {
    if (await confirm(say("remove_ask", { name: field.name }), say("remove"))) {
      const key = this.#key;
      if (!this.#move(1) && !this.#move(-1)) {
        this.close();
      }
      await this.#desk.tell(`/fields/${key}`, "DELETE");
    }
  }

  #strengthen(strength) {
    this.#strength = strength;
    this.#parts.heat.value = String(strength);
    this.#pictures.forEach((one) => one.strengthen(strength / 100));
  }

  #toggleHeat() {
    if (this.#strength > 0) {
      this.#before = this.#strength;
      this.#strengthen(0);
    } else {
      this.#strengthen(this.#before || 60);
    }
  }

  #zoom(factor) {
    this.#pictures.forEach((one) => one.zoom(factor));
  }

  #compare() {
    if (this.#pinned === "") {
      this.#pinned = this.#key;
      this.#move(1) || this.#move(-1);
    } else {
      this.#pinned = "";
      this.#pictures[1].close();
    }
    this.draw();
  }

  #help() {
    this.#parts.help.hidden = !this.#parts.help.hidden;
  }

  #press = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|TEXTAREA|DIALOG-ASK)$/.test(event.target.tagName)) {
      return;
    }
    const keys = {
      ArrowLeft: () => this.#move(-1),
      ArrowRight: () => this.#move(1),
      "+": () => this.#zoom(ZOOM),
      "=": () => this.#zoom(ZOOM),
      "-": () => this.#zoom(1 / ZOOM),
      h: () => this.#toggleHeat(),
      u: () => this.#undo(),
      c: () => this.#compare(),
      n: () => this.#parts.side.querySelector("#lk-note").focus(),
      "?": () => this.#help(),
    };
    const pressed = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const classes = this.#desk.state.classes;
    const label = pressed === "0" ? "Other" : /^[1-9]$/.test(pressed) ? classes[Number(pressed) - 1]?.label : undefined;
    const act = keys[pressed] ?? (label !== undefined && (label !== "Other" || pressed === "0") ? () => this.#judge(label) : undefined);
    if (act !== undefined) {
      event.preventDefault();
      event.stopPropagation();
      act();
    }
  };

  #closed = () => {
    this.#save();
    this.#pinned = "";
    this.#pictures.forEach((one) => one.close());
    this.#from?.isConnected ? this.#from.focus() : document.querySelector('.lk-tile[tabindex="0"]')?.focus();
  };
}
