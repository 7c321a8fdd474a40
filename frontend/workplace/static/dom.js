/* Elements in one line each, and words in the reader's language. */

/** Make an element; a property that starts with "on" is a listener, and what is null or false is left out. */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) {
      continue;
    }
    if (name.startsWith("on")) {
      element.addEventListener(name.slice(2), value);
    } else if (name in element && name !== "list" && typeof value !== "string") {
      element[name] = value;
    } else {
      element.setAttribute(name === "className" ? "class" : name, value);
    }
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

let words = {};

export function speak(given) {
  words = given;
}

/** Give a text in the reader's language, with its values in place. */
export function say(key, values = {}) {
  return (words[key] ?? key).replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

/** Ask before something is lost; resolves to whether the reader agreed. */
export function confirm(text, action) {
  return new Promise((resolve) => {
    const dialog = h(
      "dialog",
      { class: "lk-ask", "aria-label": text },
      h("p", {}, text),
      h(
        "form",
        { method: "dialog", class: "lk-row" },
        h("button", { class: "lk-button", value: "no" }, say("cancel")),
        h("button", { class: "lk-button lk-primary", value: "yes" }, action),
      ),
    );
    dialog.addEventListener("close", () => {
      resolve(dialog.returnValue === "yes");
      dialog.remove();
    });
    (document.querySelector(".lk-workplace") ?? document.body).append(dialog);
    dialog.showModal();
  });
}
