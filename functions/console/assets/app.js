// The shell: who is signed in, which screen is shown, and what is around it.
import { html, render, useEffect, useErrorBoundary, useLayoutEffect, useRef, useState } from "./vendor/preact.js";
import {
  address, api, goTo, language, loadProfile, loadWords, may, me, pathTo, resumeSession, session, signIn, signOut, t,
} from "./core.js";
import { connection, list, onEvent } from "./live.js";
import { SCREENS } from "./screens/index.js";
import {
  Avatar, Button, classes, Dialog, ErrorBoundary, Failure, fieldError, Field, Icon, Menu, Question, Skeleton, toastError, Toasts, useKeys,
} from "./ui.js";

const CONNECTION_GRACE = 2_000;

function SignIn() {
  const [error, setError] = useState(null);
  const [busy, setBusy] = useState(false);
  const submit = async (event) => {
    event.preventDefault();
    const form = new FormData(event.target);
    setBusy(true);
    setError(null);
    try {
      await signIn(form.get("email"), form.get("password"));
    } catch (refusal) {
      setError(refusal);
      setBusy(false);
    }
  };
  return html`<main class="sign-in">
    <form onSubmit=${submit}>
      <${Mark} />
      <h1>${t("signIn.title")}</h1>
      <${Field} label=${t("signIn.email")} name="email" type="email" autocomplete="username" required autofocus error=${fieldError(error, "email")} />
      <${Field} label=${t("signIn.password")} name="password" type="password" autocomplete="current-password" required error=${fieldError(error, "password")} />
      ${error && html`<p class="error" role="alert">${error.status === 401 ? t("signIn.wrong") : error.message}</p>`}
      <${Button} kind="primary" type="submit" busy=${busy}>${t("signIn.submit")}<//>
    </form>
  </main>`;
}

function Mark() {
  return html`<span class="mark" aria-hidden="true"><${Icon} name="messages-square" size=${22} /></span>`;
}

const PRESENCES = ["online", "away", "offline"];

/**
 * Whether the person is given conversations of teams, null for who is in none, and until it is known; and the entries of a
 * menu that change it.
 */
function usePresence(isReady) {
  const [presence, setPresence] = useState(null);
  const { id } = me.value;
  const path = `/api/users/${id}/availability`;
  useEffect(() => {
    if (!isReady || !may("agent")) return undefined;
    let isMember = false;
    const end = onEvent("presence", ({ userId, status }) => isMember && userId === id && setPresence(status));
    api.get(path).then(({ status, teamIds, isChosen }) => {
      isMember = teamIds.length > 0 || isChosen;
      if (isMember) setPresence(status);
    }, toastError);
    return end;
  }, [isReady]);
  const choose = (status) => api.put(path, { status }).then((changed) => setPresence(changed.status), toastError);
  const items = PRESENCES.map((status) => ({ label: t(`presence.${status}`), hint: t(`presence.${status}.help`), checked: status === presence, onSelect: () => choose(status) }));
  return { presence, items: presence ? items : [] };
}

