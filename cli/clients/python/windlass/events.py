"""Server-Sent Events (WHATWG HTML, section 9.2.6)."""


class Event:
    def __init__(self, kind, id_, data):
        self.kind = kind
        self.id = id_
        self.data = data


def read_events(lines, last_id=""):
    """The events in an iterable of lines of bytes. A half event at the end is dropped, as the standard says."""
    kind, data = "", []
    for line in lines:
        line = line.decode("utf-8", "replace").rstrip("\r\n")
        if not line:
            if data:
                yield Event(kind or "message", last_id, "\n".join(data))
            kind, data = "", []
            continue
        if line.startswith(":"):
            continue
        name, _, value = line.partition(":")
        value = value[1:] if value.startswith(" ") else value
        if name == "event":
            kind = value
        elif name == "data":
            data.append(value)
        elif name == "id" and "\0" not in value:
            last_id = value
