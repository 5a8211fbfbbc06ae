"""How a report looks: the system's fonts, one accent, light and dark; colours keep 4.5 to 1 against their ground."""

from __future__ import annotations

# Blue, amber and teal stay apart for readers who can't tell red from green; so do the outlines without colour.
STYLE = """
:root{color-scheme:light dark;
--ground:#fdfdfc;--ink:#1d1f23;--muted:#62666e;--line:#e4e4e0;--soft:#f4f4f1;--bar:#5b84ad;--accent:#2b5f92;
--masked:#1f5c99;--masked-ink:#fff;--masked-soft:#e3edf7;--random:#f0b429;--random-ink:#221a00;--random-soft:#fdf3d8;
--kept:#0f766e;--kept-soft:#e0f2ef;--good:#0f766e;--bad:#b42318}
@media (prefers-color-scheme:dark){:root{
--ground:#15171a;--ink:#e6e7e9;--muted:#9aa0a8;--line:#2c3036;--soft:#1d2024;--bar:#6d9bc9;--accent:#8ab8e6;
--masked:#8ab8e6;--masked-ink:#0b1a29;--masked-soft:#1b2c3e;--random:#e0a920;--random-ink:#1d1500;--random-soft:#35290c;
--kept:#5cc4b6;--kept-soft:#12302d;--good:#5cc4b6;--bad:#ff8a7a}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;scroll-behavior:smooth}
body{margin:0;background:var(--ground);color:var(--ink);
font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue","Noto Sans",Arial,sans-serif;
text-rendering:optimizeLegibility}
main{max-width:62rem;margin:0 auto;padding:3.5rem 1.5rem 4rem}
.eyebrow{margin:0 0 .4rem;color:var(--muted);font-size:.8rem;letter-spacing:.08em;text-transform:uppercase}
h1{margin:0;font-size:clamp(1.8rem,5vw,2.6rem);line-height:1.15;letter-spacing:-.02em;font-weight:650;
overflow-wrap:anywhere}
.lead{max-width:44rem;margin:.9rem 0 2rem;font-size:1.1rem;color:var(--muted)}
h2{margin:0 0 1rem;font-size:1.35rem;letter-spacing:-.01em;font-weight:620}
h3{margin:2rem 0 .6rem;font-size:1rem;font-weight:620}
p{max-width:44rem;margin:.6rem 0}
a{color:var(--accent)}
section{margin-top:3.5rem;padding-top:2rem;border-top:1px solid var(--line);scroll-margin-top:1rem}
nav{display:flex;flex-wrap:wrap;gap:.3rem 1.2rem;margin-top:2rem;font-size:.92rem}
nav a{text-decoration:none}nav a:hover,nav a:focus{text-decoration:underline;text-underline-offset:.25em}
.note{color:var(--muted);font-size:.92rem}
.tiles{display:grid;grid-template-columns:repeat(4,minmax(0,1fr));gap:1.4rem 1rem;margin:0;
padding:1.3rem 0;border:solid var(--line);border-width:1px 0}
.tiles dt{color:var(--muted);font-size:.84rem}
.tiles dd{margin:.1rem 0 0;font-size:1.45rem;line-height:1.25;font-weight:600;letter-spacing:-.01em;
font-variant-numeric:tabular-nums;white-space:nowrap}
.scroll{overflow-x:auto;margin:1rem 0}
table{border-collapse:collapse;min-width:min(100%,44rem);font-size:.92rem;font-variant-numeric:tabular-nums lining-nums}
caption{text-align:start;color:var(--muted);padding-bottom:.4rem}
th,td{padding:.42rem .9rem .42rem 0;text-align:start;vertical-align:baseline;border-bottom:1px solid var(--line)}
th{color:var(--muted);font-weight:500;font-size:.84rem;white-space:nowrap}
th.n,td.n{text-align:right;padding:.42rem 0 .42rem .9rem;white-space:nowrap}
td{overflow-wrap:break-word}
td:first-child{min-width:8rem;overflow-wrap:anywhere}
.pair{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,24rem),1fr));gap:1.2rem 2rem;margin:1.4rem 0}
figure{margin:0}figure svg{display:block;width:100%;height:auto;font-family:inherit;overflow:visible}
figcaption{margin-top:.3rem;color:var(--muted);font-size:.88rem}
.mark{display:inline-block;width:7.5rem;height:1.1rem;vertical-align:-.2rem}
.mark .band{fill:var(--good);opacity:.22}.mark .axis{stroke:var(--line);stroke-width:1.2;fill:none}
.mark .in{fill:var(--good)}.mark .out{fill:var(--bad)}
.good{color:var(--good);font-weight:600;white-space:nowrap}.bad{color:var(--bad);font-weight:600;white-space:nowrap}
code,.code{font:.88em/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace}
details{margin:.8rem 0}summary{cursor:pointer;color:var(--accent);font-size:.92rem}
.hash{color:var(--muted)}
.words{display:flex;flex-wrap:wrap;gap:.4rem;padding:0;margin:.6rem 0;list-style:none}
.words li{background:var(--soft);border-radius:.4rem;padding:.1rem .55rem;font-size:.9rem}
.words small{color:var(--muted);margin-inline-start:.3rem}
.legend{display:flex;flex-wrap:wrap;gap:.5rem 1.4rem;font-size:.92rem;margin:1rem 0 1.6rem;padding:0;list-style:none}
article{margin:0 0 1.3rem;padding:1rem 1.2rem 1.1rem;background:var(--soft);border-radius:.7rem}
article header{display:flex;flex-wrap:wrap;gap:.2rem 1rem;align-items:baseline;color:var(--muted);font-size:.86rem}
article header b{color:var(--ink);font-weight:620}
.side{display:grid;grid-template-columns:1.6rem minmax(0,1fr);margin-top:.7rem}
.side>b{color:var(--muted);font-weight:600;line-height:1.95}
.side p{margin:0;max-width:none;line-height:1.95;overflow-wrap:anywhere}
.side p+p{line-height:1.4}
.special{color:var(--muted);font-size:.82em}
.from{color:var(--muted);font-size:.84rem}
.m{direction:inherit;border-radius:.3rem;white-space:nowrap;-webkit-box-decoration-break:clone;box-decoration-break:clone;
padding:.08em 0}
.m>*{padding:.08em .38em}.m>:first-child{border-radius:.3rem}
.m .was{padding-inline-start:.3em}
.masked{background:var(--masked-soft)}.masked>:first-child{background:var(--masked);color:var(--masked-ink);font-size:.84em}
.random{background:var(--random-soft)}.random>:first-child{background:var(--random);color:var(--random-ink)}
.kept{background:var(--kept-soft);color:var(--kept);box-shadow:inset 0 0 0 1px var(--kept)}
footer{margin-top:4rem;padding-top:1.2rem;border-top:1px solid var(--line);color:var(--muted);font-size:.88rem}
@media (max-width:40rem){.tiles{grid-template-columns:repeat(2,minmax(0,1fr))}
.wide,.wide tbody,.wide tr{display:block}.wide thead{position:absolute;left:-999rem}
.wide tr{padding:.5rem 0;border-bottom:1px solid var(--line)}
.wide td,.wide td.n{display:flex;justify-content:space-between;gap:1rem;padding:.1rem 0;border:0}
.wide td:first-child{font-weight:620;justify-content:start}
.wide td::before{content:attr(data-label);color:var(--muted);font-weight:400}
.wide td[data-label=""]::before{content:none}}
@media (max-width:34rem){main{padding:2rem 1rem 3rem}.mark{width:2rem}
table{font-size:.84rem;min-width:100%}td:first-child{min-width:4.5rem}
th,th.n{white-space:normal}th,td{padding:.42rem .4rem .42rem 0}th.n,td.n{padding:.42rem 0 .42rem .4rem}
.verdict{position:absolute;left:-999rem}
article{padding:.9rem .9rem 1rem}
.side{grid-template-columns:1.2rem minmax(0,1fr)}}
@media print{nav{display:none}section{break-inside:auto}article,figure{break-inside:avoid}}
"""
