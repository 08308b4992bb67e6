// What a person is told: the bell, a sound, and a notification of the desktop, where they have allowed these.
import { computed, html, signal, useEffect, useRef, useState } from "./vendor/preact.js";
import { api, dateAndTime, desktopNotices, goTo, may, pathTo, session, shortMoment, sounds, t } from "./core.js";
import { onEvent } from "./live.js";
import { Badge, Button, classes, Icon, toastError } from "./ui.js";

const PAGE = 30;
const TONE = [
  [660, 0],
  [880, 0.12],
];

const notices = signal({ items: [], cursor: null });
const unreadCount = computed(() => notices.value.items.filter((notice) => !notice.read).length);

async function load(cursor) {
  const idsBefore = new Set(notices.value.items.map(({ id }) => id));
  const page = await api.get("/api/notifications", { limit: PAGE, cursor });
  const { items } = notices.value;
  const idsOfPage = new Set(page.notifications.map(({ id }) => id));
  // The answer may be older than what is told while it is on its way.
  const former = cursor ? items : items.filter(({ id }) => !idsBefore.has(id) && !idsOfPage.has(id));
  notices.value = { items: [...former, ...page.notifications], cursor: page.nextCursor };
}

onEvent("notification-created", ({ notification }) => {
  const { items, cursor } = notices.value;
  if (items.some(({ id }) => id === notification.id)) return;
  notices.value = { items: [{ ...notification, read: false }, ...items], cursor };
  if (sounds.value === "on") play();
  if (desktopNotices.value === "on" && document.hidden) show(notification);
});
onEvent("reconnected", () => load().catch(() => {}));
session.subscribe((current) => {
  if (!current) notices.value = { items: [], cursor: null };
});

function play() {
  const context = new AudioContext();
  const volume = context.createGain();
  volume.gain.value = 0.06;
  volume.connect(context.destination);
  for (const [frequency, delay] of TONE) {
    const tone = context.createOscillator();
    tone.frequency.value = frequency;
    tone.connect(volume);
    tone.start(context.currentTime + delay);
    tone.stop(context.currentTime + delay + 0.1);
  }
  setTimeout(() => context.close(), 1000);
}

function show(notice) {
  const banner = new Notification(notice.title, { body: notice.message, tag: notice.id });
  banner.onclick = () => {
    focus();
    banner.close();
    open(notice);
  };
}

function open(notice) {
  if (!notice.read && may("agent")) {
    setRead((each) => each.id === notice.id);
    api.put(`/api/notifications/${notice.id}/read`).catch(toastError);
  }
  if (notice.conversationId) goTo(pathTo(["inbox", "open", notice.conversationId]));
}

function setRead(isMeant) {
  const items = notices.value.items.map((notice) => (isMeant(notice) ? { ...notice, read: true } : notice));
  notices.value = { ...notices.value, items };
}

function readAll() {
  setRead(() => true);
  api.put("/api/notifications/read").catch(toastError);
}

/** The bell, and below it what there is to know. */
export function Bell() {
  const [isOpen, setOpen] = useState(false);
  const root = useRef();
  useEffect(() => {
    load().catch(() => {});
  }, []);
  useEffect(() => {
    if (!isOpen) return undefined;
    const leave = (event) => {
      if (event.type === "keydown" ? event.key === "Escape" : !root.current.contains(event.target)) setOpen(false);
    };
    document.addEventListener("pointerdown", leave);
    document.addEventListener("keydown", leave);
    return () => {
      document.removeEventListener("pointerdown", leave);
      document.removeEventListener("keydown", leave);
    };
  }, [isOpen]);
  const { items, cursor } = notices.value;
  const label = unreadCount.value ? t("notices.unread", { count: unreadCount.value }) : t("nav.notifications");
  return html`<div class="bell" ref=${root}>
    <${Button} icon="bell" label=${label} aria-expanded=${isOpen ? "true" : "false"} onClick=${() => setOpen(!isOpen)} />
    <${Badge} count=${unreadCount.value} label=${label} />
    ${isOpen &&
    html`<section class="notices" aria-label=${t("nav.notifications")}>
      <header>
        <h2>${t("nav.notifications")}</h2>
        ${unreadCount.value > 0 && may("agent") && html`<${Button} kind="link" onClick=${readAll}>${t("notices.allRead")}<//>`}
      </header>
      ${items.length
        ? html`<ul>
            ${items.map(
              (notice) => html`<li key=${notice.id} class=${classes(!notice.read && "unread")}>
                <button
                  type="button"
                  onClick=${() => {
                    open(notice);
                    setOpen(false);
                  }}
                >
                  <${Icon} name=${notice.isPersonal ? "at-sign" : "bell"} size=${16} />
                  <span><strong dir="auto">${notice.title}</strong><span dir="auto">${notice.message}</span></span>
                  <time title=${dateAndTime(notice.createdAt)}>${shortMoment(notice.createdAt)}</time>
                </button>
              </li>`,
            )}
          </ul>`
        : html`<p class="help">${t("notices.none")}</p>`}
      ${cursor && html`<${Button} kind="link" onClick=${() => load(cursor).catch(toastError)}>${t("notices.older")}<//>`}
    </section>`}
  </div>`;
}
