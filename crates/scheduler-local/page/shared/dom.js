// Builds DOM elements. Strings become text nodes, so no input is parsed as markup.

/**
 * Creates an element with attributes, event listeners (`onclick`) and children. Null, undefined and
 * false attributes and children are skipped. A child that is not a node becomes text.
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...withoutEmpty(children));
  return element;
}

/** Replaces the children of an element. Skips null, undefined and false like `h`. */
export function setChildren(element, ...children) {
  element.replaceChildren(...withoutEmpty(children));
  return element;
}

/**
 * Updates the children of `parent` to match `items` and re-renders only the items that changed.
 *
 * `keyOf` identifies an item. `versionOf` returns a value that changes whenever the item must be
 * rendered again. `render` receives the item and its current element, if any; it may update and
 * return that element.
 */
export function reconcileChildren(parent, items, keyOf, versionOf, render) {
  const unused = new Map();
  for (const child of parent.children) unused.set(child.dataset.key, child);
  let cursor = parent.firstElementChild;
  for (const item of items) {
    const key = String(keyOf(item));
    const version = String(versionOf(item));
    let child = unused.get(key);
    unused.delete(key);
    if (child?.dataset.version !== version) child = rendered(item, key, version, child);
    if (child === cursor) cursor = cursor.nextElementSibling;
    else parent.insertBefore(child, cursor);
  }
  for (const child of unused.values()) child.remove();

  function rendered(item, key, version, previous) {
    const child = render(item, previous);
    child.dataset.key = key;
    child.dataset.version = version;
    if (previous && previous !== child) {
      const hadFocus = previous.contains(document.activeElement);
      if (previous === cursor) cursor = child;
      previous.replaceWith(child);
      if (hadFocus) (child.matches("button") ? child : child.querySelector("button"))?.focus({ preventScroll: true });
    }
    return child;
  }
}

function withoutEmpty(children) {
  return children.flat().filter((child) => child !== null && child !== undefined && child !== false);
}
