// Campaigns: one message to many customers. Which there are, how far they have come, and what became of each recipient.
import { html, useState } from "../vendor/preact.js";
import { api, channels as allChannels, dateAndTime, formatNumber, goTo, may, pathTo, shortMoment, t, tOr } from "../core.js";
import { Button, channelIcon, channelName, confirmed, Empty, Failure, Field, Icon, Skeleton, toast, toastError, useLoad } from "../ui.js";
import { CampaignForm } from "./campaign_form.js";
import { SendingRules } from "./campaign_rules.js";
import { saveFile, useAfterEvents } from "./form_parts.js";
import { PageHeader } from "./setup_parts.js";

const HOME = pathTo(["campaigns"]);
const PAGE = 50;
/** Milliseconds from the first event to the look at what it changed: many messages are sent at once. */
const GATHER = 1_000;
const GATHER_MESSAGES = 5_000;
const MOODS = { draft: "idle", scheduled: "busy", running: "busy", paused: "bad", finished: "good", cancelled: "idle" };
/** The reason that the hub gives for a campaign that somebody has paused. */
const BY_PERSON = "by a person";

export default function Campaigns({ parts }) {
  const [id, action] = parts;
  if (!id) return html`<${List} />`;
  if (id === "new" || action === "edit") return html`<${Edit} key=${id} id=${id} />`;
  return html`<${Campaign} key=${id} id=${id} />`;
}

function Status({ campaign }) {
  return html`<span class=${`status ${MOODS[campaign.status]}`}>${t(`campaigns.${campaign.status}`)}</span>`;
}

/** The rows of a list with cursors, of which more are loaded on demand; `inputs` begin it anew. */
function usePages(load, inputs) {
  const [more, setMore] = useState({ rows: [], cursor: undefined });
  const first = useLoad(async (signal) => {
    const page = await load(undefined, signal);
    setMore({ rows: [], cursor: undefined });
    return page;
  }, inputs);
  const cursor = more.cursor === undefined ? first.value?.cursor : more.cursor;
  const loadMore = async () => {
    try {
      const page = await load(cursor);
      setMore({ rows: [...more.rows, ...page.rows], cursor: page.cursor });
    } catch (error) {
      toastError(error);
    }
  };
  return { ...first, rows: first.value && [...first.value.rows, ...more.rows], loadMore: cursor ? loadMore : null, isWhole: more.cursor === undefined };
}

// ── All campaigns ────────────────────────────────────────────────────────────────────────────────────────────────

