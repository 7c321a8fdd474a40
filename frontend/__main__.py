"""``python -m frontend``: serve the page."""

import argparse
import sys

from frontend import server, settings


def main(arguments: list[str] | None = None) -> int:
    """Serve the page until it is stopped.

    Parameters
    ----------
    arguments : list[str], optional
        Command line, without the program's name.

    Returns
    -------
    int
        Exit code: 2 where the environment is not as the page needs it.
    """
    parser = argparse.ArgumentParser(prog="python -m frontend", description="Serve the Leukolens page.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8501, help="port to listen on (default: %(default)s)")
    options = parser.parse_args(arguments)
    try:
        chosen = settings.current()
    except settings.SettingsError as error:
        sys.stderr.write(f"The page cannot start: {error}\n")
        return 2
    server.serve(options.host, options.port, chosen)
    return 0


if __name__ == "__main__":
    sys.exit(main())
