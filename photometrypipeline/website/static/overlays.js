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

  const starMap = (picture, { stars, numbered }) => {
    const [width, height] = [picture.width, picture.height].map(Number);
    const radius = numbered ? 10 : 5;
    const parts = stars.map(([x, y]) => make("circle", { class: "star", cx: x, cy: y, r: radius }));
    if (numbered) {
      parts.push(...stars.map(([x, y], index) => {
        const atEdge = x > width - 3 * radius;
        return text(atEdge ? x - radius - 2 : x + radius + 2, y + 4, String(index + 1), { class: "number", "text-anchor": atEdge ? "end" : "start" });
      }));
    }
    return PP.overlay(width, height, ...parts);
  };

  const addSwitch = (stack) => {
    const shown = PP.element("input", { type: "checkbox", checked: true });
    shown.addEventListener("change", () => { stack.classList.toggle("bare", !shown.checked); });
    stack.before(PP.element("p", { class: "tools" }, PP.element("label", {}, shown, " show marks")));
  };

  PP.startOverlays = () => {
    document.querySelectorAll(".stack[data-map], .stack[data-cutout]").forEach((stack) => {
      const picture = stack.querySelector("img");
      const { map, cutout } = stack.dataset;
      if (map) stack.append(starMap({ width: picture.getAttribute("width"), height: picture.getAttribute("height") }, PP.data.maps[map]));
      else if (PP.data.cutouts) stack.append(PP.cutoutMarks(PP.data.cutouts[cutout]));
      else return; // that of a player, which draws its own
      addSwitch(stack);
    });
  };
}
