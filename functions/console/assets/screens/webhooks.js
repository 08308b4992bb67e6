// Webhooks out: which systems of the business are told what happens, and what became of telling them.
import { html, useState } from "../vendor/preact.js";
import { api, channels as everyChannel, dateAndTime, formatNumber, goTo, pathTo, shortMoment, t } from "../core.js";
import { Button, confirmed, Dialog, Empty, Failure, Field, fieldError, Icon, Skeleton, toast, toastError, useLoad } from "../ui.js";
import { Copyable, FormError, PageHeader, useSubmit } from "./setup_parts.js";

const HOME = pathTo(["webhooks"]);
const TOPICS = ["message", "status", "conversation", "customer", "channel", "notification", "campaign", "csat"];
const TIMES = [1, 6, 24, 168];
const NEW = { url: "", description: "", topics: ["message", "status", "conversation"], channelIds: [], status: "active" };
const PAGE = 50;
const TONES = { active: "good", delivered: "good", failed: "busy", pending: "idle", paused: "idle" };

const load = async () => {
  const [{ webhooks }, channels] = await Promise.all([api.get("/api/webhooks", { limit: 100 }), everyChannel()]);
  return { webhooks, channels };
};

const State = ({ value }) => html`<span class=${`status ${TONES[value] ?? "bad"}`}>${t(`webhooks.is.${value}`)}</span>`;

export default function Webhooks({ parts }) {
  const [id] = parts;
  const [shown, setShown] = useState(null);
  const { value, error, reload } = useLoad(load, []);
  if (error) return html`<main id="main" class="page"><${Failure} error=${error} onRetry=${reload} /></main>`;
  if (!value) return html`<main id="main" class="page"><${PageHeader} title=${t("nav.webhooks")} /><${Skeleton} lines=${4} /></main>`;
  const webhook = id === "new" ? NEW : value.webhooks.find((each) => each.id === id);
  return html`
    ${!id
      ? html`<${List} ...${value} />`
      : webhook
        ? html`<${Webhook} key=${`${id} ${webhook.updatedAt}`} webhook=${webhook} channels=${value.channels} onDone=${reload} onSecret=${setShown} />`
        : html`<main id="main" class="page"><${Empty} icon="zap" title=${t("webhooks.gone")}><a href=${HOME}>${t("back")}</a><//></main>`}
    ${shown && html`<${Secret} secret=${shown} onClose=${() => setShown(null)} />`}
  `;
}

/** The secret, which nobody is shown again. */
function Secret({ secret, onClose }) {
  const actions = html`<${Button} kind="primary" onClick=${onClose}>${t("webhooks.kept")}<//>`;
  return html`<${Dialog} title=${t("webhooks.secret")} onClose=${onClose} actions=${actions}>
    <p>${t("webhooks.secretHelp")}</p>
    <${Copyable} text=${secret} label=${t("webhooks.secret")} />
  <//>`;
}

