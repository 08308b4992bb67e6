// The people of the business, who is invited, API keys for programs, and one's own sessions.
import { html, useEffect, useState } from "../vendor/preact.js";
import { api, dateAndTime, may, me, people as everybody, shortMoment, signOut, t } from "../core.js";
import { Avatar, Button, confirmed, Dialog, Failure, Field, fieldError, Icon, Menu, Skeleton, toast, toastError, useLoad } from "../ui.js";
import { onEvent } from "../live.js";
import { Chips } from "./form_parts.js";
import { Copyable, FormError, PageHeader, useSubmit } from "./setup_parts.js";

const ROLES = ["viewer", "agent", "admin", "owner"];
/** How each presence looks. */
const PRESENCES = { online: "good", away: "busy", offline: "idle" };
const SCOPES = ["read", "write", "secrets:read"];

/** The roles that somebody may give: only owners make owners and admins. */
const givenBy = () => (may("owner") ? ROLES : ["viewer", "agent"]);
const mayManage = (user) => may("admin") && user.id !== me.value.id && givenBy().includes(user.role.toLowerCase());

/** Who is there, and how much they have and take, by the id of the user. */
async function everybodysAvailability() {
  const all = new Map();
  let cursor;
  do {
    const page = await api.get("/api/users/availability", { cursor });
    for (const person of page.people) all.set(person.userId, person);
    cursor = page.nextCursor;
  } while (cursor && all.size < 100);
  return all;
}

const load = async () => {
  const [users, invitations, keys, sessions, availability] = await Promise.all([
    api.get("/api/users", { limit: 100 }),
    may("admin") ? api.get("/api/users/invitations", { limit: 100 }) : { invitations: [] },
    may("admin") ? api.get("/api/keys", { limit: 100 }) : { keys: [] },
    api.get("/api/auth/sessions", { limit: 100 }),
    everybodysAvailability(),
  ]);
  return { availability, users: users.users, invitations: invitations.invitations, keys: keys.keys, sessions: sessions.sessions };
};

