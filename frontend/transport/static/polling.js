/* Gives Streamlit's script an object that looks like a WebSocket and speaks over Engine.IO long polling.
   The other end is frontend/transport/endpoint.py. Modes: "polling" never opens a WebSocket; "auto" tries one first. */
(() => {
  "use strict";

  const MODE = document.currentScript.dataset.mode;
  const POLL_PATH = "/_leukolens/transport/poll/";
  const STREAM_PATH = "/_stcore/stream";
  const FALL_BACK_MS = 3000;
  const PART_BYTES = 256 * 1024;
  // Handed to Engine.IO at a time: the server takes 64 packets a request, pings among them.
  const AT_ONCE = 32;
  const MORE = 0;
  const LAST = 1;
  const NORMAL = 1000;
  const LOST = 1006;
  // Kept for the tab: where the WebSocket failed and polling worked, a lost connection is not tried in vain again.
  const REMEMBERED = "leukolens.transport";

  const NativeWebSocket = window.WebSocket;
  const isStream = (url) => new URL(url, location.href).pathname.endsWith(STREAM_PATH);
  const listOf = (protocols) => (Array.isArray(protocols) ? protocols : protocols ? [protocols] : []);

  const UNKNOWN = "unknown";

  /** The last polled session of this tab: its id, how many messages surely arrived, and those that may not have. The
      server ends it before the next begins, and says how many did arrive: the others are sent again. */
  let last = { id: "", sure: 0, unsure: [] };

  const bytesOf = (data) =>
    ArrayBuffer.isView(data) ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : new Uint8Array(data);

  /** Cut a message into parts, each led by a byte that says whether more follow. */
  function* split(message) {
    const last = Math.floor(Math.max(0, message.length - 1) / PART_BYTES);
    for (let number = 0; number <= last; number += 1) {
      const piece = message.subarray(number * PART_BYTES, (number + 1) * PART_BYTES);
      const part = new Uint8Array(piece.length + 1);
      part[0] = number === last ? LAST : MORE;
      part.set(piece, 1);
      yield part.buffer;
    }
  }

  /** Put parts together; gives the message with its last part, else null. */
  class Joiner {
    #parts = [];

    take(part) {
      const bytes = new Uint8Array(part);
      this.#parts.push(bytes.subarray(1));
      if (bytes[0] === MORE) {
        return null;
      }
      const message = new Uint8Array(this.#parts.reduce((sum, piece) => sum + piece.length, 0));
      let offset = 0;
      for (const piece of this.#parts) {
        message.set(piece, offset);
        offset += piece.length;
      }
      this.#parts = [];
      return message.buffer;
    }
  }

  /** Long polling with the four callbacks of a connection. */
  class Polling {
    #engine;
    #joiner = new Joiner();
    #session = null;
    #parts = [];
    /** Whole messages among the parts that were handed to Engine.IO and not yet answered. */
    #onTheirWay = 0;
    #handed = false;

    constructor(protocols, on) {
      const previous = last;
      this.#engine = eio(location.origin, {
        path: POLL_PATH,
        transports: ["polling"],
        upgrade: false,
        timestampRequests: true,
        extraHeaders: {
          "X-Leukolens-Protocols": protocols.join(", "),
          "X-Leukolens-Origin": location.origin,
          "X-Leukolens-Previous": previous.id,
        },
      });
      this.#engine.binaryType = "arraybuffer";
      this.#engine.on("open", () => {
        if (previous.id === "") {
          this.#begin([], on);
        }
      });
      this.#engine.on("drain", () => {
        // Every request with something to send was answered.
        if (this.#session !== null) {
          this.#session.unsure.splice(0, this.#onTheirWay);
          this.#session.sure += this.#onTheirWay;
          this.#onTheirWay = 0;
          this.#hand();
        }
      });
      this.#engine.on("message", (part) => {
        if (typeof part === "string") {
          // The server's word on the previous session. One that it does not know, it cannot go on with: Streamlit shows
          // a new page, and nothing of the old one is done there.
          this.#begin(part === UNKNOWN ? [] : previous.unsure.slice(Number(part) - previous.sure), on);
          return;
        }
        const message = this.#joiner.take(part);
        if (message !== null) {
          on.message(message);
        }
      });
      this.#engine.on("close", (reason) => {
        removeEventListener("pagehide", this.#leave);
        on.close(reason === "forced close" ? NORMAL : LOST);
      });
      addEventListener("pagehide", this.#leave);
    }

    /** Tell the server that the page goes; an ordinary request would be cancelled with it. */
    #leave = () => {
      const query = new URLSearchParams({ EIO: "4", transport: "polling", sid: this.#engine.id });
      navigator.sendBeacon(`${POLL_PATH}?${query}`, "1");
    };

    /** Open, with what the previous session lost ahead of anything new. */
    #begin(again, on) {
      last = this.#session = { id: this.#engine.id, sure: 0, unsure: [] };
      for (const message of again) {
        this.send(message);
      }
      on.open();
    }

    send(data) {
      // A copy: whoever sends may use its memory for something else.
      const message = bytesOf(data).slice();
      this.#session.unsure.push(message);
      const idle = this.#parts.length === 0;
      this.#parts.push(...split(message));
      if (idle && !this.#handed) {
        this.#hand();
      }
    }

    /** Hand on the next parts; those after them wait until these have arrived. */
    #hand() {
      const parts = this.#parts.splice(0, AT_ONCE);
      this.#handed = parts.length > 0;
      for (const part of parts) {
        this.#onTheirWay += new Uint8Array(part)[0] === LAST ? 1 : 0;
        this.#engine.send(part);
      }
    }

    close() {
      this.#engine.close();
    }
  }

  /** A WebSocket with the same callbacks. */
  class Native {
    #socket;

    constructor(url, protocols, on) {
      this.#socket = new NativeWebSocket(url, protocols);
      this.#socket.binaryType = "arraybuffer";
      this.#socket.onopen = () => on.open();
      this.#socket.onmessage = (event) => on.message(event.data);
      this.#socket.onclose = (event) => on.close(event.code);
    }

    send(data) {
      this.#socket.send(data);
    }

    close() {
      this.#socket.close();
    }
  }

  /** What Streamlit holds: the events, states and methods of a WebSocket. */
  class StreamSocket extends EventTarget {
    binaryType = "arraybuffer";
    extensions = "";
    bufferedAmount = 0;
    readyState = NativeWebSocket.CONNECTING;
    onopen = null;
    onmessage = null;
    onerror = null;
    onclose = null;
    #link = null;
    #timer = 0;

    constructor(url, protocols) {
      super();
      this.url = String(new URL(url, location.href));
      this.protocol = listOf(protocols)[0] ?? "";
      const tryNative = MODE === "auto" && sessionStorage.getItem(REMEMBERED) !== "polling";
      if (tryNative) {
        this.#connectNative(url, listOf(protocols));
      } else {
        this.#connectPolling(listOf(protocols), false);
      }
    }

    #connectNative(url, protocols) {
      const fallBack = () => {
        clearTimeout(this.#timer);
        if (this.#link === native && this.readyState === NativeWebSocket.CONNECTING) {
          this.#connectPolling(protocols, true);
          native.close();
        }
      };
      const native = new Native(url, protocols, {
        open: () => {
          clearTimeout(this.#timer);
          if (this.#link === native) {
            this.#opened();
          } else {
            native.close();
          }
        },
        message: (data) => this.#link === native && this.#received(data),
        close: (code) => {
          fallBack();
          if (this.#link === native) {
            this.#closed(code);
          }
        },
      });
      this.#link = native;
      this.#timer = setTimeout(fallBack, FALL_BACK_MS);
    }

    #connectPolling(protocols, remember) {
      this.#link = new Polling(protocols, {
        open: () => {
          if (remember) {
            sessionStorage.setItem(REMEMBERED, "polling");
          }
          this.#opened();
        },
        message: (data) => this.#received(data),
        close: (code) => this.#closed(code),
      });
    }

    #emit(event) {
      this[`on${event.type}`]?.call(this, event);
      this.dispatchEvent(event);
    }

    #opened() {
      this.readyState = NativeWebSocket.OPEN;
      this.#emit(new Event("open"));
    }

    #received(data) {
      this.#emit(new MessageEvent("message", { data, origin: location.origin }));
    }

    #closed(code) {
      if (this.readyState === NativeWebSocket.CLOSED) {
        return;
      }
      this.readyState = NativeWebSocket.CLOSED;
      const wasClean = code !== LOST;
      if (!wasClean) {
        this.#emit(new Event("error"));
      }
      this.#emit(new CloseEvent("close", { code, wasClean }));
    }

    send(data) {
      if (this.readyState === NativeWebSocket.CONNECTING) {
        throw new DOMException("The connection is not open yet.", "InvalidStateError");
      }
      this.#link.send(data);
    }

    close() {
      if (this.readyState < NativeWebSocket.CLOSING) {
        this.readyState = NativeWebSocket.CLOSING;
        clearTimeout(this.#timer);
        this.#link.close();
      }
    }
  }

  window.WebSocket = new Proxy(NativeWebSocket, {
    construct: (target, [url, protocols]) =>
      isStream(url) ? new StreamSocket(url, protocols) : Reflect.construct(target, protocols ? [url, protocols] : [url]),
  });
})();
