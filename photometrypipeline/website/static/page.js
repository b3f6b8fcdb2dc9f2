"use strict";
/* What all scripts of a page share. Numbers come from the page itself (element #data); everything is written as text. */

const PP = { data: JSON.parse(document.getElementById("data").textContent), looked: null, marked: () => false };
PP.here = document.getElementById("data").dataset.here;

/* Tell everybody on the page which frame is looked at; `frame` is its place in data.frames, or null. */
PP.look = (frame, from) => {
  PP.looked = frame; // for plots that are drawn later
  document.dispatchEvent(new CustomEvent("pp-frame", { detail: { frame, from } }));
};
PP.onLook = (react) => document.addEventListener("pp-frame", (event) => react(event.detail.frame, event.detail.from));
PP.lookAtStar = (star, from) => document.dispatchEvent(new CustomEvent("pp-star", { detail: { star, from } }));
PP.onLookAtStar = (react) => document.addEventListener("pp-star", (event) => react(event.detail.star, event.detail.from));
PP.starMarked = () => false;
PP.onMarks = (react) => document.addEventListener("pp-marks", react);

PP.address = (frame, section) => {
  const page = PP.data.frames[frame].page;
  return page === null ? null : PP.here + page + (section ? "#" + section : "");
};

PP.element = (name, attributes = {}, ...children) => {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key in made && typeof value !== "string") made[key] = value;
    else made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
};

PP.button = (text, title, act) => {
  const name = /[a-z]/.test(text) ? {} : { "aria-label": title }; // words are a name, signs are none
  const made = PP.element("button", { type: "button", title, ...name }, text);
  made.addEventListener("click", act);
  return made;
};

/* Hand out a file that has been made on the page. */
PP.save = (content, type, name) => {
  const address = URL.createObjectURL(new Blob([content], { type }));
  PP.element("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10000);
};

/* Rows of tables are frames as well. */
PP.startRows = () => {
  let shown = [];
  PP.onLook((frame) => {
    shown.forEach((row) => row.classList.remove("looked"));
    shown = [...document.querySelectorAll(`tr[data-frame="${Number(frame)}"]`)];
    shown.forEach((row) => row.classList.add("looked"));
  });
  document.addEventListener("pointerover", (event) => {
    const row = event.pointerType === "mouse" && event.target.closest("tr[data-frame]");
    if (row) PP.look(Number(row.dataset.frame), row);
  });
};
