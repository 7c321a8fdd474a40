/* Loads the page again where a part of its code did not arrive: a browser that changes networks while a page loads
   drops its requests (ERR_NETWORK_CHANGED), asks for none of them again, and would show an empty page for ever.
   Written into the page itself, so that it needs no request of its own. */
(() => {
  "use strict";

  const KEPT = "leukolens.reloads";
  const TIMES = 5;
  const FIRST_WAIT_MS = 500;
  const LONG_AGO_MS = 60000;
  const USES = ["change", "click", "drop", "keydown"];

  let used = false;
  let told = false;
  for (const use of USES) {
    addEventListener(use, () => { used = true; }, { capture: true, once: true });
  }

  /** What a reader has added would go with a reload: that is for them to decide. */
  const tell = () => {
    const note = document.createElement("div");
    note.setAttribute("role", "alert");
    note.style.cssText =
      "position:fixed;inset:0 0 auto;z-index:1000000;padding:0.8rem 1rem;background:#7a1f1f;color:#fff;" +
      "font:1rem/1.5 sans-serif;text-align:center";
    note.textContent =
      "A part of this page did not arrive, so something is missing below. Reload the page when you no longer need " +
      "what it shows: images must be added again.";
    document.body.append(note);
  };

  const incomplete = () => {
    if (told) {
      return;
    }
    told = true;
    const kept = JSON.parse(sessionStorage.getItem(KEPT) ?? "null");
    const times = kept !== null && Date.now() - kept.at < LONG_AGO_MS ? kept.times : 0;
    const again = () => {
      if (used || times >= TIMES) {
        tell();
        return;
      }
      sessionStorage.setItem(KEPT, JSON.stringify({ times: times + 1, at: Date.now() }));
      location.reload();
    };
    const later = () => setTimeout(again, FIRST_WAIT_MS * 2 ** times);
    if (document.readyState === "complete") {
      later();
    } else {
      addEventListener("load", later, { once: true });
    }
  };

  // Scripts with all that they import, and styles; what is only fetched ahead is asked for again when it is needed.
  const needed = (element) =>
    element instanceof HTMLScriptElement || (element instanceof HTMLLinkElement && element.rel === "stylesheet");
  addEventListener("error", (event) => { if (needed(event.target)) { incomplete(); } }, true);
  // The code of an element, fetched when it first comes up (Vite's event; Streamlit is built with it).
  addEventListener("vite:preloadError", incomplete);
})();
