"""Hunt with coverage for bytes that break a parser: ``python -m fuzz.hunt PARSER FOLDER [OPTION …]``.

Options are libFuzzer's, as ``-runs=20000``; what breaks the parser is left in FOLDER.
"""

import sys
from pathlib import Path

import atheris

from fuzz.parsers import PARSERS, try_one


def main(name, folder, *options):
    parser = PARSERS[name]
    corpus = Path(folder) / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(parser.seeds()):
        (corpus / f"seed-{number}").write_bytes(seed)
        with atheris.instrument_imports(include=list(parser.rooms)):
            try_one(parser, seed)  # imports what it needs, watched
    atheris.Setup(
        [sys.argv[0], f"-artifact_prefix={folder}/", "-max_len=65536", *options, str(corpus)],
        lambda data: try_one(parser, data),
    )
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
