"use strict";
/* Sections that open and close: they are found open again on the way back, opened where a link leads into them, and
   on paper the targets are there as well. */

{
  const section = (id) => document.getElementById(id)?.closest("details");

  function remember() {
    const open = [...document.querySelectorAll("details[open] > .block")].map((block) => block.id);
    window.history.replaceState({ open }, "");
  }

  /* Most browsers do this themselves; older ones do not. */
  function reveal() {
    const aim = document.getElementById(window.location.hash.slice(1));
    const closed = () => aim?.closest("details:not([open])");
    if (!closed()) return;
    while (closed()) closed().open = true;
    aim.scrollIntoView();
  }

  (window.history.state?.open || []).map(section).forEach((part) => part && (part.open = true));
  reveal();
  window.addEventListener("hashchange", reveal);
  document.addEventListener("toggle", remember, true); // it does not bubble

  let opened = [];
  window.addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("#distill > details:not([open])")];
    opened.forEach((part) => { part.open = true; });
  });
  window.addEventListener("afterprint", () => opened.forEach((part) => { part.open = false; }));
}
