"""Style sheet and icons of the HTML output.

Colours are Jupyter theme variables, each with a fallback. Text falls back to currentColor, so that it is readable on
any background. Text is not coloured; marks are, and each has a second sign: solid is measured, hatched is estimated
or attributed, dashed is simulated. All rules are scoped to .jg.
"""

from __future__ import annotations

CSS = """
.jg{--jg-gpu:var(--jp-brand-color1,#1976d2);--jg-cpu:var(--jp-brand-color2,#64b5f6);
--jg-dram:var(--jp-layout-color4,#757575);
--jg-bad:var(--jp-error-color0,#d32f2f);--jg-ink:var(--jp-ui-font-color1,currentColor);
--jg-muted:var(--jp-ui-font-color2,currentColor);
--jg-track:var(--jp-layout-color2,rgba(128,128,128,.25));--jg-rule:var(--jp-border-color2,rgba(128,128,128,.45));
--jg-hover:var(--jp-cell-editor-background,rgba(128,128,128,.12));
font:400 var(--jp-ui-font-size1,13px)/20px var(--jp-content-font-family,system-ui,sans-serif);color:var(--jg-ink);
font-variant-numeric:tabular-nums;max-width:900px;overflow-wrap:anywhere}
[data-jp-theme-light="false"] .jg{--jg-cpu:var(--jp-brand-color3,#bbdefb)}
.jg summary,.jg.plain{list-style:none;cursor:pointer;padding:2px 4px 2px 20px;position:relative;
border-radius:var(--jp-border-radius,2px)}
.jg summary{margin:0!important}.jg.plain{cursor:default}
.jg summary::-webkit-details-marker{display:none}
.jg summary::before{content:"";position:absolute;left:6px;top:8px;border:4px solid transparent;
border-left:5px solid var(--jg-muted);border-right:0}
.jg[open]>summary::before{transform:rotate(90deg)}
.jg summary:hover{background:var(--jg-hover)}
.jg :focus-visible{outline:2px solid var(--jg-gpu);outline-offset:-1px}
.jg .jg-say{display:inline}
.jg b{font-weight:600}.jg .muted,.jg .dot{color:var(--jg-muted)}
.jg.jg.jg code{font:12px var(--jp-code-font-family,monospace);color:inherit;background:none;padding:0;
white-space:pre-wrap}
.jg-icon{display:inline-block;vertical-align:-2.5px;margin-right:5px}.jg .bad{color:var(--jg-bad)}
.jg .run{color:var(--jg-gpu)}
.jg.plain .jg-icon{position:absolute;left:2px;top:5px;margin:0}
.jg-det{padding:6px 4px 10px 20px;container-type:inline-size}
.jg .gpu{background:var(--jg-gpu)}.jg .cpu{background:var(--jg-cpu);box-shadow:inset 0 0 0 1px var(--jg-gpu)}
.jg .dram{background:var(--jg-dram)}.jg .other{box-shadow:inset 0 0 0 1px var(--jg-muted)}
.jg .est{background:repeating-linear-gradient(135deg,var(--jg-gpu) 0 1.4px,transparent 1.4px 3.6px);
box-shadow:inset 0 0 0 1px var(--jg-gpu)}
.jg .sim{background:none;box-shadow:none;outline:1px dashed var(--jg-gpu);outline-offset:-1px}
.jg .none{background:none;box-shadow:none}
.jg .rest{background:var(--jg-track);box-shadow:inset 0 0 0 1px var(--jg-muted)}
.jg .sw{display:inline-block;width:9px;height:9px;margin-right:6px;vertical-align:-.5px}
.jg table.jg-comp{border-collapse:collapse;margin:2px 0 8px;font-size:12px;line-height:18px;background:none;border:0;
table-layout:auto}
.jg.jg .jg-comp tr:nth-child(n){background:none;border:0}
.jg.jg .jg-comp th,.jg.jg .jg-comp td{text-align:left;font-weight:400;padding:2px 16px 2px 0;border:0;line-height:18px;
vertical-align:baseline;max-width:300px}
.jg.jg .jg-comp .r{text-align:right;white-space:nowrap}.jg.jg .jg-list td{overflow-wrap:normal}
.jg.jg .jg-list .src{overflow-wrap:anywhere}
.jg.jg .jg-comp thead th{color:var(--jg-muted);
border-bottom:1px solid var(--jg-rule);white-space:nowrap}
.jg.jg .jg-comp tfoot th,.jg.jg .jg-comp tfoot td{border-top:1px solid var(--jg-rule);font-weight:600}
.jg.jg .jg-comp caption{text-align:left;color:var(--jg-ink);font-weight:600;padding:0 0 2px;caption-side:top}
.jg dl.jg-dl{display:grid;grid-template-columns:max-content 1fr;gap:1px 16px;margin:0;font-size:12px;line-height:18px}
.jg.jg .jg-dl dt{color:var(--jg-muted);font-weight:400;margin:0;float:none;width:auto}.jg.jg .jg-dl dd{margin:0;
width:auto;float:none;min-width:0}
.jg-share{display:flex;gap:1px;height:12px;width:420px;max-width:100%}.jg-share i{display:block}
.jg-sk{display:flex;flex-wrap:wrap;gap:0 16px;font-size:12px;margin-top:4px}
.jg-sk .dot{display:none}
.jg svg.jg-trace{display:block;margin:4px 0 8px}
.jg-scroll{overflow-x:auto;container-type:inline-size}.jg-doc .jg-det{padding:6px 0 2px}
.jg.jg ul{margin:2px 0;padding:0 0 0 18px;font-size:12px;line-height:18px}
.jg pre.jg-fix{font:12px/18px var(--jp-code-font-family,monospace);margin:4px 0;padding:4px 8px;background:none;
color:inherit;border:1px solid var(--jg-rule);white-space:pre-wrap;user-select:all}
@container (max-width:520px){.jg .jg-comp .absent,.jg .fill,.jg.jg .jg-comp thead{display:none}
.jg.jg .jg-comp,.jg.jg .jg-comp caption,.jg.jg .jg-comp tbody,.jg.jg .jg-comp tfoot{display:block}
.jg.jg .jg-comp tr:nth-child(n){display:flex;flex-wrap:wrap;gap:0 12px;padding:3px 0;
border-bottom:1px solid var(--jg-rule)}
.jg.jg .jg-comp td,.jg.jg .jg-comp .r{padding:0;max-width:100%;text-align:left;border:0}
.jg.jg .jg-comp tbody th{flex:1 0 100%;padding:0;max-width:none}
.jg.jg .jg-list .src{flex:1 0 calc(100% - 50px);min-width:0}.jg.jg .jg-comp tfoot td{border:0}
.jg.jg .jg-list td:empty{display:none}
.jg .jg-comp td[data-unit]::after{content:" " attr(data-unit)}
.jg .jg-comp td[data-sign]::before{content:attr(data-sign) " "}
.jg dl.jg-dl{grid-template-columns:1fr}.jg.jg .jg-dl dd{margin:0 0 4px}}
@media (prefers-contrast:more){.jg{--jg-muted:var(--jg-ink);--jg-rule:currentColor}}
@media (forced-colors:active){.jg{--jg-gpu:CanvasText;--jg-cpu:CanvasText;--jg-dram:CanvasText;
--jg-muted:CanvasText;--jg-rule:CanvasText}.jg.jg .sw.none{background:none;box-shadow:none}
.jg .sw,.jg-share i{forced-color-adjust:none;background:CanvasText;
box-shadow:inset 0 0 0 1px CanvasText;outline:0}
.jg .est,.jg .rest,.jg .none,.jg .other{background:Canvas}.jg .sim{background:Canvas;box-shadow:none;
outline:1px dashed CanvasText;outline-offset:-1px}
.jg summary::before{forced-color-adjust:none;border-left-color:CanvasText}.jg .bad,.jg .run{color:CanvasText}}
@media print{.jg summary::before{display:none}}
""".replace("\n", "")
"""The style sheet, without line breaks."""

