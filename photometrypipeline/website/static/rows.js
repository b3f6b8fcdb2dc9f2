"use strict";
/* The rows of long tables, which are text behind them until they come near: a browser takes seconds for all of them. */

{
  const AT_ONCE = 250; // rows, so that the page stays alive meanwhile
  const NEAR = "400px";

  const restOf = (table) => table.parentElement.querySelector(":scope > noscript");

  function takeOut(table) {
    const holder = PP.element("template");
    holder.innerHTML = restOf(table).textContent;
    restOf(table).remove();
    return [...holder.content.querySelectorAll("tr")];
  }

  function add(table, rows) {
    table.tBodies[0].append(...rows);
    table.dispatchEvent(new CustomEvent("pp-rows", { bubbles: true }));
  }

  function fill(table) {
    const rows = takeOut(table);
    const next = () => {
      if (!rows.length) return;
      add(table, rows.splice(0, AT_ONCE));
      setTimeout(next);
    };
    next();
  }

  PP.onRows = (react) => document.addEventListener("pp-rows", (event) => react(event.target));

  PP.startLongTables = () => {
    const tables = [...document.querySelectorAll("table")].filter(restOf);
    const watch = new IntersectionObserver((seen) => seen.forEach(({ isIntersecting, target }) => {
      if (!isIntersecting) return;
      watch.unobserve(target);
      const table = target.querySelector("table");
      if (restOf(table)) fill(table);
    }), { rootMargin: NEAR });
    tables.forEach((table) => watch.observe(table.parentElement));
    window.addEventListener("beforeprint", () => tables.filter(restOf).forEach((table) => add(table, takeOut(table))));
  };
}