function List() {
  const load = async (cursor, signal) => {
    const { campaigns, nextCursor } = await api.get("/api/campaigns", { limit: PAGE, cursor }, { signal });
    return { rows: campaigns, cursor: nextCursor };
  };
  const { rows, error, reload, loadMore, isWhole } = usePages(load, []);
  useAfterEvents(["campaign-updated"], () => isWhole && reload(), GATHER);
  return html`<main id="main" class="page">
    <${PageHeader} title=${t("nav.campaigns")}>
      ${may("admin") && html`<a class="button primary" href=${pathTo(["campaigns", "new"])}><${Icon} name="plus" /><span>${t("campaigns.add")}</span></a>`}
    <//>
    <${SendingRules} />
    ${error && html`<${Failure} error=${error} onRetry=${reload} />`}
    ${!rows && !error && html`<${Skeleton} kind="rows" lines=${4} />`}
    ${rows?.length === 0 && html`<${Empty} icon="megaphone" title=${t("campaigns.none")}><p>${t("campaigns.noneHelp")}</p><//>`}
    ${rows?.length > 0 &&
    html`<section class="card wide-card">
      <ul class="rows">
        ${rows.map((campaign) => html`<${Row} key=${campaign.id} campaign=${campaign} />`)}
      </ul>
      ${loadMore && html`<div><${Button} onClick=${loadMore}>${t("delivery.older")}<//></div>`}
    </section>`}
  </main>`;
}

function Row({ campaign }) {
  const { id, name, status, channels, contacts, accepted, sendAt, createdAt } = campaign;
  const time = status === "scheduled" && sendAt ? t("campaigns.startsAt", { time: dateAndTime(sendAt) }) : t("campaigns.createdAt", { time: shortMoment(createdAt) });
  return html`<li class="linked-row">
    <div>
      <a class="whole" href=${pathTo(["campaigns", id])}><bdi>${name}</bdi></a>
      <small class="channel-icons">
        ${channels.map((type) => html`<span key=${type} title=${channelName(type)}><${Icon} name=${channelIcon(type)} size=${14} /><span class="visually-hidden">${channelName(type)}</span></span>`)}
        ${time}
      </small>
    </div>
    ${contacts > 0 &&
    html`<div class="row-progress">
      <small>${t("campaigns.accepted", { done: formatNumber(accepted), all: formatNumber(contacts) })}</small>
      <progress value=${accepted} max=${contacts} aria-label=${t("campaigns.progressOf", { name })}></progress>
    </div>`}
    <${Status} campaign=${campaign} />
  </li>`;
}

// ── One campaign ─────────────────────────────────────────────────────────────────────────────────────────────────

function Edit({ id }) {
  const isNew = id === "new";
  const { value, error, reload } = useLoad(async () => {
    const [campaign, channels, settings] = await Promise.all([isNew ? null : api.get(`/api/campaigns/${id}`), allChannels(), api.get("/api/settings")]);
    return { campaign, channels, settings };
  }, [id]);
  return html`<main id="main" class="page">
    <${PageHeader} title=${isNew ? t("campaigns.add") : (value?.campaign.name ?? " ")} back=${isNew ? HOME : pathTo(["campaigns", id])} />
    ${error && html`<${Failure} error=${error} onRetry=${reload} />`}
    ${!value && !error && html`<${Skeleton} lines=${8} />`}
    ${value && html`<${CampaignForm} ...${value} onSaved=${(saved) => goTo(pathTo(["campaigns", saved.id]))} />`}
  </main>`;
}

function Campaign({ id }) {
  const { value, error, reload } = useLoad(() => api.get(`/api/campaigns/${id}`), [id]);
  // What was delivered, read and answered is told of each message.
  useAfterEvents(["campaign-updated"], reload, GATHER);
  useAfterEvents(["message-created", "message-updated"], reload, GATHER_MESSAGES);
  if (error && !value) return html`<main id="main" class="page"><${PageHeader} title=${t("nav.campaigns")} back=${HOME} /><${Failure} error=${error} onRetry=${reload} /></main>`;
  if (!value) return html`<main id="main" class="page"><${PageHeader} title=" " back=${HOME} /><${Skeleton} lines=${8} /></main>`;
  return html`<main id="main" class="page">
    <${PageHeader} title=${value.name} back=${HOME}><${Actions} campaign=${value} onDone=${reload} /><//>
    <p class="page-state">
      <${Status} campaign=${value} />
      ${value.sendAt && html`<span class="help">${t("campaigns.startsAt", { time: dateAndTime(value.sendAt) })}</span>`}
      ${value.status === "paused" && html`<span class="help">${value.pauseReason === BY_PERSON ? t("campaigns.pausedByPerson") : value.pauseReason}</span>`}
    </p>
    ${value.contacts > 0 && html`<${Progress} campaign=${value} /><${Funnel} campaign=${value} />`}
    <${Content} campaign=${value} />
    ${value.contacts > 0 && html`<${Recipients} id=${id} funnel=${value.funnel} />`}
  </main>`;
}

/** What can be done with a campaign in its present state. */
function Actions({ campaign, onDone }) {
  const [busy, setBusy] = useState(false);
  const { id, status, sendAt } = campaign;
  if (!may("admin")) return null;
  const act = (name, done) => async () => {
    setBusy(true);
    try {
      await api.post(`/api/campaigns/${id}/${name}`, {});
      toast(t(done));
    } catch (failure) {
      toastError(failure);
    }
    setBusy(false);
    onDone();
  };
  const launch = async () => {
    setBusy(true);
    const { channels, audience, message, isMarkdown, texts, templates } = campaign;
    let count;
    try {
      count = await api.post("/api/campaigns/audience", { channels, audience, message, isMarkdown, texts, templates });
    } catch (failure) {
      toastError(failure);
    }
    setBusy(false);
    if (!count) return;
    const about = { total: formatNumber(count.total), reachable: formatNumber(count.reachable), examined: formatNumber(count.examined) };
    const text = sendAt ? t("campaigns.launchLater", { ...about, time: dateAndTime(sendAt) }) : t("campaigns.launchNow", about);
    if (await confirmed(t("campaigns.launchTitle"), text, t("campaigns.launch"), "primary")) await act("launch", "campaigns.launched")();
  };
  const cancel = async () => {
    if (await confirmed(t("campaigns.cancel"), t("campaigns.cancelHelp"), t("campaigns.cancel"))) await act("cancel", "campaigns.isCancelled")();
  };
  return html`<div class="page-actions">
    ${["draft", "scheduled"].includes(status) && html`<a class="button plain" href=${pathTo(["campaigns", id, "edit"])}><${Icon} name="pencil" /><span>${t("campaigns.edit")}</span></a>`}
    ${["scheduled", "running", "paused"].includes(status) && html`<${Button} kind="danger" icon="x" busy=${busy} onClick=${cancel}>${t("campaigns.cancel")}<//>`}
    ${status === "draft" && html`<${Button} kind="primary" icon="send" busy=${busy} onClick=${launch}>${t("campaigns.launch")}<//>`}
    ${["running", "scheduled"].includes(status) && html`<${Button} icon="pause" busy=${busy} onClick=${act("pause", "campaigns.isPaused")}>${t("campaigns.pause")}<//>`}
    ${status === "paused" && html`<${Button} kind="primary" icon="play" busy=${busy} onClick=${act("resume", "campaigns.isResumed")}>${t("campaigns.resume")}<//>`}
  </div>`;
}

/** How many of the audience the campaign has come to. */
function Progress({ campaign }) {
  const { funnel, contacts } = campaign;
  const done = funnel.queued + funnel.sent + funnel.failed + funnel.skipped;
  return html`<section class="card wide-card">
    <div class="card-header"><h2>${t("campaigns.progress")}</h2><span class="help">${t("campaigns.accepted", { done: formatNumber(Math.min(done, contacts)), all: formatNumber(contacts) })}</span></div>
    <progress value=${Math.min(done, contacts)} max=${contacts} aria-label=${t("campaigns.progress")}></progress>
  </section>`;
}

const STEPS = ["sent", "delivered", "read", "answered"];
const BESIDES = ["waiting", "queued", "failed", "optedOut", "skipped"];

function Funnel({ campaign: { funnel, contacts } }) {
  const share = (number) => (contacts ? Math.round((number / contacts) * 100) : 0);
  const rows = [["contacts", contacts], ...STEPS.map((step) => [step, funnel[step]])];
  return html`<section class="card wide-card">
      <h2>${t("campaigns.funnel")}</h2>
      <table class="funnel">
        <thead class="visually-hidden"><tr><th scope="col">${t("campaigns.step")}</th><th scope="col">${t("campaigns.people")}</th><th scope="col">${t("campaigns.share")}</th></tr></thead>
        <tbody>
          ${rows.map(
            ([step, number]) => html`<tr key=${step}>
              <th scope="row">${t(`campaigns.of.${step}`)}</th>
              <td><strong>${formatNumber(number)}</strong></td>
              <td><span class="funnel-bar" aria-hidden="true"><span style=${{ width: `${share(number)}%` }}></span></span><small>${formatNumber(share(number))} %</small></td>
            </tr>`,
          )}
        </tbody>
      </table>
    </section>
    <div class="tiles">
      ${BESIDES.map((name) => html`<div key=${name} class="tile"><span>${t(`campaigns.of.${name}`)}</span><strong>${formatNumber(funnel[name])}</strong></div>`)}
    </div>
    ${funnel.skipped > 0 &&
    html`<section class="card"><h2>${t("campaigns.skippedWhy")}</h2><dl class="facts">
      ${Object.entries(funnel.skippedBy).map(([reason, number]) => html`<div key=${reason}><dt>${skipReason(reason)}</dt><dd>${formatNumber(number)}</dd></div>`)}
    </dl></section>`}`;
}

const skipReason = (reason) => tOr(`skip.${reason}`, reason);

function Content({ campaign }) {
  const { channels, audience, message, texts, templates } = campaign;
  return html`<section class="card wide-card">
    <h2>${t("campaigns.content")}</h2>
    <dl class="facts">
      <div><dt>${t("campaigns.channels")}</dt><dd>${channels.map((type) => html`<span key=${type} class="channel-cell"><${Icon} name=${channelIcon(type)} size=${14} /> ${channelName(type)}</span>`)}</dd></div>
      ${audience.tags.length > 0 && html`<div><dt>${t("campaigns.tags")}</dt><dd><bdi>${audience.tags.join(", ")}</bdi></dd></div>`}
      ${audience.customerIds.length > 0 && html`<div><dt>${t("campaigns.listed")}</dt><dd>${formatNumber(audience.customerIds.length)}</dd></div>`}
      ${Object.entries(templates).map(([type, { name, language }]) => html`<div key=${type}><dt>${t("campaigns.templateOn", { channel: channelName(type) })}</dt><dd><bdi>${name}</bdi> (${language})</dd></div>`)}
    </dl>
    ${message && html`<blockquote class="quoted" dir="auto">${message}</blockquote>`}
    ${Object.entries(texts).map(([type, text]) => html`<p key=${`name ${type}`} class="help">${channelName(type)}</p><blockquote key=${type} class="quoted" dir="auto">${text}</blockquote>`)}
  </section>`;
}

const STATES = ["waiting", "queued", "sent", "delivered", "read", "answered", "opted_out", "failed", "skipped"];

function Recipients({ id, funnel }) {
  const [state, setState] = useState("");
  const load = async (cursor, signal) => {
    const page = await api.get(`/api/campaigns/${id}/recipients`, { state, limit: PAGE, cursor }, { signal });
    return { rows: page.recipients, cursor: page.nextCursor };
  };
  // Asked again when the figures have changed, as long as nobody has asked for more than the first page.
  const { rows, error, reload, loadMore } = usePages(load, [id, state, JSON.stringify(funnel)]);
  const download = async () => {
    try {
      let [text, cursor] = ["", undefined];
      do {
        const page = await api.text(`/api/campaigns/${id}/recipients.csv`, { state, cursor });
        text += text ? page.text.slice(page.text.indexOf("\n") + 1) : page.text;
        cursor = page.cursor;
      } while (cursor);
      saveFile(`recipients-${id}.csv`, text);
    } catch (failure) {
      toastError(failure);
    }
  };
  const heads = ["customer", "channel", "state", "reason", "when"].map((key) => t(`campaigns.${key}`));
  return html`<section class="card">
    <div class="card-header">
      <h2>${t("campaigns.recipients")}</h2>
      <div class="page-actions">
        <${Field} as="select" label=${t("campaigns.state")} hiddenLabel value=${state} onChange=${(event) => setState(event.target.value)}>
          <option value="">${t("filter.all")}</option>
          ${STATES.map((each) => html`<option key=${each} value=${each}>${t(`recipient.${each}`)}</option>`)}
        <//>
        <${Button} icon="download" label=${t("chart.download", { title: t("campaigns.recipients") })} onClick=${download} />
      </div>
    </div>
    ${error && html`<${Failure} error=${error} onRetry=${reload} />`}
    ${!rows && !error && html`<${Skeleton} lines=${4} />`}
    ${rows?.length === 0 && html`<p class="help">${t("campaigns.noRecipients")}</p>`}
    ${rows?.length > 0 &&
    html`<div class="scroll" tabindex="0" role="region" aria-label=${t("campaigns.recipients")}><table class="figures texts">
      <thead><tr>${heads.map((head) => html`<th key=${head} scope="col">${head}</th>`)}</tr></thead>
      <tbody>
        ${rows.map(
          (row) => html`<tr key=${row.messageId}>
            <th scope="row"><bdi>${row.customerName || t("customer.nameless")}</bdi></th>
            <td>${row.channelType ? channelName(row.channelType) : "–"}</td>
            <td>${t(`recipient.${row.state}`)}</td>
            <td>${row.state === "waiting" ? t("campaigns.waitsUntil", { time: dateAndTime(row.waitsUntil) }) : row.reason && html`<bdi>${skipReason(row.reason)}</bdi>`}</td>
            <td><time>${shortMoment(row.updatedAt)}</time></td>
          </tr>`,
        )}
      </tbody>
    </table></div>`}
    ${loadMore && html`<div><${Button} onClick=${loadMore}>${t("campaigns.more")}<//></div>`}
  </section>`;
}
