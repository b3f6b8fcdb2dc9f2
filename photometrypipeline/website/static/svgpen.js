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
