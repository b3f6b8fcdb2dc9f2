"""Build hook: put the scripts of the checkout and setup/ into the wheel as the sub-package photometrypipeline/_scripts.

At the top of site-packages modules called `catalog`, `toolbox` or `diagnostics` would be in everyone's way.
"""

from pathlib import Path

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SHARED = ["catalog.py", "diagnostics.py", "toolbox.py"]
TARGET = "photometrypipeline/_scripts"


class ScriptsHook(BuildHookInterface):
    def initialize(self, version, build_data):
        if version == "editable":  # then the checkout itself stands on sys.path
            return
        root = Path(self.root)
        names = SHARED + sorted(path.name for path in root.glob("pp*.py"))
        names += [path.relative_to(root).as_posix() for path in sorted((root / "setup").rglob("*")) if path.is_file()]
        for name in names:
            if "__pycache__" not in name and (root / name).exists():
                build_data["force_include"][str(root / name)] = f"{TARGET}/{name}"
