"""``python -m local {serve,demo,predict}``."""

import argparse
import sys
from pathlib import Path

from settings import SettingsError, load_settings

from untrusted import in_terminal

from .server import StartError, serve

EXIT_WRONG = 2
DATA = Path(__file__).resolve().parent.parent / ".work" / "local"


def main(arguments: list[str] | None = None) -> int:
    """Run one command and give its exit code: 0 done, 1 failed, 2 cannot be done as asked."""
    options = _parser().parse_args(arguments)
    try:
        return {"serve": _serve, "demo": _demo, "predict": _predict, "erase": _erase}[options.command](options)
    except (StartError, SettingsError) as error:
        print(error, file=sys.stderr)
        return EXIT_WRONG


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m local", description="Leukolens on this machine. Research use only."
    )
    commands = parser.add_subparsers(dest="command", required=True)

    serve_ = commands.add_parser("serve", help="serve the API")
    serve_.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    serve_.add_argument("--port", type=_port, default=8000, help="port to listen on (default: %(default)s)")
    serve_.add_argument(
        "--data",
        type=Path,
        default=DATA,
        help="folder that keeps feedback, and uploads for a day (default: %(default)s)",
    )

    serve_.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="serve requests for this host name, too (this machine's own names and addresses always are)",
    )

    demo_ = commands.add_parser("demo", help="start API and page, classify the sample images")
    demo_.add_argument("--port", type=_port, default=8000, help="port of the API (default: %(default)s)")
    demo_.add_argument("--page-port", type=_port, default=8501, help="port of the page (default: %(default)s)")
    demo_.add_argument(
        "--once", action="store_true", help="stop after the table; exit code 0 only if every call worked"
    )

    erase_ = commands.add_parser("erase", help="delete the feedback and the image of one request")
    erase_.add_argument("request_id")
    erase_.add_argument("--asked-by", required=True, help="who answers for it: a name or a ticket, for the log")
    erase_.add_argument("--data", type=Path, default=DATA, help="folder of the feedback (default: %(default)s)")

    predict_ = commands.add_parser("predict", help="classify one image without a server")
    predict_.add_argument("image", type=Path)
    return parser


def _port(text: str) -> int:
    if not (text.isdecimal() and 1 <= int(text) <= 65_535):
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: give a number from 1 to 65535")
    return int(text)


def _serve(options: argparse.Namespace) -> int:
    serve(options.host, options.port, options.data, options.allow_host)
    return 0


def _demo(options: argparse.Namespace) -> int:
    from .children import ChildError
    from .demo import demo

    if options.port == options.page_port:
        raise StartError("The API and the page need two different ports.")
    try:
        return demo(options.port, options.page_port, once=options.once)
    except ChildError as error:
        print(error, file=sys.stderr)
        return 1


def _erase(options: argparse.Namespace) -> int:
    from api.erasure import ErasureError, erase

    stores = {"request_id": options.data.resolve().as_uri()}
    try:
        done = erase(stores, {"request_id": options.request_id, "asked_by": options.asked_by})
    except ErasureError as error:
        print(error, file=sys.stderr)
        return EXIT_WRONG
    print(f"{done.objects} files of request {done.request_id} deleted")
    return 0


def _predict(options: argparse.Namespace) -> int:
    # Loads the model's runtime, which the other commands leave to their child processes.

    from inference import ImageError, ModelError

    from .predict import predict

    try:
        predict(options.image, load_settings().model_dir)
    except ModelError as error:
        print(error, file=sys.stderr)
    except ImageError as error:
        print(in_terminal(f"{options.image}: {error}"), file=sys.stderr)
    except OSError as error:
        print(in_terminal(f"{options.image} cannot be read: {error.strerror}"), file=sys.stderr)
    else:
        return 0
    return EXIT_WRONG
