// The arrow keys within a week: up and down a day's visits, left and right to the day beside it.

const top = (element) => element.getBoundingClientRect().top;

/** Answers a key pressed on a visit. */
export function moveFocus(event) {
  const visit = event.target;
  if (!visit.matches(".visit")) return;
  const next = {
    ArrowDown: () => beside(visit, "nextElementSibling"),
    ArrowUp: () => beside(visit, "previousElementSibling"),
    ArrowRight: () => nearest(visit, "nextElementSibling"),
    ArrowLeft: () => nearest(visit, "previousElementSibling"),
  }[event.key]?.();
  if (!next) return;
  event.preventDefault();
  next.focus();
}

const beside = (visit, direction) => visit.closest("li")[direction]?.querySelector(".visit");

function nearest(visit, direction) {
  let day = visit.closest(".day")[direction];
  while (day && !day.querySelector(".visit")) day = day[direction];
  const distance = (other) => Math.abs(top(other) - top(visit));
  return [...(day?.querySelectorAll(".visit") ?? [])].sort((one, other) => distance(one) - distance(other))[0];
}
