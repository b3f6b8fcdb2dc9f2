"use strict";
/* Draws as a canvas does (the part of it that plots need), and gives the same as SVG: lines and letters, for papers. */

class SvgPen {
  strokeStyle = "black";
  fillStyle = "black";
  lineWidth = 1;
  font = "12px sans-serif";
  textAlign = "start";
  textBaseline = "alphabetic";
  globalAlpha = 1;
  #parts = [];
  #stack = [];
  #path = "";
  #dash = [];
  #turned = "";
  #within = "";
  #clips = 0;

  static #number = (value) => Number(value.toFixed(2));
  static #escape = (text) => String(text).replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);

  save() {
    this.#stack.push([{ ...this }, this.#dash, this.#turned, this.#within]);
  }

  restore() {
    const [own, ...rest] = this.#stack.pop();
    Object.assign(this, own);
    [this.#dash, this.#turned, this.#within] = rest;
  }

  translate(x, y) { this.#turned += `translate(${x} ${y})`; }
  rotate(angle) { this.#turned += `rotate(${(angle * 180) / Math.PI})`; }
  setLineDash(dash) { this.#dash = dash; }
  clearRect() {}
  beginPath() { this.#path = ""; }
  closePath() { this.#path += "Z"; }
  moveTo(...place) { this.#path += `M${place.map(SvgPen.#number).join(" ")}`; }
  lineTo(...place) { this.#path += `L${place.map(SvgPen.#number).join(" ")}`; }

  rect(x, y, width, height) {
    this.moveTo(x, y);
    this.#path += `h${width}v${height}h${-width}Z`;
  }

  /* A whole circle: plots have no other arcs. */
  arc(x, y, radius) {
    this.moveTo(x - radius, y);
    for (const step of [2 * radius, -2 * radius]) this.#path += `a${radius} ${radius} 0 1 0 ${step} 0`;
  }

  clip() {
    this.#clips += 1;
    this.#parts.push(`<clipPath id="clip${this.#clips}"><path d="${this.#path}"/></clipPath>`);
    this.#within = ` clip-path="url(#clip${this.#clips})"`;
  }

  fillRect(x, y, width, height) {
    this.beginPath();
    this.rect(x, y, width, height);
    this.fill();
  }

  fill() { this.#draw(`fill="${this.fillStyle}"`); }

  stroke() {
    const dash = this.#dash.length ? ` stroke-dasharray="${this.#dash.join(" ")}"` : "";
    this.#draw(`fill="none" stroke="${this.strokeStyle}" stroke-width="${SvgPen.#number(this.lineWidth)}"${dash}`);
  }

  fillText(text, x, y) {
    const [, size, family] = /([\d.]+)px (.*)/.exec(this.font);
    const below = { top: 0.8, hanging: 0.8, middle: 0.34, bottom: -0.2 }[this.textBaseline] || 0;
    const anchor = { left: "start", center: "middle", right: "end" }[this.textAlign] || this.textAlign;
    const place = `x="${SvgPen.#number(x)}" y="${SvgPen.#number(y + below * size)}" text-anchor="${anchor}"`;
    const look = `font-size="${size}" font-family="${SvgPen.#escape(family)}" fill="${this.fillStyle}"`;
    this.#parts.push(`<text ${place} ${look}${this.#attributes}>${SvgPen.#escape(text)}</text>`);
  }

  /* All that was drawn, as a picture of that size. */
  svg(width, height) {
    const box = `width="${width}" height="${height}" viewBox="0 0 ${width} ${height}"`;
    return `<svg xmlns="http://www.w3.org/2000/svg" ${box}>\n${this.#parts.join("\n")}\n</svg>\n`;
  }

  #draw(look) {
    if (this.#path) this.#parts.push(`<path d="${this.#path}" ${look}${this.#attributes}/>`);
  }

  get #attributes() {
    const faint = this.globalAlpha < 1 ? ` opacity="${this.globalAlpha}"` : "";
    return faint + this.#within + (this.#turned ? ` transform="${this.#turned}"` : "");
  }
}

/* Plots for talks and papers. */
{
  const SAVED = { width: 800, height: 520, head: 44, line: 18, finer: 3 };
  const A_ROW = 4; // entries of the key in a row

  /* Heights on paper: of what stands above the plot, and of all. */
  function heights({ legend, spec }) {
    const rows = Math.max(1, Math.ceil(legend.length / A_ROW)) - 1 + (spec.subtitle ? 1 : 0);
    return { head: SAVED.head + rows * SAVED.line, height: SAVED.height + rows * SAVED.line };
  }

  /* The plot as SVG (text), black on white, with title and key; what is zoomed into is what is saved. */
  async function svg(plot) {
    const paper = PP.element("div", { class: "paper" });
    document.body.append(paper);
    const pen = new SvgPen();
    const { getContext } = HTMLCanvasElement.prototype;
    const { width } = SAVED;
    const { height, head } = heights(plot);
    const options = plot.options(paper, { width, height: height - head });
    for (const [name, given] of Object.entries(options.scales)) {
      const { min, max } = plot.u.scales[name];
      Object.assign(given, { min, max });
    }
    const colours = new Map(Object.values(PP.axes.COLOURS).map((name) => [name, getComputedStyle(paper).getPropertyValue(name).trim()]));
    const ratio = uPlot.pxRatio;
    const write = (text, x, y, size, colour, align) => {
      Object.assign(pen, { font: `${size * ratio}px sans-serif`, fillStyle: colour, textAlign: align, textBaseline: "alphabetic" });
      pen.fillText(text, x * ratio, y * ratio);
    };
    Object.assign(pen, { fillStyle: "white" });
    pen.fillRect(0, 0, width * ratio, height * ratio);
    write(plot.spec.title, width / 2, 18, 15, "black", "center");
    if (plot.spec.subtitle) write(plot.spec.subtitle, width / 2, 37, 12, "black", "center");
    plot.legend.forEach(([label, name, shape], index) => {
      const [row, column] = [Math.floor(index / A_ROW), index % A_ROW];
      const inRow = Math.min(A_ROW, plot.legend.length - row * A_ROW);
      const [x, y] = [(width * (column + 0.5)) / inRow, head - 7 - SAVED.line * (Math.ceil(plot.legend.length / A_ROW) - 1 - row)];
      write(label, x, y, 12, colours.get(name), "center");
      if (!["dot", "ring", "square", "diamond", "triangle"].includes(shape)) return;
      plot.drawPoint(pen, shape, (x - 10 - 3.2 * label.length) * ratio, (y - 4) * ratio, 3.5 * ratio);
    });
    pen.translate(0, head * ratio);
    let made = null;
    await new Promise((drawn) => {
      options.hooks.draw.push(drawn);
      HTMLCanvasElement.prototype.getContext = () => pen; // uPlot draws with whatever its canvas gives
      try {
        made = new uPlot(options, plot.columns, paper);
      } finally {
        HTMLCanvasElement.prototype.getContext = getContext;
      }
    });
    made.destroy();
    paper.remove();
    return pen.svg(width * ratio, height * ratio);
  }

  /* The same as PNG (Blob), fine enough for print. */
  async function png(plot) {
    const image = new Image();
    image.src = `data:image/svg+xml,${encodeURIComponent(await svg(plot))}`;
    await image.decode();
    const canvas = PP.element("canvas", { width: SAVED.width * SAVED.finer, height: heights(plot).height * SAVED.finer });
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    return new Promise((done) => canvas.toBlob(done, "image/png"));
  }

  PP.paper = { svg, png };
}
