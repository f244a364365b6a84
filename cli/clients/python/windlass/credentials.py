"""Which server, and as whom: as the `windlass` command finds it (docs/api.md)."""

import json
import os
import pathlib
import stat
import urllib.parse

from windlass.errors import Denied, WindlassError


def normal_url(url):
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise WindlassError(f"{url!r} is no address of a server: http://HOST:PORT or https://HOST")
    return f"{parts.scheme}://{parts.netloc.lower()}{parts.path.rstrip('/')}"


def stored():
    """What `windlass login` has stored: (url, token); (None, None) when nobody has logged in."""
    base = os.environ.get("XDG_CONFIG_HOME") or os.path.join(os.path.expanduser("~"), ".config")
    path = pathlib.Path(base) / "windlass" / "credentials"
    try:
        with open(path, encoding="utf-8") as file:
            if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
                raise Denied(
                    401, f"{path} can be read by others, so its token may be known to them: windlass logout, and log in"
                )
            found = json.load(file)
    except FileNotFoundError:
        return None, None
    except ValueError:
        raise WindlassError(f"{path} is damaged: windlass login writes it anew") from None
    return found.get("url"), found.get("token")


def find(url=None, token=None):
    """(url, token). A stored token is only ever sent to the server it was stored for."""
    url = url or os.environ.get("WINDLASS_URL")
    token = token or os.environ.get("WINDLASS_TOKEN")
    url = normal_url(url) if url else None
    if not url or not token:
        stored_url, stored_token = stored()
        url = url or stored_url
        if not token and stored_url and url == stored_url:
            token = stored_token
    if not url:
        raise WindlassError("which server? Site(url), WINDLASS_URL, or once: windlass login --url http://HOST:PORT")
    if token and any(not 0x21 <= ord(letter) <= 0x7E for letter in token):
        raise WindlassError("the token holds a space, a line end or another character that no token has")
    return url, token
