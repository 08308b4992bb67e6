// Writes the console's vendored module to standard output: what the console uses of Preact, its signals, and htm.
import { build } from "esbuild";

const contents = `
export { h, render, Fragment, Component, createContext, createRef, cloneElement } from "preact";
export { useState, useReducer, useEffect, useLayoutEffect, useRef, useMemo, useCallback, useContext, useId, useErrorBoundary } from "preact/hooks";
export { signal, computed, effect, batch, untracked, useSignal, useComputed, useSignalEffect } from "@preact/signals";
import { h } from "preact"; import htm from "htm";
export const html = htm.bind(h);
`;
const stdin = { contents, resolveDir: import.meta.dirname };
const { outputFiles } = await build({ stdin, bundle: true, format: "esm", minify: true, write: false });
process.stdout.write(outputFiles[0].text);
