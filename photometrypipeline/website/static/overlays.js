"use strict";
/* What is marked on pictures of frames: stars on quick views, aperture and prediction on cut-outs. Drawn as SVG that lies
   exactly on its picture; places are pixels of the picture. */

{
  const make = (name, attributes, ...children) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  };
  const LONGEST = 40; // characters; more do not fit a cut-out
  const short = (words) => (words.length > LONGEST ? `${words.slice(0, LONGEST - 1)}\u2026` : words);
  const text = (x, y, words, attributes = {}) => make("text", { x, y, ...attributes }, short(words));

  PP.shape = make;
  PP.overlay = (width, height, ...parts) => make("svg", { class: "overlay", viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" }, ...parts);

  /* Marks of a cut-out, as cutouts.marks has them. */
  PP.cutoutMarks = ({ side, circle, box, cross, bar, bar_arcsec: arcsec, frame, target }) => {
    const parts = [text(8, 22, target), text(8, side - 8, frame)];
    if (circle) parts.push(make("circle", { class: "aperture", cx: circle[0], cy: circle[1], r: circle[2] }));
    if (box) parts.push(make("rect", { class: "aperture", x: box[0] - box[2] / 2, y: box[1] - box[2] / 2, width: box[2], height: box[2] }));
    if (cross) parts.push(make("path", { class: "predicted", d: `M${cross[0] - 6} ${cross[1] - 6}l12 12m-12 0l12 -12` }));
    if (bar) {
      const [right, bottom] = [0.97 * side, 0.9 * side];
      parts.push(make("path", { class: "scale", d: `M${right - bar} ${bottom}H${right}V${bottom - bar}` }));
      parts.push(text(right - bar / 2, bottom + 16, `${arcsec}"`, { "text-anchor": "middle" }));
    }
    return PP.overlay(side, side, ...parts);
  };

  const starMap = (picture, { stars, names }) => {
    const [width, height] = [picture.width, picture.height].map(Number);
    const radius = names ? 10 : 5;
    const parts = stars.map(([x, y]) => make("circle", { class: "star", cx: x, cy: y, r: radius }));
    if (names) {
      parts.push(...stars.map(([x, y], index) => {
        const atEdge = x > width - 3 * radius;
        return text(atEdge ? x - radius - 2 : x + radius + 2, y + 4, names[index], { class: "number", "text-anchor": atEdge ? "end" : "start" });
      }));
    }
    return PP.overlay(width, height, ...parts);
  };

  /* Names of stars that fit on a picture, as starnames.StarNames.labels gives them. */
  PP.labels = (labels) => labels.map(([x, y, name]) => text(x, y, name, { class: "named" }));

  const chartMarks = ({ width, height, track, here, used, left_out: leftOut, labels, north, east, bar }) => {
    const circle = (kind, radius) => ([x, y]) => make("circle", { class: kind, cx: x, cy: y, r: radius });
    const parts = [...leftOut.map(circle("left", 9)), ...used.map(circle("used", 9))];
    parts.push(...PP.labels(labels));
    parts.push(make("polyline", { class: "way", points: track.join(" ") }), ...track.map(circle("way", 3)));
    if (here) parts.push(make("circle", { class: "way here", cx: here[0], cy: here[1], r: 16 }));
    const [x, y] = [width - 90, 96]; // room for letters in all directions
    for (const [letter, [across, down]] of [["N", north], ["E", east]]) {
      parts.push(make("path", { class: "scale", d: `M${x} ${y}l${50 * across} ${50 * down}` }));
      parts.push(text(x + 66 * across, y + 66 * down + 8, letter, { class: "large", "text-anchor": "middle" }));
    }
    const [right, bottom] = [0.97 * width, 0.95 * height];
    parts.push(make("path", { class: "scale", d: `M${right - bar[0]} ${bottom}H${right}` }));
    parts.push(text(right - bar[0] / 2, bottom - 10, bar[1], { class: "large", "text-anchor": "middle" }));
    return PP.overlay(width, height, ...parts);
  };

  const addSwitch = (stack) => {
    const shown = PP.element("input", { type: "checkbox", checked: true });
    shown.addEventListener("change", () => { stack.classList.toggle("bare", !shown.checked); });
    stack.before(PP.element("p", { class: "tools" }, PP.element("label", {}, shown, " show marks")));
  };

  PP.startOverlays = () => {
    document.querySelectorAll(".stack[data-chart]").forEach((stack) => stack.append(chartMarks(PP.data.chart)));
    document.querySelectorAll(".stack[data-map], .stack[data-cutout]").forEach((stack) => {
      const picture = stack.querySelector("img");
      const { map, cutout } = stack.dataset;
      if (map) stack.append(starMap({ width: picture.getAttribute("width"), height: picture.getAttribute("height") }, PP.data.maps[map]));
      else stack.append(PP.cutoutMarks(PP.data.cutouts[cutout]));
      addSwitch(stack);
    });
  };
}
