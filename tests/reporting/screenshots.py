"""Remake pictures of everything the report room draws, to be looked at: `python -m tests.reporting.screenshots`.

They are written into tests/out/ (not kept). Needs playwright and a Chromium: the program named by the
environment variable CHROMIUM, else `chromium` on the path, else playwright's own.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from jupyter_green.reporting import Doctor, Table, Totals, html
from jupyter_green.reporting.record.power_chart import html as trace_html
from tests.support.record_states import FINDINGS, TEXTS, TRACE, TRAITS, states

OUT = Path(__file__).parents[1] / "out"
# What JupyterLab's themes define; without them (the theme "none") the page stands alone, as an export does.
LIGHT = """--jp-layout-color0:#fff;--jp-layout-color1:#fff;--jp-layout-color2:#eee;--jp-layout-color4:#757575;
--jp-ui-font-color1:rgba(0,0,0,.87);--jp-ui-font-color2:rgba(0,0,0,.54);--jp-border-color2:#e0e0e0;
--jp-brand-color1:#1976d2;--jp-brand-color2:#64b5f6;--jp-brand-color3:#bbdefb;--jp-error-color0:#b71c1c;
--jp-cell-editor-background:#f5f5f5"""
DARK = """--jp-layout-color0:#111;--jp-layout-color1:#212121;--jp-layout-color2:#424242;--jp-layout-color4:#757575;
--jp-ui-font-color1:rgba(255,255,255,.87);--jp-ui-font-color2:rgba(255,255,255,.54);--jp-border-color2:#424242;
--jp-brand-color1:#2196f3;--jp-brand-color2:#64b5f6;--jp-brand-color3:#bbdefb;--jp-error-color0:#d32f2f;
--jp-cell-editor-background:#212121"""
FONTS = "--jp-ui-font-size1:13px;--jp-code-font-family:monospace;--jp-content-font-family:system-ui,sans-serif"
# The rules of a notebook's page that reach into outputs and that the report has to hold its own against.
NOTEBOOK = """.jp-RenderedHTMLCommon table{border-collapse:collapse;border-spacing:0;border:none;font-size:12px;
table-layout:fixed;margin-left:auto;margin-right:auto;margin-bottom:1em}
.jp-RenderedHTMLCommon td,.jp-RenderedHTMLCommon th,.jp-RenderedHTMLCommon tr{vertical-align:middle;padding:.5em;
line-height:normal;white-space:normal;max-width:none;border:none}
.jp-RenderedHTMLCommon:not(.jp-RenderedMarkdown) td,
.jp-RenderedHTMLCommon:not(.jp-RenderedMarkdown) th{text-align:right}
.jp-RenderedHTMLCommon tbody tr:nth-child(odd){background:var(--jp-layout-color2)}
.jp-RenderedHTMLCommon pre,.jp-RenderedHTMLCommon code{background:rgba(128,128,128,.2);padding:1px 5px}
.jp-RenderedHTMLCommon dt{font-weight:bold;float:left;width:20%}
.jp-RenderedHTMLCommon dd{float:left;width:80%;margin:0}"""
THEMES = {
    "light": (f"body{{background:#fff;color:#000;{LIGHT};{FONTS}}}", "true", {}),
    "dark": (f"body{{background:#111;color:#fff;{DARK};{FONTS}}}", "false", {"color_scheme": "dark"}),
    "contrast": (f"body{{background:#fff;color:#000;{LIGHT};{FONTS}}}", "true", {"contrast": "more"}),
    "forced": (f"body{{{LIGHT};{FONTS}}}", "true", {"forced_colors": "active", "color_scheme": "dark"}),
    "none": ("body{background:#223;color:#eee}", "true", {}),
}


def page(style: str, light: str) -> str:
    """Return a page with every state, closed and open, and every other report."""
    shown = states()
    texts = {shown[name].id: text for name, text in TEXTS.items()}
    drawn = [(name, html(record)) for name, record in shown.items()]
    parts = [f"<h5>{name}</h5>{piece}" for name, piece in drawn]
    parts += [f"<h5>{name}, open</h5>{piece.replace('<details ', '<details open ')}" for name, piece in drawn]
    parts.append("<h5>table</h5>" + Table(list(shown.values()), texts, "Energy of example.ipynb").html())
    parts.append("<h5>totals</h5>" + Totals(list(shown.values())).html())
    parts.append("<h5>doctor</h5>" + Doctor(FINDINGS, TRAITS).html())
    parts.append("<h5>power curve</h5>" + trace_html(TRACE))
    style += NOTEBOOK + "h5{margin:10px 0 0;font:11px sans-serif;opacity:.7}"
    body = f'<body class="jp-RenderedHTMLCommon" data-jp-theme-light="{light}">{"".join(parts)}'
    return f'<!doctype html><html lang="en"><meta charset="utf-8"><style>{style}</style>{body}'


def main() -> None:
    """Write the pictures and say where."""
    from playwright.sync_api import sync_playwright

    OUT.mkdir(exist_ok=True)
    program = os.environ.get("CHROMIUM") or shutil.which("chromium")
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        for name, (style, light, media) in THEMES.items():
            for width in (320, 900):
                context = browser.new_context(viewport={"width": width, "height": 800}, device_scale_factor=2, **media)
                tab = context.new_page()
                tab.set_content(page(style, light))
                wide = tab.evaluate("document.documentElement.scrollWidth")
                broken = tab.evaluate("window.broken")
                target = OUT / f"report-{name}-{width}.png"
                tab.screenshot(path=target, full_page=True)
                print(f"{target}: content {wide} px wide{', SCRIPT RAN' if broken else ''}")
                context.close()
        browser.close()


if __name__ == "__main__":
    main()
