"""One self-contained HTML document: our style, no outside requests."""

from __future__ import annotations

import html
from pathlib import Path

_STYLE = Path(__file__).with_name("style.css")
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def document(title: str, body: str, *, script: str = "") -> str:
    """Wrap a body into a document that loads nothing from outside.

    Args:
        title: plain text.
        body: HTML; the caller has escaped what is not.
        script: JavaScript of ours, run at the end; without one, the page may run none at all.
    """
    policy = f"{_POLICY}; script-src 'unsafe-inline'" if script else _POLICY
    return (
        "<!doctype html>\n"
        '<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        f"<title>{html.escape(title)}</title>\n"
        f"<style>\n{_STYLE.read_text(encoding='utf-8')}</style>\n</head>\n"
        f"<body>\n{body}\n{f'<script>{script}</script>' if script else ''}</body>\n</html>\n"
    )
