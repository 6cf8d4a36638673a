// Arrow-key navigation in the week: up and down within a day, left and right between days.

/** Handles a key pressed on an appointment. */
export function moveFocus(event) {
  const card = event.target;
  if (!card.matches(".appointment")) return;
  const target = {
    ArrowDown: () => sameDay(card, "nextElementSibling"),
    ArrowUp: () => sameDay(card, "previousElementSibling"),
    ArrowRight: () => otherDay(card, "nextElementSibling"),
    ArrowLeft: () => otherDay(card, "previousElementSibling"),
  }[event.key]?.();
  if (!target) return;
  event.preventDefault();
  target.focus();
}

const sameDay = (card, sibling) => card.closest("li")[sibling]?.querySelector(".appointment");

/** The appointment closest in height on the next or previous day that has any. */
function otherDay(card, sibling) {
  let day = card.closest(".day")[sibling];
  while (day && !day.querySelector(".appointment")) day = day[sibling];
  const distance = (other) => Math.abs(top(other) - top(card));
  return [...(day?.querySelectorAll(".appointment") ?? [])].sort((one, other) => distance(one) - distance(other))[0];
}

const top = (element) => element.getBoundingClientRect().top;
