# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line's grammar. Verbs are imported only when they run, so ``--help`` is quick."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Callable
from pathlib import Path

EMOTIONS = ("happy", "sad", "angry", "surprised", "afraid", "disgusted", "contempt")  # inference.speech.emotion's, which loads numpy
DEVICES = ("auto", "cuda", "mps", "cpu")


def _verb(module: str) -> Callable[[argparse.Namespace], object]:
    return lambda options: importlib.import_module(f".{module}", __package__).run(options)


def make_parser(device: str = "auto") -> argparse.ArgumentParser:
    """device: what runs the model where the command line does not say."""
    parser = argparse.ArgumentParser(prog="facewright", description="Speech and video to editable facial animation, on this machine alone.")
    parser.set_defaults(json=False)
    verbs = parser.add_subparsers(title="verbs", required=True, metavar="VERB")

    def add(name: str, help: str) -> argparse.ArgumentParser:
        verb = verbs.add_parser(name, help=help, description=help[0].upper() + help[1:] + ".")
        verb.set_defaults(run=_verb(name))
        return verb

    demo = add("demo", "bake a spoken sample on the demo head and render it")
    demo.add_argument(
        "-o", "--out", type=Path, default=Path("out/demo"), metavar="FOLDER", help="where the files go (default: %(default)s)"
    )
    demo.add_argument(
        "--size", type=_positive(int), default=384, metavar="PIXELS", help="width and height of the clip (default: %(default)s)"
    )
    _json(demo)

    speech = add("speech", "turn speech into ARKit curves (.csv as Live Link Face writes it, or .json)")
    speech.add_argument("audio", type=Path, metavar="IN", help="WAV, FLAC, OGG or MP3; any rate and channel count")
    speech.add_argument("-o", "--out", type=Path, required=True, metavar="OUT.csv", help="the curves file to write, .csv or .json")
    _speech_options(speech, device)
    speech.add_argument("--phones", type=Path, metavar="OUT", help="write words and phones with their times, .json or Praat .TextGrid")
    speech.add_argument(
        "--fps", type=_positive(float), default=60.0, help="rows a second (default: %(default)g, as Live Link Face records)"
    )
    _json(speech)

    video = add("video", "turn the filmed face of a video into ARKit curves (.csv as Live Link Face writes it, or .json)")
    video.add_argument("video", type=Path, metavar="IN", help="MP4, MOV, WebM or MKV, a folder of pictures, or the first of a sequence")
    video.add_argument("-o", "--out", type=Path, required=True, metavar="OUT.csv", help="the curves file to write, .csv or .json")
    video.add_argument(
        "--fps", type=_positive(float), help="rows a second (default: one row a frame); for pictures, how many of them make a second"
    )
    video.add_argument(
        "--face", type=_face, default="largest", metavar="N", help="which face: from 1, left to right, or largest (default: %(default)s)"
    )
    video.add_argument(
        "--neutral", type=_seconds, metavar="SECONDS", help="when the face is at rest (default: learned from the whole clip)"
    )
    video.add_argument(
        "--mouth",
        choices=("picture", "sound", "blend"),
        default="picture",
        help="where the mouth comes from; blend takes the sound where the lips are hidden (default: %(default)s)",
    )
    video.add_argument("--text", type=Path, metavar="SCRIPT.txt", help="what is said, for a mouth that follows the sound")
    video.add_argument(
        "--smoothing", type=_amount, default=1.0, help="how calm the curves are, 0 to 2; blinks and closures stay (default: %(default)g)"
    )
    video.add_argument(
        "--careful", action="store_true", help="look at each frame six times instead of twice: a little more exact, three times slower"
    )
    _adapter(video)
    video.add_argument("--describe", type=Path, metavar="OUT.json", help="also describe the face in words, by frame and by stretch")
    _device(video, device)
    _json(video)

    image = add("image", "turn the faces of photos or drawings into ARKit poses with a description")
    image.add_argument("images", type=Path, nargs="+", metavar="IN", help="PNG, JPEG, WebP, BMP or TIFF")
    image.add_argument("-o", "--out", type=Path, required=True, metavar="OUT.json", help="the file to write: a list, one entry a picture")
    _adapter(image)
    _device(image, device)
    _json(image)

    bake = add("bake", "bake speech onto shape keys of a .blend file")
    bake.add_argument("audio", type=Path, metavar="IN", help="WAV, FLAC, OGG or MP3; any rate and channel count")
    bake.add_argument("--blend", type=Path, metavar="A.blend", help="the file with the character (default: the open file in Blender)")
    bake.add_argument(
        "--object",
        action="append",
        metavar="NAME",
        help="an object with shape keys; repeat for teeth, tongue, ... (default: all with ARKit keys)",
    )
    bake.add_argument("-o", "--out", type=Path, required=True, metavar="B.blend", help="the .blend file to write")
    _speech_options(bake, device)
    bake.add_argument("--start", type=int, default=1, metavar="FRAME", help="frame on which the sound starts (default: %(default)s)")
    bake.add_argument("--strength", type=float, default=1.0, help="scale of all curves (default: %(default)g, as the model gives them)")
    bake.add_argument("--smoothing", type=float, default=0.0, metavar="SECONDS", help="width of the smoothing (default: %(default)g, none)")
    bake.add_argument("--dense", action="store_true", help="a key on every frame instead of sparse, editable keys")
    bake.add_argument("--max-error", type=_positive(float), default=0.005, help="how far sparse keys may stray (default: %(default)g)")
    _json(bake)

    _votes(add("votes", "keep, share and count what people prefer: votes on takes"))

    tune = add("finetune", "tune a small adapter of a model on votes; the model itself stays as it is")
    tune.add_argument("--votes", metavar="PATH|URL", help=".jsonl or .csv of 'votes export', or a store (default: your own votes)")
    tune.add_argument("--curves", type=Path, metavar="FOLDER", help="where the takes' curves files lie, for a .jsonl or .csv")
    tune.add_argument("--heard", type=Path, metavar="FOLDER", help="what is kept of the voted clips (default: 'heard' beside the votes)")
    tune.add_argument(
        "--base", choices=("speech", "image"), default="speech",
        help="the model to tune: speech on votes about sounds, image on those about videos and pictures (default: %(default)s)",
    )  # fmt: skip
    tune.add_argument("-o", "--out", type=Path, required=True, metavar="ADAPTER", help="the adapter to write, .safetensors")
    tune.add_argument("--rounds", type=int, default=2, help="how often takes are drawn anew and judged, 1 to 4 (default: %(default)s)")
    tune.add_argument("--seed", type=int, default=0, help="of what is drawn on the way (default: %(default)s)")
    _device(tune, device)
    _json(tune)

    compare = add("compare", "compare two adapters of one model, or one with 'base': check clips, how takes differ, blind votes")
    compare.add_argument("a", metavar="A", help="an adapter's file, or 'base'")
    compare.add_argument("b", metavar="B", help="another, or 'base'")
    compare.add_argument("--clips", nargs="+", type=Path, default=[], metavar="IN", help="clips to compare on (default: the check clips)")
    compare.add_argument("--votes", metavar="PATH|URL", help="votes in which both were compared blind")
    _json(compare)

    bench = add("bench", "measure speed and memory here; 'bench speech' and 'bench video' measure accuracy on held-out recordings")
    bench.add_argument("what", nargs="?", choices=("speed", "speech", "video", "votes"), default="speed")
    bench.add_argument("--corpora", type=Path, metavar="FOLDER", help="the recordings (docs/training.md says how to get them)")
    bench.add_argument(
        "--minutes", type=_positive(float), default=10.0, help="length of the long file that 'speed' runs (default: %(default)g)"
    )
    bench.add_argument("--votes", type=_positive(float), default=1e6, help="how many 'bench votes' casts (default: %(default)g)")
    _json(bench)

    test = add("test", "run the tests; what follows goes to pytest")
    test.add_argument("pytest_arguments", nargs="*", metavar="...")
    return parser


