// How much there was to do, how quickly it was done, and how customers rated it.
import { html } from "../vendor/preact.js";
import { api, clockTime, formatMoment, formatNumber, goTo, pathTo, t } from "../core.js";
import { Button, channelIcon, channelName, Empty, Failure, Field, Icon, Skeleton, useLoad } from "../ui.js";
import { saveFile } from "./form_parts.js";

const RANGES = ["1h", "24h", "7d", "30d"];
const [WIDTH, HEIGHT, GAP] = [640, 140, 2];

export default function Analytics({ query }) {
  const range = RANGES.includes(query.range) ? query.range : "7d";
  const load = (signal) =>
    Promise.all(["dashboard", "channel-performance", "customer-satisfaction"].map((name) => api.get(`/analytics/${name}`, { range }, { signal })));
  const { value, error, reload } = useLoad(load, [range]);
  return html`<main id="main" class="page">
    <header>
      <h1>${t("nav.analytics")}</h1>
      <${Field} as="select" label=${t("analytics.range")} hiddenLabel value=${range} onChange=${(event) => goTo(pathTo(["analytics"], { range: event.target.value }))}>
        ${RANGES.map((each) => html`<option key=${each} value=${each}>${t(`range.${each}`)}</option>`)}
      <//>
    </header>
    ${error ? html`<${Failure} error=${error} onRetry=${reload} />` : value ? html`<${Figures} range=${range} figures=${value} />` : html`<${Skeleton} kind="rows" lines=${5} />`}
  </main>`;
}

function Figures({ range, figures: [overview, performance, satisfaction] }) {
  const { trends } = overview;
  if (!trends.length && !satisfaction.totalResponses) {
    return html`<${Empty} icon="chart-column" title=${t("analytics.nothing")}><p>${t("analytics.nothingHelp")}</p><//>`;
  }
  const rate = performance.metrics.resolutionRate;
  const at = (moment) => (range === "1h" || range === "24h" ? clockTime(moment) : formatMoment(moment, { day: "numeric", month: "short" }));
  const series = (points, name) => points.map((point) => ({ label: at(point.timestamp), value: point[name] }));
  return html`<div class="tiles">
      <${Tile} label=${t("analytics.conversations")} value=${formatNumber(overview.totalSessions)} />
      <${Tile} label=${t("analytics.responseTime")} value=${overview.responseTime ? duration(overview.responseTime) : "–"} help=${t("analytics.responseTimeHelp")} />
      <${Tile} label=${t("analytics.resolved")} value=${`${formatNumber(rate)} %`} help=${t("analytics.resolvedHelp")} />
      <${Tile} label=${t("analytics.satisfaction")} value=${satisfaction.totalResponses ? t("analytics.ofFive", { score: formatNumber(satisfaction.overallScore) }) : "–"} help=${t("analytics.ratings", { count: satisfaction.totalResponses })} />
    </div>
    <${Bars} name="messages" title=${t("analytics.messages")} unit=${t("analytics.messages")} points=${series(trends, "messages")} />
    <${Bars} name="conversations" title=${t("analytics.conversations")} unit=${t("analytics.conversations")} points=${series(trends, "sessions")} />
    <${ByChannel} metrics=${overview.channelMetrics} scores=${satisfaction.byChannel} />
    ${satisfaction.totalResponses > 0 && html`<${Bars} name="satisfaction" title=${t("analytics.satisfaction")} unit=${t("analytics.score")} points=${series(satisfaction.trends, "score")} most=${5} />`}`;
}

function Tile({ label, value, help }) {
  return html`<div class="tile"><span>${label}</span><strong>${value}</strong>${help && html`<small>${help}</small>`}</div>`;
}

/** Seconds, in the largest unit that leaves a number to grasp. */
function duration(seconds) {
  if (seconds < 60) return t("elapsed.seconds", { number: Math.round(seconds) });
  if (seconds < 3600) return t("elapsed.minutes", { number: Math.round(seconds / 60) });
  return t("elapsed.hours", { number: formatNumber(Math.round(seconds / 360) / 10) });
}

