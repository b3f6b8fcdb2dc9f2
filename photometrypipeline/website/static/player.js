"use strict";
/* The player of the main page: cut-outs of a target in order of time, with pause, step and speed. */

PP.startPlayers = () => {
  /* What there are cut-outs of, in order of the frames: places of a target that was not detected as well. */
  const pictured = ({ rows, unseen }) => [...rows.filter((row) => row.cutout), ...unseen].sort((one, other) => one.frame - other.frame);

  class Player {
    constructor(place) {
      this.target = PP.data.targets[place.dataset.target];
      this.anchor = place.dataset.target;
      this.rows = pictured(this.target);
      this.byFrame = new Map(this.rows.map((row, index) => [row.frame, index]));
      this.index = 0;
      this.timer = null;
      this.build(place);
      PP.onLook((frame, from) => {
        if (from === this || this.timer !== null || !this.byFrame.has(frame)) return;
        clearTimeout(this.soon);
        this.soon = setTimeout(() => this.show(this.byFrame.get(frame)), 80); // not each frame that a pointer passes
      });
      this.name();
    }

    build(place) {
      this.place = place;
      this.stack = place.querySelector(".stack");
      this.picture = this.stack.querySelector("img");
      this.play = PP.button("\u25b6", "play", () => (this.timer === null ? this.start() : this.pause()));
      this.speed = PP.element("select", { "aria-label": "frames per second" });
      for (const rate of [1, 2, 4, 8, 16]) this.speed.append(PP.element("option", { value: String(rate), selected: rate === 2 }, `${rate} / s`));
      this.slider = PP.element("input", { type: "range", min: "0", max: String(this.rows.length - 1), value: "0", "aria-label": "frame" });
      this.slider.addEventListener("input", () => { this.pause(); this.step(Number(this.slider.value)); });
      const shown = PP.element("input", { type: "checkbox", checked: true });
      shown.addEventListener("change", () => { this.stack.classList.toggle("bare", !shown.checked); });
      this.said = PP.element("p", { class: "readout" });
      place.append(
        PP.element("p", { class: "tools" },
          PP.button("\u25c0", "previous frame", () => { this.pause(); this.step(this.index - 1); }),
          this.play,
          PP.button("\u25b6\u2759", "next frame", () => { this.pause(); this.step(this.index + 1); }),
          this.speed, PP.element("label", {}, shown, " marks")),
        this.slider, this.said);
      place.hidden = false;
      document.addEventListener("visibilitychange", () => document.hidden && this.pause());
    }

    /* Show a row as soon as its picture is there; resolves then. */
    async show(index) {
      this.index = index;
      const image = new Image();
      image.src = PP.here + this.rows[index].cutout.file;
      await image.decode().catch(() => {});
      if (this.index !== index) return; // somebody was faster
      this.picture.src = image.src;
      this.slider.value = String(index);
      this.name();
    }

    name() {
      const { frame, cutout } = this.rows[this.index];
      this.stack.querySelector(".overlay")?.remove();
      this.stack.append(PP.cutoutMarks(cutout));
      const { name, time } = PP.data.frames[frame];
      const address = PP.address(frame, this.anchor);
      const shown = address === null ? name : PP.element("a", { href: address }, name);
      const unseen = this.target.unseen.includes(this.rows[this.index]) ? ", not detected" : "";
      this.said.replaceChildren(shown, `: ${this.index + 1} of ${this.rows.length}, ${time} UT${unseen}`);
      this.picture.alt = `Cut-out around ${this.target.name} on ${name}`;
    }

    async step(index) {
      const next = (index + this.rows.length) % this.rows.length;
      const done = this.show(next);
      PP.look(this.rows[next].frame, this);
      await done;
    }

    start() {
      this.offer("\u275a\u275a", "pause");
      const tick = async () => {
        const before = performance.now();
        await this.step(this.index + 1);
        if (this.timer === null) return; // paused meanwhile
        this.timer = setTimeout(tick, Math.max(0, 1000 / Number(this.speed.value) - (performance.now() - before)));
      };
      this.timer = setTimeout(tick, 1000 / Number(this.speed.value));
    }

    pause() {
      clearTimeout(this.timer);
      this.timer = null;
      this.offer("\u25b6", "play");
    }

    /* What the button that starts and stops does next. */
    offer(sign, title) {
      this.play.textContent = sign;
      this.play.title = title;
      this.play.setAttribute("aria-label", title);
    }
  }

  /* Pictures of all frames of a target, made when somebody wants to see them; the browser loads those in sight. */
  const fill = (place) => {
    const target = PP.data.targets[place.dataset.target];
    const { name } = target;
    place.querySelector(".strip").append(...pictured(target).map((row) => {
      const frame = PP.data.frames[row.frame];
      const address = PP.address(row.frame, place.dataset.target);
      const picture = PP.element("img", { src: PP.here + row.cutout.file, alt: `Cut-out around ${name} on ${frame.name}`, loading: "lazy", width: "188", height: "188" });
      const caption = address === null ? frame.name : PP.element("a", { href: address }, frame.name);
      return PP.element("figure", {}, PP.element("div", { class: "stack" }, picture, PP.cutoutMarks(row.cutout)), PP.element("figcaption", { class: "caption" }, caption));
    }));
  };

  document.querySelectorAll(".thumbnails").forEach((place) => {
    place.hidden = false;
    place.addEventListener("toggle", () => place.open && fill(place), { once: true });
  });

  PP.players = [...document.querySelectorAll(".player")].map((place) => new Player(place));
};
