"""The example that comes with the pipeline: simulated frames of asteroid 3552, to try everything without network."""

import shutil
import subprocess
import sys
from pathlib import Path

from photometrypipeline.base.errors import FAILED, UsageError

FRAMES = "mscience*.fits"
RESULT = "photometry_3552.dat"


def lay_out(source: Path, folder: Path) -> list[str]:
    """Copy the frames and their store from `source` to `folder`, which is made; return the paths of the frames.

    Raises UsageError where the folder holds anything, or where there are no such frames.
    """
    frames = sorted(source.glob(FRAMES))
    if not frames:
        raise UsageError(f"no example frames in {source}; install photometrypipeline again, or take a fresh checkout")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise UsageError(f"-example {folder}: the folder is not empty; name one that does not exist")
        for path in [*frames, source / "README.md"]:
            shutil.copyfile(path, folder / path.name)
        shutil.copytree(source / "pp_store", folder / "pp_store", copy_function=shutil.copyfile)
    except OSError as error:
        raise UsageError(f"-example {folder}: {error.strerror}; name a folder that can be written") from None
    return [str(folder / path.name) for path in frames]


def compare(check: Path, folder: Path) -> int:
    """Print the light curve in `folder`, and how far it is from the truth, as the script `check` has it.

    Returns the exit status, FAILED where a number is outside its limit.
    """
    told = [f"\n{folder / RESULT}:", *(folder / RESULT).read_text(encoding="utf-8").splitlines(), ""]
    sys.stdout.write("\n".join(told) + "\n")
    sys.stdout.flush()
    status = subprocess.run([sys.executable, check, folder], check=False).returncode
    sys.stdout.write(f"\nFigures and tables of each step: {(folder / 'diagnostics.html').resolve()}\n")
    return FAILED if status else 0