/** The smallest number with one digit and zeros that is not below the value: where an axis ends. */
function roundUp(value) {
  const step = 10 ** Math.floor(Math.log10(Math.max(value, 1)));
  return Math.max(1, Math.ceil(value / step) * step);
}

/** A bar for each point, with the numbers in a table behind it. */
function Bars({ name, title, unit, points, most }) {
  const top = most ?? roundUp(Math.max(...points.map(({ value }) => value), 0));
  const width = WIDTH / Math.max(points.length, 1);
  const sum = points.reduce((total, { value }) => total + value, 0);
  const summary = t("chart.summary", { title, first: points[0]?.label, last: points.at(-1)?.label, top: formatNumber(Math.max(...points.map(({ value }) => value), 0)) });
  if (!points.length || !sum) return null;
  return html`<section class="card chart">
    <header><h2>${title}</h2><${Button} icon="download" label=${t("chart.download", { title })} onClick=${() => download(name, [t("chart.time"), unit], points.map(({ label, value }) => [label, value]))} /></header>
    <div class="chart-area">
      <span class="chart-top">${formatNumber(top)}</span>
      <svg viewBox=${`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label=${summary}>
        ${[0, 0.5, 1].map((part) => html`<line key=${part} x1="0" x2=${WIDTH} y1=${HEIGHT * part} y2=${HEIGHT * part} />`)}
        ${points.map(({ label, value }, index) => {
          const height = (value / top) * HEIGHT;
          return html`<rect key=${index} x=${index * width + GAP / 2} y=${HEIGHT - height} width=${Math.max(1, width - GAP)} height=${height}>
            <title>${`${label}: ${formatNumber(value)} ${unit}`}</title>
          </rect>`;
        })}
      </svg>
      <p class="chart-ends"><span>${points[0].label}</span><span>${points.at(-1).label}</span></p>
    </div>
    <details>
      <summary>${t("chart.table")}<${Icon} name="chevron-down" size=${14} /></summary>
      <${Table} label=${title} heads=${[t("chart.time"), unit]} rows=${points.map(({ label, value }) => [label, formatNumber(value)])} />
    </details>
  </section>`;
}

/** A table; where it is too wide for its place people scroll it, by keys as well. */
function Table({ label, heads, rows }) {
  return html`<div class="scroll" tabindex="0" role="region" aria-label=${label}><table class="figures">
    <thead><tr>${heads.map((head) => html`<th key=${head} scope="col">${head}</th>`)}</tr></thead>
    <tbody>${rows.map((cells, index) => html`<tr key=${index}>${cells.map((cell, column) => (column ? html`<td key=${column}>${cell}</td>` : html`<th key=${column} scope="row">${cell}</th>`))}</tr>`)}</tbody>
  </table></div>`;
}

function ByChannel({ metrics, scores }) {
  const channels = Object.entries(metrics);
  if (!channels.length) return null;
  const name = (channel) => channelName(channel === "chat" ? "WIDGET" : channel.toUpperCase());
  const cells = ([channel, figures]) => [
    html`<span class="channel-cell"><${Icon} name=${channelIcon(channel.toUpperCase())} size=${14} /> ${name(channel)}</span>`,
    formatNumber(figures.sessions ?? figures.calls),
    figures.messages === undefined ? "–" : formatNumber(figures.messages),
    figures.avg_response_time ? duration(figures.avg_response_time) : "–",
    scores[channel] ? formatNumber(scores[channel]) : "–",
  ];
  const heads = ["channel", "conversations", "messages", "responseTime", "score"].map((key) => t(`analytics.${key}`));
  return html`<section class="card"><h2>${t("analytics.byChannel")}</h2><${Table} label=${t("analytics.byChannel")} heads=${heads} rows=${channels.map(cells)} /></section>`;
}

/** Hand numbers over as a file of comma-separated values. */
function download(name, heads, rows) {
  const quote = (value) => `"${String(value).replaceAll('"', '""')}"`;
  const text = [heads, ...rows].map((cells) => cells.map(quote).join(",")).join("\r\n");
  saveFile(`${name}.csv`, text);
}
