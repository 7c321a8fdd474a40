/* The reader's desk: holds what was dropped until the server has it, and knows what came of it.
   One for the page, not for a view: files go on being sent whatever view is looked at. */

import { say } from "./dom.js";
import { collect } from "./intake.js";

const URL = "/_leukolens/workplace";
const KEPT = "leukolens.desk";
const SENDING = 3;
const ANNOUNCED = 200;
const BUSY_MS = 700;
const IDLE_MS = 5000;
const HIDDEN_MS = 60000;
const AGAIN_MS = 2000;
const TRIES = 4;

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

class Desk extends EventTarget {
  tab = crypto.randomUUID();
  language = "en";
  state = null;
  fields = new Map();
  offline = false;
  /** Why this is not the session that the reader knew; null where it is. */
  restarted = null;
  reading = 0;
  #files = new Map();
  #queue = [];
  #sending = 0;
  #timer = 0;
  #asking = false;
  #started = false;

  start(language) {
    this.language = language;
    if (this.#started) {
      return;
    }
    this.#started = true;
    addEventListener("beforeunload", (event) => {
      if (this.pending > 0) {
        event.preventDefault();
      }
    });
    addEventListener("pagehide", () => {
      if (this.pending > 0) {
        fetch(`${URL}/gone`, { method: "POST", headers: { "X-Leukolens-Tab": this.tab }, keepalive: true });
      }
    });
    document.addEventListener("visibilitychange", () => this.refresh());
    addEventListener("online", () => this.refresh());
    this.refresh();
  }

  /** Files that the server does not have yet. */
  get pending() {
    return this.#queue.length + this.#sending + this.reading;
  }

  // --- requests -----------------------------------------------------------------------------------

  ask(path, method = "GET", body = undefined) {
    const headers = { "X-Leukolens-Tab": this.tab };
    const plain = body === undefined || body instanceof Blob;
    const address = `${URL}${path}${path.includes("?") ? "&" : "?"}language=${this.language}`;
    return fetch(address, { method, headers, body: plain ? body : JSON.stringify(body), cache: "no-store" });
  }

  /** Ask for something to be done, and show what came of it; gives the answer, or null where none came. */
  async tell(path, method = "POST", body = undefined) {
    try {
      const answer = await this.ask(path, method, body);
      await this.refresh();
      return answer.ok ? answer : null;
    } catch {
      this.#lostConnection(true);
      return null;
    }
  }

  /** Address of everything that the reader has labelled, as a data set. */
  get labelled() {
    return `${URL}/labelled.zip`;
  }

  picture(key, kind) {
    return `${URL}/fields/${key}/${kind}`;
  }

  // --- files --------------------------------------------------------------------------------------

  /** Take in what was dropped or chosen: files, folders and ZIP archives. */
  async take(source) {
    this.reading += 1;
    this.#changed();
    try {
      let ids = [];
      for await (const found of collect(source)) {
        const id = crypto.randomUUID();
        this.#files.set(id, found);
        ids.push(id);
        if (ids.length === ANNOUNCED) {
          await this.#announce(ids);
          ids = [];
        }
      }
      await this.#announce(ids);
    } finally {
      this.reading -= 1;
      await this.refresh();
    }
  }

