"use strict";
/* The axes of plots: how far they reach, how their numbers and times are written; and the colours by their names. */

{
  const finite = (value) => value !== null && value !== undefined && Number.isFinite(value);

  /* [least, most] of all that a plot shows, with room around it. */
  function limits(values, margin) {
    let [low, high] = [Infinity, -Infinity];
    for (const value of values) {
      if (value < low) low = value;
      if (value > high) high = value;
    }
    if (low > high) return [0, 1];
    const room = (high - low) * margin || Math.max(Math.abs(high) * 1e-3, 0.05);
    return [low - room, high + room];
  }

  const ends = (value, half) => (finite(half) ? [value - Math.abs(half), value + Math.abs(half)] : [value]);
  const minus = (text) => text.replace("-", "\u2212");

  /* One number of decimals for all ticks: as few as tell them apart. */
  function tickTexts(ticks) {
    const step = ticks.length > 1 ? Math.abs(ticks[1] - ticks[0]) : 1;
    let digits = 0;
    while (digits < 6 && ticks.some((tick) => Math.abs(tick - Number(tick.toFixed(digits))) > step / 100)) digits += 1;
    return ticks.map((tick) => (finite(tick) ? minus(tick.toFixed(digits)) : ""));
  }

  /* Ticks of a logarithmic axis, 1 to 9 of each decade: those of uPlot never end where a range begins just below one. */
  function decades(u, axis, low, high) {
    const ticks = [];
    for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power += 1) {
      for (let digit = 1; digit < 10; digit += 1) ticks.push(Number(`${digit}e${power}`));
    }
    return ticks.filter((tick) => tick >= low && tick <= high);
  }

  /* Steps of an axis of times, s: uPlot has none between 1, 5 and 30, and leaves an axis with two of them. */
  const [MINUTE, HOUR, DAY] = [60, 3600, 86400];
  const STEPS = [
    ...[1, 2, 5, 10, 15, 20, 30], ...[1, 2, 5, 10, 15, 20, 30].map((step) => step * MINUTE),
    ...[1, 2, 3, 4, 6, 12].map((step) => step * HOUR), ...[1, 2, 5, 10, 20, 50, 100, 200, 500, 1000].map((step) => step * DAY),
  ];

  /* Ways to write a time, whose numbers are Julian dates in the data of the page: what x is drawn at, and its axis. */
  const TIMES = {
    UT: (dates) => {
      const day = (seconds) => new Date(seconds * 1000).toISOString();
      const x = dates.map((date) => (date - 2440587.5) * 86400);
      const several = x.length > 1 && day(x[0]).slice(0, 10) !== day(x[x.length - 1]).slice(0, 10);
      const values = (u, ticks, axis, space, step) => ticks.map((tick, index) => {
        const [date, time] = [day(tick).slice(0, 10), day(tick).slice(11, step < 60 ? 19 : 16)];
        if (step >= 86400) return date;
        return several && (index === 0 || time.startsWith("00:00")) ? `${time}\n${date}` : time;
      });
      return { x, label: several || !x.length ? "UT" : `${day(x[0]).slice(0, 10)} UT`, values, steps: STEPS, tzDate: (at) => uPlot.tzDate(new Date(at * 1000), "Etc/UTC") };
    },
    JD: (dates, name = "JD") => {
      const first = Math.floor(dates.length ? dates[0] : 0);
      return { x: dates.map((date) => date - first), label: `${name} \u2212 ${first}`, values: (u, ticks) => tickTexts(ticks) };
    },
  };

  const NIGHTS = Object.fromEntries([1, 2, 3, 4, 5, 6, 7, 8].map((count) => [`night${count}`, `--night-${count}`]));
  const COLOURS = { black: "--ink", blue: "--plot-second", red: "--plot-first", ...NIGHTS };

  PP.axes = { finite, limits, ends, tickTexts, decades, TIMES, COLOURS };
}
