/* The workplace: what Streamlit mounts in every view. In Classify all of it, elsewhere the ledger alone. */

import { Account } from "./account.js";
import { desk } from "./desk.js";
import { confirm, h, say, speak } from "./dom.js";
import { Grid } from "./grid.js";
import { Ledger } from "./ledger.js";
import { Models } from "./models.js";
import { style } from "./load.js";
import { sign } from "./signs.js";
import { Viewer } from "./viewer.js";

const SAVED_MS = 600;
const ORDER = ["malignant", "undecided", "unknown", "benign"];

export const styled = style("workplace.css");

export function mount({ data, parentElement, setTriggerValue }) {
  speak(data.words);
  desk.start(data.language);
  if (parentElement.workplace === undefined || parentElement.workplace.view !== data.view) {
    parentElement.workplace?.remove();
    parentElement.workplace = new Workplace(parentElement, data);
  }
  const workplace = parentElement.workplace;
  workplace.update(data, setTriggerValue);
  return () => {
    workplace.remove();
    delete parentElement.workplace;
  };
}

class Workplace {
  #root;
  #full;
  #ledger = new Ledger(desk);
  #models = new Models(desk);
  #account = new Account(desk, () => this.#notify("sign_in", String(Date.now())));
  #grid = null;
  #viewer = null;
  #parts = {};
  #filter = "";
  #byDoubt = false;
  #settled = null;
  #notify = () => {};
  #timer = 0;
  /** What was typed and is not saved yet; null where all is. */
  #named = null;

  constructor(parent, data) {
    this.view = data.view;
    this.#full = data.view === "classify";
    this.#root = h("div", { class: `lk-workplace lk-${data.theme}` }, this.#models.element, this.#account.element);
    if (this.#full) {
      this.#build(data);
    } else {
      this.#root.append(this.#ledger.element);
    }
    parent.append(this.#root);
    desk.addEventListener("change", this.#draw);
    desk.addEventListener("unknown", this.#wake);
    if (this.#full) {
      for (const kind of ["dragenter", "dragover", "dragleave", "drop"]) {
        document.addEventListener(kind, this.#drag);
      }
    }
    this.#draw();
  }

  update(data, setTriggerValue) {
    this.#root.className = `lk-workplace lk-${data.theme}`;
    this.#notify = setTriggerValue;
  }

  remove() {
    desk.removeEventListener("change", this.#draw);
    desk.removeEventListener("unknown", this.#wake);
    for (const kind of ["dragenter", "dragover", "dragleave", "drop"]) {
      document.removeEventListener(kind, this.#drag);
    }
    this.#saveName();
    this.#viewer?.close();
    this.#root.remove();
  }

  // --- building -----------------------------------------------------------------------------------

  #build(data) {
    this.#viewer = new Viewer(desk, () => this.#root, () => this.#grid.order);
    this.#grid = new Grid(desk, (key) => this.#viewer.open(key));
    this.#parts.notice = h("div", { class: "lk-notice", role: "alert", hidden: true });
    this.#parts.specimen = h("input", {
      class: "lk-input",
      id: "lk-specimen",
      maxlength: "80",
      autocomplete: "off",
      oninput: () => this.#name(),
      onchange: () => this.#saveName(),
    });
    const [least, most] = data.pixel;
    this.#parts.pixel = h("input", {
      class: "lk-input",
      id: "lk-pixel",
      type: "number",
      min: String(least),
      max: String(most),
      step: "any",
      inputmode: "decimal",
      title: say("pixel_means"),
      "aria-describedby": "lk-pixel-wrong",
      onchange: () => this.#measure(),
    });
    this.#parts.pixelWrong = h("span", { class: "lk-quiet", id: "lk-pixel-wrong", role: "status" });
    this.#parts.outdated = h("div", { class: "lk-row lk-outdated", role: "status", hidden: true });
    this.#parts.strip = h("div", { class: "lk-strip", role: "group", "aria-label": say("strip") });
    this.#parts.work = h(
      "div",
      { class: "lk-row lk-head" },
      h("label", { class: "lk-label", for: "lk-specimen" }, say("specimen")),
      this.#parts.specimen,
      h("label", { class: "lk-label", for: "lk-pixel" }, say("pixel")),
      this.#parts.pixel,
      this.#parts.pixelWrong,
    );
    this.#parts.first = this.#explain();
    const files = h("input", { type: "file", multiple: true, accept: data.accept, class: "lk-file", "aria-label": say("choose"), onchange: this.#chosen });
    const folder = h("input", { type: "file", class: "lk-file", "aria-label": say("folder"), onchange: this.#chosen });
    folder.setAttribute("webkitdirectory", "");
    this.#parts.drop = h(
      "div",
      { class: "lk-drop" },
      h("div", {}, h("p", { class: "lk-drop-title" }, say("drop")), h("p", { class: "lk-quiet" }, say("kinds")), data.samples && h("p", { class: "lk-quiet", id: "lk-try" }, say("try_means"))),
      h(
        "div",
        { class: "lk-row" },
        h("label", { class: "lk-button lk-primary" }, say("choose"), files),
        h("label", { class: "lk-button" }, say("folder"), folder),
        data.samples && h("button", { class: "lk-button", "aria-describedby": "lk-try", onclick: () => desk.tell("/samples") }, say("try")),
      ),
    );
    this.#root.append(
      this.#parts.notice,
      this.#parts.work,
      this.#parts.drop,
      this.#parts.first,
      this.#ledger.element,
      this.#parts.outdated,
      this.#parts.strip,
      this.#grid.element,
      this.#viewer.element,
    );
  }

  /** What the signs mean, before there is any. */
  #explain() {
    const kinds = ["malignant", "undecided", "unknown", "benign"];
    return h(
      "section",
      { class: "lk-first", "aria-label": say("first") },
      kinds.map((kind) =>
        h(
          "div",
          { class: `lk-means lk-kind-${kind}` },
          sign(kind, 28),
          h("div", {}, h("strong", {}, say(kind)), h("p", {}, say(`${kind}_means`))),
        ),
      ),
    );
  }

  /** Have Streamlit run its script, which begins this browser's session on the server. */
  #wake = () => this.#notify("changed", String(Date.now()));

  #chosen = (event) => {
    const files = [...event.target.files];
    event.target.value = "";
    desk.take(files);
  };

  #drag = (event) => {
    if (!event.dataTransfer?.types.includes("Files")) {
      return;
    }
    event.preventDefault();
    this.#parts.drop.classList.toggle("lk-over", event.type === "dragover" || event.type === "dragenter");
    if (event.type === "drop") {
      desk.take(event.dataTransfer);
    }
  };