  async #announce(ids) {
    for (let start = 0; start < ids.length; start += ANNOUNCED) {
      const part = ids.slice(start, start + ANNOUNCED);
      const files = part.map((id) => ({ id, name: this.#files.get(id).name, size: this.#files.get(id).size }));
      const answer = await this.#patiently("/files", "POST", { files });
      const { send } = await answer.json();
      for (const id of send) {
        if (this.#files.get(id)?.problem) {
          await this.#lose(id, this.#files.get(id).problem);
        } else {
          this.#queue.push(id);
        }
      }
    }
    this.#send();
  }

  #send() {
    while (this.#sending < SENDING && this.#queue.length > 0) {
      const id = this.#queue.shift();
      this.#sending += 1;
      this.#put(id).finally(() => {
        this.#sending -= 1;
        this.#send();
      });
    }
  }

  async #put(id) {
    const held = this.#files.get(id);
    for (let tries = 1; held !== undefined; ) {
      let answer;
      try {
        answer = await this.ask(`/files/${id}`, "PUT", await held.file());
      } catch (error) {
        if (error instanceof TypeError) {
          if (!(await this.#reachable())) {
            this.#lostConnection(true); // the network is away: the file is here, and waits
          } else if (tries >= TRIES) {
            return this.#lose(id, say("cut_off", { size: (held.size / 2 ** 20).toFixed(1) }));
          } else {
            tries += 1;
          }
          await pause(AGAIN_MS);
          continue;
        }
        return this.#lose(id, say("unreadable", { why: error.message }));
      }
      if (answer.ok) {
        this.#soon();
        return undefined;
      }
      if (answer.status === 413) {
        const size = (held.size / 2 ** 20).toFixed(1);
        return this.#lose(id, say("over_limit", { size }), true);
      }
      if (answer.status === 404) {
        return undefined; // it was cleared meanwhile, or the session is new and announces it again
      }
      if (answer.status === 503 || answer.status === 409) {
        await pause(AGAIN_MS);
        continue; // no room yet, or the session is being set up
      }
      if (tries >= TRIES) {
        return this.#lose(id, say("not_taken", { status: answer.status }));
      }
      tries += 1;
      await pause(AGAIN_MS);
    }
    return undefined;
  }

  /** Whether the server answers: then it is this file that does not come through, and not the network that is away. */
  async #reachable() {
    try {
      await this.ask(`/state?since=${this.state?.revision ?? 0}`);
      return true;
    } catch {
      return false;
    }
  }

  async #lose(id, reason, tooLarge = false) {
    await this.#patiently(`/files/${id}/loss`, "POST", { reason, too_large: tooLarge });
    this.#soon();
  }

  /** Ask until an answer comes: what is told here must not be lost. */
  async #patiently(path, method, body) {
    for (;;) {
      try {
        const answer = await this.ask(path, method, body);
        if (answer.status < 500 && answer.status !== 409) {
          return answer;
        }
      } catch {
        this.#lostConnection(true);
      }
      await pause(AGAIN_MS);
    }
  }

  forget() {
    this.#files.clear();
    this.#queue = [];
    sessionStorage.removeItem(KEPT);
  }

  // --- state --------------------------------------------------------------------------------------

  #soon() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.refresh(), 150);
  }

  async refresh() {
    clearTimeout(this.#timer);
    if (this.#asking) {
      this.#timer = setTimeout(() => this.refresh(), 100);
      return;
    }
    this.#asking = true;
    let wait = AGAIN_MS;
    try {
      const answer = await this.ask(`/state?since=${this.state?.revision ?? 0}`);
      if (answer.ok) {
        this.#lostConnection(false);
        await this.#learn(await answer.json());
        const busy = this.state.busy || this.pending > 0 || (this.state.ledger.unsettled > 0 && !this.state.stopped && !this.state.expired);
        wait = document.hidden ? (busy ? AGAIN_MS : HIDDEN_MS) : busy ? BUSY_MS : IDLE_MS;
      } else {
        wait = AGAIN_MS;
        if (answer.status === 409) {
          this.#lostConnection(false);
          // Streamlit connects again to a server that was started anew, and runs no script there until something is done.
          this.dispatchEvent(new Event("unknown"));
        }
      }
    } catch {
      this.#lostConnection(true);
    }
    this.#asking = false;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.refresh(), wait);
  }

  async #learn(told) {
    const kept = JSON.parse(sessionStorage.getItem(KEPT) ?? "null");
    const before = this.state?.born ?? kept?.born;
    if (before !== undefined && before !== told.born) {
      // What another person has entered is not for whoever has signed in now.
      await this.#begin((kept?.owner ?? "") === told.owner ? kept : null);
      return;
    }
    const same = this.state !== null && this.state.revision === told.revision && this.state.busy === told.busy && this.state.expired === told.expired;
    this.state = told;
    for (const field of told.fields) {
      this.fields.set(field.key, field);
    }
    const known = new Set(told.keys);
    for (const key of [...this.fields.keys()]) {
      if (!known.has(key)) {
        this.fields.delete(key);
      }
    }
    this.#keep();
    if (!same) {
      this.#changed();
    }
  }

  /** The server has forgotten the session: give it what is still here, and say what is not. */
  async #begin(kept) {
    sessionStorage.removeItem(KEPT);
    this.state = null;
    this.fields.clear();
    this.#queue = [];
    const again = [...this.#files.keys()];
    if (kept !== null) {
      await this.#patiently("/restore", "POST", { specimen: kept.specimen, pixel_um: kept.pixelUm ?? null, classes: kept.classes ?? [], fields: kept.fields });
    }
    const had = kept?.count ?? again.length;
    this.restarted = had > 0 ? { had, again: again.length } : null;
    setTimeout(() => this.refresh(), 0);
    await this.#announce(again);
  }

  /** What a reader entered is kept in the tab, too: small, and without any picture. */
  #keep() {
    const entered = [...this.fields.values()].filter((one) => one.label || one.note || one.leftOut);
    const kept = {
      born: this.state.born,
      owner: this.state.owner,
      count: this.state.ledger.dropped,
      specimen: this.state.specimen,
      pixelUm: this.state.pixelUm,
      classes: this.state.classes.filter((one) => one.own).map((one) => one.name),
      fields: entered.map((one) => ({ key: one.key, label: one.label, note: one.note, left_out: one.leftOut })),
    };
    sessionStorage.setItem(KEPT, JSON.stringify(kept));
  }

  #lostConnection(lost) {
    if (this.offline !== lost) {
      this.offline = lost;
      this.#changed();
    }
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}

export const desk = new Desk();
