"use strict";
/* Bad points: marked on the plots or in the tables, kept until the window is closed, and handed out as a command that
   takes the same observations out. Nothing is changed on disk. */

{
  const marks = new Map(); // anchor of the target: set of frames
  const before = new Map(); // the same, as the last run had it
  const targets = Object.entries(PP.data.targets);
  const store = `photometry pipeline ${new URL(".", window.location.href).pathname}`;
  const FILE = "rejected.lst";

  const rowOf = (anchor, frame) => PP.data.targets[anchor].rows.find((row) => row.frame === frame);

  function restore() {
    let kept = {};
    try {
      kept = JSON.parse(window.sessionStorage.getItem(store)) || {};
    } catch { /* no store for this window: then marks last as long as the page */ }
    for (const [anchor, { name, rows }] of targets) {
      before.set(anchor, new Set(rows.filter((row) => row.out).map((row) => row.frame)));
      const names = Array.isArray(kept[name]) ? new Set(kept[name]) : null;
      const marked = rows.filter((row) => (names ? names.has(PP.data.frames[row.frame].name) : row.out));
      marks.set(anchor, new Set(marked.map((row) => row.frame)));
    }
  }

  function keep() {
    const names = targets.map(([anchor, { name }]) => [name, [...marks.get(anchor)].map((frame) => PP.data.frames[frame].name)]);
    try {
      window.sessionStorage.setItem(store, JSON.stringify(Object.fromEntries(names)));
    } catch { /* as above */ }
  }

  PP.marked = (anchor, frame) => marks.get(anchor).has(frame);

  PP.mark = (anchor, frame) => {
    const row = rowOf(anchor, frame);
    if (!row || row.line === null) return; // a name that no list can hold
    const own = marks.get(anchor);
    if (!own.delete(frame)) own.add(frame);
    changed();
  };

  const lines = () => targets.flatMap(([anchor, { rows }]) => rows.filter((row) => marks.get(anchor).has(row.frame)).map((row) => row.line));
  const asBefore = () => targets.every(([anchor]) => {
    const [now, then] = [marks.get(anchor), before.get(anchor)];
    return now.size === then.size && [...now].every((frame) => then.has(frame));
  });

  function command(list) {
    const { arguments: options, images } = PP.data.command;
    if (!list.length) return ["pp_distill", options, images].filter(Boolean).join(" ");
    const run = ["pp_distill", `-exclude ${FILE}`, options, images].filter(Boolean).join(" ");
    return `cat > ${FILE} <<'END'\n${list.join("\n")}\nEND\n${run}`;
  }

  let panel = null;

  function changed() {
    keep();
    show();
    document.dispatchEvent(new Event("pp-marks"));
  }

  function show() {
    document.querySelectorAll("input.mark").forEach((box) => { box.checked = PP.marked(box.dataset.target, Number(box.dataset.frame)); });
    if (!panel) return;
    const list = lines();
    panel.place.hidden = asBefore();
    panel.count.textContent = `${list.length} ${list.length === 1 ? "observation" : "observations"} marked bad.`;
    panel.text.textContent = command(list);
    panel.save.hidden = !list.length;
  }

  function build(place) {
    const button = (text, act) => {
      const made = PP.element("button", { type: "button" }, text);
      made.addEventListener("click", act);
      return made;
    };
    const text = PP.element("pre", { tabindex: "0", "aria-label": "command" });
    const copy = button("copy command", async () => {
      try {
        await navigator.clipboard.writeText(text.textContent);
      } catch { // pages of a folder may not use the clipboard: the text is selected instead
        window.getSelection().selectAllChildren(text);
        document.execCommand("copy");
      }
      copy.textContent = "copied";
      setTimeout(() => { copy.textContent = "copy command"; }, 1500);
    });
    const save = button(`save ${FILE}`, () => {
      const address = URL.createObjectURL(new Blob([lines().join("\n") + "\n"], { type: "text/plain" }));
      PP.element("a", { href: address, download: FILE }).click();
      setTimeout(() => URL.revokeObjectURL(address), 10000);
    });
    const forget = button("forget marks", () => {
      before.forEach((frames, anchor) => marks.set(anchor, new Set(frames)));
      changed();
    });
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
    restore();
    panel = build(place);
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

PP.startMarks();
PP.startPlots();
PP.startRows();
PP.startPlayers();
