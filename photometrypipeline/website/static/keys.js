"use strict";
/* On the page of a frame: arrow keys lead to its neighbours, o to the overview, x marks; pictures in a window of their own. */

{
  const wants = { ArrowLeft: "prev", ArrowRight: "next", o: "up" };

  /* That of the section that the address names, or of the first target; never of another one than meant. */
  const boxToMark = () => {
    const section = document.getElementById(window.location.hash.slice(1)) || document.querySelector(".block[id^=target-]");
    return section?.querySelector("input.mark");
  };

  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (event.target.closest("input:not([type=checkbox]), select, textarea, button, [tabindex]")) return; // these keys are theirs
    if (event.key === "x") boxToMark()?.click();
    if (!(event.key in wants)) return;
    const link = document.querySelector(`nav a[rel="${wants[event.key]}"]`);
    if (!link) return;
    event.preventDefault();
    const stay = wants[event.key] === "up" ? "" : window.location.hash; // the same section of the other frame
    window.location.href = link.href + stay;
  });

  document.querySelectorAll("a[data-window]").forEach((link) => {
    link.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      if (window.open(link.href, link.dataset.name, `popup,${link.dataset.window}`)) event.preventDefault();
    });
  });
}
