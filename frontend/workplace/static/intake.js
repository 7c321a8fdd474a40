/* What a reader drops or chooses, file by file: folders are walked, ZIP archives are unpacked here, within bounds. */

import { say } from "./dom.js";
import { load } from "./load.js";

const MAX_ZIP_BYTES = 1024 ** 3;
const MAX_UNPACKED_BYTES = 2 * 1024 ** 3;
const MAX_ENTRIES = 2000;
const MAX_RATIO = 100;
const SMALL_BYTES = 1024 ** 2;
const HIDDEN = /(^|\/)(\.|__MACOSX\/|Thumbs\.db$|desktop\.ini$)/;
const ZIP = /\.zip$/i;

const plain = (file, name) => ({ name, size: file.size, file: async () => file, problem: "" });
const refused = (name, size, problem) => ({ name, size, file: async () => new Blob(), problem });

/** Give every file of a drop or a choice, with its path as its name. */
export async function* collect(source) {
  for (const { file, name } of await listed(source)) {
    if (ZIP.test(name)) {
      yield* unpacked(file, name);
    } else {
      yield plain(file, name);
    }
  }
}

async function listed(source) {
  if (!(source instanceof DataTransfer)) {
    return [...source].map((file) => ({ file, name: file.webkitRelativePath || file.name })).filter(visible);
  }
  // Both lists are emptied by the browser as soon as the drop is over: they are read before anything is waited for.
  const entries = [...source.items].map((item) => item.webkitGetAsEntry?.() ?? null).filter((entry) => entry !== null);
  const files = [...source.files];
  if (!entries.some((entry) => entry.isDirectory)) {
    return files.map((file) => ({ file, name: file.name }));
  }
  const found = [];
  for (const entry of entries) {
    await walk(entry, found);
  }
  return found.filter(visible);
}

const visible = ({ name }) => !HIDDEN.test(name);

async function walk(entry, found) {
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
    found.push({ file, name: entry.fullPath.replace(/^\//, "") });
    return;
  }
  const reader = entry.createReader();
  for (;;) {
    // A browser gives a hundred entries at a time.
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) {
      return;
    }
    for (const one of some) {
      await walk(one, found);
    }
  }
}

async function* unpacked(archive, name) {
  if (archive.size > MAX_ZIP_BYTES) {
    yield refused(name, 1, say("zip_large"));
    return;
  }
  const listing = [];
  let files;
  try {
    const { unzip } = await load("fflate.js", "fflate");
    const bytes = new Uint8Array(await archive.arrayBuffer());
    const bounded = (entry) => {
      if (entry.name.endsWith("/") || HIDDEN.test(entry.name)) {
        return false;
      }
      listing.push(entry);
      const total = listing.reduce((sum, one) => sum + one.originalSize, 0);
      if (listing.length > MAX_ENTRIES || total > MAX_UNPACKED_BYTES) {
        throw new Error(say("zip_many", { files: MAX_ENTRIES }));
      }
      return !suspicious(entry);
    };
    files = await new Promise((resolve, reject) => {
      unzip(bytes, { filter: bounded }, (error, done) => (error ? reject(error) : resolve(done)));
    });
  } catch (error) {
    yield refused(name, 1, say("zip_broken", { why: error.message }));
    return;
  }
  for (const entry of listing) {
    const path = `${name}/${entry.name}`;
    if (suspicious(entry)) {
      yield refused(path, 1, say("zip_ratio"));
    } else {
      yield plain(new Blob([files[entry.name]]), path);
    }
  }
  if (listing.length === 0) {
    yield refused(name, 1, say("zip_empty"));
  }
}

const suspicious = (entry) => entry.originalSize > SMALL_BYTES && entry.originalSize > MAX_RATIO * entry.size;
