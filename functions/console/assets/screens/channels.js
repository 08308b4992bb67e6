// The business's channels: how each one is and what to do about it, connecting new ones, and setting them up.
import { html, useEffect, useState } from "../vendor/preact.js";
import { api, channels as allChannels, dateAndTime, goTo, language, may, now, pathTo, shortMoment, t, tOr } from "../core.js";
import { onEvent } from "../live.js";
import {
  Button, channelIcon, channelName, confirmed, Empty, Failure, Field, fieldError, Icon, Skeleton, Switch, toast, toastError, useLoad,
} from "../ui.js";
import { SchemaFields, worded } from "./schema_form.js";
import { Copyable, FormError, PageHeader, useSubmit } from "./setup_parts.js";

const RENEWALS = 5;
const LINK = /https:\/\/[^\s,]+/;

export default function Channels({ parts }) {
  const [first, second] = parts;
  if (!first) return html`<${List} />`;
  if (first === "new" && may("admin")) return second ? html`<${New} key=${second} adapter=${second} />` : html`<${Types} />`;
  return html`<${Channel} key=${first} id=${first} />`;
}

const HOME = pathTo(["channels"]);

/** A channel's status, in words and in a color; what to do about it stands beside it. */
function Status({ status }) {
  const kind = { CONNECTED: "good", ERROR: "bad", CONNECTING: "busy" }[status] ?? "idle";
  return html`<span class=${`status ${kind}`}>${tOr(`channelStatus.${status}`, status)}</span>`;
}

// ── All channels ─────────────────────────────────────────────────────────────────────────────────────────────────