STYLE = f"<style><!--{CSS}--></style>"
"""The style sheet as an element. CSS ignores the HTML comment marks. A sanitiser that prints the text of forbidden
elements removes comments, and so does not print the rules."""

_SHAPES = {
    "running": (
        '<circle cx="7" cy="7" r="5" fill="none" stroke-opacity=".3"/><path d="M7 2a5 5 0 0 1 5 5" fill="none"/>'
    ),
    "error": '<circle cx="7" cy="7" r="5" fill="none"/><path d="M5.3 5.3l3.4 3.4M8.7 5.3l-3.4 3.4"/>',
    "interrupted": (
        '<circle cx="7" cy="7" r="5" fill="none"/>'
        '<rect x="5.4" y="5.4" width="3.2" height="3.2" fill="currentColor" stroke="none"/>'
    ),
    "killed": '<path d="M3.9 3.6a5 5 0 1 0 6.2 0M7 1.5v5" fill="none"/>',
    "about": '<circle cx="7" cy="7" r="5" fill="none"/><path d="M7 6.5v3M7 4.3v.2"/>',
}


def icon(name: str) -> str:
    """Return an icon as SVG, hidden from screen readers because the text beside it says the same."""
    role = {"running": " run", "error": " bad", "killed": " bad"}.get(name, "")
    return (
        f'<svg class="jg-icon{role}" viewBox="0 0 14 14" width="14" height="14" aria-hidden="true" '
        f'stroke="currentColor" stroke-width="1.3" stroke-linecap="round" stroke-linejoin="round">{_SHAPES[name]}</svg>'
    )
