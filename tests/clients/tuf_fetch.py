"""Fetch targets from a TUF repository with python-tuf, as sigstore-python does.

    tuf_fetch.py BASE_URL ROOT_JSON CACHE_DIR OUT_DIR TARGET...

Metadata is at BASE_URL, targets are at BASE_URL/targets. ROOT_JSON is the root
that the client trusts to begin with. CACHE_DIR is kept between calls, and with
it what the client has seen: that is what lets it notice a rollback.

Exit code: 0 accepted, 1 refused (one line says why, in the client's words),
2 the client came to no judgement (usage, network, disk).
"""

import os
import sys
from pathlib import Path

from tuf.api import exceptions
from tuf.ngclient import Updater


def fetch(base: str, root: Path, cache: Path, out: Path, names: list[str]) -> None:
    updater = Updater(
        metadata_dir=str(cache),
        metadata_base_url=base,
        target_dir=str(out),
        target_base_url=f"{base}/targets",
        bootstrap=root.read_bytes(),
    )
    updater.refresh()
    for name in names:
        target = updater.get_targetinfo(name)
        if target is None:
            raise exceptions.RepositoryError(f"target {name} is not in the repository")
        updater.download_target(target, str(out / name))


def main() -> int:
    if len(sys.argv) < 6:
        print(__doc__, file=sys.stderr)
        return 2
    base, root, cache, out, *names = sys.argv[1:]
    os.makedirs(cache, exist_ok=True)
    os.makedirs(out, exist_ok=True)
    try:
        fetch(base.rstrip("/"), Path(root), Path(cache), Path(out), names)
    except (exceptions.RepositoryError, exceptions.DownloadLengthMismatchError) as error:
        print(f"{type(error).__name__}: {error}".replace("\n", " "))
        return 1
    except Exception as error:  # a crash must not pass for a refusal
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 2
    return 0


sys.exit(main())
