/* A finding's sign: each has a shape of its own, so that no meaning is carried by colour alone. */

const SHAPES = {
  malignant: '<path class="lk-fill" d="M12 1 23 12 12 23 1 12Z"/><path class="lk-on" d="M12 6.5v7M12 16.2v1.6"/>',
  benign: '<circle class="lk-line" cx="12" cy="12" r="9.5"/><circle class="lk-fill" cx="12" cy="12" r="3"/>',
  undecided: '<circle class="lk-line" cx="12" cy="12" r="9.5"/><path class="lk-fill" d="M12 2.5a9.5 9.5 0 0 0 0 19Z"/>',
  unknown: '<rect class="lk-line lk-dashed" x="2.5" y="2.5" width="19" height="19" rx="2"/><path class="lk-line" d="M6 18 18 6"/>',
  pattern: '<rect class="lk-fill" x="3" y="3" width="18" height="18" rx="4"/>',
  waiting: '<circle class="lk-line lk-dashed" cx="12" cy="12" r="9.5"/>',
};

/** Draw a sign; the words beside it say the same, so it has no name of its own. */
export function sign(kind, size = 20) {
  const holder = document.createElement("span");
  holder.className = `lk-sign lk-kind-${kind}`;
  holder.innerHTML =
    `<svg viewBox="0 0 24 24" width="${size}" height="${size}" aria-hidden="true" focusable="false">` +
    `${SHAPES[kind] ?? SHAPES.waiting}</svg>`;
  return holder;
}