  #name() {
    this.#named = this.#parts.specimen.value;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#saveName(), SAVED_MS);
  }

  async #saveName() {
    clearTimeout(this.#timer);
    const name = this.#named;
    if (name !== null && (await desk.tell("/specimen", "POST", { name })) !== null && this.#named === name) {
      this.#named = null;
    }
  }

  /** Send the pixel size along with further fields; what is no number in bounds is told, and not sent. */
  #measure() {
    const { pixel, pixelWrong } = this.#parts;
    const valid = pixel.checkValidity();
    pixelWrong.textContent = valid ? "" : say("pixel_wrong", { least: pixel.min, most: pixel.max });
    pixel.setAttribute("aria-invalid", String(!valid));
    if (valid) {
      desk.tell("/pixel", "POST", { um: pixel.value === "" ? null : pixel.valueAsNumber });
    }
  }

  #outdated(count) {
    const { outdated } = this.#parts;
    outdated.hidden = count === 0;
    if (count === 0) {
      outdated.replaceChildren();
    } else if (outdated.dataset.count !== String(count)) {
      outdated.replaceChildren(
        h("span", {}, say("outdated", { count })),
        h("button", { class: "lk-button", onclick: () => desk.tell("/anew") }, say("anew")),
      );
    }
    outdated.dataset.count = String(count);
  }

  // --- drawing ------------------------------------------------------------------------------------

  #draw = () => {
    this.#ledger.draw();
    this.#models.draw();
    this.#account.draw();
    const state = desk.state;
    if (state === null) {
      return;
    }
    const settled = `${state.ledger.read} ${state.ledger.dropped} ${state.ledger.unsettled === 0}`;
    if (this.#settled !== null && this.#settled !== settled && !this.#full) {
      this.#notify("changed", settled); // the view below counts the same fields
    }
    this.#settled = settled;
    if (!this.#full) {
      return;
    }
    const answered = [...desk.fields.values()].filter((one) => one.state === "answered");
    this.#parts.first.hidden = state.ledger.dropped > 0 || desk.pending > 0;
    for (const meaning of this.#parts.first.querySelectorAll(".lk-kind-malignant, .lk-kind-benign")) {
      meaning.closest(".lk-means").hidden = !state.triage; // of a model without sides, neither comes up
    }
    this.#parts.drop.classList.toggle("lk-small", !this.#parts.first.hidden === false);
    this.#parts.strip.hidden = answered.length === 0;
    if (this.#named === null && document.activeElement !== this.#parts.specimen) {
      this.#parts.specimen.value = state.specimen;
    }
    if (document.activeElement !== this.#parts.pixel && this.#parts.pixelWrong.textContent === "") {
      this.#parts.pixel.value = state.pixelUm ?? "";
    }
    this.#outdated(state.outdated);
    this.#notice();
    this.#strip(answered);
    this.#grid.draw(answered, this.#filter, this.#byDoubt);
    this.#viewer.draw();
  };

  #notice() {
    const { notice } = this.#parts;
    const lost = desk.restarted;
    notice.hidden = lost === null;
    if (lost !== null && notice.childElementCount === 0) {
      const said = lost.again > 0 ? "restarted_again" : "restarted";
      notice.append(
        h("p", {}, say(said, lost)),
        h("button", { class: "lk-button", onclick: () => { desk.restarted = null; notice.replaceChildren(); this.#draw(); } }, say("understood")),
      );
    }
  }

  #strip(answered) {
    const groups = new Map();
    for (const { finding } of answered) {
      const known = groups.get(finding.group) ?? { kind: finding.kind, title: finding.title, count: 0 };
      known.count += 1;
      groups.set(finding.group, known);
    }
    if (this.#filter !== "" && !groups.has(this.#filter)) {
      this.#filter = "";
    }
    const rank = (kind) => (ORDER.includes(kind) ? ORDER.indexOf(kind) : 2.5);
    const sorted = [...groups].sort(([, one], [, other]) => rank(one.kind) - rank(other.kind));
    const all = ["", { kind: null, title: say("all"), count: answered.length }];
    const chips = [all, ...sorted].map(([group, { kind, title, count }]) =>
      h(
        "button",
        {
          class: `lk-chip${kind ? ` lk-kind-${kind}` : ""}`,
          "aria-pressed": String(this.#filter === group),
          "data-group": group,
          onclick: () => this.#choose(group),
        },
        kind && sign(kind),
        h("span", { class: "lk-count" }, String(count)),
        h("span", {}, title),
      ),
    );
    const read = answered.filter((one) => one.label !== null).length;
    const focused = this.#parts.strip.contains(document.activeElement) ? document.activeElement.dataset.group : null;
    this.#parts.strip.replaceChildren(
      ...chips,
      h("span", { class: "lk-quiet lk-looked" }, say("looked", { read, all: answered.length })),
      h("button", { class: "lk-button", "aria-pressed": String(this.#byDoubt), "data-group": "doubt", onclick: () => this.#order() }, say("by_doubt")),
      ...(desk.state.labelled > 0 ? [this.#download()] : []),
      h("button", { class: "lk-button lk-clear", onclick: () => this.#clear() }, say("clear")),
    );
    if (focused !== null) {
      this.#parts.strip.querySelector(`[data-group="${CSS.escape(focused)}"]`)?.focus();
    }
  }

  #download() {
    const told = { class: "lk-button", href: desk.labelled, download: "leukolens-labelled.zip", title: say("labelled_means") };
    return h("a", told, say("labelled", { count: desk.state.labelled }));
  }

  #order() {
    this.#byDoubt = !this.#byDoubt;
    this.#draw();
  }

  #choose(group) {
    this.#filter = group;
    this.#draw();
  }

  async #clear() {
    const count = desk.state.ledger.dropped;
    if (await confirm(say("clear_ask", { count }), say("clear"))) {
      desk.forget();
      await desk.tell("/clear");
      this.#root.querySelector(".lk-drop input")?.focus();
    }
  }
}
