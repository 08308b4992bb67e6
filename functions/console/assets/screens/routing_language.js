// The language of routing rules, as far as a form can show it: comparisons that are all joined by AND, or all by OR.
// Anything else is edited as text, and the hub judges it.

export const FIELDS = ["channel", "priority", "tag", "language", "text", "hour"];
const ENUMERATED = new Set(["channel", "priority", "hour"]);
const KEYWORDS = new Set(["and", "or", "not", "in", "contains"]);
const TOKEN = /\s*(?:("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(!=|[=(),])|([^\s=(),!"'\\]+))/suy;
const BARE = /^[^\s=(),!"'\\]+$/u;

/** By which operators a field can be compared. */
export const operatorsOf = (field) => (ENUMERATED.has(field) ? ["=", "!=", "in"] : ["contains", "=", "!=", "in"]);

function tokens(text) {
  const all = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.trimEnd().length) {
    const match = TOKEN.exec(text);
    if (!match) return null;
    const [, quoted, mark, bare] = match;
    if (quoted) all.push({ kind: "value", text: quoted.slice(1, -1).replaceAll(/\\(.)/gs, "$1") });
    else if (mark) all.push({ kind: "mark", text: mark });
    else all.push({ kind: KEYWORDS.has(bare.toLowerCase()) ? "keyword" : "value", text: bare, word: bare.toLowerCase() });
  }
  return all;
}

/** A condition as `{join, comparisons: [{field, operator, values}]}`; null where a form cannot show it. */
export function readCondition(text) {
  const all = tokens(text) ?? [];
  const comparisons = [];
  let join = null;
  let next = 0;
  const take = (kind, word) => {
    const token = all[next];
    if (token?.kind !== kind || (word && (token.word ?? token.text) !== word)) return null;
    next += 1;
    return token;
  };
  const takeList = () => {
    if (!take("mark", "(")) return null;
    const values = [];
    do {
      const value = take("value");
      if (!value) return null;
      values.push(value.text);
    } while (take("mark", ","));
    return take("mark", ")") && values;
  };
  while (next < all.length) {
    const field = take("value")?.text.toLowerCase();
    const operator = (take("mark", "=") ?? take("mark", "!=") ?? take("keyword", "contains") ?? take("keyword", "in"))?.text.toLowerCase();
    if (!FIELDS.includes(field) || !operator) return null;
    const single = operator === "in" ? null : take("value");
    const values = operator === "in" ? takeList() : single && [single.text];
    if (!values) return null;
    comparisons.push({ field, operator, values: ENUMERATED.has(field) ? values.map((value) => canonical(field, value)) : values });
    if (next === all.length) break;
    const word = (take("keyword", "and") ?? take("keyword", "or"))?.word;
    if (!word || (join && join !== word) || next === all.length) return null;
    join = word;
  }
  return comparisons.length ? { join: join ?? "and", comparisons } : null;
}

function canonical(field, value) {
  const word = value.toLowerCase();
  if (field === "hour") return String(Number(word));
  if (field === "channel") return word === "chat" ? "widget" : word.replaceAll("-", "_");
  return word;
}

const writeValue = (value) => (BARE.test(value) && !KEYWORDS.has(value.toLowerCase()) ? value : `"${value.replaceAll(/(["\\])/g, "\\$1")}"`);

function writeComparison({ field, operator, values }) {
  if (operator === "in") return `${field} IN (${values.map(writeValue).join(", ")})`;
  return operator === "contains" ? `${field} CONTAINS ${writeValue(values[0])}` : `${field}${operator}${writeValue(values[0])}`;
}

/** The text of a condition, which the hub reads as the same one. */
export const writeCondition = ({ join, comparisons }) => comparisons.map(writeComparison).join(` ${join.toUpperCase()} `);

/** The actions of a rule: `[{kind, argument}]`. */
export const readActions = (text) =>
  text.split(";").map((part) => {
    const [kind, ...rest] = part.split(":");
    return { kind: kind.trim().toLowerCase(), argument: rest.join(":").trim() };
  });

export const writeActions = (actions) => actions.map(({ kind, argument }) => `${kind}:${argument.trim()}`).join("; ");
