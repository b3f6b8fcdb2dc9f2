"use strict";
/* The plots of the pages: hover, click, zoom, save, and one frame highlighted in all of them at once. What each shows
   stands in the data of the page (see plots.py), colours in the style sheet. */

{
  const NEAR_PX = 25; // a point is meant from this distance on
  const CAP_PX = 3;
  const FONT = "12px sans-serif";
  const { finite, limits, ends, tickTexts, decades, TIMES, COLOURS } = PP.axes;

  let clock = "UT";

  /* What all points share must not squeeze the curve: of `wide` values those count that widen the range of `found` to twice itself at most. */
  function held(wide, found) {
    const low = Math.min(...found);
    const high = Math.max(...found);
    const more = (high - low) / 2;
    return found.length < 2 || !more ? wide : wide.map((value) => Math.min(Math.max(value, low - more), high + more));
  }

  class Plot {
    constructor(figure, name) {
      this.spec = PP.data.plots[name];
      this.index = null; // of the point looked at, in the order of x
      this.marking = false;
      this.byFrame = new Map((this.spec.frames || []).map((frame, index) => [frame, index]));
      this.chart = PP.element("div", { class: "chart", tabindex: "0", role: "group", "aria-label": this.spec.label });
      this.readout = PP.element("p", { class: "readout", "aria-live": "polite" });
      this.tools = PP.element("p", { class: "tools" });
      const { title, subtitle } = this.spec;
      const head = [title ? PP.element("p", { class: "title", title }, title) : "", subtitle ? PP.element("p", { class: "subtitle" }, subtitle) : ""];
      figure.prepend(...head.filter(Boolean), this.key(), this.chart, this.readout, this.tools);
      this.tip = PP.element("div", { class: "tip", hidden: true });
      this.ring = PP.element("div", { class: "ring", hidden: true });
      this.addTools();
      this.draw();
      this.listen();
      this.follow(PP.looked);
    }

    /* What its lines and points are called. */
    get legend() {
      const named = ({ label, shift }) => (shift ? `${label} ${shift > 0 ? "+" : "\u2212"}${Math.abs(shift).toFixed(2)}` : label);
      return [...this.spec.series, ...this.spec.lines].filter((each) => each.label).map((each) => [named(each), COLOURS[each.look.split(" ")[1]], each.look.split(" ")[0]]);
    }

    key() {
      const parts = this.legend.map(([label, name]) => PP.element("span", { class: name.slice(2) }, label));
      return PP.element("p", { class: "key", hidden: !parts.length }, ...parts);
    }

    /* Measure what is shown: x of each point, and the limits of each scale. */
    measure() {
      const { spec } = this;
      this.time = spec.x.time ? this.timed() : { x: spec.at, label: spec.x.label, values: (u, ticks) => tickTexts(ticks) };
      this.x = this.time.x;
      const shown = { y: [], right: [] };
      for (const { value, error, common, right } of spec.series) {
        const found = value.flatMap((at, index) => finite(at) ? ends(at, error && error[index]) : []);
        const wide = value.flatMap((at, index) => finite(at) && common ? ends(at, common[index]) : []);
        shown[right ? "right" : "y"].push(...found, ...held(wide, found));
      }
      spec.lines.filter((line) => line.axis !== "x").forEach((line) => shown[line.axis].push(line.at));
      const range = (axis, values, margin) => {
        const [low, high] = axis.log ? limits(values.map(Math.log10), margin).map((power) => 10 ** power) : limits(values, margin);
        return { min: axis.limits[0] ?? low, max: axis.limits[1] ?? high };
      };
      const marks = spec.lines.filter((line) => line.axis === "x").map((line) => line.at);
      this.full = { x: range(spec.x, [...this.x, ...marks], 0.04), y: range(spec.y, shown.y, 0.08) };
      if (spec.right) this.full.right = range(spec.right, shown.right, 0.08);
    }

    /* The times as the page shows them now, if they are known that way. */
    timed() {
      const name = this.clocks.includes(clock) ? clock : "JD";
      return TIMES[name] ? TIMES[name](this.spec.at) : TIMES.JD(this.spec.times[name], name);
    }

    get clocks() {
      return ["UT", "JD", ...Object.keys(this.spec.times)];
    }

    size() {
      const width = Math.max(260, Math.floor(this.chart.clientWidth));
      return { width, height: Math.round(Math.min(width > 800 ? 320 : 440, Math.max(270, width * 0.6))) };
    }

    /* Airmass at places on the time axis, between those of the frames. */
    airmassAt(ticks) {
      const known = this.x.map((x, index) => [x, this.spec.airmass[index]]).filter(([, airmass]) => finite(airmass));
      const texts = ticks.map((tick) => {
        const after = known.findIndex(([x]) => x >= tick);
        if (after < 0 || (after === 0 && known[0][0] > tick)) return "";
        const [[left, low], [right, high]] = [known[Math.max(0, after - 1)], known[after]];
        return (right > left ? low + ((high - low) * (tick - left)) / (right - left) : high).toFixed(3);
      });
      return texts.map((text, index) => (text === texts[index - 1] ? "" : text));
    }

    /* What uPlot has to know; `paper` is the element whose colours count. */
    options(paper, size) {
      const { spec } = this;
      const colour = (name) => getComputedStyle(paper).getPropertyValue(name).trim();
      const lines = { stroke: () => colour("--grid"), width: 1 };
      const axis = (label, more) => ({
        label, labelSize: 20, size: 34, font: FONT, labelFont: FONT, stroke: () => colour("--ink"), grid: lines, ticks: lines, ...more,
      });
      const upright = (given, more) => axis(given.label, {
        size: (u, texts) => 22 + 7 * Math.max(3, ...(texts || []).map((text) => String(text).length)),
        values: (u, ticks) => (given.log ? written(u, ticks) : tickTexts(ticks)), ...(given.log && { splits: decades }), ...more,
      });
      const clear = (u, ticks) => ticks.map((tick) => ([1, 2, 5].includes(Math.round(tick / 10 ** Math.floor(Math.log10(tick) + 1e-9))) ? tick : null));
      const written = (u, ticks) => ticks.map((tick) => (tick === null ? "" : String(Number(tick.toPrecision(3)))));
      const across = spec.x.log ? { values: written, filter: clear, splits: decades } : { values: this.time.values, ...(this.time.steps && { incrs: this.time.steps }) };
      const axes = [axis(this.time.label, across), upright(spec.y, { scale: "y" })];
      if (spec.airmass) axes.push(axis("Airmass", { ...across, side: 0, scale: "x", space: 50, grid: { show: false }, values: (u, ticks) => this.airmassAt(ticks) }));
      const wanted = spec.right && spec.right.log && this.full.right.max / this.full.right.min > 1000 ? [1] : [1, 2, 5]; // decades, or finer
      const few = (u, ticks) => ticks.map((tick) => (wanted.includes(Math.round(tick / 10 ** Math.floor(Math.log10(tick) + 1e-9))) ? tick : null));
      if (spec.right) axes.push(upright(spec.right, { scale: "right", side: 1, grid: { show: false }, filter: spec.right.log ? few : undefined }));
      const keep = (u, low, high) => [low, high];
      const scale = (name, given) => ({ auto: false, range: keep, dir: given.down ? -1 : 1, distr: given.log ? 3 : 1, ...this.full[name] });
      const scales = { x: { ...scale("x", spec.x), time: Boolean(this.time.tzDate) }, y: scale("y", spec.y) };
      if (spec.right) scales.right = scale("right", spec.right);
      return {
        ...size, legend: { show: false }, padding: [spec.airmass ? 0 : 10, spec.right ? 0 : 12, 0, 0], scales, axes,
        ...(this.time.tzDate && { tzDate: this.time.tzDate }),
        series: [{}, ...spec.series.map((each) => ({ scale: each.right ? "right" : "y", paths: () => null, points: { show: false } }))],
        hooks: { draw: [(u) => this.drawAll(u, colour)] },
      };
    }

    get columns() {
      return [this.x, ...this.spec.series.map((each) => each.value)];
    }

    draw() {
      this.u?.destroy();
      this.measure();
      const options = this.options(this.chart, this.size());
      options.cursor = {
        points: { show: false }, x: false, y: false, drag: { x: true, y: true, uni: 20, dist: 6 },
        bind: { dblclick: () => () => this.zoomOut() },
      };
      options.hooks.setScale = options.hooks.setSize = [() => this.placeRing()];
      this.u = new uPlot(options, this.columns, this.chart);
      this.u.over.append(this.ring, this.tip);
      this.listenOver();
      this.placeRing();
    }

    drawAll(u, colour) {
      const { ctx, bbox } = u;
      const { spec, x } = this;
      const ratio = uPlot.pxRatio;
      ctx.save();
      ctx.beginPath();
      ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
      ctx.clip();
      for (const line of spec.lines) {
        const [stroke, name] = line.look.split(" ");
        const at = u.valToPos(line.at, line.axis, true);
        ctx.strokeStyle = colour(COLOURS[name]);
        ctx.lineWidth = (stroke === "thick" ? 3 : 1.5) * ratio;
        ctx.setLineDash(stroke === "dashed" ? [5 * ratio, 4 * ratio] : []);
        ctx.beginPath();
        ctx.moveTo(...(line.axis === "x" ? [at, bbox.top] : [bbox.left, at]));
        ctx.lineTo(...(line.axis === "x" ? [at, bbox.top + bbox.height] : [bbox.left + bbox.width, at]));
        ctx.stroke();
      }
      ctx.setLineDash([]);
      const faint = colour("--plot-marked");
      const reach = (x.length > 500 ? 2 : 3.5) * ratio;
      spec.series.forEach((series) => {
        const [shape, name] = series.look.split(" ");
        const full = colour(COLOURS[name]);
        const place = (index, value) => [u.valToPos(x[index], "x", true), u.valToPos(value, series.right ? "right" : "y", true)];
        const shown = series.value.map((value, index) => index).filter((index) => finite(series.value[index]));
        ctx.strokeStyle = ctx.fillStyle = full;
        if (shape === "line") this.drawLine(ctx, series, shown, place, ratio);
        for (const index of shown) {
          const value = series.value[index];
          const out = this.isOut(index);
          ctx.strokeStyle = ctx.fillStyle = out ? faint : full;
          for (const [halves, width, cap] of shape === "line" ? [] : [[series.common, 0.8, CAP_PX], [series.error, 1.6, CAP_PX]]) {
            if (halves && finite(halves[index])) this.drawBar(ctx, place, index, ends(value, halves[index]), width * ratio, cap * ratio);
          }
          ctx.lineWidth = (out ? 2 : 1) * ratio;
          if (shape !== "line") this.drawPoint(ctx, out ? "cross" : shape, ...place(index, value), reach);
        }
      });
      ctx.restore();
    }

    /* A line through all points, with the range of its errors around it. */
    drawLine(ctx, { value, error }, shown, place, ratio) {
      if (error) {
        const edge = (sign, order) => order.map((index) => place(index, value[index] + sign * (error[index] ?? 0)));
        ctx.globalAlpha = 0.2;
        ctx.beginPath();
        [...edge(1, shown), ...edge(-1, [...shown].reverse())].forEach((at, count) => (count ? ctx.lineTo(...at) : ctx.moveTo(...at)));
        ctx.closePath();
        ctx.fill();
        ctx.globalAlpha = 1;
      }
      ctx.lineWidth = 1.6 * ratio;
      ctx.beginPath();
      shown.forEach((index, count) => (count ? ctx.lineTo(...place(index, value[index])) : ctx.moveTo(...place(index, value[index]))));
      ctx.stroke();
    }

    drawBar(ctx, place, index, values, width, cap) {
      const [[x, from], [, to]] = values.map((value) => place(index, value));
      ctx.lineWidth = width;
      ctx.beginPath();
      ctx.moveTo(x, from);
      ctx.lineTo(x, to);
      for (const end of [from, to]) {
        ctx.moveTo(x - cap, end);
        ctx.lineTo(x + cap, end);
      }
      ctx.stroke();
    }

    drawPoint(ctx, shape, x, y, reach) {
      ctx.beginPath();
      if (shape === "cross") {
        for (const slope of [1, -1]) {
          ctx.moveTo(x - 1.4 * reach, y - 1.4 * slope * reach);
          ctx.lineTo(x + 1.4 * reach, y + 1.4 * slope * reach);
        }
        ctx.stroke();
      } else if (shape === "limit") {
        const size = 1.5 * reach;
        ctx.moveTo(x - size, y - size);
        ctx.lineTo(x + size, y - size);
        ctx.lineTo(x, y + size);
        ctx.closePath();
        ctx.stroke();
      } else if (shape === "ring") {
        ctx.arc(x, y, 1.2 * reach, 0, 2 * Math.PI);
        ctx.stroke();
      } else if (shape === "square") {
        ctx.fillRect(x - reach, y - reach, 2 * reach, 2 * reach);
      } else if (shape === "diamond" || shape === "triangle") {
        const size = 1.4 * reach;
        const corners = shape === "diamond" ? [[0, -size], [size, 0], [0, size], [-size, 0]] : [[0, -size], [size, 0.8 * size], [-size, 0.8 * size]];
        corners.forEach(([right, down], count) => (count ? ctx.lineTo(x + right, y + down) : ctx.moveTo(x + right, y + down)));
        ctx.closePath();
        ctx.fill();
      } else {
        ctx.arc(x, y, reach, 0, 2 * Math.PI);
        ctx.fill();
      }
    }

    scaleOf(series) {
      return series.right ? "right" : "y";
    }

    /* Place of a point in the plotting area, CSS pixels: that of its first series with a number. */
    placeOf(index) {
      const series = this.spec.series.find((each) => finite(each.value[index]));
      if (!series) return null;
      return [this.u.valToPos(this.x[index], "x"), this.u.valToPos(series.value[index], this.scaleOf(series))];
    }

    get markable() {
      return this.spec.stars ? Boolean(PP.markStar) : Boolean(this.spec.target && PP.mark);
    }

    isOut(index) {
      const { stars, target, frames } = this.spec;
      return stars ? PP.starMarked(stars[index]) : Boolean(target && PP.marked(target, frames[index]));
    }

    mark(index) {
      const { stars, target, frames } = this.spec;
      if (stars) PP.markStar(stars[index]);
      else PP.mark(target, frames[index]);
    }

    nearest(left, top) {
      let [best, least] = [null, NEAR_PX ** 2];
      for (const series of this.spec.series) {
        for (let index = 0; index < this.x.length; index += 1) {
          if (!finite(series.value[index])) continue;
          const across = this.u.valToPos(this.x[index], "x") - left;
          if (Math.abs(across) > NEAR_PX) continue;
          const distance = across ** 2 + (this.u.valToPos(series.value[index], this.scaleOf(series)) - top) ** 2;
          if (distance < least) [best, least] = [index, distance];
        }
      }
      return best;
    }

    listenOver() {
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
        if (this.marking) this.mark(index);
        else if (!touched) this.open(event.ctrlKey || event.metaKey); // a finger cannot hover: the line below has the link
      });
    }

    listen() {
      this.chart.addEventListener("keydown", (event) => this.press(event));
      PP.onLook((frame, from) => from !== this && this.follow(frame));
      PP.onLookAtStar((star, from) => from !== this && this.spec.stars && this.followStar(star));
      PP.onMarks(() => { this.u.redraw(false, false); this.say(); });
      document.addEventListener("pp-clock", () => { if (this.spec.x.time) this.draw(); this.nameClock?.(); });
      matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.u.redraw(false, false));
      new ResizeObserver(() => {
        const size = this.size();
        if (this.chart.clientWidth && size.width !== this.u.width) this.u.setSize(size);
      }).observe(this.chart);
    }

    /* Show the frame that somebody else on the page looks at. */
    follow(frame) {
      if (!this.spec.frames && this.index !== null) return;
      this.index = this.byFrame.has(frame) ? this.byFrame.get(frame) : null;
      this.tip.hidden = true;
      this.placeRing();
      this.say();
    }

    /* Likewise the star. */
    followStar(star) {
      const index = this.spec.stars.indexOf(star);
      this.index = index < 0 ? null : index;
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
      if (this.spec.frames) PP.look(this.spec.frames[index], this);
      if (this.spec.stars) PP.lookAtStar(this.spec.stars[index], this);
    }

    press(event) {
      if (event.altKey || event.ctrlKey || event.metaKey) return;
      const last = this.x.length - 1;
      const steps = { ArrowLeft: -1, ArrowRight: 1 };
      const actions = {
        Home: () => this.look(0, true),
        End: () => this.look(last, true),
        Enter: () => this.open(false),
        Escape: () => this.zoomOut(),
        "+": () => this.zoom(0.5),
        "-": () => this.zoom(2),
        x: () => this.index !== null && this.markable && this.mark(this.index),
      };
      if (event.key in steps) {
        const from = this.index === null ? (steps[event.key] > 0 ? -1 : last + 1) : this.index;
        this.look(Math.min(last, Math.max(0, from + steps[event.key])), true);
      } else if (event.key in actions) actions[event.key]();
      else return;
      event.preventDefault();
      event.stopPropagation();
    }

    get address() {
      return this.index === null || !this.spec.frames ? null : PP.address(this.spec.frames[this.index], this.spec.leads_to);
    }

    open(aside) {
      if (this.address === null) return;
      if (aside) window.open(this.address, "_blank", "noopener");
      else window.location.href = this.address;
    }

    placeRing() {
      if (!this.u || !this.ring.isConnected) return;
      const place = this.index === null ? null : this.placeOf(this.index);
      const { width, height } = this.u.over.getBoundingClientRect();
      this.ring.hidden = !place || place[0] < 0 || place[1] < 0 || place[0] > width || place[1] > height;
      if (!this.ring.hidden) this.ring.style.transform = `translate(${place[0]}px, ${place[1]}px)`;
    }

    /* What is known of the point looked at, as lines of text. */
    texts() {
      const { spec, index } = this;
      const frame = spec.frames && PP.data.frames[spec.frames[index]];
      const values = spec.series.filter((each) => finite(each.value[index])).map((each) => {
        const { digits, unit } = each.right ? spec.right : spec.y;
        const error = each.error && finite(each.error[index]) ? ` \u00b1 ${each.error[index].toFixed(digits)}` : "";
        return `${each.label ? each.label + " " : ""}${(each.value[index] - each.shift).toFixed(digits)}${error} ${unit}`.trim();
      });
      const at = frame ? `${frame.time} UT` : `${spec.x.label}: ${this.x[index].toFixed(spec.x.digits)}`;
      const out = this.isOut(index) ? ["marked bad"] : [];
      return [frame ? frame.name : spec.names?.[index] ?? "", values.join(", "), at, ...out].filter(Boolean);
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
        this.readout.textContent = "Hover over the plot, tap it, or use the arrow keys.";
        return;
      }
      const [name, ...rest] = this.texts();
      const shown = this.address === null ? name : PP.element("a", { href: this.address }, name);
      this.readout.replaceChildren(shown, `: ${rest.join(", ")}`);
    }

    addTools() {
      const button = (text, title, act) => {
        const made = PP.button(text, title, act);
        this.tools.append(made);
        return made;
      };
      button("+", "zoom in", () => this.zoom(0.5));
      button("\u2212", "zoom out", () => this.zoom(2));
      button("reset zoom", "show the whole plot (also: double click, Esc)", () => this.zoomOut());
      if (this.spec.x.time) {
        const times = PP.element("select", { "aria-label": "times", title: "times" });
        times.append(...this.clocks.map((name) => PP.element("option", { value: name }, name)));
        times.addEventListener("change", () => {
          clock = times.value;
          document.dispatchEvent(new Event("pp-clock"));
        });
        this.tools.append(times);
        this.nameClock = () => { times.value = this.clocks.includes(clock) ? clock : "JD"; };
        this.nameClock();
      }
      button("PNG", "save this plot as a picture, PNG", async () => PP.save(await PP.paper.png(this), "image/png", `${this.fileName}.png`));
      button("SVG", "save this plot as lines for papers, SVG", async () => PP.save(await PP.paper.svg(this), "image/svg+xml", `${this.fileName}.svg`));
      if (!this.markable) return;
      const mark = button(this.spec.stars ? "mark bad stars" : "mark bad points", "click points to mark them as bad (also: key x)", () => {
        this.marking = !this.marking;
        mark.setAttribute("aria-pressed", String(this.marking));
        this.chart.classList.toggle("marking", this.marking);
      });
      mark.setAttribute("aria-pressed", "false");
    }

    get fileName() {
      return `${this.spec.file || this.spec.title || this.spec.name}`.replace(/[^\w.+-]+/g, "_");
    }

    /* Show `factor` of what is shown now, around the point looked at or the middle. */
    zoom(factor) {
      const place = this.index === null ? null : this.placeOf(this.index);
      this.show(Object.fromEntries(Object.entries(this.full).map(([key, full]) => {
        const { min, max } = this.u.scales[key];
        let middle = (min + max) / 2;
        if (place) {
          const value = this.u.posToVal(place[key === "x" ? 0 : 1], key);
          if (value > min && value < max) middle = value;
        }
        return [key, { min: Math.max(full.min, middle - (middle - min) * factor), max: Math.min(full.max, middle + (max - middle) * factor) }];
      })));
    }

    zoomOut() {
      this.show(this.full);
    }

    show(scales) {
      this.u.batch(() => Object.entries(scales).forEach(([key, range]) => this.u.setScale(key, range)));
    }
  }

  PP.plots = new Map();

  /* Draw a plot when it comes near the screen, or is printed: a run may have hundreds, most of them in closed sections. */
  PP.startPlots = () => {
    const waiting = new Set(document.querySelectorAll("figure[data-plot]"));
    const start = (figure) => {
      if (!waiting.delete(figure)) return;
      seen.unobserve(figure);
      PP.plots.set(figure.dataset.plot, new Plot(figure, figure.dataset.plot));
    };
    const seen = new IntersectionObserver((entries) => {
      entries.filter((entry) => entry.isIntersecting).forEach((entry) => start(entry.target));
    }, { rootMargin: "300px" });
    waiting.forEach((figure) => seen.observe(figure));
    window.addEventListener("beforeprint", () => [...waiting].filter((figure) => figure.clientWidth).forEach(start));
  };
}
