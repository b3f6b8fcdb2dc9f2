"use strict";
/* Which observations are marked bad: at first those that the last run left out by hand, then what is marked on any page
   of the run, kept until the window is closed. Nothing is changed on disk. To Firefox each file of a folder is a site with
   a store of its own: there the name of the window takes the marks from page to page. */

class Marked {
  static MINE = "photometry pipeline ";  // how names begin that hold marks

  /* root: the way to the folder of the overview; before: {target: [frames]} that the last run left out, by name;
     known: tells of a target and a frame whether there is such an observation to be marked;
     noun: what is marked, if it is something else: lists of that have names, as frames have */
  constructor(root, before, known = () => true, noun = "observation") {
    this.noun = noun;
    this.store = Marked.MINE + (noun === "observation" ? "" : `${noun} `) + new URL(root, window.location.href).pathname;
    this.known = known;
    this.before = this.sets(before);
    this.read();
    window.addEventListener("pageshow", (event) => {
      if (!event.persisted) return; // a page that was kept as it was, while marks were made on another
      this.read();
      this.tell();
    });
  }

  sets(names) {
    return new Map(Object.entries(names).map(([target, frames]) => [target, new Set(frames.filter((frame) => this.known(target, frame)))]));
  }

  read() {
    let kept = this.inName[this.store];
    try {
      kept ||= JSON.parse(window.sessionStorage.getItem(this.store));
    } catch { /* no store for this window */ }
    this.frames = new Map([...this.copyOfBefore(), ...this.sets(kept || {})]);
  }

  /* What the name of the window tells: {store: {target: [frames]}}, of every run that was looked at in it. */
  get inName() {
    try {
      return window.name.startsWith(Marked.MINE) ? JSON.parse(window.name.slice(Marked.MINE.length)) : {};
    } catch {
      return {};
    }
  }

  keep() {
    const kept = Object.fromEntries([...this.frames].map(([target, frames]) => [target, [...frames]]));
    if (!window.name || window.name.startsWith(Marked.MINE)) {
      window.name = Marked.MINE + JSON.stringify({ ...this.inName, [this.store]: kept });
    }
    try {
      window.sessionStorage.setItem(this.store, JSON.stringify(kept));
    } catch { /* as above */ }
    this.tell();
  }

  tell() {
    document.dispatchEvent(new Event("pp-marks"));
  }

  copyOfBefore() {
    return new Map([...this.before].map(([target, frames]) => [target, new Set(frames)]));
  }

  has(target, frame) {
    return Boolean(this.frames.get(target)?.has(frame));
  }

  toggle(target, frame) {
    if (!this.known(target, frame)) return;
    if (!this.frames.has(target)) this.frames.set(target, new Set());
    const own = this.frames.get(target);
    if (!own.delete(frame)) own.add(frame);
    this.keep();
  }

  forget() {
    this.frames = this.copyOfBefore();
    this.keep();
  }

  get asBefore() {
    return [...this.frames].every(([target, now]) => {
      const then = this.before.get(target) || new Set();
      return now.size === then.size && [...now].every((frame) => then.has(frame));
    });
  }

  get words() {
    const count = [...this.frames.values()].reduce((sum, { size }) => sum + size, 0);
    return `${count} ${this.noun}${count === 1 ? "" : "s"} marked bad.`;
  }
}
