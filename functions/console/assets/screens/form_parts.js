// Parts of longer forms: lists whose order people change, short texts that are added one by one, choices that go together.
import { html, useEffect, useLayoutEffect, useRef, useState } from "../vendor/preact.js";
import { channels as allChannels, t, teams as allTeams } from "../core.js";
import { onEvent } from "../live.js";
import { classes, Field, Icon } from "../ui.js";

const STEPS = { ArrowUp: -1, ArrowDown: 1 };

function moved(items, from, to) {
  const others = items.filter((_, index) => index !== from);
  return [...others.slice(0, to), items[from], ...others.slice(to)];
}

/**
 * A list whose items are dragged by a handle, or moved by the arrow keys while the handle has the focus. `items` have an
 * `id`, `nameOf` is what a screen reader calls one, and `onMove` gets the item and its new place.
 */
export function Sortable({ items, nameOf, render, onMove, label, disabled, class: extra }) {
  const list = useRef();
  const [drag, setDrag] = useState(null);
  const [news, setNews] = useState("");
  const focused = useRef(null);
  const shown = drag ? moved(items, drag.from, drag.to) : items;
  // Whoever moves an item by keys goes on with it, though the page has put it elsewhere.
  useLayoutEffect(() => {
    const index = items.findIndex(({ id }) => id === focused.current);
    list.current.children[index]?.querySelector(".handle").focus();
    focused.current = null;
  }, [items]);
  const move = (from, to) => {
    if (to < 0 || to >= items.length || to === from) return;
    setNews(t("sort.moved", { name: nameOf(items[from]), place: to + 1, count: items.length }));
    onMove(items[from], to);
  };
  const begin = (index) => (event) => {
    if (event.button) return;
    event.preventDefault();
    event.currentTarget.focus();
    setDrag({ from: index, to: index });
  };
  const follow = (event) => {
    const boxes = [...list.current.children].map((item) => item.getBoundingClientRect());
    const place = boxes.findIndex(({ top, height }) => event.clientY < top + height / 2);
    // Between two items the one that is dragged stands in the way of itself.
    const to = place < 0 ? items.length - 1 : place > drag.to ? place - 1 : place;
    if (to !== drag.to) setDrag({ ...drag, to });
  };
  const end = () => {
    setDrag(null);
    move(drag.from, drag.to);
  };
  const latest = useRef();
  latest.current = { pointermove: follow, pointerup: end, pointercancel: () => setDrag(null) };
  const isDragged = drag !== null;
  // At once: the pointer may move before the browser has painted.
  useLayoutEffect(() => {
    if (!isDragged) return undefined;
    const listen = (event) => latest.current[event.type](event);
    const names = Object.keys(latest.current);
    names.forEach((name) => addEventListener(name, listen));
    return () => names.forEach((name) => removeEventListener(name, listen));
  }, [isDragged]);
  const onKeyDown = (index) => (event) => {
    if (!STEPS[event.key]) return;
    event.preventDefault();
    focused.current = items[index].id;
    move(index, index + STEPS[event.key]);
  };
  return html`<ol class=${classes("sortable", extra)} ref=${list} aria-label=${label}>
      ${shown.map((item, index) => {
        const name = t("sort.handle", { name: nameOf(item), place: index + 1, count: items.length });
        return html`<li key=${item.id} class=${drag && items[drag.from] === item && "dragged"}>
          ${!disabled &&
          html`<button
            type="button" class="handle" aria-label=${name} title=${t("sort.help")}
            onPointerDown=${begin(index)} onKeyDown=${onKeyDown(index)}
          ><${Icon} name="grip-vertical" /></button>`}
          ${render(item, index)}
        </li>`;
      })}
    </ol>
    <p class="visually-hidden" role="status">${news}</p>`;
}

/** Short texts, such as tags: Enter, or a comma, adds what was written. */
export function Chips({ label, help, error, items, onChange, disabled, placeholder, maxlength = 64 }) {
  const [text, setText] = useState("");
  const add = (written) => {
    const added = written.split(",").map((each) => each.trim()).filter(Boolean);
    if (added.length) onChange([...new Set([...items, ...added])]);
    setText("");
  };
  const write = (event) => (event.target.value.includes(",") ? add(event.target.value) : setText(event.target.value));
  const onKeyDown = (event) => {
    if (event.key === "Enter" && text.trim()) {
      event.preventDefault();
      add(text);
    } else if (event.key === "Backspace" && !text && items.length) onChange(items.slice(0, -1));
  };
  return html`<div class="chips">
    <${Field}
      label=${label} help=${help} error=${error} value=${text} disabled=${disabled} placeholder=${placeholder} maxlength=${maxlength} autocomplete="off"
      onInput=${write} onKeyDown=${onKeyDown} onBlur=${() => add(text)}
    />
    ${items.length > 0 &&
    html`<ul class="tags">
      ${items.map((item) => html`<li key=${item} class="tag">
        <bdi>${item}</bdi>${!disabled && html`<button type="button" aria-label=${t("remove.named", { name: item })} onClick=${() => onChange(items.filter((each) => each !== item))}><${Icon} name="x" size=${12} /></button>`}
      </li>`)}
    </ul>`}
  </div>`;
}

/** A choice of a channel or a team; without one what is set holds for all. */
export function Scope({ name, label, all, value, entries, disabled, error }) {
  return html`<${Field} as="select" label=${label} name=${name} disabled=${disabled} error=${error}>
    <option value="">${all}</option>
    ${entries.map((entry) => html`<option key=${entry.id} value=${entry.id} selected=${entry.id === value}>${entry.name}</option>`)}
  <//>`;
}

/** The channels and the teams, each by its name. */
export async function scopes() {
  const [channels, teams] = await Promise.all([allChannels(), allTeams()]);
  return { channels, teams };
}

/** What a name of the API stands for: `{id}` of a list, or a dash where it is gone. */
export const nameIn = (entries, id) => entries.find((entry) => entry.id === id)?.name ?? "–";

/** Call `work` after events of these names, once for all that come within `milliseconds`, and after a lost connection. */
export function useAfterEvents(names, work, milliseconds) {
  const latest = useRef(work);
  latest.current = work;
  useEffect(() => {
    let timer = 0;
    const call = () => {
      timer = 0;
      latest.current();
    };
    const wait = () => {
      timer ||= setTimeout(call, milliseconds);
    };
    const ends = [...names.map((name) => onEvent(name, wait)), onEvent("reconnected", wait)];
    return () => {
      clearTimeout(timer);
      ends.forEach((end) => end());
    };
  }, [milliseconds, ...names]);
}

/** Hand a text over as a file. */
export function saveFile(name, text, type = "text/csv") {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