function Navigation({ current, onHelp, onSearch }) {
  const [Bell, setBell] = useState(null);
  // What people came for comes first.
  const isReady = current !== "inbox" || !list.value.isLoading;
  useEffect(() => {
    if (!isReady) return;
    import("./notices.js").then((module) => setBell(() => module.Bell));
    loadProfile().catch(() => {}); // what this browser remembers stays
  }, [isReady]);
  const links = useRef();
  useEffect(() => links.current.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" }), [current]);
  const { presence, items: presences } = usePresence(isReady);
  const user = me.value;
  const name = user.name || user.email;
  const screens = SCREENS.filter((screen) => screen.icon && may(screen.role));
  return html`<nav class="navigation" aria-label=${t("nav.label")}>
    <${Mark} />
    <ul ref=${links}>
      ${screens.map(
        ({ path, title, icon }) => html`<li key=${path}>
          <a href=${pathTo([path])} aria-current=${path === current ? "page" : undefined} title=${t(title)}>
            <${Icon} name=${icon} size=${20} /><span>${t(title)}</span>
          </a>
        </li>`,
      )}
    </ul>
    <div class="navigation-end">
      ${Bell && html`<${Bell} />`}
      <${Button} icon="search" label=${t("palette.title")} title=${`${t("palette.title")} (Ctrl K)`} onClick=${onSearch} />
      <${Button} icon="keyboard" label=${t("keys.title")} title=${`${t("keys.title")} (?)`} class="wide-only" onClick=${onHelp} />
      <${Menu}
        label=${t("account.menu", { name })}
        align="start"
        class="account"
        items=${[
          ...presences,
          { label: t("nav.settings"), icon: "settings", onSelect: () => goTo(pathTo(["settings"])) },
          { label: t("signOut"), icon: "log-out", onSelect: signOut },
        ]}
      >
        <${Avatar} name=${name} size=${32} />
        ${presence && html`<span class=${`presence ${presence}`} title=${t("presence.label", { status: t(`presence.${presence}`) })}></span>`}
        <span class="visually-hidden">${t("account.menu", { name })}</span>
        ${presence && html`<span class="visually-hidden">, ${t("presence.label", { status: t(`presence.${presence}`) })}</span>`}
      <//>
    </div>
  </nav>`;
}

function ConnectionBanner() {
  const [isShown, setShown] = useState(false);
  const isLost = connection.value === "lost";
  useEffect(() => {
    if (!isLost) return setShown(false);
    const timer = setTimeout(() => setShown(true), CONNECTION_GRACE);
    return () => clearTimeout(timer);
  }, [isLost]);
  return html`<div role="status" class="connection">
    ${isShown && isLost && html`<p><${Icon} name="wifi-off" size=${16} /> ${t("connection.lost")}</p>`}
  </div>`;
}

const KEYS = [
  ["j", "keys.next"], ["k", "keys.previous"], ["Enter", "keys.open"], ["r", "keys.reply"], ["n", "keys.note"],
  ["t", "keys.take"], ["a", "keys.assign"], ["s", "keys.snooze"], ["e", "keys.close"], ["/", "keys.search"],
  ["Ctrl K", "palette.title"], ["?", "keys.title"],
];

function KeyHelp({ onClose }) {
  const screens = SCREENS.filter((screen) => screen.key && may(screen.role));
  return html`<${Dialog} title=${t("keys.title")} onClose=${onClose}>
    <dl class="keys">
      ${[...KEYS, ...screens.map(({ key, title }) => [`g ${key}`, title])].map(
        ([keys, title]) => html`<div key=${keys}>
          <dt>${keys.split(" ").map((key) => html`<kbd>${key}</kbd>`)}</dt>
          <dd>${t(title)}</dd>
        </div>`,
      )}
    </dl>
  <//>`;
}

const SEARCH_PAUSE = 200;

/** What the hub knows of a text, as options: people's conversations, and messages that say it. */
async function search(text, signal) {
  const { conversations, messages } = await api.get("/api/search", { q: text, limit: 5 }, { signal });
  const viewOf = (row) => (row.status === "CLOSED" ? "closed" : row.status === "SNOOZED" ? "snoozed" : "open");
  const ofPeople = conversations.results.map((row) => ({
    id: row.id,
    icon: row.status === "CLOSED" ? "check" : "message-circle",
    label: row.customerName || row.phoneNumber || row.customer.externalId,
    hint: row.lastMessage?.text,
    parts: ["inbox", viewOf(row), row.id],
  }));
  const ofMessages = messages.results.map((message) => ({
    id: message.id,
    icon: message.direction === "INBOUND" ? "message-circle" : "reply",
    label: message.customerName ?? message.authorName ?? "",
    hint: message.text,
    parts: ["inbox", "open", message.conversationId],
  }));
  return [...ofPeople, ...ofMessages];
}

/** What can be reached from the palette: screens and actions by their names, and what the hub finds. */
function Palette({ onClose, onHelp }) {
  const [text, setText] = useState("");
  const [matches, setMatches] = useState([]);
  const [index, setIndex] = useState(0);
  useEffect(() => {
    const control = new AbortController();
    const part = text.trim();
    if (!part) return setMatches([]);
    const timer = setTimeout(async () => {
      const results = await search(part, control.signal).catch(() => []);
      if (!control.signal.aborted) setMatches(results);
    }, SEARCH_PAUSE);
    return () => {
      clearTimeout(timer);
      control.abort();
    };
  }, [text]);
  const open = (parts) => () => goTo(pathTo(parts));
  const actions = [
    ...SCREENS.filter((screen) => screen.icon && may(screen.role)).map(({ path, title, icon }) => ({
      id: path, icon, label: t(title), run: open([path]),
    })),
    { id: "keys", icon: "keyboard", label: t("keys.title"), run: onHelp },
    { id: "sign-out", icon: "log-out", label: t("signOut"), run: signOut },
  ].filter(({ label }) => label.toLowerCase().includes(text.trim().toLowerCase()));
  const options = [...matches.map((match) => ({ ...match, run: open(match.parts) })), ...actions];
  const chosen = Math.min(index, options.length - 1);
  const run = (option) => {
    onClose();
    option.run();
  };
  const onKeyDown = (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && options.length) setIndex((chosen + step + options.length) % options.length);
    else if (event.key === "Enter" && options[chosen]) run(options[chosen]);
    else return;
    event.preventDefault();
  };
  return html`<${Dialog} title=${t("palette.title")} onClose=${onClose}>
    <div class="palette">
      <input
        type="search" role="combobox" aria-expanded="true" aria-controls="palette-options" autofocus
        aria-activedescendant=${options[chosen] ? `palette-${options[chosen].id}` : undefined}
        aria-label=${t("palette.label")} placeholder=${t("palette.label")} value=${text} onKeyDown=${onKeyDown}
        onInput=${(event) => {
          setText(event.target.value);
          setIndex(0);
        }}
      />
      <ul id="palette-options" role="listbox" aria-label=${t("palette.title")}>
        ${options.map(
          (option, position) => html`<li
            key=${option.id} id=${`palette-${option.id}`} role="option" aria-selected=${position === chosen ? "true" : "false"}
            onClick=${() => run(option)} onPointerMove=${() => setIndex(position)}
          >
            <${Icon} name=${option.icon} /><bdi>${option.label}</bdi>${option.hint && html`<small>${option.hint}</small>`}
          </li>`,
        )}
      </ul>
      ${!options.length && html`<p class="help">${t("palette.nothing")}</p>`}
    </div>
  <//>`;
}