export default function People() {
  const { value, error, reload } = useLoad(load, []);
  const [dialog, setDialog] = useState(null);
  const close = () => setDialog(null);
  const changed = () => {
    everybody.forget();
    reload();
  };
  return html`<main id="main" class="page">
    <${PageHeader} title=${t("nav.people")}>
      ${may("admin") && html`<${Button} kind="primary" icon="user-plus" onClick=${() => setDialog("invite")}>${t("people.invite")}<//>`}
    <//>
    ${error && html`<${Failure} error=${error} onRetry=${reload} />`}
    ${!value && !error && html`<${Skeleton} lines=${6} />`}
    ${value &&
    html`<${Users} users=${value.users} availability=${value.availability} onDone=${changed} onAvailability=${(user) => setDialog({ user })} onLink=${(resetLink) => setDialog({ resetLink })} />
      ${value.invitations.length > 0 && html`<${Invitations} invitations=${value.invitations} onDone=${reload} />`}
      ${may("admin") && html`<${Keys} keys=${value.keys} onDone=${reload} onAdd=${() => setDialog("key")} />`}
      <${Sessions} sessions=${value.sessions} onDone=${reload} />`}
    ${dialog === "invite" && html`<${Invite} onClose=${close} onDone=${reload} />`}
    ${dialog === "key" && html`<${NewKey} onClose=${close} onDone=${reload} />`}
    ${dialog?.user &&
    html`<${Availability}
      user=${dialog.user} availability=${value.availability.get(dialog.user.id)} onClose=${close}
      onDone=${() => {
        close();
        reload();
      }}
    />`}
    ${dialog?.resetLink && html`<${Dialog} title=${t("people.resetLink")} onClose=${close}><p>${t("people.resetHelp")}</p><${Copyable} text=${dialog.resetLink} label=${t("people.resetLink")} /><//>`}
  </main>`;
}

const mayAnswer = (user) => user.role.toLowerCase() !== "viewer";
/** Only of people in teams, and of those who have set it, the hub keeps whether they are there. */
const isKept = (availability) => availability && (availability.teamIds.length > 0 || availability.isChosen);

/** Whether somebody is given conversations, and how many: kept in step with what the hub tells. */
function Presence({ availability }) {
  const [status, setStatus] = useState(availability.status);
  useEffect(() => setStatus(availability.status), [availability]);
  useEffect(() => onEvent("presence", (event) => event.userId === availability.userId && setStatus(event.status)), [availability.userId]);
  return html`<span class=${`status presence-text ${PRESENCES[status]}`}>${t(`presence.${status}`)}</span>`;
}

function Users({ users, availability, onDone, onLink, onAvailability }) {
  const change = (user, role) => api.patch(`/api/users/${user.id}`, { role }).then(onDone, toastError);
  const remove = async (user) => {
    const name = user.name || user.email;
    if (!(await confirmed(t("people.remove"), t("people.removeHelp", { name }), t("people.remove")))) return;
    await api.delete(`/api/users/${user.id}`).then(onDone, toastError);
  };
  const end = (user) => api.delete(`/api/users/${user.id}/sessions`).then(() => toast(t("people.ended")), toastError);
  const reset = (user) => api.post(`/api/users/${user.id}/password-reset`).then(({ link }) => onLink(link), toastError);
  return html`<section class="card">
    <h2>${t("people.users")}</h2>
    <ul class="rows">
      ${users.map((user) => {
        const name = user.name || user.email;
        return html`<li key=${user.id}>
          <${Avatar} name=${name} />
          <div>
            <bdi>${name}</bdi>${user.name && html`<small>${user.email}</small>`}
            ${mayAnswer(user) && html`<small>${takesText(availability.get(user.id))}</small>`}
          </div>
          ${mayAnswer(user) && isKept(availability.get(user.id)) && html`<${Presence} availability=${availability.get(user.id)} />`}
          ${mayAnswer(user) && (may("admin") || (user.id === me.value.id && may("agent"))) && html`<${Button} icon="sliders-horizontal" label=${t("people.availabilityOf", { name })} onClick=${() => onAvailability(user)} />`}
          <span class="tag">${t(`role.${user.role.toLowerCase()}`)}</span>
          ${mayManage(user) &&
          html`<${Menu}
            label=${t("people.actions", { name })} icon="ellipsis"
            items=${[
              ...givenBy().map((role) => ({ label: t(`role.${role}`), checked: role === user.role.toLowerCase(), onSelect: () => change(user, role) })),
              { label: t("people.endSessions"), icon: "log-out", onSelect: () => end(user) },
              may("owner") && { label: t("people.reset"), icon: "lock", onSelect: () => reset(user) },
              { label: t("people.remove"), icon: "user-x", kind: "danger", onSelect: () => remove(user) },
            ]}
          />`}
        </li>`;
      })}
    </ul>
  </section>`;
}

/** How much somebody takes, and what they are good at, in a line. */
function takesText(availability) {
  if (!availability) return "";
  const { capacity, skills, openConversations } = availability;
  const text = capacity === null ? t("people.has", { count: openConversations }) : t("people.takes", { open: openConversations, count: capacity });
  return [text, skills.join(", ")].filter(Boolean).join(" · ");
}

function Availability({ user, availability, onClose, onDone }) {
  const [skills, setSkills] = useState(availability?.skills ?? []);
  const chosen = availability?.isChosen ? availability.status : "";
  const { submit, busy, error } = useSubmit(async (form) => {
    const capacity = form.get("capacity");
    await api.put(`/api/users/${user.id}/availability`, { status: form.get("status") || null, capacity: capacity === "" ? null : Number(capacity), skills });
    toast(t("saved"));
    onDone();
  });
  return html`<${Dialog} title=${t("people.availabilityOf", { name: user.name || user.email })} onClose=${onClose}>
    <form onSubmit=${submit}>
      <${Field} as="select" label=${t("people.presence")} help=${t("people.presenceHelp")} name="status">
        <option value="">${t("people.byPages")}</option>
        ${Object.keys(PRESENCES).map((status) => html`<option key=${status} value=${status} selected=${status === chosen}>${t(`presence.${status}`)}</option>`)}
      <//>
      <${Field} label=${t("people.capacity")} help=${t("people.capacityHelp")} name="capacity" type="number" min="0" max="1000" defaultValue=${availability?.capacity ?? ""} error=${fieldError(error, "capacity")} />
      <${Chips} label=${t("people.skills")} help=${t("people.skillsHelp")} items=${skills} onChange=${setSkills} error=${fieldError(error, "skills")} />
      <${FormError} error=${error} />
      <footer><${Button} onClick=${onClose}>${t("cancel")}<//><${Button} kind="primary" type="submit" busy=${busy}>${t("save")}<//></footer>
    </form>
  <//>`;
}

