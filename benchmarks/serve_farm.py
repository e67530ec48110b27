"""Serves a simulated device cloud until its input ends (or Ctrl-C), and prints its address.

    python benchmarks/serve_farm.py --devices 100 --run-s 20:60 --time-scale 0.1 [--port 8780] [--key KEY]

`bench run` reaches it with `cloud: <address>` in the plan and the key in EMBEDL_HUB_API_KEY. `GET <address>/farm/books`
tells what happened, `POST <address>/farm/nights` begins another night. See `farm/__init__.py`.
"""

import argparse
import asyncio
from contextlib import suppress
from dataclasses import MISSING, fields

from farm.fleet import WITHOUT_MEMORY, Terms
from farm.process import KEY
from farm.serve import serve


def main() -> None:
    """Serves on the command line's terms."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--key", default=KEY)
    parser.add_argument("--port", type=int, default=0)
    for field in fields(Terms):
        assert field.default is not MISSING
        kind = _seconds if field.name == "run_s" else type(field.default)
        choices = WITHOUT_MEMORY if field.name == "world" else None
        parser.add_argument(f"--{field.name.replace('_', '-')}", type=kind, choices=choices, default=field.default)
    given = vars(parser.parse_args())
    key, port = given.pop("key"), given.pop("port")
    with suppress(KeyboardInterrupt):
        asyncio.run(serve(Terms(**given), key=key, port=port))


def _seconds(text: str) -> tuple[float, float]:
    low, _, high = text.partition(":")
    return float(low), float(high or low)


if __name__ == "__main__":
    main()
