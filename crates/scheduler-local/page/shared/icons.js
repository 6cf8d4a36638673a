// SVG icons on a 24×24 grid, drawn in the current text colour.

const PATHS = {
  add: "M12 5v14M5 12h14",
  back: "M15 5l-7 7 7 7",
  blocked: "M12 3a9 9 0 100 18 9 9 0 000-18zM6 6l12 12",
  calendar: "M4 7a2 2 0 012-2h12a2 2 0 012 2v11a2 2 0 01-2 2H6a2 2 0 01-2-2zM4 10h16M9 3v4M15 3v4",
  cancelled: "M6 6l12 12M18 6L6 18",
  clock: "M12 3a9 9 0 100 18 9 9 0 000-18zM12 7v5l3.5 2",
  completed: "M12 3a9 9 0 100 18 9 9 0 000-18zM8 12.5l3 3 5-6",
  confirmed: "M12 3a9 9 0 100 18 9 9 0 000-18zM12 8v4h4",
  delivered: "M2 13l4 4L15 7M10 15.5l1.5 1.5L21 7",
  failed: "M12 3a9 9 0 100 18 9 9 0 000-18zM12 7.5v6M12 16.5v.5",
  forward: "M9 5l7 7-7 7",
  inbound: "M19 5L6 18M6 8v10h10",
  key: "M8 10a4 4 0 100 8 4 4 0 000-8zM11 11l8-8M16 6l3 3",
  list: "M9 6h11M9 12h11M9 18h11M4.5 6h.01M4.5 12h.01M4.5 18h.01",
  location: "M12 21s7-6.2 7-11.5A7 7 0 005 9.500C5 14.8 12 21 12 21zM12 7a2.5 2.5 0 100 5 2.5 2.5 0 000-5z",
  mic: "M12 3a3 3 0 00-3 3v5a3 3 0 006 0V6a3 3 0 00-3-3zM6 11a6 6 0 0012 0M12 17v4",
  "no-show": "M12 3a9 9 0 100 18 9 9 0 000-18zM8 12h8",
  note: "M5 4h14v11l-5 5H5zM14 20v-5h5M8 9h8M8 13h4",
  outbound: "M5 19L18 6M18 16V6H8",
  "patient-confirmed": "M2 13l4 4L15 7M10 15.5l1.5 1.5L21 7",
  pending: "M12 4a8 8 0 100 16 8 8 0 000-16zM12 8v4l2.5 1.5",
  picture: "M4 6a1 1 0 011-1h14a1 1 0 011 1v12a1 1 0 01-1 1H5a1 1 0 01-1-1zM4 16l5-5 4 4 2.5-2.500L20 17M15.5 9.500h.01",
  play: "M8 5l11 7-11 7z",
  read: "M2 13l4 4L15 7M10 15.5l1.5 1.5L21 7",
  send: "M4 12l16-7-6 15-3-6z",
  sent: "M5 13l4.5 4.500L19 7",
};

const SVG = "http://www.w3.org/2000/svg";

/** Creates an icon. It is hidden from screen readers, so add text next to it or an `aria-label`. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", `icon icon-${name}`);
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}
