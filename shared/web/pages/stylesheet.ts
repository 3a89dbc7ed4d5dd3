/** Colours, by role; each text colour holds 4.5:1 on every surface that it is used on, in both schemes. */
const COLOURS = `
:root {
  color-scheme: light dark;
  --ground: #f5f6f8; --surface: #ffffff; --sunken: #f0f2f5; --line: #dde1e7; --line-strong: #868e9a;
  --text: #16191f; --muted: #565e6b; --accent: #1c5cc4; --accent-text: #ffffff;
  --good: #17703f; --warn: #875200; --bad: #b3261e; --info-wash: #eaf1fd; --good-wash: #e8f5ed;
  --warn-wash: #fdf3e1; --bad-wash: #fdecea;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #0e1116; --surface: #161a21; --sunken: #1d222b; --line: #2b313c; --line-strong: #78828f;
    --text: #e7eaef; --muted: #a0a9b6; --accent: #86b3ff; --accent-text: #0b1220;
    --good: #66d19a; --warn: #efbb64; --bad: #ff9a90; --info-wash: #17233a; --good-wash: #14281e;
    --warn-wash: #2d2413; --bad-wash: #331b1a;
  }
}`;

const BASE = `
*, *::before, *::after { box-sizing: border-box; }
html { overflow-y: scroll; -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body {
  margin: 0; background: var(--ground); color: var(--text); overflow-wrap: anywhere;
  font: 0.9375rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
}
h1, h2, h3, h4, p, dl, dd, ul, ol { margin: 0; }
h1 { font-size: 1.625rem; line-height: 1.25; letter-spacing: -0.015em; }
h2 { font-size: 1.0625rem; line-height: 1.4; }
h3 { font-size: 1.0625rem; line-height: 1.4; }
h4 { font-size: 0.9375rem; line-height: 1.4; }
h1, h2, h3, h4 { font-weight: 650; text-wrap: balance; }
ul, ol { padding: 0; list-style: none; }
a { color: var(--accent); text-underline-offset: 0.15em; }
code, .mono { font: 0.8125rem/1.5 ui-monospace, "Cascadia Mono", "SF Mono", Menlo, Consolas, monospace; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 4px; }
main:focus { outline: none; }
.unseen {
  position: absolute; width: 1px; height: 1px; margin: -1px; padding: 0; overflow: hidden;
  clip-path: inset(50%); white-space: nowrap; border: 0;
}
.skip { position: absolute; left: 1rem; top: -4rem; z-index: 1; padding: 0.5rem 0.75rem; background: var(--surface); border-radius: 6px; }
.skip:focus { top: 0.5rem; }
.id { color: var(--muted); font-size: 0.75rem; }
.muted { color: var(--muted); }
.small { font-size: 0.8125rem; }
[hidden] { display: none !important; }`;