function List() {
  const { value, error, reload } = useLoad(() => api.get("/api/channels", { limit: 200 }), []);
  useEffect(() => onEvent("channel-status", reload), [reload]);
  return html`<main id="main" class="page">
    <${PageHeader} title=${t("nav.channels")}>
      ${may("admin") && html`<a class="button primary" href=${pathTo(["channels", "new"])}><${Icon} name="plus" /><span>${t("channels.add")}</span></a>`}
    <//>
    ${error && html`<${Failure} error=${error} onRetry=${reload} />`}
    ${!value && !error && html`<${Skeleton} lines=${4} />`}
    ${value?.length === 0 && html`<${Empty} icon="plug" title=${t("channels.none")}><p>${t("channels.noneHelp")}</p><//>`}
    ${value?.length > 0 && html`<ul class="cards">${value.map((channel) => html`<${Card} key=${channel.id} channel=${channel} />`)}</ul>`}
  </main>`;
}

function Card({ channel }) {
  const isFine = channel.status === "CONNECTED";
  const { value: health } = useLoad(async () => (isFine ? null : api.get(`/api/channels/${channel.id}/health`)), [channel.updatedAt]);
  const reason = channel.statusDetail;
  return html`<li class="card channel-card">
    <span class="card-icon"><${Icon} name=${channelIcon(channel.type)} size=${22} /></span>
    <div>
      <h2><a class="whole" href=${pathTo(["channels", channel.id])}><bdi>${channel.name}</bdi></a></h2>
      <small>${channelName(channel.type)}</small>
    </div>
    <${Status} status=${channel.status} />
    ${reason && html`<p class="help">${reason}</p>`}
    ${health && html`<p class="next-step">${t(`channelStep.${health.nextStep}`)}</p>`}
  </li>`;
}

// ── A new one ────────────────────────────────────────────────────────────────────────────────────────────────────

/** The ways to connect a channel, explained in the viewer's language as far as the console has the words. */
async function types() {
  const [{ channelTypes }, helps, words] = await Promise.all([api.get("/api/channel-types"), helpTexts(language.value), fieldWords(language.value)]);
  return channelTypes.map((kind) => ({
    ...kind,
    help: helps[kind.adapter] ?? kind.help,
    configSchema: worded(kind.configSchema, words),
  }));
}

/** The help is the hub's own in English. */
const helpTexts = async (chosen) => (chosen === "en" ? {} : wordFile(`channel-help.${chosen}.json`));
const fieldWords = (chosen) => wordFile(`channel-fields.${chosen}.json`);

async function wordFile(name) {
  const answer = await fetch(new URL(`../i18n/${name}`, import.meta.url)).catch(() => null);
  return answer?.ok ? answer.json() : {};
}

/** The easiest first: what needs nothing, then what needs a phone or one token. */
const EASY = ["widget", "whatsapp_web", "telegram_bot"];
const ease = ({ adapter }) => (EASY.indexOf(adapter) + 1 || EASY.length + 1);

function Types() {
  const { value, error, reload } = useLoad(types, []);
  const sorted = value && [...value].sort((one, other) => ease(one) - ease(other));
  return html`<main id="main" class="page">
    <${PageHeader} title=${t("channels.choose")} back=${HOME} />
    ${error && html`<${Failure} error=${error} onRetry=${reload} />`}
    ${!sorted && !error && html`<${Skeleton} lines=${6} />`}
    <ul class="cards">
      ${sorted?.map(
        ({ adapter, type, label, help }) => html`<li key=${adapter} class="card channel-card">
          <span class="card-icon"><${Icon} name=${channelIcon(type)} size=${22} /></span>
          <div><h2><a class="whole" href=${pathTo(["channels", "new", adapter])}>${nameOf(adapter, label)}</a></h2></div>
          <p class="help">${help}</p>
        </li>`,
      )}
    </ul>
  </main>`;
}

/** Several adapters of one type have one label: then their own names tell them apart. */
const nameOf = (adapter, label) => {
  const own = channelName(adapter.toUpperCase());
  return own.toLowerCase().startsWith(label.toLowerCase()) || /WHATSAPP|SMS/i.test(adapter) ? own : label;
};

function HelpText({ text }) {
  const link = text.match(LINK)?.[0].replace(/[.:]$/, "");
  if (!link) return html`<p class="help">${text}</p>`;
  const [before, after] = text.split(link);
  return html`<p class="help">${before}<a href=${link} target="_blank" rel="noreferrer">${link.replace("https://", "")}</a>${after}</p>`;
}

function New({ adapter }) {
  const { value, error, reload } = useLoad(types, []);
  const kind = value?.find((each) => each.adapter === adapter);
  const [config, setConfig] = useState({});
  const { submit, busy, error: refusal } = useSubmit(async (form) => {
    const fields = { name: form.get("name").trim(), type: kind.type, adapter, config };
    const { id } = await api.post("/api/channels", fields);
    allChannels.forget();
    goTo(pathTo(["channels", id]));
  });
  if (error) return html`<main id="main" class="page"><${Failure} error=${error} onRetry=${reload} /></main>`;
  if (!kind) return html`<main id="main" class="page"><${PageHeader} title=${t("channels.add")} back=${HOME} /><${Skeleton} lines=${6} /></main>`;
  const label = nameOf(adapter, kind.label);
  return html`<main id="main" class="page">
    <${PageHeader} title=${label} back=${pathTo(["channels", "new"])} />
    <section class="card">
      <${HelpText} text=${kind.help} />
      <form class="fields" onSubmit=${submit}>
        <${Field} label=${t("channels.name")} help=${t("channels.nameHelp")} name="name" defaultValue=${label} maxlength="100" required autofocus error=${fieldError(refusal, "name")} />
        <${SchemaFields} schema=${kind.configSchema} error=${refusal} onChange=${setConfig} />
        <${FormError} error=${refusal} />
        <div><${Button} kind="primary" type="submit" busy=${busy}>${t("channels.create")}<//></div>
      </form>
    </section>
  </main>`;
}

// ── One of them ──────────────────────────────────────────────────────────────────────────────────────────────────

function Channel({ id }) {
  const load = async () => {
    const [channel, health, kinds] = await Promise.all([
      api.get(`/api/channels/${id}`), api.get(`/api/channels/${id}/health`), types(),
    ]);
    return { channel, health, kind: kinds.find(({ adapter }) => adapter === channel.adapter) };
  };
  const { value, error, reload } = useLoad(load, [id]);
  useEffect(() => onEvent("channel-status", (event) => (event.channelId ?? event.id ?? id) === id && reload()), [reload]);
  if (error && !value) return html`<main id="main" class="page"><${PageHeader} title=${t("nav.channels")} back=${HOME} /><${Failure} error=${error} onRetry=${reload} /></main>`;
  if (!value) return html`<main id="main" class="page"><${PageHeader} title=" " back=${HOME} /><${Skeleton} lines=${8} /></main>`;
  const { channel, health, kind } = value;
  const isAdmin = may("admin");
  return html`<main id="main" class="page">
    <${PageHeader} title=${channel.name} back=${HOME}><${Status} status=${health.status} /><//>
    <${NextStep} channel=${channel} health=${health} kind=${kind} onDone=${reload} />
    ${channel.type === "WIDGET" && html`<${Snippet} channel=${channel} />`}
    ${kind?.hasWebhook && html`<${Webhook} health=${health} />`}
    ${may("agent") && channel.status === "CONNECTED" && channel.type !== "WIDGET" && html`<${TestMessage} channel=${channel} />`}
    ${isAdmin && html`<${Answering} id=${id} />`}
    ${isAdmin && kind && html`<${Configuration} channel=${channel} kind=${kind} onDone=${reload} />`}
    ${isAdmin && html`<${Danger} channel=${channel} />`}
  </main>`;
}

function NextStep({ channel, health, kind, onDone }) {
  const step = health.nextStep;
  const isAdmin = may("admin");
  const isFine = step === "nothing";
  return html`<section class=${`card ${isFine ? "" : "to-do"}`} aria-live="polite">
    <h2>${t(isFine ? "channels.works" : "channels.next")}</h2>
    <p>${t(`channelStep.${step}`)}</p>
    ${health.reason && html`<p class="error">${health.reason}</p>`}
    ${isAdmin && step === "scan" && html`<${Scan} channel=${channel} onDone=${onDone} />`}
    ${isAdmin && step === "log_in" && html`<${LogIn} channel=${channel} onDone=${onDone} />`}
    ${isAdmin && ["connect", "set_public_url", "register_webhook", "enter_config"].includes(step) && html`<${Connect} id=${channel.id} onDone=${onDone} />`}
    ${step === "enter_config" && kind && html`<${HelpText} text=${kind.help} />`}
  </section>`;
}

function Connect({ id, onDone }) {
  const [busy, setBusy] = useState(false);
  const connect = async () => {
    setBusy(true);
    await api.post(`/api/channels/${id}/connect`, {}).catch(toastError);
    setBusy(false);
    onDone();
  };
  return html`<div><${Button} icon="rotate-ccw" busy=${busy} onClick=${connect}>${t("channels.connect")}<//></div>`;
}

