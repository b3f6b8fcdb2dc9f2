"use strict";
/* The interactive plots of the main page: hover, click, zoom, and one frame highlighted in all of them at once.
   Numbers come from the page itself (element #data); colours from the style sheet. Everything is written as text. */

const PP = { data: JSON.parse(document.getElementById("data").textContent), here: "", looked: null, marked: () => false };
PP.here = document.getElementById("data").dataset.here;

/* Tell everybody on the page which frame is looked at; `frame` is its place in data.frames, or null. */
PP.look = (frame, from) => {
  PP.looked = frame; // for plots that are drawn later
  document.dispatchEvent(new CustomEvent("pp-frame", { detail: { frame, from } }));
};
PP.onLook = (react) => document.addEventListener("pp-frame", (event) => react(event.detail.frame, event.detail.from));
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

{
  const NEAR_PX = 25; // a point is meant from this distance on
  const CAP_PX = 3;
  const LOOKS = {
    black: ["dot", "--ink"],
    blue: ["square", "--plot-second"],
    red: ["dot", "--plot-first"],
    limit: ["down", "--plot-first"],
  };
  const finite = (value) => value !== null && Number.isFinite(value);
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  /* [least, most] of all that a plot shows, with room around it. */
  function limits(values, margin) {
    if (!values.length) return [0, 1];
    let [low, high] = [Infinity, -Infinity];
    for (const value of values) {
      if (value < low) low = value;
      if (value > high) high = value;
    }
    const room = (high - low) * margin || Math.max(Math.abs(high) * 1e-3, 0.05);
    return [low - room, high + room];
  }

  class Plot {
    constructor(figure, name) {
      this.name = name;
      this.spec = PP.data.plots[name];
      this.index = null; // of the point looked at, in the order of time
      this.marking = false;
      this.byFrame = new Map(this.spec.frame.map((frame, index) => [frame, index]));
      this.full = this.fullScales();
      this.chart = PP.element("div", { class: "chart", tabindex: "0", role: "group", "aria-label": figure.dataset.label });
      this.readout = PP.element("p", { class: "readout", "aria-live": "polite" });
      this.tools = PP.element("p", { class: "tools" });
      figure.prepend(...this.title(figure.dataset.title), this.chart, this.readout, this.tools);
      this.addTools();
      this.draw();
      this.tip = PP.element("div", { class: "tip", hidden: true });
      this.ring = PP.element("div", { class: "ring", hidden: true });
      this.u.over.append(this.ring, this.tip);
      this.listen();
      this.follow(PP.looked);
    }

    /* What stands above the drawn twin: a text of the page, or the name of the target; nothing above zeropoints. */
    title(given) {
      const text = given || (this.spec.target && PP.data.targets[this.spec.target].name);
      return text ? [PP.element("p", { class: "title", title: text }, text)] : [];
    }

    fullScales() {
      const { series, minutes, line, zero } = this.spec;
      const values = [];
      for (const { value, error } of series) {
        value.forEach((number, index) => {
          if (!finite(number)) return;
          const half = error && finite(error[index]) ? Math.abs(error[index]) : 0;
          values.push(number - half, number + half);
        });
      }
      if (line) values.push(line.at);
      let [low, high] = limits(values, 0.08);
      if (zero) [low, high] = [0, Math.max(high, line ? line.at + 1 : 0)];
      const [left, right] = limits(minutes, 0.04);
      return { x: { min: left, max: right }, y: { min: low, max: high } };
    }

    size() {
      const width = Math.max(260, Math.floor(this.chart.clientWidth));
      return { width, height: Math.round(Math.min(440, Math.max(270, width * 0.6))) };
    }

    draw() {
      const { spec } = this;
      const axis = (label, size) => ({
        label, labelSize: 20, size, font: "12px sans-serif", labelFont: "12px sans-serif",
        stroke: () => colour("--ink"), grid: { stroke: () => colour("--grid"), width: 1 }, ticks: { stroke: () => colour("--grid"), width: 1 },
      });
      const keep = (u, low, high) => [low, high];
      this.u = new uPlot({
        ...this.size(),
        legend: { show: false },
        padding: [10, 12, 0, 0],
        scales: {
          x: { time: false, auto: false, range: keep, ...this.full.x },
          y: { auto: false, range: keep, dir: spec.down ? -1 : 1, ...this.full.y },
        },
        axes: [axis(spec.x, 34), { ...axis(spec.y), size: (u, texts) => 16 + 7 * Math.max(3, ...(texts || []).map((text) => text.length)), values: (u, ticks) => this.tickTexts(ticks) }],
        series: [{}, ...spec.series.map(() => ({ paths: () => null, points: { show: false } }))],
        cursor: {
          points: { show: false }, x: false, y: false,
          drag: { x: true, y: true, uni: 20, dist: 6 },
          bind: { dblclick: () => () => this.zoomOut() },
        },
        hooks: { draw: [(u) => this.drawPoints(u)], setScale: [() => this.placeRing()], setSize: [() => this.placeRing()] },
      }, [spec.minutes, ...spec.series.map((each) => each.value)], this.chart);
    }

    /* One number of decimals for all ticks: as few as tell them apart. */
    tickTexts(ticks) {
      const step = ticks.length > 1 ? Math.abs(ticks[1] - ticks[0]) : 1;
      let digits = 0;
      while (digits < 6 && ticks.some((tick) => Math.abs(tick - Number(tick.toFixed(digits))) > step / 100)) digits += 1;
      return ticks.map((tick) => (finite(tick) ? tick.toFixed(digits).replace("-", "\u2212") : ""));
    }

    drawPoints(u) {
      const { ctx, bbox } = u;
      const { spec } = this;
      const ratio = uPlot.pxRatio;
      ctx.save();
      ctx.beginPath();
      ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
      ctx.clip();
      if (spec.line) {
        const y = u.valToPos(spec.line.at, "y", true);
        ctx.strokeStyle = colour("--plot-line");
        ctx.lineWidth = 1.5 * ratio;
        ctx.beginPath();
        ctx.moveTo(bbox.left, y);
        ctx.lineTo(bbox.left + bbox.width, y);
        ctx.stroke();
      }
      const reach = (spec.minutes.length > 500 ? 2 : 3.5) * ratio;
      const faint = colour("--plot-marked");
      spec.series.forEach(({ value, error, colour: own }) => {
        const [look, name] = LOOKS[own];
        const full = colour(name);
        ctx.lineWidth = ratio;
        value.forEach((at, index) => {
          if (!finite(at)) return;
          const x = u.valToPos(spec.minutes[index], "x", true);
          const y = u.valToPos(at, "y", true);
          const out = spec.target && PP.marked(spec.target, spec.frame[index]);
          ctx.strokeStyle = ctx.fillStyle = out ? faint : full;
          if (error && finite(error[index])) {
            const ends = [at - error[index], at + error[index]].map((end) => u.valToPos(end, "y", true));
            ctx.beginPath();
            ctx.moveTo(x, ends[0]);
            ctx.lineTo(x, ends[1]);
            for (const end of ends) {
              ctx.moveTo(x - CAP_PX * ratio, end);
              ctx.lineTo(x + CAP_PX * ratio, end);
            }
            ctx.stroke();
          }
          ctx.beginPath();
          if (out) {
            ctx.lineWidth = 2 * ratio;
            for (const slope of [1, -1]) {
              ctx.moveTo(x - 1.4 * reach, y - 1.4 * slope * reach);
              ctx.lineTo(x + 1.4 * reach, y + 1.4 * slope * reach);
            }
            ctx.stroke();
            ctx.lineWidth = ratio;
          } else if (look === "down") {
            const size = 1.5 * reach;
            ctx.moveTo(x - size, y - size);
            ctx.lineTo(x + size, y - size);
            ctx.lineTo(x, y + size);
            ctx.closePath();
            ctx.stroke();
          } else if (look === "square") {
            ctx.fillRect(x - reach, y - reach, 2 * reach, 2 * reach);
          } else {
            ctx.arc(x, y, reach, 0, 2 * Math.PI);
            ctx.fill();
          }
        });
      });
      ctx.restore();
    }

    /* Place of a point in the plotting area, CSS pixels: that of its first series with a number. */
    placeOf(index) {
      const series = this.spec.series.find((each) => finite(each.value[index]));
      if (!series) return null;
      return [this.u.valToPos(this.spec.minutes[index], "x"), this.u.valToPos(series.value[index], "y")];
    }

    nearest(left, top) {
      let [best, least] = [null, NEAR_PX ** 2];
      const { minutes, series } = this.spec;
      for (const { value } of series) {
        for (let index = 0; index < value.length; index += 1) {
          if (!finite(value[index])) continue;
          const across = this.u.valToPos(minutes[index], "x") - left;
          if (Math.abs(across) > NEAR_PX) continue;
          const distance = across ** 2 + (this.u.valToPos(value[index], "y") - top) ** 2;
          if (distance < least) [best, least] = [index, distance];
        }
      }
      return best;
    }

    listen() {
      const { over } = this.u;
      let [down, touched] = [null, false];
      const at = (event) => {
        const box = over.getBoundingClientRect();
        return this.nearest(event.clientX - box.left, event.clientY - box.top);
      };
      over.addEventListener("pointermove", (event) => {
        if (event.pointerType === "mouse" && !event.buttons) this.look(at(event), true);
      });
      over.addEventListener("pointerleave", () => { this.tip.hidden = true; });
      over.addEventListener("pointerdown", (event) => { [down, touched] = [event, event.pointerType !== "mouse"]; });
      over.addEventListener("click", (event) => {
        if (down && Math.hypot(event.clientX - down.clientX, event.clientY - down.clientY) > 5) return; // a zoom
        const index = at(event);
        if (index === null) return;
        this.look(index, true);
        if (this.marking) PP.mark(this.spec.target, this.spec.frame[index]);
        else if (!touched) this.open(event.ctrlKey || event.metaKey); // a finger cannot hover: the line below has the link
      });
      this.chart.addEventListener("keydown", (event) => this.key(event));
      PP.onLook((frame, from) => from !== this && this.follow(frame));
      PP.onMarks(() => { this.u.redraw(false, false); this.say(); });
      matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.u.redraw(false, false));
      new ResizeObserver(() => {
        const size = this.size();
        if (this.chart.clientWidth && size.width !== this.u.width) this.u.setSize(size);
      }).observe(this.chart);
    }

    /* Show the frame that somebody else on the page looks at. */
    follow(frame) {
      this.index = this.byFrame.has(frame) ? this.byFrame.get(frame) : null;
      this.tip.hidden = true;
      this.placeRing();
      this.say();
    }

    look(index, tip) {
      if (index === null) {
        this.tip.hidden = true;
        return;
      }
      this.index = index;
      this.placeRing();
      this.say();
      if (tip) this.showTip();
      PP.look(this.spec.frame[index], this);
    }

    key(event) {
      if (event.altKey || event.ctrlKey || event.metaKey) return;
      const last = this.spec.frame.length - 1;
      const steps = { ArrowLeft: -1, ArrowRight: 1 };
      const actions = {
        Home: () => this.look(0, true),
        End: () => this.look(last, true),
        Enter: () => this.open(false),
        Escape: () => this.zoomOut(),
        "+": () => this.zoom(0.5),
        "-": () => this.zoom(2),
        x: () => this.index !== null && this.spec.target && PP.mark && PP.mark(this.spec.target, this.spec.frame[this.index]),
      };
      if (event.key in steps) {
        const from = this.index === null ? (steps[event.key] > 0 ? -1 : last + 1) : this.index;
        this.look(Math.min(last, Math.max(0, from + steps[event.key])), true);
      } else if (event.key in actions) actions[event.key]();
      else return;
      event.preventDefault();
      event.stopPropagation();
    }

    open(aside) {
      const address = this.index === null ? null : PP.address(this.spec.frame[this.index], this.spec.section);
      if (address === null) return;
      if (aside) window.open(address, "_blank", "noopener");
      else window.location.href = address;
    }

    placeRing() {
      const place = this.index === null || !this.ring ? null : this.placeOf(this.index);
      if (!this.ring) return;
      const { width, height } = this.u.over.getBoundingClientRect();
      this.ring.hidden = !place || place[0] < 0 || place[1] < 0 || place[0] > width || place[1] > height;
      if (!this.ring.hidden) this.ring.style.transform = `translate(${place[0]}px, ${place[1]}px)`;
    }

    /* What is known of the point looked at, as lines of text. */
    texts() {
      const { spec, index } = this;
      const frame = PP.data.frames[spec.frame[index]];
      const values = spec.series.filter((each) => finite(each.value[index])).map((each) => {
        const error = each.error && finite(each.error[index]) ? ` \u00b1 ${each.error[index].toFixed(spec.digits)}` : "";
        return `${each.label ? each.label + " " : ""}${each.value[index].toFixed(spec.digits)}${error} ${spec.unit}`;
      });
      const out = spec.target && PP.marked(spec.target, spec.frame[index]) ? ["marked bad"] : [];
      return [frame.name, values.join(", "), `${frame.time} UT`, ...out];
    }

    showTip() {
      const place = this.placeOf(this.index);
      if (!place) return;
      this.tip.replaceChildren(...this.texts().map((text) => PP.element("div", {}, text)));
      this.tip.hidden = false;
      const box = this.u.over.getBoundingClientRect();
      const left = Math.min(Math.max(0, place[0] + 12), Math.max(0, box.width - this.tip.offsetWidth));
      const below = place[1] + 14 + this.tip.offsetHeight < box.height;
      const top = below ? place[1] + 14 : Math.max(0, place[1] - 14 - this.tip.offsetHeight);
      this.tip.style.transform = `translate(${left}px, ${top}px)`;
    }

    say() {
      if (this.index === null) {
        this.readout.textContent = "Point at a frame, or use the arrow keys.";
        return;
      }
      const [name, ...rest] = this.texts();
      const address = PP.address(this.spec.frame[this.index], this.spec.section);
      const shown = address === null ? name : PP.element("a", { href: address }, name);
      this.readout.replaceChildren(shown, `: ${rest.join(", ")}`);
    }

    addTools() {
      const button = (text, title, act) => {
        const name = /[a-z]/.test(text) ? {} : { "aria-label": title }; // words are a name, signs are none
        const made = PP.element("button", { type: "button", title, ...name }, text);
        made.addEventListener("click", act);
        this.tools.append(made);
        return made;
      };
      button("+", "zoom in", () => this.zoom(0.5));
      button("\u2212", "zoom out", () => this.zoom(2));
      button("whole", "show the whole plot (also: double click, Esc)", () => this.zoomOut());
      if (!this.spec.target || !PP.mark) return;
      const mark = button("mark bad points", "click points to mark them as bad (also: key x)", () => {
        this.marking = !this.marking;
        mark.setAttribute("aria-pressed", String(this.marking));
        this.chart.classList.toggle("marking", this.marking);
      });
      mark.setAttribute("aria-pressed", "false");
    }

    /* Show `factor` of what is shown now, around the point looked at or the middle. */
    zoom(factor) {
      const { u } = this;
      const [x, y] = ["x", "y"].map((key) => {
        const { min, max } = u.scales[key];
        let middle = (min + max) / 2;
        if (this.index !== null) {
          const series = this.spec.series.find((each) => finite(each.value[this.index]));
          const value = key === "x" ? this.spec.minutes[this.index] : series && series.value[this.index];
          if (finite(value) && value > min && value < max) middle = value;
        }
        const low = Math.max(this.full[key].min, middle - (middle - min) * factor);
        const high = Math.min(this.full[key].max, middle + (max - middle) * factor);
        return { min: low, max: high };
      });
      this.show(x, y);
    }

    zoomOut() {
      this.show(this.full.x, this.full.y);
    }

    show(x, y) {
      this.u.batch(() => {
        this.u.setScale("x", x);
        this.u.setScale("y", y);
      });
    }
  }

  PP.plots = new Map();

  /* Draw a plot when it comes near the screen, or is printed: a run may have hundreds, most of them in closed sections. */
  PP.startPlots = () => {
    const waiting = new Set(document.querySelectorAll("figure[data-plot]"));
    const start = (figure) => {
      if (!waiting.delete(figure)) return;
      seen.unobserve(figure);
      const name = figure.dataset.plot;
      if (name in PP.data.plots && typeof uPlot !== "undefined") PP.plots.set(name, new Plot(figure, name));
      else figure.prepend(PP.element("img", { src: figure.dataset.picture, alt: figure.dataset.label }));
    };
    const seen = new IntersectionObserver((entries) => {
      entries.filter((entry) => entry.isIntersecting).forEach((entry) => start(entry.target));
    }, { rootMargin: "300px" });
    waiting.forEach((figure) => seen.observe(figure));
    window.addEventListener("beforeprint", () => [...waiting].filter((figure) => figure.clientWidth).forEach(start));
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
}