const FRAME = `
.bar { border-bottom: 1px solid var(--line); background: var(--surface); }
.bar-inner { display: flex; align-items: center; gap: 1rem; min-height: 3.5rem; }
.bar-inner, main { width: 100%; max-width: 66rem; margin: 0 auto; padding-inline: 1rem; }
.brand { display: inline-flex; align-items: center; gap: 0.55rem; color: inherit; font-weight: 650; text-decoration: none; }
.brand svg { flex: none; color: var(--accent); }
.account { margin-left: auto; display: flex; align-items: center; gap: 0.85rem; min-width: 0; }
.account-name { display: none; }
main { display: grid; gap: 1.25rem; padding-block: 1.75rem 4rem; }
main.narrow { max-width: 40rem; }
.card { background: var(--surface); border: 1px solid var(--line); border-radius: 10px; }
.card > .pad, .pad { padding: 1rem; }
.stack { display: grid; gap: 0.75rem; }
.stack-tight { display: grid; gap: 0.125rem; }
.stack-wide { display: grid; gap: 1.25rem; }
.button {
  display: inline-flex; align-items: center; justify-content: center; gap: 0.5rem; min-height: 2.375rem; padding: 0.375rem 0.875rem;
  border: 1px solid var(--line-strong); border-radius: 7px; background: var(--surface); color: var(--text);
  font: inherit; font-weight: 550; text-decoration: none; cursor: pointer; white-space: nowrap;
}
.button:hover { background: var(--sunken); }
.button.primary { border-color: var(--accent); background: var(--accent); color: var(--accent-text); }
.button.primary:hover { filter: brightness(1.08); }
.button.compact { min-height: 1.875rem; padding: 0.125rem 0.625rem; font-size: 0.8125rem; }
.microsoft {
  display: inline-flex; align-items: center; gap: 12px; min-height: 41px; padding: 0 14px 0 12px; border: 1px solid #8c8c8c;
  background: #ffffff; color: #5e5e5e; text-decoration: none; font: 600 15px/1 "Segoe UI", system-ui, -apple-system, Roboto, Arial, sans-serif;
}
.microsoft:hover { background: #f3f3f3; }
@media (prefers-color-scheme: dark) {
  .microsoft { background: #2f2f2f; color: #ffffff; }
  .microsoft:hover { background: #3b3b3b; }
}
@media (min-width: 40rem) {
  .bar-inner, main { padding-inline: 1.5rem; }
  .account-name { display: block; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
  .card > .pad, .pad { padding: 1.125rem 1.25rem; }
}
@media (prefers-contrast: more) { :root { --line: var(--line-strong); } }`;

const HOME = `
.greeting { display: grid; gap: 0.25rem; }
.columns { display: grid; gap: 1.75rem; align-items: start; }
.progress { overflow: hidden; min-height: 15rem; }
.progress.is-told { min-height: 17rem; }
.progress .track { height: 4px; background: var(--line); overflow: hidden; }
.progress .track i { display: block; height: 100%; width: 100%; background: var(--tone); }
.progress .title { display: flex; align-items: center; gap: 0.5rem; }
.progress .title svg { flex: none; color: var(--tone); }
.progress-pending, .progress-superseded { --tone: var(--accent); }
.progress-waiting, .progress-exceptions { --tone: var(--warn); }
.progress-done { --tone: var(--good); }
.progress-failed { --tone: var(--bad); }
.progress .body { display: grid; gap: 0.375rem; }
.progress .actions { margin-top: 0.25rem; }
.progress .meta { display: flex; flex-wrap: wrap; gap: 0.125rem 1rem; }
@media (prefers-reduced-motion: no-preference) {
  .progress-pending .track i, .progress-waiting .track i { width: 35%; animation: travel 1.6s ease-in-out infinite; }
  .progress-waiting .track i { animation-duration: 3.2s; }
}
@keyframes travel { from { transform: translateX(-100%); } to { transform: translateX(290%); } }
.reports li { display: grid; gap: 0.125rem; padding: 0.625rem 1rem; border-top: 1px solid var(--line); }
.section-head { display: flex; align-items: baseline; gap: 0.5rem; }
.count { color: var(--muted); font-size: 0.8125rem; font-variant-numeric: tabular-nums; }
.entity-head { display: flex; flex-wrap: wrap; align-items: center; gap: 0.25rem 0.625rem; }
.kind { color: var(--muted); font-size: 0.6875rem; font-weight: 600; letter-spacing: 0.06em; text-transform: uppercase; flex-basis: 100%; }
.tag {
  display: inline-block; padding: 0.0625rem 0.5rem; border-radius: 999px; background: var(--sunken); color: var(--muted);
  font-size: 0.75rem; font-weight: 550; line-height: 1.5;
}
.tag.strong { background: var(--info-wash); color: var(--accent); }
.tag.warn { background: var(--warn-wash); color: var(--warn); }
.facts { display: grid; gap: 0.75rem 1.5rem; }
.facts > div { min-width: 0; }
.facts dt { color: var(--muted); font-size: 0.75rem; }
.facts dd { font-variant-numeric: tabular-nums; }
.why { color: var(--muted); font-size: 0.8125rem; line-height: 1.4; }
.gauge { display: block; width: 100%; max-width: 16rem; height: 6px; margin-block: 0.375rem 0.25rem; border-radius: 3px; overflow: hidden; }
.gauge .rest { fill: var(--line); }
.gauge .used { fill: var(--accent); }
.gauge.over .used { fill: var(--bad); }
.models { display: flex; flex-wrap: wrap; gap: 0.25rem; padding-block: 0.125rem; }
.models li { padding: 0 0.4rem; border: 1px solid var(--line); border-radius: 5px; background: var(--sunken); }
.more summary { display: inline-block; margin-top: 0.25rem; color: var(--accent); font-size: 0.8125rem; cursor: pointer; }
.nested { border-top: 1px solid var(--line); border-radius: 0 0 10px 10px; background: color-mix(in srgb, var(--sunken) 45%, transparent); }
.team + .team { border-top: 1px solid var(--line); }
.more summary::before { content: "▸ " / ""; }
.more[open] > summary::before { content: "▾ " / ""; }
.presence { display: grid; gap: 0.125rem; margin-top: 0.25rem; }
.presence-line { display: flex; align-items: flex-start; gap: 0.375rem; font-size: 0.8125rem; line-height: 1.4; }
.presence-line svg { flex: none; width: 1rem; height: 1rem; margin-top: 0.0625rem; color: var(--tone); }
.presence-line strong { font-weight: 600; }
.presence .why { padding-left: 1.375rem; }
.presence-in_litellm { --tone: var(--good); }
.presence-not_yet { --tone: var(--warn); }
.presence-refused, .presence-failed { --tone: var(--bad); }
.presence-unknown { --tone: var(--muted); }
.you .facts { gap: 0.75rem; }
@media (min-width: 40rem) {
  .entity .facts { grid-template-columns: 1.15fr 1fr; }
  .facts > .wide { grid-column: 1 / -1; }
  .reports li { padding-inline: 1.25rem; }
  .progress { min-height: 9.5rem; }
  .progress.is-told { min-height: 11rem; }
}
@media (min-width: 62rem) {
  .columns { grid-template-columns: minmax(0, 1fr) 19rem; }
  .entity .facts { grid-template-columns: 1fr 1.15fr 1fr; }
}`;

