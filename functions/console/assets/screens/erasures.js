// Customers who were erased: how far that has come, and the signed reports of what was erased where.
import { html } from "../vendor/preact.js";
import { api, dateAndTime, formatNumber, pathTo, t } from "../core.js";
import { Button, Empty, Failure, Skeleton, useLoad } from "../ui.js";
import { PageHeader } from "./setup_parts.js";

const MOST = 100;
const HOME = pathTo(["erasures"]);

export default function Erasures({ parts }) {
  const [id] = parts;
  return id ? html`<${Report} key=${id} id=${id} />` : html`<${List} />`;
}

const State = ({ value }) => html`<span class=${`status ${value === "finished" ? "good" : "busy"}`}>${t(`erasures.is.${value}`)}</span>`;

function List() {
  const { value, error, reload } = useLoad((signal) => api.get("/api/erasures", { limit: MOST }, { signal }), []);
  return html`<main id="main" class="page">
    <${PageHeader} title=${t("erasures.title")} />
    ${error && html`<${Failure} error=${error} onRetry=${reload} />`}
    ${!value && !error && html`<${Skeleton} lines=${4} />`}
    ${value?.erasures.length === 0 && html`<${Empty} icon="user" title=${t("erasures.none")}><p>${t("erasures.noneHelp")}</p><//>`}
    <ul class="cards">
      ${value?.erasures.map(
        (erasure) => html`<li key=${erasure.id} class="card channel-card">
          <div>
            <h2><a class="whole" href=${pathTo(["erasures", erasure.id])}><bdi>${erasure.customerId}</bdi></a></h2>
            <small>${dateAndTime(erasure.requestedAt)}</small>
          </div>
          <${State} value=${erasure.state} />
        </li>`,
      )}
    </ul>
  </main>`;
}

function Report({ id }) {
  const { value, error, reload } = useLoad((signal) => api.get(`/api/erasures/${id}`, {}, { signal }), [id]);
  if (error) return html`<main id="main" class="page"><${Failure} error=${error} onRetry=${reload} /></main>`;
  if (!value) return html`<main id="main" class="page"><${PageHeader} title=${t("erasures.report")} /><${Skeleton} lines=${6} /></main>`;
  const { report, signature } = value;
  return html`<main id="main" class="page">
    <${PageHeader} title=${t("erasures.report")}><a href=${HOME}>${t("back")}</a><//>
    <section class="card">
      <h2><bdi>${report.customerId}</bdi></h2>
      <dl class="custom-fields">
        <div><dt>${t("erasures.state")}</dt><dd><${State} value=${report.state} /></dd></div>
        <div><dt>${t("erasures.requestedBy")}</dt><dd><bdi>${report.requestedBy.name ?? report.requestedBy.id}</bdi></dd></div>
        <div><dt>${t("erasures.requestedAt")}</dt><dd>${dateAndTime(report.requestedAt)}</dd></div>
        ${report.finishedAt && html`<div><dt>${t("erasures.finishedAt")}</dt><dd>${dateAndTime(report.finishedAt)}</dd></div>`}
        ${signature && html`<div><dt>${t("erasures.signature")}</dt><dd><code>${signature}</code></dd></div>`}
      </dl>
      ${signature
        ? html`<div><a class="button" download=${`erasure-${id}.json`} href=${`data:application/json,${encodeURIComponent(JSON.stringify(value))}`}>${t("erasures.download")}</a></div>`
        : html`<p class="help">${t("erasures.runs")}</p><div><${Button} onClick=${reload}>${t("erasures.look")}<//></div>`}
    </section>
    <section class="card">
      <h2>${t("erasures.erased")}</h2>
      <dl class="custom-fields">
        ${report.erased.map(({ place, count }) => html`<div key=${place}><dt><code>${place}</code></dt><dd>${formatNumber(count)}</dd></div>`)}
      </dl>
    </section>
  </main>`;
}
