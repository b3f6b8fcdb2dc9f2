"use strict";
/* Bad points and reference stars: marked on plots, maps or in tables, and handed out as a command that leaves them out. */

{
  const targets = Object.values(PP.data.targets);
  const FILE = "rejected.lst";
  const STARS = "left_out_stars.lst";
  const nameOf = ({ frame }) => PP.data.frames[frame].name;
  let marked = null;

  function start() {
    const markable = new Map(targets.map(({ name, rows }) => [name, new Set(rows.filter((row) => row.line !== null).map(nameOf))]));
    const before = targets.map(({ name, rows }) => [name, rows.filter((row) => row.out).map(nameOf)]);
    marked = new Marked(".", Object.fromEntries(before), (target, frame) => Boolean(markable.get(target)?.has(frame)));
  }

  PP.marked = (anchor, frame) => marked.has(PP.data.targets[anchor].name, PP.data.frames[frame].name);
  PP.mark = (anchor, frame) => marked.toggle(PP.data.targets[anchor].name, PP.data.frames[frame].name);

  const lines = () => !marked ? [] : targets.flatMap(({ name, rows }) => rows.filter((row) => marked.has(name, nameOf(row))).map((row) => row.line));

  const run = (step, { arguments: options, images }, ...more) => [step, ...more, options, images].filter(Boolean).join(" ");
  const written = (file, list) => `cat > ${file} <<'END'\n${list.join("\n")}\nEND\n`;

  /* A step with its list in front, where there is one. */
  const step = (name, parts, option, file, list) => (list.length ? written(file, list) + run(name, parts, `${option} ${file}`) : run(name, parts));

  /* The targets are looked for again when the calibration has changed. */
  function command() {
    const distill = PP.data.command && step("pp_distill", PP.data.command, "-exclude", FILE, lines());
    if (PP.stars.asBefore) return distill;
    const calibrate = step("pp_calibrate", PP.data.calibration, "-exclude_stars", STARS, PP.stars.lines);
    return [calibrate, distill].filter(Boolean).join("\n");
  }

  const asBefore = () => !marked || marked.asBefore;

  let panel = null;

  function show() {
    document.querySelectorAll("input.mark").forEach((box) => { box.checked = PP.marked(box.dataset.target, Number(box.dataset.frame)); });
    panel.place.hidden = asBefore() && PP.stars.asBefore;
    if (panel.place.hidden) return;
    const said = [asBefore() ? "" : marked.words, PP.stars.asBefore ? "" : PP.stars.words + PP.stars.effect];
    panel.count.textContent = said.filter(Boolean).join(" ");
    panel.text.textContent = command();
    panel.save.hidden = asBefore() || !lines().length;
    panel.saveStars.hidden = PP.stars.asBefore || !PP.stars.lines.length;
  }

  function build(place) {
    const text = PP.element("pre", { tabindex: "0", "aria-label": "command" });
    const copy = PP.button("copy command", "put it on the clipboard", async () => {
      try {
        await navigator.clipboard.writeText(text.textContent);
      } catch { // pages of a folder may not use the clipboard: the text is selected instead
        window.getSelection().selectAllChildren(text);
        document.execCommand("copy");
      }
      copy.textContent = "copied";
      setTimeout(() => { copy.textContent = "copy command"; }, 1500);
    });
    const save = PP.button(`save ${FILE}`, "the list of what is left out", () => PP.save(lines().join("\n") + "\n", "text/plain", FILE));
    const saveStars = PP.button(`save ${STARS}`, "the list of stars that are left out", () => PP.save(PP.stars.lines.join("\n") + "\n", "text/plain", STARS));
    const forget = PP.button("forget marks", "as the last run left them", () => {
      PP.stars.forget();
      marked?.forget();
    });
    const count = PP.element("b", { role: "status" });
    place.append(PP.element("p", {}, count, " To leave them out, run this in the folder of the frames:"), text, PP.element("p", { class: "tools" }, copy, save, saveStars, forget));
    return { place, count, text, save, saveStars };
  }

  /* Check boxes for the rows of a target that have none, when its section is opened. */
  function addBoxes(table) {
    const { target } = table.dataset;
    const rows = new Map(PP.data.targets[target].rows.filter((row) => row.line !== null).map((row) => [String(row.frame), row]));
    for (const line of table.tBodies[0].rows) {
      const row = rows.get(line.dataset.frame);
      if (!row || line.cells[0].firstElementChild) continue;
      const label = `mark ${PP.data.frames[row.frame].name} bad`;
      const box = PP.element("input", { type: "checkbox", class: "mark", autocomplete: "off", "data-target": target, "data-frame": line.dataset.frame, "aria-label": label });
      box.checked = PP.marked(target, row.frame);
      line.cells[0].append(box);
    }
  }

  PP.startMarks = () => {
    const place = document.getElementById("rejection");
    const points = PP.data.command && targets.length;
    if (!points) {
      delete PP.mark;
      PP.marked = () => false;
    }
    if (!place || !(points || PP.markStar)) return;
    document.documentElement.classList.toggle("can-mark", Boolean(points));
    if (points) start();
    panel = build(place);
    PP.onMarks(show);
    show();
    if (!points) return;
    document.addEventListener("change", (event) => {
      if (event.target.matches("input.mark")) PP.mark(event.target.dataset.target, Number(event.target.dataset.frame));
    });
    PP.onRows((table) => table.dataset.target && addBoxes(table));
    document.querySelectorAll("table[data-target]").forEach((table) => {
      const section = table.closest("details");
      if (section.open) addBoxes(table);
      else section.addEventListener("toggle", (event) => event.target === section && addBoxes(table), { once: true });
    });
  };
}
