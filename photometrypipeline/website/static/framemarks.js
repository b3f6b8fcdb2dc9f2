"use strict";
/* On the page of a frame: its observations are marked bad here as well; the overview has the command that takes them out. */

{
  const marked = new Marked(document.getElementById("data").dataset.root, PP.data.by_hand);
  const boxes = [...document.querySelectorAll("input.mark")];
  const panel = document.getElementById("rejection");

  const show = () => {
    boxes.forEach((box) => { box.checked = marked.has(box.dataset.target, box.dataset.frame); });
    panel.hidden = marked.asBefore;
    panel.querySelector("[role=status]").textContent = marked.words;
  };

  for (const box of boxes) {
    box.addEventListener("change", () => marked.toggle(box.dataset.target, box.dataset.frame));
    box.closest("p").hidden = false;
  }
  document.addEventListener("pp-marks", show);
  show();
}
