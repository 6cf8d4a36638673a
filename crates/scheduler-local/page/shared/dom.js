// Builds what is seen. A text is only ever a text: nothing that uses this file reads markup.

/**
 * An element with its attributes, listeners (`onclick`) and children. What is null, undefined or
 * false is left out; a child that is no node becomes text.
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...present(children));
  return element;
}

/** Replaces the children of an element. */
export function fill(element, ...children) {
  element.replaceChildren(...present(children));
  return element;
}

/**
 * Brings the children of `parent` in line with `items` and touches only those that differ:
 * `keyOf` tells which item a child shows, `stampOf` whether it shows it as it is now. `make` gets what
 * shows it so far, and may change that and give it back.
 */
export function keyed(parent, items, keyOf, stampOf, make) {
  const shown = new Map();
  for (const child of parent.children) shown.set(child.dataset.key, child);
  let place = parent.firstElementChild;
  for (const item of items) {
    const key = String(keyOf(item));
    const stamp = String(stampOf(item));
    let child = shown.get(key);
    shown.delete(key);
    if (child?.dataset.stamp !== stamp) child = made(item, key, stamp, child);
    if (child === place) place = place.nextElementSibling;
    else parent.insertBefore(child, place);
  }
  for (const child of shown.values()) child.remove();

  function made(item, key, stamp, before) {
    const child = make(item, before);
    child.dataset.key = key;
    child.dataset.stamp = stamp;
    if (before && before !== child) {
      const focused = before.contains(document.activeElement);
      if (before === place) place = child;
      before.replaceWith(child);
      if (focused) (child.matches("button") ? child : child.querySelector("button"))?.focus({ preventScroll: true });
    }
    return child;
  }
}

function present(children) {
  return children.flat().filter((child) => child !== null && child !== undefined && child !== false);
}