function List({ webhooks }) {
  return html`<main id="main" class="page">
    <${PageHeader} title=${t("nav.webhooks")}>
      <a class="button primary" href=${pathTo(["webhooks", "new"])}><${Icon} name="plus" /><span>${t("webhooks.add")}</span></a>
    <//>
    ${webhooks.length === 0 && html`<${Empty} icon="zap" title=${t("webhooks.none")}><p>${t("webhooks.noneHelp")}</p><//>`}
    <ul class="cards">
      ${webhooks.map(
        (webhook) => html`<li key=${webhook.id} class="card channel-card">
          <span class="card-icon"><${Icon} name="zap" size=${22} /></span>
          <div>
            <h2><a class="whole" href=${pathTo(["webhooks", webhook.id])}><bdi>${webhook.description || webhook.url}</bdi></a></h2>
            <small>${webhook.topics.map((topic) => t(`webhooks.topic.${topic}`)).join(", ")}</small>
          </div>
          <${State} value=${webhook.status} />
        </li>`,
      )}
    </ul>
  </main>`;
}

function Webhook({ webhook, channels, onDone, onSecret }) {
  const [seen, setSeen] = useState(0);
  const { submit, busy, error } = useSubmit(async (form) => {
    const fields = {
      url: form.get("url").trim(),
      description: form.get("description").trim(),
      topics: form.getAll("topic"),
      channelIds: form.getAll("channel"),
    };
    const saved = webhook.id ? await api.patch(`/api/webhooks/${webhook.id}`, fields) : await api.post("/api/webhooks", fields);
    toast(t("saved"));
    if (saved.secret) onSecret(saved.secret);
    onDone();
    if (!webhook.id) goTo(pathTo(["webhooks", saved.id]));
  });
  return html`<main id="main" class="page">
    <${PageHeader} title=${webhook.description || webhook.url || t("webhooks.add")} back=${HOME}>${webhook.id && html`<${State} value=${webhook.status} />`}<//>
    ${webhook.statusReason && html`<p class="error" role="status">${t("webhooks.pausedBecause", { reason: webhook.statusReason })}</p>`}
    <section class="card">
      <form onSubmit=${submit}>
        <fieldset class="fields">
          <legend class="visually-hidden">${t("nav.webhooks")}</legend>
          <${Field} label=${t("webhooks.url")} help=${t("webhooks.urlHelp")} name="url" type="url" defaultValue=${webhook.url} maxlength="2048" required error=${fieldError(error, "url")} />
          <${Field} label=${t("webhooks.description")} name="description" defaultValue=${webhook.description} maxlength="200" error=${fieldError(error, "description")} />
          <fieldset class="checks">
            <legend>${t("webhooks.topics")}</legend>
            ${TOPICS.map(
              (topic) => html`<label key=${topic} class="check">
                <input type="checkbox" name="topic" value=${topic} defaultChecked=${webhook.topics.includes(topic)} /> ${t(`webhooks.topic.${topic}`)}
              </label>`,
            )}
          </fieldset>
          ${channels.length > 0 &&
          html`<fieldset class="checks">
            <legend>${t("webhooks.channels")}</legend>
            ${channels.map(
              ({ id, name }) => html`<label key=${id} class="check">
                <input type="checkbox" name="channel" value=${id} defaultChecked=${webhook.channelIds.includes(id)} /> <bdi>${name}</bdi>
              </label>`,
            )}
          </fieldset>`}
          <${FormError} error=${error} />
          <div class="actions"><${Button} kind="primary" type="submit" busy=${busy}>${t("save")}<//></div>
        </fieldset>
      </form>
    </section>
    ${webhook.id &&
    html`<${Actions} webhook=${webhook} onDone=${onDone} onSecret=${onSecret} onSent=${() => setSeen(seen + 1)} />
      <${Deliveries} key=${seen} webhook=${webhook} />`}
  </main>`;
}

function Actions({ webhook, onDone, onSecret, onSent }) {
  const path = `/api/webhooks/${webhook.id}`;
  const [busy, setBusy] = useState(false);
  const doing = (action) => async () => {
    setBusy(true);
    await action().catch(toastError);
    setBusy(false);
  };
  const test = doing(async () => {
    const { status, answerStatus, error } = await api.post(`${path}/test`);
    toast(t(status === "delivered" ? "webhooks.testGood" : "webhooks.testBad", { answer: answerStatus ?? error }));
    onSent();
  });
  const rotate = doing(async () => {
    if (!(await confirmed(t("webhooks.rotate"), t("webhooks.rotateHelp"), t("webhooks.rotate"), "primary"))) return;
    const { secret } = await api.post(`${path}/rotate-secret`);
    onSecret(secret);
    onDone();
  });
  const toggle = doing(async () => {
    await api.patch(path, { active: webhook.status !== "active" });
    onDone();
  });
  const remove = doing(async () => {
    if (!(await confirmed(t("webhooks.remove"), t("webhooks.removeHelp"), t("webhooks.remove")))) return;
    await api.delete(path);
    onDone();
    goTo(HOME);
  });
  const replay = async (event) => {
    event.preventDefault();
    const hours = new FormData(event.target).get("hours");
    const until = new Date();
    const since = new Date(until - hours * 3_600_000);
    await doing(async () => {
      let [count, cursor] = [0, null];
      do {
        const step = await api.post(`${path}/replay`, { since: since.toISOString(), until: until.toISOString(), cursor });
        [count, cursor] = [count + step.replayed, step.nextCursor];
      } while (cursor);
      toast(t("webhooks.replayed", { count: formatNumber(count) }));
      onSent();
    })();
  };
  return html`<section class="card">
    <h2>${t("webhooks.actions")}</h2>
    ${webhook.formerSecretUntil && new Date(webhook.formerSecretUntil) > Date.now() && html`<p class="help">${t("webhooks.twoSecrets", { until: dateAndTime(webhook.formerSecretUntil) })}</p>`}
    <div class="actions">
      <${Button} icon="send" disabled=${busy} onClick=${test}>${t("webhooks.test")}<//>
      <${Button} icon="rotate-ccw" disabled=${busy} onClick=${rotate}>${t("webhooks.rotate")}<//>
      <${Button} disabled=${busy} onClick=${toggle}>${t(webhook.status === "active" ? "webhooks.pause" : "webhooks.goOn")}<//>
      <${Button} kind="danger" icon="trash-2" disabled=${busy} onClick=${remove}>${t("webhooks.remove")}<//>
    </div>
    <form class="fields" onSubmit=${replay}>
      <${Field} as="select" label=${t("webhooks.replayTime")} name="hours">${TIMES.map((hours) => html`<option key=${hours} value=${hours}>${t("webhooks.hours", { count: hours })}</option>`)}<//>
      <div><${Button} icon="rotate-ccw" type="submit" disabled=${busy || webhook.status !== "active"}>${t("webhooks.replay")}<//></div>
    </form>
  </section>`;
}

function Deliveries({ webhook }) {
  const path = `/api/webhooks/${webhook.id}/deliveries`;
  const [older, setOlder] = useState({ items: [], cursor: undefined });
  const [opened, setOpened] = useState(null);
  const { value, error, reload } = useLoad((signal) => api.get(path, { limit: PAGE }, { signal }), [webhook.id]);
  if (error) return html`<${Failure} error=${error} onRetry=${reload} />`;
  if (!value) return html`<${Skeleton} kind="rows" lines=${3} />`;
  const cursor = older.cursor === undefined ? value.nextCursor : older.cursor;
  const items = [...value.deliveries, ...older.items];
  const loadOlder = () =>
    api.get(path, { limit: PAGE, cursor }).then((page) => setOlder({ items: [...older.items, ...page.deliveries], cursor: page.nextCursor }), toastError);
  const open = (id) => api.get(`${path}/${id}`).then(setOpened, toastError);
  const resend = (id) =>
    api.post(`${path}/${id}/resend`).then(() => {
      toast(t("again.done"));
      reload();
    }, toastError);
  const heads = ["time", "event", "state", "answer"].map((key) => t(`webhooks.${key}`));
  return html`<section class="card">
    <h2>${t("webhooks.deliveries")}</h2>
    ${items.length === 0
      ? html`<p class="help">${t("webhooks.noDeliveries")}</p>`
      : html`<div class="scroll" tabindex="0" role="region" aria-label=${t("webhooks.deliveries")}><table class="figures texts">
          <thead><tr>${heads.map((head) => html`<th key=${head} scope="col">${head}</th>`)}<th scope="col"><span class="visually-hidden">${t("delivery.actions")}</span></th></tr></thead>
          <tbody>
            ${items.map(
              (item) => html`<tr key=${item.id}>
                <th scope="row"><time>${shortMoment(item.createdAt)}</time></th>
                <td><code>${item.type}</code></td>
                <td><${State} value=${item.status} /></td>
                <td><span dir="auto">${item.answerStatus ?? item.error}</span></td>
                <td class="row-actions">
                  <${Button} icon="info" label=${t("webhooks.details")} onClick=${() => open(item.id)} />
                  <${Button} icon="rotate-ccw" label=${t("again")} disabled=${webhook.status !== "active"} onClick=${() => resend(item.id)} />
                </td>
              </tr>`,
            )}
          </tbody>
        </table></div>`}
    ${cursor && html`<${Button} onClick=${loadOlder}>${t("delivery.older")}<//>`}
    ${opened && html`<${Details} delivery=${opened} onClose=${() => setOpened(null)} />`}
  </section>`;
}

/** What was sent, and what came back of each attempt. */
function Details({ delivery, onClose }) {
  return html`<${Dialog} wide title=${delivery.type} onClose=${onClose}>
    <p><code>webhook-id: ${delivery.eventId}</code></p>
    <ul class="rows">
      ${delivery.history.map(
        (attempt) => html`<li key=${attempt.at}><div>${dateAndTime(attempt.at)}<small dir="auto">${attempt.status ?? attempt.error} · ${formatNumber(attempt.milliseconds)} ms</small></div></li>`,
      )}
    </ul>
    <h3>${t("webhooks.request")}</h3>
    <pre class="sent" tabindex="0">${pretty(delivery.body)}</pre>
    <h3>${t("webhooks.answer")}</h3>
    <pre class="sent" tabindex="0" dir="auto">${delivery.answer || "–"}</pre>
  <//>`;
}

function pretty(body) {
  return body ? JSON.stringify(JSON.parse(body), null, 2) : "–";
}