function Invitations({ invitations, onDone }) {
  const withdraw = (id) => api.delete(`/api/users/invitations/${id}`).then(onDone, toastError);
  return html`<section class="card">
    <h2>${t("people.invitations")}</h2>
    <ul class="rows">
      ${invitations.map(
        ({ id, email, role, expiresAt }) => html`<li key=${id}>
          <div>${email}<small>${t("people.until", { time: dateAndTime(expiresAt) })}</small></div>
          <span class="tag">${t(`role.${role.toLowerCase()}`)}</span>
          <${Button} icon="x" label=${t("people.withdraw", { email })} onClick=${() => withdraw(id)} />
        </li>`,
      )}
    </ul>
  </section>`;
}

function Invite({ onClose, onDone }) {
  const [link, setLink] = useState("");
  const { submit, busy, error } = useSubmit(async (form) => {
    const body = { email: form.get("email").trim(), name: form.get("name").trim() || null, role: form.get("role") };
    setLink((await api.post("/api/users", body)).link);
    onDone();
  });
  return html`<${Dialog} title=${t("people.invite")} onClose=${onClose}>
    ${link
      ? html`<p>${t("people.linkHelp")}</p><${Copyable} text=${link} label=${t("people.link")} />`
      : html`<form onSubmit=${submit}>
          <${Field} label=${t("signIn.email")} name="email" type="email" required autofocus autocomplete="off" error=${fieldError(error, "email")} />
          <${Field} label=${t("settings.name")} name="name" maxlength="100" autocomplete="off" error=${fieldError(error, "name")} />
          <${Field} as="select" label=${t("settings.role")} name="role" help=${t("people.rolesHelp")}>
            ${givenBy().map((role) => html`<option key=${role} value=${role} selected=${role === "agent"}>${t(`role.${role}`)}</option>`)}
          <//>
          <${FormError} error=${error} />
          <footer><${Button} onClick=${onClose}>${t("cancel")}<//><${Button} kind="primary" type="submit" busy=${busy}>${t("people.makeLink")}<//></footer>
        </form>`}
  <//>`;
}

function Keys({ keys, onDone, onAdd }) {
  const revoke = async (key) => {
    if (!(await confirmed(t("people.revoke"), t("people.revokeHelp", { name: key.name }), t("people.revoke")))) return;
    await api.delete(`/api/keys/${key.id}`).then(onDone, toastError);
  };
  return html`<section class="card">
    <header class="card-header"><h2>${t("people.keys")}</h2><${Button} icon="plus" onClick=${onAdd}>${t("people.addKey")}<//></header>
    ${keys.length === 0 && html`<p class="help">${t("people.noKeys")}</p>`}
    <ul class="rows">
      ${keys.map(
        (key) => html`<li key=${key.id}>
          <div>
            <bdi>${key.name}</bdi>
            <small>
              <code>${key.prefix}</code> · ${key.lastUsedAt ? t("people.used", { time: shortMoment(key.lastUsedAt) }) : t("people.unused")}
              ${key.expiresAt && ` · ${t("people.until", { time: dateAndTime(key.expiresAt) })}`}
            </small>
          </div>
          <span class="tag">${t(`role.${key.role.toLowerCase()}`)}</span>
          <${Button} icon="trash-2" label=${t("people.revokeKey", { name: key.name })} onClick=${() => revoke(key)} />
        </li>`,
      )}
    </ul>
  </section>`;
}