/** A screen, whose module is fetched when it is first shown. */
function Screen({ screen, parts, query }) {
  const [module, setModule] = useState({});
  useLayoutEffect(() => {
    // Whoever goes on at once must not be taken back by the module that comes later.
    let isAsked = true;
    const show = (shown) => isAsked && setModule(shown);
    show({});
    screen.load().then((loaded) => show({ path: screen.path, Content: loaded.default }), (error) => show({ error }));
    return () => (isAsked = false);
  }, [screen]);
  if (module.error) return html`<main><${Failure} error=${module.error} onRetry=${() => location.reload()} /></main>`;
  if (module.path !== screen.path) return html`<main class="loading"><${Skeleton} lines=${8} /></main>`;
  const { Content } = module;
  return html`<${ErrorBoundary} key=${screen.path}><${Content} parts=${parts} query=${query} /><//>`;
}

function Console() {
  const { parts, query } = address.value;
  const [overlay, setOverlay] = useState(null);
  const screen = SCREENS.find(({ path, role }) => path === parts[0] && may(role));
  useLayoutEffect(() => {
    if (!screen) goTo(pathTo(["inbox"]), { replace: true });
  }, [screen]);
  const keys = { "?": () => setOverlay("keys") };
  for (const { key, path, role } of SCREENS) if (key && may(role)) keys[`g ${key}`] = () => goTo(pathTo([path]));
  useKeys(keys);
  useEffect(() => {
    const listen = (event) => {
      if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      setOverlay("palette");
    };
    document.addEventListener("keydown", listen);
    return () => document.removeEventListener("keydown", listen);
  }, []);
  const close = () => setOverlay(null);
  return html`<div class="console">
    <a class="skip" href="#main">${t("skip")}</a>
    <${Navigation} current=${parts[0]} onHelp=${() => setOverlay("keys")} onSearch=${() => setOverlay("palette")} />
    <div class="stage">
      <${ConnectionBanner} />
      ${screen && html`<${Screen} screen=${screen} parts=${parts.slice(1)} query=${query} />`}
    </div>
    ${overlay === "keys" && html`<${KeyHelp} onClose=${close} />`}
    ${overlay === "palette" && html`<${Palette} onClose=${close} onHelp=${() => setOverlay("keys")} />`}
  </div>`;
}

function App() {
  const [error, forget] = useErrorBoundary((problem) => console.error(problem));
  if (error) return html`<main><${Failure} error=${error} onRetry=${forget} /></main>`;
  return html`${session.value ? html`<${Console} key=${language.value} />` : html`<${SignIn} />`}<${Question} /><${Toasts} />`;
}

async function start() {
  const root = document.getElementById("app");
  try {
    await Promise.all([loadWords(), resumeSession()]);
  } catch (error) {
    // Without words, in the worst case: the reason is better than an empty page.
    return render(html`<main><${Failure} error=${error} onRetry=${() => location.reload()} /></main>`, root);
  }
  let isFirst = true;
  language.subscribe(() => {
    if (!isFirst) loadWords();
    isFirst = false;
  });
  render(html`<${App} />`, root);
}

start();
