// Words that decide something: by which customers want no more messages, or ask for a person.
import { html, useState } from "../vendor/preact.js";
import { api, channels as allChannels, may, t } from "../core.js";
import { Button, Failure, Field, fieldError, Skeleton, Switch, toast, toastError, useLoad } from "../ui.js";
import { Chips } from "./form_parts.js";
import { FormError, useSubmit } from "./setup_parts.js";

async function load() {
  const [settings, channels] = await Promise.all([api.get("/api/settings"), allChannels()]);
  return { settings, channels };
}

export default function Words() {
  const { value, error, reload } = useLoad(load, []);
  if (error) return html`<${Failure} error=${error} onRetry=${reload} />`;
  if (!value) return html`<${Skeleton} kind="rows" lines=${3} />`;
  const changed = () => {
    toast(t("saved"));
    allChannels.forget();
    reload();
  };
  return html`<${PersonWords} settings=${value.settings} onDone=${changed} /><${OptOuts} settings=${value.settings} channels=${value.channels} onDone=${changed} />`;
}

/** The hub's own list, or words that are used instead: null, or a list. */
function OwnWords({ label, help, usual, words, onChange, error, disabled }) {
  return html`<${Switch} label=${usual} checked=${words === null} disabled=${disabled} onChange=${(isUsual) => onChange(isUsual ? null : [])} />
    ${words !== null && html`<${Chips} label=${label} help=${help} items=${words} maxlength=${100} error=${error} disabled=${disabled} onChange=${onChange} />`}`;
}

function PersonWords({ settings, onDone }) {
  const [words, setWords] = useState(settings.handOverWords ?? null);
  const { submit, busy, error } = useSubmit(async () => {
    await api.patch("/api/settings", { handOverWords: words });
    onDone();
  });
  return html`<section class="card">
    <h2>${t("words.person")}</h2>
    <p class="help">${t("words.personHelp")}</p>
    <form class="fields" onSubmit=${submit}>
      <${OwnWords} label=${t("words.own")} help=${t("words.ownHelp")} usual=${t("words.usualPerson")} words=${words} disabled=${!may("admin")} error=${fieldError(error, "handOverWords")} onChange=${setWords} />
      <${FormError} error=${error} />
      ${may("admin") && html`<div><${Button} kind="primary" type="submit" busy=${busy}>${t("save")}<//></div>`}
    </form>
  </section>`;
}

function OptOuts({ settings, channels, onDone }) {
  const [channelId, setChannelId] = useState(channels[0]?.id);
  const channel = channels.find(({ id }) => id === channelId);
  const everywhere = (optOutEverywhere) => api.patch("/api/settings", { optOutEverywhere }).then(onDone, toastError);
  return html`<section class="card">
    <h2>${t("words.optOut")}</h2>
    <p class="help">${t("words.optOutHelp")}</p>
    <${Switch} label=${t("words.everywhere")} help=${t("words.everywhereHelp")} checked=${settings.optOutEverywhere} disabled=${!may("admin")} onChange=${everywhere} />
    ${channel &&
    html`<${Field} as="select" label=${t("filter.channel")} value=${channelId} onChange=${(event) => setChannelId(event.target.value)}>
        ${channels.map(({ id, name }) => html`<option key=${id} value=${id} selected=${id === channelId}>${name}</option>`)}
      <//>
      <${OfChannel} key=${`${channelId} ${channel.updatedAt}`} channel=${channel} onDone=${onDone} />`}
  </section>`;
}

function OfChannel({ channel, onDone }) {
  const { config } = channel;
  const [out, setOut] = useState(config.optOutWords ?? config.opt_out_words ?? null);
  const [back, setBack] = useState(config.optInWords ?? config.opt_in_words ?? null);
  const { submit, busy, error } = useSubmit(async () => {
    await api.patch(`/api/channels/${channel.id}`, { config: { optOutWords: out, optInWords: back } });
    onDone();
  });
  return html`<form class="fields" onSubmit=${submit}>
    <${OwnWords} label=${t("words.out")} help=${t("words.ownHelp")} usual=${t("words.usualOut")} words=${out} disabled=${!may("admin")} error=${fieldError(error, "config.optOutWords")} onChange=${setOut} />
    <${OwnWords} label=${t("words.back")} help=${t("words.ownHelp")} usual=${t("words.usualBack")} words=${back} disabled=${!may("admin")} error=${fieldError(error, "config.optInWords")} onChange=${setBack} />
    <${FormError} error=${error} />
    ${may("admin") && html`<div><${Button} kind="primary" type="submit" busy=${busy}>${t("save")}<//></div>`}
  </form>`;
}
