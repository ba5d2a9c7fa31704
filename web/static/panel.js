// What the pages do beyond HTML: ask before an order, send a form once, hold still under a pressed pointer, draw a chart.
"use strict";

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.confirm && !window.confirm(form.dataset.confirm)) {
    event.preventDefault();
    return;
  }
  if (form.method === "post") {
    if (form.dataset.sent) { event.preventDefault(); return; } // the server would know it too: the form has its key
    form.dataset.sent = "1";
    window.setTimeout(() => { delete form.dataset.sent; }, 8000); // a lost answer must not lock the form for ever
  }
});
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});

// a part that is swapped between press and release would swallow the click, or end what is being typed
let pressed = false;
document.addEventListener("pointerdown", () => { pressed = true; });
for (const over of ["pointerup", "pointercancel"]) {
  document.addEventListener(over, () => { window.setTimeout(() => { pressed = false; }, 250); });
}
document.addEventListener("htmx:sseBeforeMessage", (event) => {
  const inside = document.activeElement;
  const typing = inside && event.target.contains(inside) && inside.matches("input, select, textarea");
  if (pressed || typing) event.preventDefault();
});

document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details:is(.menu, .rest)[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

const chart = document.getElementById("throughput");
if (chart && window.uPlot) {
  const locale = document.documentElement.lang;
  const figures = new Intl.NumberFormat(locale, { maximumSignificantDigits: 3 });
  const speed = (value) => {
    for (const [size, unit] of [[1e9, "Gbps"], [1e6, "Mbps"], [1e3, "kbps"]]) {
      if (value >= size) return `${figures.format(value / size)} ${unit}`;
    }
    return `${figures.format(value)} bps`;
  };
  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const soft = (name) => `color-mix(in srgb, ${color(name)} 14%, transparent)`;
  let plot = null;
  let span = [0, 1];
  const draw = (series) => {
    // a daemon started minutes ago has minutes to show, not an empty hour
    if (series.at.length) span = [Math.max(series.now - series.span_seconds, Math.min(series.at[0], series.now - 300)), series.now];
    const rows = [series.at, series.download_bps, series.upload_bps];
    if (!series.at.length) { chart.textContent = chart.dataset.empty; chart.className = "chart nothing"; return; }
    if (plot) { plot.setData(rows); return; }
    chart.textContent = ""; chart.className = "chart";
    const axis = { stroke: color("--muted"), font: "11px system-ui", grid: { stroke: color("--line"), width: 1 }, ticks: { show: false } };
    plot = new uPlot({
      width: chart.clientWidth, height: chart.clientHeight, cursor: { y: false, points: { size: 6 } }, legend: { show: false },
      scales: {
        x: { range: () => span },
        y: { range: (_plot, _low, high) => [0, Math.max(high * 1.1, 1000)] },
      },
      axes: [
        { ...axis, space: 70, size: 26, incrs: [60, 120, 300, 600, 900, 1800, 3600], values: (_plot, ticks) => ticks.map((at) => new Date(at * 1000).toLocaleTimeString(locale, { hour: "2-digit", minute: "2-digit", timeZone: series.timezone })) },
        { ...axis, size: 72, values: (_plot, ticks) => ticks.map(speed) },
      ],
      series: [{},
        { label: chart.dataset.download, stroke: color("--chart-down"), fill: soft("--chart-down"), width: 1.5, points: { show: false } },
        { label: chart.dataset.upload, stroke: color("--chart-up"), width: 1.5, points: { show: false } }],
    }, rows, chart);
    const tip = document.createElement("div");
    tip.className = "tip";
    chart.append(tip);
    plot.over.addEventListener("mousemove", () => {
      const at = plot.cursor.idx;
      tip.textContent = at === null || at === undefined ? "" : `${new Date(plot.data[0][at] * 1000).toLocaleTimeString(locale, { timeZone: series.timezone })}  ↓ ${speed(plot.data[1][at])}  ↑ ${speed(plot.data[2][at])}`;
    });
    plot.over.addEventListener("mouseleave", () => { tip.textContent = ""; });
    new ResizeObserver(() => plot.setSize({ width: chart.clientWidth, height: chart.clientHeight })).observe(chart);
  };
  let last = null;
  const load = () => fetch(chart.dataset.source, { headers: { Accept: "application/json" } })
    .then((answer) => (answer.ok ? answer.json() : null))
    .then((series) => { if (series) { last = series; draw(series); } })
    .catch(() => { /* the next try comes in ten seconds */ });
  const again = () => { if (plot) { plot.destroy(); plot = null; } if (last) draw(last); };
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
  load();
  window.setInterval(() => { if (!document.hidden) load(); }, 10000);
}