function NewKey({ onClose, onDone }) {
  const [key, setKey] = useState("");
  const { submit, busy, error } = useSubmit(async (form) => {
    const expires = form.get("expires");
    const body = { name: form.get("name").trim(), role: form.get("role"), scopes: form.getAll("scope") };
    if (expires) body.expiresAt = new Date(`${expires}T23:59:59`).toISOString();
    setKey((await api.post("/api/keys", body)).key);
    onDone();
  });
  return html`<${Dialog} title=${t("people.addKey")} onClose=${onClose}>
    ${key
      ? html`<p>${t("people.keyHelp")}</p><${Copyable} text=${key} label=${t("people.keys")} />`
      : html`<form onSubmit=${submit}>
          <${Field} label=${t("settings.name")} name="name" maxlength="100" required autofocus autocomplete="off" error=${fieldError(error, "name")} />
          <${Field} as="select" label=${t("settings.role")} name="role">
            ${givenBy().map((role) => html`<option key=${role} value=${role} selected=${role === "agent"}>${t(`role.${role}`)}</option>`)}
          <//>
          <fieldset class="checks">
            <legend>${t("people.scopes")}</legend>
            ${SCOPES.map((scope) => html`<label key=${scope} class="check"><input type="checkbox" name="scope" value=${scope} defaultChecked=${scope !== "secrets:read"} /> ${t(`scope.${scope}`)}</label>`)}
          </fieldset>
          <${Field} label=${t("people.expires")} name="expires" type="date" error=${fieldError(error, "expiresAt")} />
          <${FormError} error=${error} />
          <footer><${Button} onClick=${onClose}>${t("cancel")}<//><${Button} kind="primary" type="submit" busy=${busy}>${t("people.addKey")}<//></footer>
        </form>`}
  <//>`;
}

const BROWSERS = { "Edg/": "Edge", "OPR/": "Opera", "Firefox/": "Firefox", "Chrome/": "Chrome", "Safari/": "Safari" };
const SYSTEMS = { Android: "Android", iPhone: "iPhone", iPad: "iPad", Windows: "Windows", CrOS: "ChromeOS", "Mac OS": "macOS", Linux: "Linux" };

/** A browser and its system, such as “Chrome · macOS”; a program calls itself by its own name. */
function deviceName(userAgent) {
  if (!userAgent) return "–";
  const named = [BROWSERS, SYSTEMS].map((names) => names[Object.keys(names).find((mark) => userAgent.includes(mark))]);
  return named.every(Boolean) ? named.join(" · ") : userAgent;
}

function Sessions({ sessions, onDone }) {
  const end = (each) => (each.isCurrent ? signOut() : api.delete(`/api/auth/sessions/${each.id}`).then(onDone, toastError));
  return html`<section class="card">
    <h2>${t("people.sessions")}</h2>
    <ul class="rows">
      ${sessions.map(
        (each) => html`<li key=${each.id}>
          <div>
            <span class="clamp" title=${each.userAgent}>${deviceName(each.userAgent)}</span>
            <small>${each.address} · ${t("people.used", { time: shortMoment(each.lastUsedAt) })}</small>
          </div>
          ${each.isCurrent && html`<span class="tag">${t("people.thisSession")}</span>`}
          <${Button} icon="log-out" label=${each.isCurrent ? t("signOut") : t("people.endSession")} onClick=${() => end(each)} />
        </li>`,
      )}
    </ul>
  </section>`;
}