/** The code to scan, renewed by itself as often as somebody may need to find the phone, or the one to type in. */
function Scan({ channel, onDone }) {
  const [pairing, setPairing] = useState(null);
  const [busy, setBusy] = useState(false);
  const [seconds, setSeconds] = useState(0);
  const [turns, setTurns] = useState(0);
  const fetchCode = async (phoneNumber) => {
    setBusy(true);
    try {
      if (phoneNumber) await api.patch(`/api/channels/${channel.id}`, { config: { phoneNumber } });
      const connected = await api.post(`/api/channels/${channel.id}/connect`, {});
      setPairing(connected.pairing);
      if (connected.status === "CONNECTED" || !connected.pairing) onDone();
    } catch (failure) {
      toastError(failure);
    }
    setBusy(false);
  };
  useEffect(() => {
    if (!pairing) return undefined;
    const tick = () => {
      const left = Math.max(0, Math.ceil((new Date(pairing.expiresAt) - Date.now()) / 1000));
      setSeconds(left);
      if (left > 0) return;
      clearInterval(timer);
      setPairing(null);
      setTurns(turns + 1);
      if (turns < RENEWALS) fetchCode();
    };
    const timer = setInterval(tick, 1000);
    tick();
    return () => clearInterval(timer);
  }, [pairing]);
  const askByPhone = (event) => {
    event.preventDefault();
    setTurns(0);
    fetchCode(new FormData(event.target).get("phone"));
  };
  const begin = () => {
    setTurns(0);
    fetchCode();
  };
  return html`<div class="scan">
    ${pairing?.qrCode
      ? html`<figure><img src=${pairing.qrCode} width="240" height="240" alt=${t("channels.qrAlt")} />
          <figcaption role="timer">${t("channels.qrSeconds", { seconds })}</figcaption></figure>`
      : html`<${Button} kind="primary" busy=${busy} onClick=${begin}>${t(turns > RENEWALS ? "channels.qrAgain" : "channels.qrShow")}<//>`}
    ${pairing?.pairingCode && html`<p>${t("channels.phoneCode")} <output class="code">${pairing.pairingCode}</output></p>`}
    <details class="more">
      <summary>${t("channels.byPhone")}</summary>
      <form class="fields" onSubmit=${askByPhone}>
        <${Field} label=${t("channels.phoneNumber")} help=${t("channels.phoneNumberHelp")} name="phone" type="tel" required autocomplete="tel" />
        <div><${Button} type="submit" busy=${busy}>${t("channels.phoneCodeGet")}<//></div>
      </form>
    </details>
  </div>`;
}

function LogIn({ channel, onDone }) {
  const [phone, setPhone] = useState("");
  const [needsPassword, setNeedsPassword] = useState(false);
  const { submit, busy, error } = useSubmit(async (form) => {
    if (!phone) {
      await api.post("/api/telegram/user/start", { channelInstanceId: channel.id, phone: form.get("phone") });
      return setPhone(form.get("phone"));
    }
    const body = { channelInstanceId: channel.id, code: form.get("code"), password: form.get("password") || undefined };
    const answer = await api.post("/api/telegram/user/confirm", body);
    setNeedsPassword(answer.needs2FA);
    if (answer.ok) onDone();
  });
  return html`<form class="fields" onSubmit=${submit}>
    ${!phone && html`<${Field} label=${t("channels.phoneNumber")} help=${t("channels.phoneNumberHelp")} name="phone" type="tel" required error=${fieldError(error, "phone")} />`}
    ${phone && html`<${Field} label=${t("channels.loginCode")} name="code" inputmode="numeric" autocomplete="one-time-code" required error=${fieldError(error, "code")} />`}
    ${needsPassword && html`<${Field} label=${t("channels.loginPassword")} name="password" type="password" autocomplete="off" required error=${fieldError(error, "password")} />`}
    <${FormError} error=${error} />
    <div><${Button} kind="primary" type="submit" busy=${busy}>${t(phone ? "channels.logIn" : "channels.sendCode")}<//></div>
  </form>`;
}

function Snippet({ channel }) {
  const page = `${location.origin}/widget/${channel.id}`;
  const code = `<script src="${page}/embed.js" async></script>`;
  return html`<section class="card">
    <h2>${t("channels.widget")}</h2>
    <p class="help">${t("channels.widgetHelp")}</p>
    <${Copyable} text=${code} label=${t("channels.widget")} />
    <p class="help">${t("channels.widgetMore")} <code>data-language="de"</code>, <code>data-color="#0f766e"</code>, <code>data-name</code>, <code>data-email</code></p>
    <div><a class="button" href=${page} target="_blank" rel="noreferrer"><${Icon} name="globe" /><span>${t("channels.testPage")}</span></a></div>
  </section>`;
}

/** Sends somebody a message over the channel, to see that it arrives. */
function TestMessage({ channel }) {
  const [isSent, setSent] = useState(false);
  const { submit, busy, error } = useSubmit(async (form) => {
    const to = form.get("to").trim();
    const person = /^\+?[\d\s()/.-]+$/.test(to) ? { phone_number: to } : { user_id: to };
    await api.post(`/api/v1/instance/${channel.id}/send-text`, { ...person, text: form.get("text") });
    setSent(true);
  });
  return html`<section class="card">
    <h2>${t("channels.test")}</h2>
    <form class="fields" onSubmit=${submit}>
      <${Field} label=${t("channels.testTo")} help=${t("channels.testToHelp")} name="to" maxlength="254" required error=${fieldError(error, "phone_number") ?? fieldError(error, "user_id")} />
      <${Field} label=${t("channels.testText")} name="text" defaultValue=${t("channels.testDefault")} dir="auto" maxlength="1000" required error=${fieldError(error, "text")} />
      <${FormError} error=${error} />
      ${isSent && html`<p role="status">${t("channels.testSent")} <a href=${pathTo(["inbox", "open"])}>${t("channels.testOpen")}</a></p>`}
      <div><${Button} icon="send" type="submit" busy=${busy}>${t("channels.testSend")}<//></div>
    </form>
  </section>`;
}

function Webhook({ health }) {
  const { receivedAt, refusedAt, refusal, refusedCount, error } = health.webhook;
  void now.value; // Drawn again as time passes.
  const moment = (at) => html`<time datetime=${at} title=${dateAndTime(at)}>${shortMoment(at)}</time>`;
  return html`<section class="card">
    <h2>${t("channels.webhook")}</h2>
    ${health.webhookAddress && html`<${Copyable} text=${health.webhookAddress} label=${t("channels.webhookAddress")} />`}
    ${error && html`<p class="error">${error}</p>`}
    <dl class="facts">
      <div><dt>${t("channels.accepted")}</dt><dd>${receivedAt ? moment(receivedAt) : t("channels.never")}</dd></div>
      <div><dt>${t("channels.refused")}</dt><dd>${refusedAt ? html`${moment(refusedAt)} · ${refusal} (${refusedCount})` : t("channels.never")}</dd></div>
    </dl>
  </section>`;
}

/** Who answers on the channel by itself. */
function Answering({ id }) {
  const load = async () => {
    const [{ binding }, { agents }] = await Promise.all([api.get(`/api/channels/${id}/agent-binding`), api.get("/api/agents")]);
    return { binding, agents: agents.filter(({ kind }) => kind.toLowerCase() === "ai") };
  };
  const { value, error, reload } = useLoad(load, [id]);
  if (error) return html`<section class="card"><${Failure} error=${error} onRetry=${reload} /></section>`;
  if (!value) return html`<section class="card"><${Skeleton} lines=${3} /></section>`;
  const { binding, agents } = value;
  const change = async (changes) => {
    await api.patch(`/api/channels/${id}/agent-binding`, changes).then(() => toast(t("saved")), toastError);
    reload();
  };
  return html`<section class="card">
    <h2>${t("channels.answering")}</h2>
    <${Switch} label=${t("channels.autoReply")} checked=${binding?.autoReply ?? true} onChange=${(autoReply) => change({ autoReply })} />
    ${agents.length
      ? html`<${Field} as="select" label=${t("channels.agent")} value=${binding?.agentId ?? ""} onChange=${(event) => change({ agentId: event.target.value || null })}>
          <option value="">${t("channels.agentAny")}</option>
          ${agents.map((agent) => html`<option key=${agent.id} value=${agent.id}>${agent.name}</option>`)}
        <//>`
      : html`<p class="help">${t("channels.noAgent")} <a href=${pathTo(["agents", "new"])}>${t("agents.add")}</a></p>`}
  </section>`;
}

function Configuration({ channel, kind, onDone }) {
  const [config, setConfig] = useState({});
  const { submit, busy, error } = useSubmit(async (form) => {
    await api.patch(`/api/channels/${channel.id}`, { name: form.get("name").trim(), config });
    allChannels.forget();
    toast(t("saved"));
    onDone();
  });
  return html`<section class="card">
    <h2>${t("channels.settings")}</h2>
    <form class="fields" onSubmit=${submit}>
      <${Field} label=${t("channels.name")} name="name" defaultValue=${channel.name} maxlength="100" required error=${fieldError(error, "name")} />
      <${SchemaFields} schema=${kind.configSchema} values=${channel.config} error=${error} onChange=${setConfig} />
      <${FormError} error=${error} />
      <div><${Button} kind="primary" type="submit" busy=${busy}>${t("save")}<//></div>
    </form>
  </section>`;
}

function Danger({ channel }) {
  const remove = async () => {
    if (!(await confirmed(t("channels.remove"), t("channels.removeHelp", { name: channel.name }), t("channels.remove")))) return;
    try {
      await api.delete(`/api/channels/${channel.id}`);
      allChannels.forget();
      goTo(HOME);
    } catch (failure) {
      toastError(failure);
    }
  };
  return html`<section><${Button} kind="danger" icon="trash-2" onClick=${remove}>${t("channels.remove")}<//></section>`;
}
