// What could not be sent: why, and the way to send it again.
import { html, useState } from "../vendor/preact.js";
import { api, formatNumber, pathTo, shortMoment, t, tOr } from "../core.js";
import { Button, confirmed, Empty, Failure, Field, Icon, Skeleton, toast, toastError, useLoad } from "../ui.js";
import Journey from "./journey.js";

const PAGE = 100;
const STATUSES = ["DEAD", "FAILED", "PENDING"];

export default function Delivery() {
  const [status, setStatus] = useState("DEAD");
  const [older, setOlder] = useState({ items: [], cursor: undefined });
  const { value, error, reload } = useLoad(async (signal) => {
    setOlder({ items: [], cursor: undefined });
    return api.get("/api/outbox", { status, limit: PAGE }, { signal });
  }, [status]);
  const cursor = older.cursor === undefined ? value?.nextCursor : older.cursor;
  const items = [...(value?.items ?? []), ...older.items];
  const loadOlder = async () => {
    try {
      const page = await api.get("/api/outbox", { status, limit: PAGE, cursor });
      setOlder({ items: [...older.items, ...page.items], cursor: page.nextCursor });
    } catch (refusal) {
      toastError(refusal);
    }
  };
  return html`<main id="main" class="page">
    <header>
      <h1>${t("nav.delivery")}</h1>
      <${Field} as="select" label=${t("delivery.status")} hiddenLabel value=${status} onChange=${(event) => setStatus(event.target.value)}>
        ${STATUSES.map((each) => html`<option key=${each} value=${each}>${t(`delivery.${each}`)}</option>`)}
      <//>
    </header>
    ${error
      ? html`<${Failure} error=${error} onRetry=${reload} />`
      : !value
        ? html`<${Skeleton} kind="rows" lines=${5} />`
        : !items.length
          ? html`<${Empty} icon="check-check" title=${t(`delivery.none.${status}`)} />`
          : html`${status === "DEAD" && html`<${Reasons} items=${items} onDone=${reload} />`}
              <${Items} items=${items} isDead=${status === "DEAD"} onDone=${reload} />
              ${cursor && html`<${Button} onClick=${loadOlder}>${t("delivery.older")}<//>`}`}
  </main>`;
}

const reasonOf = (item) => tOr(`reason.${item.reason}`, item.reason ?? t("reason.other"));

/** How many died of what, with a button that sends all of a kind again. */
function Reasons({ items, onDone }) {
  const [progress, setProgress] = useState(null);
  const groups = new Map();
  for (const item of items) groups.set(item.reason, [...(groups.get(item.reason) ?? []), item]);
  const again = async (group) => {
    const isUnknown = group[0].reason === "outcome_unknown";
    const text = t(isUnknown ? "again.unknown" : "delivery.againHelp", { count: group.length });
    if (!(await confirmed(t("again.title"), text, t("again")))) return;
    let refused = 0;
    for (const [index, item] of group.entries()) {
      setProgress({ done: index, all: group.length });
      await api.post(`/api/outbox/${item.id}/redrive`).catch(() => (refused += 1));
    }
    setProgress(null);
    toast(t("delivery.done", { count: group.length - refused }));
    onDone();
  };
  return html`<div class="tiles">
    ${[...groups].map(
      ([reason, group]) => html`<div key=${reason} class="tile">
        <span>${reasonOf(group[0])}</span><strong>${formatNumber(group.length)}</strong>
        <${Button} icon="rotate-ccw" disabled=${progress} onClick=${() => again(group)}>${t("again")}<//>
      </div>`,
    )}
    ${progress && html`<div class="tile" role="status"><span>${t("delivery.progress", progress)}</span><progress value=${progress.done} max=${progress.all}></progress></div>`}
  </div>`;
}

function Items({ items, isDead, onDone }) {
  const again = async (item) => {
    if (item.reason === "outcome_unknown" && !(await confirmed(t("again.title"), t("again.unknown"), t("again")))) return;
    await api.post(`/api/outbox/${item.id}/redrive`).then(() => {
      toast(t("again.done"));
      onDone();
    }, toastError);
  };
  const [messageId, setMessageId] = useState(null);
  const heads = ["time", "action", "reason", "tries"].map((key) => t(`delivery.${key}`));
  return html`<section class="card"><div class="scroll" tabindex="0" role="region" aria-label=${t("nav.delivery")}><table class="figures texts">
    <thead><tr>${heads.map((head) => html`<th key=${head} scope="col">${head}</th>`)}<th scope="col"><span class="visually-hidden">${t("delivery.actions")}</span></th></tr></thead>
    <tbody>
      ${items.map(
        (item) => html`<tr key=${item.id}>
          <th scope="row"><time>${shortMoment(item.createdAt)}</time></th>
          <td>${t(`action.${item.action}`)}</td>
          <td><strong>${item.reason && reasonOf(item)}</strong> <span dir="auto">${item.error}</span></td>
          <td>${formatNumber(item.attempts)}</td>
          <td class="row-actions">
            <a class="button quiet" href=${pathTo(["inbox", "open", item.conversationId])}><${Icon} name="message-circle" /> ${t("delivery.open")}</a>
            <${Button} icon="split" label=${t("journey.title")} onClick=${() => setMessageId(item.messageId)} />
            ${isDead && html`<${Button} icon="rotate-ccw" label=${t("again")} onClick=${() => again(item)} />`}
          </td>
        </tr>`,
      )}
    </tbody>
  </table></div>
    ${messageId && html`<${Journey} messageId=${messageId} onClose=${() => setMessageId(null)} />`}
  </section>`;
}
