"""How the report looks, on screen and on paper."""

STYLE = """
:root { color-scheme: light; }
body { font: 15px/1.5 "Noto Sans", "Noto Sans CJK SC", "Microsoft YaHei", "PingFang SC", "Segoe UI", sans-serif;
  color: #1c2326; max-width: 62rem; margin: 2rem auto; padding: 0 1.2rem; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 1rem; }
h2 { font-size: 1.2rem; margin: 2rem 0 .5rem; border-bottom: 1px solid #c9d3d6; padding-bottom: .2rem; }
h3 { font-size: 1rem; margin: 1rem 0 .2rem; }
dl.facts { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; margin: 0; }
dt { color: #55646a; } dd { margin: 0; overflow-wrap: anywhere; }
ul { padding-left: 1.2rem; } li { margin: .25rem 0; }
figure { margin: 1rem 0; } figure svg { max-width: 100%; height: auto; }
figcaption { color: #3d4a4f; font-size: .9rem; }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-size: .82rem; font-variant-numeric: tabular-nums; }
th, td { text-align: left; vertical-align: top; padding: .2rem .6rem .2rem 0; border-bottom: 1px solid #e3e9ea; }
td.n { white-space: nowrap; } th { color: #55646a; font-weight: 600; }
.sure { background: #f2f6f7; padding: .6rem .8rem; }
.fault { background: #fdf0e6; padding: .6rem .8rem; }
.line { display: flex; gap: 2rem; margin-top: 2.5rem; }
.line span { flex: 1; border-top: 1px solid #1c2326; padding-top: .2rem; }
ul.withheld li span { color: #55646a; }
@media print {
  body { margin: 0; max-width: none; font-size: 10pt; }
  figure, tr, li { break-inside: avoid-page; }
}
"""
