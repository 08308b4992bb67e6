// The audit log: who has changed what, and whether the log is as it was written.
import { html, useState } from "../vendor/preact.js";
import { api, dateAndTime, formatNumber, people, shortMoment, t, tOr } from "../core.js";
import { Button, Dialog, Empty, Failure, Field, Skeleton, toastError, useLoad } from "../ui.js";
import { saveFile } from "./form_parts.js";

const PAGE = 50;
const SUBJECTS = [
  ...["users", "account_links", "api_keys", "refresh_tokens", "sign-in failed", "agents", "agent_teams", "instances"],
  ...["access_rules", "routing_rules", "service_levels", "canned_replies", "message_templates", "campaigns"],
  ...["webhook_endpoints", "customers", "customer_merges", "conversations", "messages", "outbox", "tenants"],
];

const about = (subject) => tOr(`audit.about.${subject}`, subject);

export default function Audit() {
  const [only, setOnly] = useState({});
  const [older, setOlder] = useState({ entries: [], cursor: undefined });
  const [opened, setOpened] = useState(null);
  const { value: everybody } = useLoad(people, []);
  const { value, error, reload } = useLoad(async (signal) => {
    setOlder({ entries: [], cursor: undefined });
    return api.get("/api/audit", { ...only, limit: PAGE }, { signal });
  }, [only]);
  const cursor = older.cursor === undefined ? value?.nextCursor : older.cursor;
  const entries = [...(value?.entries ?? []), ...older.entries];
  const names = new Map(everybody?.map(({ id, name, email }) => [id, name || email]));
  const nameOf = ({ actorId, actorName, actorKind }) => actorName ?? names.get(actorId) ?? t(`audit.actor.${actorKind}`);
  const loadOlder = () =>
    api
      .get("/api/audit", { ...only, limit: PAGE, cursor })
      .then((page) => setOlder({ entries: [...older.entries, ...page.entries], cursor: page.nextCursor }), toastError);
  const choose = (name) => (event) => setOnly({ ...only, [name]: event.target.value });
  return html`<main id="main" class="page">
    <header>
      <h1>${t("nav.audit")}</h1>
      <${Field} as="select" label=${t("audit.who")} hiddenLabel onChange=${choose("actorId")}>
        <option value="">${t("audit.everybody")}</option>
        ${[...names].map(([id, name]) => html`<option key=${id} value=${id}>${name}</option>`)}
      <//>
      <${Field} as="select" label=${t("audit.subject")} hiddenLabel onChange=${choose("subject")}>
        <option value="">${t("audit.everything")}</option>
        ${SUBJECTS.map((subject) => html`<option key=${subject} value=${subject}>${about(subject)}</option>`)}
      <//>
    </header>
    <p class="help">${t("audit.help")}</p>
    <${Chain} />
    ${error
      ? html`<${Failure} error=${error} onRetry=${reload} />`
      : !value
        ? html`<${Skeleton} kind="rows" lines=${5} />`
        : !entries.length
          ? html`<${Empty} icon="file-text" title=${t("audit.none")} />`
          : html`<${Entries} entries=${entries} nameOf=${nameOf} onOpen=${setOpened} />
              ${cursor && html`<${Button} onClick=${loadOlder}>${t("delivery.older")}<//>`}`}
    ${opened && html`<${Details} entry=${opened} name=${nameOf(opened)} onClose=${() => setOpened(null)} />`}
  </main>`;
}

/** Checks the whole chain in steps, and gives it away as a file. */
function Chain() {
  const [verdict, setVerdict] = useState(null);
  const [busy, setBusy] = useState(false);
  const doing = (action) => async () => {
    setBusy(true);
    await action().catch(toastError);
    setBusy(false);
  };
  const check = doing(async () => {
    let step = { number: 0, hash: "", complete: false };
    while (!step.complete) step = await api.get("/api/audit/verify", { number: step.number || null, hash: step.hash });
    setVerdict(step);
  });
  const download = doing(async () => {
    const parts = [];
    let page = { cursor: 0 };
    do {
      page = await api.text("/api/audit/export", { after: page.cursor });
      parts.push(page.text);
    } while (page.cursor);
    saveFile("audit.ndjson", parts.join(""), "text/x-ndjson");
  });
  return html`<div class="actions">
      <${Button} icon="check-check" busy=${busy} onClick=${check}>${t("audit.check")}<//>
      <${Button} icon="download" busy=${busy} onClick=${download}>${t("audit.download")}<//>
    </div>
    <div role="status">
      ${verdict &&
      html`<p class=${verdict.verified ? "help" : "error"}>
        ${verdict.verified ? t("audit.good", { count: formatNumber(verdict.number) }) : t("audit.bad", { problem: verdict.problem })}
        ${verdict.waiting > 0 && html` ${t("audit.waiting", { count: formatNumber(verdict.waiting) })}`}
      </p>`}
    </div>`;
}

function Entries({ entries, nameOf, onOpen }) {
  const heads = ["when", "who", "action", "subject", "from"].map((key) => t(`audit.${key}`));
  return html`<section class="card"><div class="scroll" tabindex="0" role="region" aria-label=${t("nav.audit")}><table class="figures texts">
    <thead><tr>${heads.map((head) => html`<th key=${head} scope="col">${head}</th>`)}<th scope="col"><span class="visually-hidden">${t("delivery.actions")}</span></th></tr></thead>
    <tbody>
      ${entries.map(
        (entry) => html`<tr key=${entry.id}>
          <th scope="row"><time>${shortMoment(entry.at)}</time></th>
          <td><bdi>${nameOf(entry)}</bdi></td>
          <td><code>${entry.action}</code></td>
          <td>${about(entry.subject)}</td>
          <td>${entry.address}</td>
          <td class="row-actions"><${Button} icon="info" label=${t("audit.details")} onClick=${() => onOpen(entry)} /></td>
        </tr>`,
      )}
    </tbody>
  </table></div></section>`;
}

const shown = (value) => (value === undefined || value === null ? "–" : typeof value === "string" ? value : JSON.stringify(value));

function Details({ entry, name, onClose }) {
  const heads = ["field", "before", "after"].map((key) => t(`audit.${key}`));
  return html`<${Dialog} wide title=${entry.action} onClose=${onClose}>
    <p><bdi>${name}</bdi> · ${dateAndTime(entry.at)} · ${entry.address}</p>
    ${entry.changes.map((change) => {
      const fields = [...new Set([...Object.keys(change.before), ...Object.keys(change.after)])];
      const title = `${change.collection} ${change.id}: ${t(`audit.change.${change.change}`)}`;
      return html`<section key=${title}>
        <h3>${title}</h3>
        <div class="scroll" tabindex="0" role="region" aria-label=${title}><table class="figures texts">
          <thead><tr>${heads.map((head) => html`<th key=${head} scope="col">${head}</th>`)}</tr></thead>
          <tbody>
            ${fields.map(
              (field) => html`<tr key=${field}>
                <th scope="row"><code>${field}</code></th>
                <td dir="auto">${shown(change.before[field])}</td>
                <td dir="auto">${shown(change.after[field])}</td>
              </tr>`,
            )}
          </tbody>
        </table></div>
      </section>`;
    })}
    ${entry.hash && html`<p><small><code>#${entry.number} ${entry.hash}</code></small></p>`}
  <//>`;
}
