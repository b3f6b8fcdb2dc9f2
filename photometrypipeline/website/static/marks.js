"use strict";
/* Bad points: marked on the plots or in the tables, and handed out as a command that takes the same observations out. */

{
  const targets = Object.values(PP.data.targets);
  const FILE = "rejected.lst";
  const nameOf = ({ frame }) => PP.data.frames[frame].name;
  let marked = null;

  function start() {
    const markable = new Map(targets.map(({ name, rows }) => [name, new Set(rows.filter((row) => row.line !== null).map(nameOf))]));
    const before = targets.map(({ name, rows }) => [name, rows.filter((row) => row.out).map(nameOf)]);
    marked = new Marked(".", Object.fromEntries(before), (target, frame) => Boolean(markable.get(target)?.has(frame)));
  }

  PP.marked = (anchor, frame) => marked.has(PP.data.targets[anchor].name, PP.data.frames[frame].name);
  PP.mark = (anchor, frame) => marked.toggle(PP.data.targets[anchor].name, PP.data.frames[frame].name);

  const lines = () => targets.flatMap(({ name, rows }) => rows.filter((row) => marked.has(name, nameOf(row))).map((row) => row.line));

  function command(list) {
    const { arguments: options, images } = PP.data.command;
    if (!list.length) return ["pp_distill", options, images].filter(Boolean).join(" ");
    const run = ["pp_distill", `-exclude ${FILE}`, options, images].filter(Boolean).join(" ");
    return `cat > ${FILE} <<'END'\n${list.join("\n")}\nEND\n${run}`;
  }

  let panel = null;

  function show() {
    document.querySelectorAll("input.mark").forEach((box) => { box.checked = PP.marked(box.dataset.target, Number(box.dataset.frame)); });
    const list = lines();
    panel.place.hidden = marked.asBefore;
    panel.count.textContent = marked.words;
    panel.text.textContent = command(list);
    panel.save.hidden = !list.length;
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
    const forget = PP.button("forget marks", "as the last run left them", () => marked.forget());
    const count = PP.element("b", { role: "status" });
    place.append(PP.element("p", {}, count, " To make the light curve without them, run this in the folder of the frames:"), text, PP.element("p", { class: "tools" }, copy, save, forget));
    return { place, count, text, save };
  }

  /* Check boxes for the rows of a target, when its section is opened. */
  function addBoxes(table) {
    const { target } = table.dataset;
    const rows = new Map(PP.data.targets[target].rows.filter((row) => row.line !== null).map((row) => [String(row.frame), row]));
    for (const line of table.tBodies[0].rows) {
      const row = rows.get(line.dataset.frame);
      if (!row) continue;
      const label = `mark ${PP.data.frames[row.frame].name} bad`;
      const box = PP.element("input", { type: "checkbox", class: "mark", autocomplete: "off", "data-target": target, "data-frame": line.dataset.frame, "aria-label": label });
      box.checked = PP.marked(target, row.frame);
      line.cells[0].append(box);
    }
  }

  PP.startMarks = () => {
    const place = document.getElementById("rejection");
    if (!place || !PP.data.command) {
      delete PP.mark;
      PP.marked = () => false;
      return;
    }
    document.documentElement.classList.add("can-mark");
    start();
    panel = build(place);
    PP.onMarks(show);
    document.addEventListener("change", (event) => {
      if (event.target.matches("input.mark")) PP.mark(event.target.dataset.target, Number(event.target.dataset.frame));
    });
    document.querySelectorAll("table[data-target]").forEach((table) => {
      const section = table.closest("details");
      if (section.open) addBoxes(table);
      else section.addEventListener("toggle", (event) => event.target === section && addBoxes(table), { once: true });
    });
    show();
  };
}
