"""Proxies as the environment names them, for addresses outside of this machine and never behind the wall."""

from __future__ import annotations

import ssl
import urllib.request

import httpx

from routebook.errors import SetupNeeded


def proxy_for(scheme: str, host: str, port: int) -> str | None:
    """Return the proxy to reach an address through (`HTTPS_PROXY`, `ALL_PROXY`, the system's settings), unless `NO_PROXY` excepts it."""
    found = urllib.request.getproxies()
    proxy = found.get(scheme) or found.get("all")
    if not proxy or urllib.request.proxy_bypass(f"{host}:{port}"):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def through(proxy: str, *, tls: ssl.SSLContext, limits: httpx.Limits) -> httpx.AsyncBaseTransport:
    """Return httpx's transport through a proxy. Its address may hold a user and a password; neither is shown.

    Raises:
        SetupNeeded: a kind of proxy that httpx does not know, or one that needs a package that is not installed.
    """
    try:
        return httpx.AsyncHTTPTransport(proxy=proxy, verify=tls, limits=limits, trust_env=False)
    except ImportError as error:
        msg = "A SOCKS proxy is set in the environment; type: pip install 'httpx[socks]'"
        raise SetupNeeded(msg) from error
    except (ValueError, httpx.InvalidURL) as error:
        kind = proxy.partition("://")[0]
        raise SetupNeeded(
            f"A proxy of kind {kind!r} is set in the environment; http, https and socks5 are known. Unset it or set another."
        ) from error
