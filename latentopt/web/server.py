"""Serve the page: on this machine alone unless told, with nothing from other hosts and nothing of this one's files."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import gradio as gr
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from latentopt.errors import LatentoptError

LOCAL = ("127.0.0.1", "localhost", "::1")
MOST_WAITING = 12  # requests; more are told to come again: with others waiting, each takes some seconds
MOST_THREADS = 16
MOST_SESSIONS = 200  # whose states are remembered; beyond, the oldest are forgotten
LARGEST_FILE = "5mb"

# A browser that obeys it asks no other host for anything, whatever the page or Gradio's scripts say.
POLICY = "; ".join(
    [
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self' data: blob:",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    ]
)
HEADERS = {
    b"content-security-policy": POLICY.encode(),
    b"referrer-policy": b"no-referrer",
    b"x-content-type-options": b"nosniff",
}


class Served(NamedTuple):
    """A page that is being served: where, and by what."""

    url: str
    blocks: gr.Blocks

    def close(self) -> None:
        """Stop serving."""
        self.blocks.close(verbose=False)


def serve(blocks: gr.Blocks, *, host: str = "127.0.0.1", port: int | None = None) -> Served:
    """Serve a page from a thread of its own.

    Args:
        blocks: the page. host: where to listen; on this machine's own address, requests under other names are refused.
        port: None takes the first free one from 7860.

    Raises:
        LatentoptError: if the port is taken.
    """
    middleware = [Middleware(_Headers)]
    if host in LOCAL:  # else a page of another site could give its own name this address, and read this one
        middleware.append(Middleware(TrustedHostMiddleware, allowed_hosts=[*LOCAL, "[::1]"]))
    blocks.queue(max_size=MOST_WAITING, default_concurrency_limit=1, api_open=False)
    try:
        _, url, _ = blocks.launch(
            server_name=host,
            server_port=port,
            share=False,
            inline=False,
            quiet=True,
            prevent_thread_lock=True,
            max_threads=MOST_THREADS,
            max_file_size=LARGEST_FILE,
            allowed_paths=[],
            state_session_capacity=MOST_SESSIONS,
            strict_cors=True,
            ssr_mode=False,
            pwa=False,
            run_history=False,  # it offers to send what was written to another host
            mcp_server=False,
            enable_monitoring=False,
            footer_links=[],
            theme=_theme(),
            css_paths=Path(__file__).with_name("style.css"),
            app_kwargs={"middleware": middleware, "docs_url": None, "redoc_url": None, "openapi_url": None},
        )
    except OSError as error:
        raise LatentoptError(f"{host}:{port or 7860}: {error}; choose another with --port") from error
    return Served(url, blocks)


def _theme() -> gr.themes.Base:
    """Fonts that are on the visitor's machine already."""
    text = [gr.themes.Font(name) for name in ("system-ui", "Segoe UI", "Roboto", "sans-serif")]
    code = [gr.themes.Font(name) for name in ("ui-monospace", "monospace")]
    theme = gr.themes.Default(primary_hue="blue", font=text, font_mono=code)
    return theme.set(  # Gradio's own greys are too faint to read for many
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_hover="*primary_800",
        button_primary_background_fill_dark="*primary_700",
        button_primary_background_fill_hover_dark="*primary_800",
        body_text_color_subdued="#4b5563",
        body_text_color_subdued_dark="#d1d5db",
        block_info_text_color="#4b5563",
        block_info_text_color_dark="#d1d5db",
        block_label_text_color="#374151",
        block_title_text_color="#374151",
        input_placeholder_color="#6b7280",
    )


class _Headers:
    """Adds HEADERS to every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *HEADERS.items()]
            await send(message)

        await self.app(scope, receive, with_headers if scope["type"] == "http" else send)