def _votes(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(title="what to do", required=True, metavar="ACTION", dest="action")

    def add(name: str, help: str) -> argparse.ArgumentParser:
        action = actions.add_parser(name, help=help, description=help[0].upper() + help[1:] + ".")
        action.add_argument("--store", metavar="PATH|URL", help="the votes: a file, its folder or postgresql://... (default: your own)")
        return action

    export = add("export", "write votes to a file: .jsonl for trainers, .csv for people, .zip to take them to another store")
    export.add_argument("-o", "--out", type=Path, required=True, metavar="FILE", help="the file to write; its ending says which format")
    export.add_argument("--clips", type=Path, metavar="FOLDER", help=".zip: where the takes' sounds, videos and photos lie")
    export.add_argument("--include-sound", action="store_true", help=".zip: voices may leave this machine (needs --clips)")
    export.add_argument("--include-pictures", action="store_true", help=".zip: faces may leave it (needs --clips; videos need both)")
    export.add_argument("--no-renders", dest="renders", action="store_false", help=".zip: leave out the small pictures of the takes")
    _json(export)
    bring = add("import", "add votes from files that 'votes export' wrote")
    bring.add_argument("files", nargs="+", type=Path, metavar="FILE", help=".jsonl, .csv or .zip")
    bring.add_argument("--curves", type=Path, metavar="FOLDER", help="where the takes' curves files lie (.jsonl and .csv hold none)")
    _json(bring)
    merge = add("merge", "add the votes of other stores; in any order, any number of times")
    merge.add_argument("sources", nargs="*", metavar="SOURCE", help="votes files, their folders, .zip, .jsonl, .csv or postgresql://...")
    merge.add_argument("--to", metavar="PATH|URL", help="then add everything to this store too, for example a studio's server")
    merge.add_argument("--alias", action="append", default=[], metavar="NAME=PERSON", help="this rater is that person; repeatable")
    _json(merge)
    stats = add("stats", "count votes and judge how far raters can be trusted")
    stats.add_argument("--agreement", action="store_true", help="also compare raters with each other (reads every vote)")
    stats.add_argument("--check", action="store_true", help="also read every curves file: which are missing, damaged or not used")
    _json(stats)


def _speech_options(parser: argparse.ArgumentParser, device: str) -> None:
    parser.add_argument("--text", type=Path, metavar="SCRIPT.txt", help="what is said, as a text file: mouth shapes follow the words")
    parser.add_argument(
        "--seed", type=int, default=0, help="which take: blinks, brows, gaze and a little the mouth; 0 is the mean (default: %(default)s)"
    )
    parser.add_argument(
        "--variation", type=_amount, default=0.4, help="how far seeds other than 0 stray from the mean take, 0 to 2 (default: %(default)s)"
    )
    parser.add_argument("--jaw", type=_amount, default=1.0, help="how far the jaw opens, 0 to 2 (default: 1, as the model moves it)")
    parser.add_argument("--lips", type=_amount, default=1.0, help="how much the lips shape, 0 to 2 (default: 1)")
    parser.add_argument("--articulation", type=_amount, default=1.0, help="under 1 mumbles, above 1 exaggerates, 0 to 2 (default: 1)")
    parser.add_argument(
        "--emotion", action="append", type=_emotion, default=[], metavar="NAME=AMOUNT",
        help=f"0 to 1.5 of {', '.join(EMOTIONS)}; repeat for blends (default: calm)",
    )  # fmt: skip
    parser.add_argument(
        "--style", action="append", type=_style, default=[], metavar="NAME=AMOUNT",
        help="way to move the mouth, 0 to 1 of a style that the model knows; repeat for mixtures (default: the average)",
    )  # fmt: skip
    parser.add_argument("--rate-response", type=_amount, default=0.0, help="how much quick passages move less, 0 to 2 (default: 0)")
    parser.add_argument("--energy-response", type=_amount, default=0.0, help="how much loud passages move more, 0 to 2 (default: 0)")
    parser.add_argument("--asymmetry", type=_amount, default=1.0, help="how unlike the sides move, 0 (even) to 2 (default: 1, as measured)")
    parser.add_argument("--person", type=int, default=0, metavar="NUMBER", help="whose face: which side is the strong one (default: 0)")
    parser.add_argument(
        "--track", type=Path, metavar="TRACK", help="words and phones to go by, as --phones wrote them (.json) or a Praat .TextGrid"
    )
    _adapter(parser)
    parser.add_argument("--no-life", dest="life", action="store_false", help="speech only: no blinks, brows or gaze")
    _device(parser, device)


def _adapter(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--adapter", type=Path, metavar="FILE", help="a taste that 'finetune' made (default: the model as it ships)")
    parser.add_argument("--adapter-strength", type=_share, default=1.0, help="how much of that taste, 0 to 1 (default: 1)")


def _device(parser: argparse.ArgumentParser, device: str) -> None:
    parser.add_argument(
        "--device", choices=DEVICES, default=device, help="what runs the model (default: %(default)s; auto is the GPU if there is one)"
    )


def _json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print one line of JSON instead of words")


def _amount(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 2:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 2")
    return value


def _face(text: str) -> int | str:
    if text == "largest" or (text.isdigit() and int(text)):
        return text if text == "largest" else int(text)
    raise argparse.ArgumentTypeError(f"'{text}' is neither a number from 1 nor 'largest'")


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is no time in the clip")
    return value


_seconds.__name__ = "time in seconds"
def _share(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1")
    return value


_share.__name__ = "share"
_amount.__name__ = "amount"  # what argparse calls it in its sentence


def _emotion(text: str) -> tuple[str, float]:
    name, _, amount = text.partition("=")
    if name not in EMOTIONS:
        raise argparse.ArgumentTypeError(f"'{name}' is no emotion: use {', '.join(EMOTIONS)}, as in happy=0.6")
    try:
        value = float(amount or 1)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1.5:
        raise argparse.ArgumentTypeError(f"the amount of {name}, {amount}, is not between 0 and 1.5")
    return name, value


def _style(text: str) -> tuple[str, float]:
    name, _, amount = text.partition("=")
    try:
        value = float(amount or 1)
    except ValueError:
        value = -1.0
    if not name or not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"'{text}' is no style with an amount between 0 and 1, as in NAME=0.7")
    return name, value


def _positive(kind: type) -> Callable[[str], float]:
    def convert(text: str) -> float:
        value = kind(text)
        if not 0 < value < float("inf"):
            raise argparse.ArgumentTypeError(f"{text} is not above zero")
        return value

    convert.__name__ = "positive number"
    return convert
