// What a person chooses for themselves: language, theme, sounds, and their password.
import { html, useState } from "../vendor/preact.js";
import { api, beginSession, BY_COOKIE, cannedReplies, desktopNotices, language, LANGUAGES, may, me, session, sounds, t, theme, THEMES } from "../core.js";
import { Button, Dialog, Failure, Field, fieldError, Switch, toast, toastError, useLoad } from "../ui.js";

const LEAST_PASSWORD = 8;

export default function Settings() {
  const { user, tenant } = session.value;
  return html`<main id="main" class="page">
    <header><h1>${t("nav.settings")}</h1></header>
    <section class="card">
      <h2>${t("settings.profile")}</h2>
      <dl class="custom-fields">
        <div><dt>${t("settings.name")}</dt><dd><bdi>${user.name ?? "–"}</bdi></dd></div>
        <div><dt>${t("signIn.email")}</dt><dd>${user.email}</dd></div>
        <div><dt>${t("settings.role")}</dt><dd>${t(`role.${me.value.role.toLowerCase()}`)}</dd></div>
        <div><dt>${t("settings.business")}</dt><dd><bdi>${tenant.name}</bdi></dd></div>
      </dl>
    </section>
    <section class="card">
      <h2>${t("settings.display")}</h2>
      <${Field} as="select" label=${t("settings.language")} value=${language.value} onChange=${(event) => (language.value = event.target.value)}>
        ${Object.entries(LANGUAGES).map(([code, name]) => html`<option key=${code} value=${code} lang=${code}>${name}</option>`)}
      <//>
      <${Field} as="select" label=${t("settings.theme")} value=${theme.value} onChange=${(event) => (theme.value = event.target.value)}>
        ${THEMES.map((name) => html`<option key=${name} value=${name}>${t(`theme.${name}`)}</option>`)}
      <//>
    </section>
    <section class="card">
      <h2>${t("settings.notices")}</h2>
      <${Switch} label=${t("settings.sounds")} help=${t("settings.soundsHelp")} checked=${sounds.value === "on"} onChange=${(isOn) => (sounds.value = isOn ? "on" : "off")} />
      ${"Notification" in window &&
      html`<${Switch} label=${t("settings.desktop")} help=${t(Notification.permission === "denied" ? "settings.desktopDenied" : "settings.desktopHelp")} checked=${desktopNotices.value === "on"} disabled=${Notification.permission === "denied"} onChange=${allowNotices} />`}
    </section>
    ${may("agent") && html`<${CannedReplies} />`}
    <${Password} />
  </main>`;
}

/** Texts that people send again and again; `/` finds them in the composer. */
function CannedReplies() {
  const { value, error, reload } = useLoad(cannedReplies, []);
  const [editing, setEditing] = useState(null);
  const changed = () => {
    cannedReplies.forget();
    reload();
  };
  const remove = (reply) =>
    api.delete(`/api/canned-replies/${reply.id}`).then(() => {
      const { shortCode, text } = reply;
      toast(t("canned.removed"), { undo: () => api.post("/api/canned-replies", { shortCode, text }).then(changed, toastError) });
      changed();
    }, toastError);
  return html`<section class="card">
    <h2>${t("canned.title")}</h2>
    <p class="help">${t("canned.help")}</p>
    ${error && html`<${Failure} error=${error} onRetry=${reload} />`}
    ${value &&
    html`<ul class="history">
      ${value.map(
        (reply) => html`<li key=${reply.id}>
          <span class="canned"><strong>/${reply.shortCode}</strong><span dir="auto">${reply.text}</span></span>
          <${Button} icon="pencil" label=${t("canned.edit", { code: reply.shortCode })} onClick=${() => setEditing(reply)} />
          <${Button} icon="trash-2" label=${t("canned.remove", { code: reply.shortCode })} onClick=${() => remove(reply)} />
        </li>`,
      )}
    </ul>`}
    <div><${Button} icon="plus" onClick=${() => setEditing({})}>${t("canned.add")}<//></div>
    ${editing && html`<${CannedReply} reply=${editing} onClose=${() => setEditing(null)} onSaved=${changed} />`}
  </section>`;
}

function CannedReply({ reply, onClose, onSaved }) {
  const [error, setError] = useState(null);
  const save = async (event) => {
    event.preventDefault();
    const body = Object.fromEntries(new FormData(event.target));
    try {
      await (reply.id ? api.patch(`/api/canned-replies/${reply.id}`, body) : api.post("/api/canned-replies", body));
      onSaved();
      onClose();
    } catch (refusal) {
      setError(refusal);
    }
  };
  return html`<${Dialog} title=${t(reply.id ? "canned.change" : "canned.add")} onClose=${onClose}>
    <form onSubmit=${save}>
      <${Field} label=${t("canned.code")} help=${t("canned.codeHelp")} name="shortCode" value=${reply.shortCode ?? ""} maxlength="40" required autofocus error=${fieldError(error, "shortCode")} />
      <${Field} as="textarea" label=${t("canned.text")} name="text" rows="5" dir="auto" maxlength="4096" required value=${reply.text ?? ""} error=${fieldError(error, "text")} />
      ${error && html`<p class="error" role="alert">${error.message}</p>`}
      <footer><${Button} onClick=${onClose}>${t("cancel")}<//><${Button} kind="primary" type="submit">${t("save")}<//></footer>
    </form>
  <//>`;
}

async function allowNotices(isOn) {
  const isAllowed = isOn && (await Notification.requestPermission()) === "granted";
  desktopNotices.value = isAllowed ? "on" : "off";
}

function Password() {
  const [error, setError] = useState(null);
  const [busy, setBusy] = useState(false);
  const save = async (event) => {
    event.preventDefault();
    const form = event.target;
    const [currentPassword, newPassword] = ["current", "new"].map((name) => new FormData(form).get(name));
    setBusy(true);
    setError(null);
    try {
      beginSession(await api.post("/api/auth/password", { currentPassword, newPassword }, BY_COOKIE));
      form.reset();
      toast(t("password.changed"));
    } catch (refusal) {
      setError(refusal);
    }
    setBusy(false);
  };
  return html`<section class="card">
    <h2>${t("password.title")}</h2>
    <form class="fields" onSubmit=${save}>
      <input type="text" name="username" autocomplete="username" value=${me.value.email} hidden readonly />
      <${Field} label=${t("password.current")} name="current" type="password" autocomplete="current-password" required error=${fieldError(error, "currentPassword")} />
      <${Field} label=${t("password.new")} help=${t("password.newHelp")} name="new" type="password" autocomplete="new-password" minlength=${LEAST_PASSWORD} required error=${fieldError(error, "newPassword")} />
      ${error && html`<p class="error" role="alert">${error.message}</p>`}
      <div><${Button} kind="primary" type="submit" busy=${busy}>${t("password.change")}<//></div>
    </form>
  </section>`;
}
