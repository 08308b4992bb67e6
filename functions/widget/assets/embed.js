// Adds a chat button and a panel to a page: <script src="…/widget/<instance>/embed.js" async></script>
"use strict";

(() => {
  // How the widget looks; the hub fills it in where the script's address names one.
  const LOOK = null;
  const script = document.currentScript || document.querySelector('script[src*="/widget/"][src$="/embed.js"]');
  if (!script || document.getElementById("hub-widget")) return;
  const hub = new URL(script.src).origin;
  if (!LOOK) return loadOwn();
  const { name, email, userId, userHash } = script.dataset;
  const { instance } = LOOK;
  const isColor = (value) => /^#[0-9a-f]{6}$/i.test(value || "");
  const color = isColor(script.dataset.color) ? script.dataset.color : undefined;
  const accent = color || LOOK.color;
  const language = script.dataset.language in LOOK.words ? script.dataset.language : undefined;
  const spoken = [language, LOOK.language, ...(navigator.languages || []).map((tag) => tag.slice(0, 2))].find((tag) => tag in LOOK.words);
  const words = LOOK.words[spoken || "en"];
  const label = script.dataset.title || words.title;
  const title = script.dataset.title || LOOK.title || words.title;
  const flag = `hub-widget-started:${instance}`;

  // The address without a widget's name: the script of that widget does the rest, with the same attributes.
  function loadOwn() {
    if (!script.dataset.instance || document.querySelector("script[data-hub-widget]")) return;
    const own = document.createElement("script");
    Object.assign(own.dataset, script.dataset, { hubWidget: "" });
    own.src = `${hub}/widget/${encodeURIComponent(script.dataset.instance)}/embed.js`;
    own.nonce = script.nonce;
    script.after(own);
  }

  const CSS = `
    :host { all: initial; }
    [hidden] { display: none !important; }
    * { box-sizing: border-box; }
    .launcher {
      position: fixed; inset-block-end: 20px; inset-inline-end: 20px; z-index: 2147483001;
      width: 60px; height: 60px; border: 0; border-radius: 50%; padding: 0; cursor: pointer;
      background: var(--accent); color: var(--on-accent); box-shadow: 0 4px 16px rgb(0 0 0 / 30%);
      display: grid; place-items: center;
    }
    .launcher svg { width: 28px; height: 28px; fill: none; stroke: currentcolor; stroke-width: 2;
      stroke-linecap: round; stroke-linejoin: round; }
    .launcher:focus-visible { outline: 3px solid #ffffff; box-shadow: 0 0 0 6px #16181d; }
    .unread {
      position: absolute; inset-block-start: -4px; inset-inline-end: -4px; min-width: 24px; height: 24px;
      padding: 0 6px; border-radius: 12px; background: #b42318; color: #ffffff;
      font: 600 14px/24px system-ui, sans-serif; text-align: center;
    }
    .panel {
      position: fixed; inset-block-end: 96px; inset-inline-end: 20px; z-index: 2147483000;
      width: 390px; height: min(640px, calc(100dvh - 116px)); overflow: hidden;
      border-radius: 16px; background: Canvas; box-shadow: 0 10px 40px rgb(0 0 0 / 30%);
    }
    iframe { display: block; width: 100%; height: 100%; border: 0; }
    @media (max-width: 480px), (max-height: 420px) {
      .panel { inset: 0; width: 100%; height: 100dvh; border-radius: 0; z-index: 2147483002; }
    }
    @media (prefers-reduced-motion: no-preference) {
      .panel { animation: rise 0.18s ease-out; }
      @keyframes rise { from { opacity: 0; transform: translateY(12px); } }
    }
    @media (forced-colors: active) { .launcher, .panel { border: 2px solid; } }
  `;
  const BUBBLE = "M21 12a8 8 0 0 1-8 8H4l2-3.3A8 8 0 1 1 21 12z";
  const CROSS = "M6 6l12 12M18 6L6 18";

  const host = document.createElement("div");
  host.id = "hub-widget";
  const root = host.attachShadow({ mode: "open" });
  const launcher = document.createElement("button");
  const badge = document.createElement("span");
  const panel = document.createElement("div");
  let frame = null;
  let ready = false;
  let unread = 0;

  // Set by script, which a page's policy on styles does not forbid.
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(CSS);
  root.adoptedStyleSheets = [sheet];
  host.style.setProperty("--accent", accent);
  host.style.setProperty("--on-accent", dark(accent) ? "#ffffff" : "#000000");

  launcher.type = "button";
  launcher.className = "launcher";
  launcher.setAttribute("aria-haspopup", "dialog");
  launcher.setAttribute("aria-controls", "panel");
  badge.className = "unread";
  badge.setAttribute("aria-hidden", "true");
  panel.id = "panel";
  panel.className = "panel";
  panel.setAttribute("role", "dialog");
  panel.setAttribute("aria-label", title);
  panel.hidden = true;
  root.append(panel, launcher);

  function dark(hex) {
    const parts = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16) / 255);
    const [r, g, b] = parts.map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    const light = 0.2126 * r + 0.7152 * g + 0.0722 * b;
    return 1.05 / (light + 0.05) >= (light + 0.05) / 0.05;
  }

  function icon(path) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
    svg.setAttribute("viewBox", "0 0 24 24");
    svg.setAttribute("aria-hidden", "true");
    line.setAttribute("d", path);
    svg.append(line);
    return svg;
  }

  function load() {
    if (frame) return;
    frame = document.createElement("iframe");
    frame.title = title;
    // What is known of the visitor stays behind the #, which no server sees.
    const about = Object.entries({ name, email, userId, userHash, color }).filter(([, value]) => value);
    const query = language ? `?language=${language}` : "";
    frame.src = `${hub}/widget/${encodeURIComponent(instance)}${query}#${new URLSearchParams(about)}`;
    panel.append(frame);
  }

  function tell() {
    if (ready) frame.contentWindow.postMessage({ source: "hub-widget", event: panel.hidden ? "closed" : "open" }, hub);
  }

  function show(open) {
    if (open) load();
    panel.hidden = !open;
    if (open) {
      unread = 0;
      frame.focus();
    }
    draw();
    tell();
  }

  function draw() {
    const news = unread ? `, ${unread === 1 ? words.newMessage : words.newMessages.replace("{count}", unread)}` : "";
    launcher.setAttribute("aria-expanded", String(!panel.hidden));
    launcher.setAttribute("aria-label", panel.hidden ? `${label}${news}` : words.closeChat);
    badge.textContent = unread > 9 ? "9+" : String(unread);
    launcher.replaceChildren(icon(panel.hidden ? BUBBLE : CROSS), ...(unread ? [badge] : []));
  }

  function remembered() {
    try {
      return localStorage.getItem(flag);
    } catch {
      return null;
    }
  }

  function remember() {
    try {
      localStorage.setItem(flag, "1");
    } catch {
      // Without storage the chat is loaded when it is opened.
    }
  }

  launcher.addEventListener("click", () => show(panel.hidden));
  window.addEventListener("message", ({ source, origin, data }) => {
    if (!frame || source !== frame.contentWindow || origin !== hub || data?.source !== "hub-widget") return;
    if (data.event === "ready") {
      ready = true;
      tell();
    }
    if (data.event === "started") remember();
    if (data.event === "unread" && panel.hidden) {
      unread = Number(data.count) || 0;
      draw();
    }
    if (data.event === "close" && !panel.hidden) {
      show(false);
      launcher.focus();
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !panel.hidden) {
      show(false);
      launcher.focus();
    }
  });

  draw();
  if (remembered()) load();
  document.body ? document.body.append(host) : document.addEventListener("DOMContentLoaded", () => document.body.append(host));
})();
