/* Loads a script of others beside this one, once, when it is first needed. */

const loading = new Map();

/** Give the global name that a script sets. */
export function load(file, name) {
  if (!loading.has(file)) {
    const loaded = new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = new URL(file, import.meta.url);
      script.onload = () => resolve(window[name]);
      script.onerror = () => {
        loading.delete(file);
        reject(new Error(`${file} did not arrive`));
      };
      document.head.append(script);
    });
    loading.set(file, loaded);
  }
  return loading.get(file);
}

/** Bring a style sheet in, once; resolves when it is there, or when it is clear that it does not come. */
export function style(file) {
  if (!loading.has(file)) {
    const link = document.createElement("link");
    link.rel = "stylesheet";
    link.href = new URL(file, import.meta.url);
    loading.set(file, new Promise((resolve) => { link.onload = link.onerror = resolve; }));
    document.head.append(link);
  }
  return loading.get(file);
}