const PLAIN = `
.lead { font-size: 1.0625rem; line-height: 1.5; color: var(--muted); max-width: 34rem; text-wrap: pretty; }
.hero { display: grid; gap: 1rem; padding-block: 1.5rem 0.75rem; justify-items: start; }
.hero h1 { font-size: 2rem; }
.steps { counter-reset: step; display: grid; gap: 0.875rem; }
.steps li { counter-increment: step; display: grid; grid-template-columns: 1.75rem 1fr; gap: 0.75rem; }
.steps li::before {
  content: counter(step); display: grid; place-items: center; width: 1.75rem; height: 1.75rem; border-radius: 50%;
  background: var(--info-wash); color: var(--accent); font-size: 0.8125rem; font-weight: 650;
}
.notice { padding: 0.625rem 0.875rem; border-radius: 8px; border: 1px solid var(--line); background: var(--info-wash); }
.fault { overflow: hidden; border-top: 4px solid var(--bad); }
.fault h2 { font-size: 0.9375rem; }
.hint { padding: 0.75rem 0.875rem; border-radius: 8px; background: var(--sunken); }
.reference { display: flex; flex-wrap: wrap; align-items: center; gap: 0.375rem 0.625rem; min-height: 1.875rem; }
.reference code { user-select: all; }
.settings { display: grid; gap: 0.375rem; }
.settings li { padding: 0.375rem 0.625rem; border-radius: 6px; background: var(--sunken); }
.technical { display: grid; gap: 0.5rem 1.5rem; padding-top: 1rem; border-top: 1px solid var(--line); }
.technical dt { color: var(--muted); font-size: 0.75rem; }
@media (min-width: 40rem) { .technical { grid-template-columns: 1fr 2fr; } }`;

/** The one stylesheet, inlined in every page under its nonce. A constant: nothing of a person is in it. */
export const stylesheet = [COLOURS, BASE, FRAME, HOME, PLAIN].join('\n');
