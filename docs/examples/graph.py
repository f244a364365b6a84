#!/usr/bin/env python3
"""A graph of jobs, sent at once, all of it or nothing: two that count, one for when both have succeeded, and one that
tidies up whatever happened.

    export PYTHONPATH=cli/clients/python
    docs/examples/graph.py
"""

import windlass

TEXT = "the cat sat on the mat\nthe dog sat on the cat\n"


def main():
    site = windlass.Site()
    lines, words, summary, tidy = site.submit_all(
        [
            {"commands": "wc -l < data", "data": TEXT, "name": "lines"},
            {"commands": "wc -w < data", "data": TEXT, "name": "words"},
            {"commands": "echo all counted", "name": "summary", "after": ["lines", "words"]},
            {"commands": "echo tidied", "name": "tidy", "after": [{"name": "summary", "when": "any"}]},
        ]
    )
    for job in (lines, words, summary, tidy):
        print(job.result().stdout.strip())


if __name__ == "__main__":
    main()
