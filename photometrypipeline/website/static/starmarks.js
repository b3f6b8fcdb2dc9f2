"use strict";
/* Reference stars: the map of the night, the table, and which of them are marked to be left out of the calibration. */

{
  const ALL = "stars"; // what the marks of stars are kept under
  const RADIUS = 9;
  let marked = null;

  const stars = PP.data.stars || [];
  const at = new Map(stars.map(({ line }, index) => [line, index]));

  PP.stars = {
    get asBefore() { return !marked || marked.asBefore; },
    get words() { return marked.words; },
    /* Of the list: the stars that are marked, and what else the last one held. */
    get lines() {
      return [...stars.filter(({ line }) => marked.has(ALL, line)).map(({ line }) => line), ...PP.data.calibration.strangers];
    },
    /* By how much the target moves, in words; of stars that were left out before nobody knows. */
    get effect() {
      const moved = stars.filter(({ line, out, influence }) => influence !== null && !out && marked.has(ALL, line));
      if (!moved.length) return "";
      const sum = 1000 * moved.reduce((total, { influence }) => total + influence, 0);
      return ` Without ${moved.length === 1 ? "it" : "them"} the target moves by about ${sum < 0 ? "\u2212" : "+"}${Math.abs(sum).toFixed(2)} mmag.`;
    },
    forget: () => marked?.forget(),
  };

  function start() {
    const before = stars.filter(({ out }) => out).map(({ line }) => line);
    marked = new Marked(".", { [ALL]: before }, (_, line) => at.has(line), "reference star");
    PP.starMarked = (star) => marked.has(ALL, stars[star].line);
    PP.markStar = (star) => marked.toggle(ALL, stars[star].line);
  }

  /* Circles on the picture that are pointed at, clicked, and show what is marked. */
  function addMap(stack) {
    const { width, height, labels } = PP.data.star_map;
    const circles = new Map();
    const map = PP.overlay(width, height);
    map.classList.add("clickable");
    stars.forEach(({ name, place }, star) => {
      if (!place) return;
      const circle = PP.shape("circle", { cx: place[0], cy: place[1], r: RADIUS }, PP.shape("title", {}, name));
      circle.dataset.star = star;
      circles.set(star, circle);
      map.append(circle);
    });
    map.append(...PP.labels(labels));
    stack.append(map);
    const starOf = (event) => event.target.closest("[data-star]")?.dataset.star;
    map.addEventListener("click", (event) => starOf(event) && PP.markStar?.(Number(starOf(event))));
    map.addEventListener("pointerover", (event) => starOf(event) && PP.lookAtStar(Number(starOf(event)), map));
    const show = () => circles.forEach((circle, star) => circle.setAttribute("class", PP.starMarked(star) ? "left" : "used"));
    PP.onMarks(show);
    PP.onLookAtStar((looked) => circles.forEach((circle, star) => circle.classList.toggle("here", star === looked)));
    show();
  }

  function addTable(table) {
    const rows = new Map([...table.tBodies[0].rows].map((row) => [Number(row.dataset.star), row]));
    rows.forEach((row, star) => {
      if (!marked) return;
      const box = PP.element("input", { type: "checkbox", class: "mark-star", autocomplete: "off", "aria-label": `leave star ${stars[star].name} out` });
      box.addEventListener("change", () => PP.markStar(star));
      row.cells[0].append(box);
    });
    const show = () => rows.forEach((row, star) => {
      const box = row.querySelector("input");
      if (box) box.checked = PP.starMarked(star);
    });
    PP.onMarks(show);
    PP.onLookAtStar((looked) => rows.forEach((row, star) => row.classList.toggle("looked", star === looked)));
    table.addEventListener("pointerover", (event) => {
      const row = event.pointerType === "mouse" && event.target.closest("tr[data-star]");
      if (row) PP.lookAtStar(Number(row.dataset.star), row);
    });
    show();
  }

  PP.startStars = () => {
    if (!stars.length) return;
    if (PP.data.calibration) start();
    document.querySelectorAll(".stack[data-stars]").forEach(addMap);
    addTable(document.querySelector("tr[data-star]").closest("table"));
    document.documentElement.classList.toggle("can-mark-stars", Boolean(marked));
  };
}
